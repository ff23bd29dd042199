// SPDX-License-Identifier: MIT-0
/*
 * No loop at all: a read that blocks.
 *
 * cc blocking.c $(pkg-config --cflags --libs libevnotify); ./a.out /dev/evnotify-sim0
 */
#define _POSIX_C_SOURCE 200809L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <stdio.h>
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

int main(int argc, char **argv)
{
	struct evnotify_event ev[64];
	struct evn *evn;
	ssize_t n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		errx(2, "usage: %s NODE", argv[0]);
	evn = evn_open(argv[1], 0);
	if (!evn)
		err(1, "%s", argv[1]);
	if (evn_register(evn, reqs, 5) != 5)
		err(1, "evn_register");

	while ((n = evn_read(evn, ev, 64)) > 0 || errno == EINTR)	/* a handler ran: go on */
		for (ssize_t i = 0; i < n; i++)
			told(evn, &ev[i]);
	if (errno != ENODEV)
		err(1, "evn_read");
	evn_close(evn);
	return 0;
}
