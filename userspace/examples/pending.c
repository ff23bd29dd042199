// SPDX-License-Identifier: MIT-0
/* A pending request. cc pending.c $(pkg-config --cflags --libs libevnotify) */
#define _POSIX_C_SOURCE 199309L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <stdio.h>
#include <time.h>

int main(void)
{
	struct evnotify_wait wait = {
		.request = {
			.due_ns = 500000000,	/* half a second from now */
			.mode = EVNOTIFY_MODE_PENDING,
			.clockid = CLOCK_MONOTONIC,
		},
	};
	struct evn *evn = evn_open(NULL, 0);

	if (!evn)
		err(1, "/dev/evnotify");
	while (evn_wait(evn, &wait) < 0)	/* blocks until it completes */
		if (errno != EINTR)		/* a signal handler ran: go on */
			err(1, "evn_wait");
	printf("request %llu expired %llu ns after it was due\n",
	       (unsigned long long)wait.event.id,
	       (unsigned long long)(wait.event.expired_ns - wait.event.due_ns));
	evn_close(evn);
	return 0;
}
