/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways of being told that a time has come or an event has happened.
 *
 * evnotify latency measures nanoseconds with them, and selftests/bench counts the
 * instructions of the same code. So what lies between request() and the return of
 * wait() has nothing in it that a program which is only told would not do.
 */
#ifndef PATHS_H
#define PATHS_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <linux/evnotify.h>

#include "ring.h"

#define PATH_BUFFERS	8

/*
 * What a thread that waits has; each path uses what it needs of it. The node comes
 * from the caller; so does the peer, whatever the events come from.
 */
struct waiter {
	const char *device;
	int fd, peer, efd, epfd;
	struct evnotify_wait call;	/* its event is the record that came, if one did */
	struct ring ring;
	/* a multishot read */
	struct io_uring_buf_ring *buffers;
	struct evnotify_event events[PATH_BUFFERS];
	bool reading;
	/* a thread that writes the eventfd */
	pthread_t writer;
	sem_t asked;
	uint64_t due_ns;
};

#define WAITER(node)	{ .device = (node), .fd = -1, .peer = -1, .efd = -1, .epfd = -1 }

/**
 * struct path - one way of being told
 * @name: what it is called
 * @open: make ready
 * @request: ask to be told at @due and, unless @period is 0, each period after
 *	it; NULL if wait() asks
 * @wait: returns when what was due at @due has come
 * @close: drop everything
 * @once: request() knows no periods
 * @alone: not for several threads at once
 * @supported: does this kernel have it? NULL: each has
 *
 * What fails ends the program, by path_failed().
 */
struct path {
	const char *name;
	void (*open)(struct waiter *w);
	void (*request)(struct waiter *w, uint64_t due, uint64_t period);
	void (*wait)(struct waiter *w, uint64_t due);
	void (*close)(struct waiter *w);
	bool once, alone;
	bool (*supported)(void);
};

/* The program's own: says what failed, with errno, and ends it. */
_Noreturn void path_failed(const char *what);

static inline void path_check(bool ok, const char *what)
{
	if (!ok)
		path_failed(what);
}

static inline struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
}

/*
 * A call that blocks may fail with EINTR without a signal: a ring that was closed lets
 * the kernel interrupt it. These make it again, out of the way of one that succeeds.
 */
void path_read_again(int fd, void *data, size_t size) __attribute__((cold));
void path_wait_again(int epfd) __attribute__((cold));

static inline void path_wait_epoll(struct waiter *w)
{
	struct epoll_event event;

	if (epoll_wait(w->epfd, &event, 1, -1) != 1)
		path_wait_again(w->epfd);
}

/* All of it, or it ends the program. */
static inline void path_read(int fd, void *data, size_t size)
{
	if (read(fd, data, size) != (ssize_t)size)
		path_read_again(fd, data, size);
}

/* Of a timerfd or an eventfd. */
static inline void path_read_number(int fd)
{
	uint64_t number;

	path_read(fd, &number, sizeof(number));
}

static inline void path_ring_read(struct waiter *w, void *data, unsigned int size)
{
	struct io_uring_sqe *sqe = ring_sqe(&w->ring);
	struct io_uring_cqe *cqe;

	sqe->opcode = IORING_OP_READ;
	sqe->fd = w->fd;
	sqe->addr = (uintptr_t)data;
	sqe->len = size;
	ring_submit(&w->ring, 1);
	cqe = ring_wait(&w->ring);
	path_check(cqe && cqe->res == (int)size, "io_uring read");
	ring_seen(&w->ring);
}

/* What any path can do. */
void path_nothing(struct waiter *w);
void path_watch(struct waiter *w, int fd, uint32_t events);
void path_open_eventfd(struct waiter *w);
void path_open_ring(struct waiter *w, unsigned int flags);
void path_close_fds(struct waiter *w);
void path_close_ring(struct waiter *w);
void path_close_ring_fds(struct waiter *w);
void path_read_eventfd(struct waiter *w, uint64_t due);
void path_epoll_read_eventfd(struct waiter *w, uint64_t due);
bool path_has_rings(void);
bool path_has_multishot(void);

/* The device: its timers, and the events of a source. */
void device_open_plain(struct waiter *w);
void device_open_epoll(struct waiter *w);
void device_open_epoll_et(struct waiter *w);
void device_open_eventfd(struct waiter *w);
void device_open_eventfd_epoll(struct waiter *w);
void device_open_sigio(struct waiter *w);
void device_open_ring(struct waiter *w);
void device_open_multishot(struct waiter *w);
void device_close_multishot(struct waiter *w);
void device_request(struct waiter *w, uint64_t due, uint64_t period);
void device_wait(struct waiter *w, uint64_t due);
void device_wait_source(struct waiter *w, uint64_t due);
void device_read(struct waiter *w, uint64_t due);
void device_epoll_read(struct waiter *w, uint64_t due);
void device_sigio_read(struct waiter *w, uint64_t due);
void device_ring_read(struct waiter *w, uint64_t due);
void device_multishot(struct waiter *w, uint64_t due);

/* Asks for the next event of the source. */
static inline void device_request_event(struct waiter *w)
{
	struct evnotify_request request = {
		.mode = w->efd < 0 ? EVNOTIFY_MODE_PENDING : EVNOTIFY_MODE_EVENTFD,
		.flags = EVNOTIFY_SOURCE,
		.clockid = CLOCK_MONOTONIC,
		.eventfd = w->efd < 0 ? 0 : w->efd,
	};

	path_check(write(w->fd, &request, sizeof(request)) == sizeof(request), "write");
}

/* What a program has without the module. */
void path_timerfd_open(struct waiter *w);
void path_timerfd_request(struct waiter *w, uint64_t due, uint64_t period);
void path_timerfd_read(struct waiter *w, uint64_t due);
void nanosleep_wait(struct waiter *w, uint64_t due);
void writer_open(struct waiter *w);
void writer_request(struct waiter *w, uint64_t due, uint64_t period);
void writer_close(struct waiter *w);
void uring_timeout_open(struct waiter *w);
void uring_timeout_request(struct waiter *w, uint64_t due, uint64_t period);
void uring_timeout_wait(struct waiter *w, uint64_t due);

#endif /* PATHS_H */
