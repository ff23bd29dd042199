/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An io_uring of one thread, with as much of it as waiting for one thing takes.
 */
#ifndef RING_H
#define RING_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>

/* The headers of Linux before 6.7 do not know it. */
#define RING_READ_MULTISHOT	49

struct ring {
	int fd;
	unsigned int *sq_tail, *cq_head, *cq_tail;
	unsigned int sq_mask, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *queues;
	size_t queues_size, sqes_size;
};

/* Sets errno; the ring is closed then. */
bool ring_open(struct ring *ring, unsigned int entries, unsigned int flags);
void ring_close(struct ring *ring);
/* Does the kernel allow rings, and know this operation? Sets errno. */
bool ring_supports(unsigned int operation);

/* The next entry to submit, empty. */
static inline struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	struct io_uring_sqe *sqe = &ring->sqes[*ring->sq_tail & ring->sq_mask];

	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

/* Submits what ring_sqe() gave, and waits for @wait completions. */
static inline bool ring_submit(struct ring *ring, unsigned int wait)
{
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring->fd, 1, wait,
		       wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0) == 1;
}

/* Waits for a completion, which ring_seen() gives back. */
static inline struct io_uring_cqe *ring_wait(struct ring *ring)
{
	while (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == *ring->cq_head)
		if (syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL,
			    0) < 0 && errno != EINTR)
			return NULL;
	return &ring->cqes[*ring->cq_head & ring->cq_mask];
}

static inline void ring_seen(struct ring *ring)
{
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
}

#endif /* RING_H */
