// SPDX-License-Identifier: MIT-0
/*
 * io_uring: one READ_MULTISHOT, up to 64 records to a completion. Linux 6.7 or later.
 *
 * cc uring.c $(pkg-config --cflags --libs libevnotify liburing); ./a.out /dev/evnotify-sim0
 */
#define _POSIX_C_SOURCE 200809L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS	1000000ULL

static struct evnotify_request reqs[] = {
	{ .user_data = 1, .due_ns = 30 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 2, .due_ns = 10 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 3, .due_ns = 20 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 4, .due_ns = 3600000 * MS, .clockid = CLOCK_MONOTONIC },
	{ .user_data = 5, .flags = EVNOTIFY_SOURCE | EVNOTIFY_REPEAT, .clockid = CLOCK_MONOTONIC },
};

/* Prints what a record tells. After request 1, nobody wants request 4 any more. */
static void told(struct evn *evn, const struct evnotify_event *ev)
{
	printf("request %d: ", (int)ev->user_data);
	if (ev->flags & EVNOTIFY_EVENT_DATA)
		printf("event %llu\n", (unsigned long long)ev->data);
	else
		puts(!ev->status ? "done" :
		     ev->status == -ECANCELED ? "cancelled" : "the source is gone");
	if (ev->user_data == 1 && evn_cancel(evn, reqs[3].id) < 0)
		err(1, "evn_cancel");
}

#define READ_MULTISHOT	49	/* liburing has io_uring_prep_read_multishot() from 2.6 on */
#define BUFFERS		8	/* a power of 2 */

static struct evnotify_event buffers[BUFFERS][64];
static _Alignas(4096) char memory[4096];	/* of the list of those that are given */

static void give(unsigned short i)
{
	struct io_uring_buf_ring *given = (struct io_uring_buf_ring *)memory;

	io_uring_buf_ring_add(given, buffers[i], sizeof(buffers[i]), i, BUFFERS - 1, 0);
	io_uring_buf_ring_advance(given, 1);
}

int main(int argc, char **argv)
{
	struct io_uring_buf_reg reg = { .ring_addr = (uintptr_t)memory, .ring_entries = BUFFERS };
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	unsigned int flags = 0;
	struct evn *evn;
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		errx(2, "usage: %s NODE", argv[0]);
	evn = evn_open(argv[1], 0);
	if (!evn)
		err(1, "%s", argv[1]);
	if (evn_register(evn, reqs, 5) != 5)
		err(1, "evn_register");
	ret = io_uring_queue_init(BUFFERS, &ring, 0) ?: io_uring_register_buf_ring(&ring, &reg, 0);
	if (ret)
		errx(1, "io_uring: %s", strerror(-ret));
	for (unsigned short i = 0; i < BUFFERS; i++)
		give(i);
	do {
		if (!(flags & IORING_CQE_F_MORE)) {	/* begin, also again after -ENOBUFS */
			sqe = io_uring_get_sqe(&ring);
			io_uring_prep_read(sqe, evn_fd(evn), NULL, 0, 0);
			sqe->opcode = READ_MULTISHOT;
			sqe->flags = IOSQE_BUFFER_SELECT;
			io_uring_submit(&ring);
		}
		ret = io_uring_wait_cqe(&ring, &cqe);
		if (ret)
			break;
		ret = cqe->res;
		flags = cqe->flags;
		io_uring_cqe_seen(&ring, cqe);
		for (int i = 0; i < ret / (int)sizeof(**buffers); i++)
			told(evn, &buffers[flags >> IORING_CQE_BUFFER_SHIFT][i]);
		if (ret > 0)
			give((unsigned short)(flags >> IORING_CQE_BUFFER_SHIFT));
	} while (ret > 0 || ret == -ENOBUFS);
	if (ret != -ENODEV)
		errx(1, "READ_MULTISHOT: %s", strerror(-ret));
	io_uring_queue_exit(&ring);
	evn_close(evn);
	return 0;
}
