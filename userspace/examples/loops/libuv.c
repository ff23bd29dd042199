// SPDX-License-Identifier: MIT-0
/*
 * libuv: uv_poll_t. A source that goes is POLLERR, which libuv reports as UV_EBADF after it has
 * stopped the poll; what is left to read comes first all the same.
 *
 * cc libuv.c $(pkg-config --cflags --libs libevnotify libuv); ./a.out /dev/evnotify-sim0
 */
#define _POSIX_C_SOURCE 200809L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <uv.h>

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

/* Takes what is there. False: the source is gone, and there will be no more. */
static bool take(struct evn *evn)
{
	struct evnotify_event ev[64];
	ssize_t n = evn_read(evn, ev, 64);

	if (n < 0 && errno != EAGAIN && errno != ENODEV)
		err(1, "evn_read");
	for (ssize_t i = 0; i < n; i++)
		told(evn, &ev[i]);
	return n > 0 || errno == EAGAIN;
}

static void ready(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (!take(poll->data))
		uv_close((uv_handle_t *)poll, NULL);	/* the loop has nothing left, and ends */
	else if (status < 0)
		uv_poll_start(poll, UV_READABLE, ready);
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	struct evn *evn;
	uv_poll_t poll;
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		errx(2, "usage: %s NODE", argv[0]);
	evn = evn_open(argv[1], O_NONBLOCK);
	if (!evn)
		err(1, "%s", argv[1]);
	if (evn_register(evn, reqs, 5) != 5)
		err(1, "evn_register");

	ret = uv_poll_init(loop, &poll, evn_fd(evn));
	poll.data = evn;
	if (!ret)
		ret = uv_poll_start(&poll, UV_READABLE, ready);
	if (ret)
		errx(1, "uv_poll: %s", uv_strerror(ret));
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	evn_close(evn);		/* after the handle, which uses the descriptor */
	return 0;
}
