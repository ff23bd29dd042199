// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <sys/mman.h>

#include "ring.h"

static void *map(int fd, size_t size, off_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
}

bool ring_open(struct ring *ring, unsigned int entries, unsigned int flags)
{
	struct io_uring_params params = { .flags = flags };
	size_t sq_size, cq_size;
	unsigned int *array;
	char *queues;
	int error;

	ring->fd = (int)syscall(SYS_io_uring_setup, entries, &params);
	if (ring->fd < 0)
		return false;
	sq_size = params.sq_off.array + params.sq_entries * sizeof(*array);
	cq_size = params.cq_off.cqes + params.cq_entries * sizeof(*ring->cqes);
	ring->queues_size = sq_size > cq_size ? sq_size : cq_size;
	ring->sqes_size = params.sq_entries * sizeof(*ring->sqes);
	/* Both queues are in one piece since Linux 5.4. */
	queues = map(ring->fd, ring->queues_size, IORING_OFF_SQ_RING);
	ring->sqes = map(ring->fd, ring->sqes_size, (off_t)IORING_OFF_SQES);
	if (queues == MAP_FAILED || (void *)ring->sqes == MAP_FAILED) {
		error = errno;
		close(ring->fd);
		errno = error;
		return false;
	}
	ring->queues = queues;
	ring->sq_tail = (unsigned int *)(queues + params.sq_off.tail);
	ring->sq_mask = *(unsigned int *)(queues + params.sq_off.ring_mask);
	ring->cq_head = (unsigned int *)(queues + params.cq_off.head);
	ring->cq_tail = (unsigned int *)(queues + params.cq_off.tail);
	ring->cq_mask = *(unsigned int *)(queues + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(queues + params.cq_off.cqes);
	/* Each entry is submitted from its own place. */
	array = (unsigned int *)(queues + params.sq_off.array);
	for (unsigned int i = 0; i < params.sq_entries; i++)
		array[i] = i;
	return true;
}

void ring_close(struct ring *ring)
{
	munmap(ring->queues, ring->queues_size);
	munmap(ring->sqes, ring->sqes_size);
	close(ring->fd);
}

bool ring_supports(unsigned int operation)
{
	size_t size = sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op);
	struct io_uring_probe *probe = calloc(1, size);
	struct ring ring;
	bool known;

	if (!probe || !ring_open(&ring, 1, 0)) {
		free(probe);
		return false;
	}
	known = syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PROBE, probe, 256) == 0 &&
		operation <= probe->last_op &&
		probe->ops[operation].flags & IO_URING_OP_SUPPORTED;
	ring_close(&ring);
	free(probe);
	errno = EOPNOTSUPP;
	return known;
}
