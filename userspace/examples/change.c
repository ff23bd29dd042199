// SPDX-License-Identifier: MIT-0
/*
 * Cancel, update and close: every outcome is definite.
 *
 * cc change.c $(pkg-config --cflags --libs libevnotify)
 */
#define _POSIX_C_SOURCE 199309L		/* for CLOCK_MONOTONIC, also in ISO C */
#include <err.h>
#include <errno.h>
#include <evnotify.h>
#include <stdio.h>
#include <time.h>

static struct evnotify_event take(struct evn *evn)
{
	struct evnotify_event ev;

	if (evn_read(evn, &ev, 1) < 0)
		err(1, "evn_read");
	return ev;
}

int main(void)
{
	struct evnotify_request reqs[3] = {
		{ .user_data = 1, .due_ns = 60000000000, .clockid = CLOCK_MONOTONIC },
		{ .user_data = 2, .due_ns = 60000000000, .clockid = CLOCK_MONOTONIC },
		{ .user_data = 3, .due_ns = 60000000000, .clockid = CLOCK_MONOTONIC },
	};
	struct evnotify_update soon = { .due_ns = 100000000 };
	struct evn *evn = evn_open(NULL, 0);
	struct evnotify_event ev;

	if (!evn)
		err(1, "/dev/evnotify");
	if (evn_register(evn, reqs, 3) != 3)
		err(1, "evn_register");
	printf("requests 1, 2 and 3 are armed, due in a minute\n");

	if (evn_cancel(evn, reqs[0].id) < 0)
		err(1, "evn_cancel");
	ev = take(evn);
	if (ev.user_data != 1 || ev.status != -ECANCELED)
		errx(1, "expected the cancellation of request 1");
	printf("request 1: cancelled, and its record says so\n");

	if (evn_cancel(evn, reqs[0].id) == 0 || errno != EALREADY)
		errx(1, "request 1 was cancelled twice");
	printf("request 1: cancelled again: too late (EALREADY)\n");

	soon.id = reqs[1].id;
	if (evn_update(evn, &soon) < 0)
		err(1, "evn_update");
	ev = take(evn);
	if (ev.user_data != 2 || ev.status != 0)
		errx(1, "expected the completion of request 2");
	printf("request 2: updated to a tenth of a second, and completed\n");

	evn_close(evn);
	printf("request 3: ended by the close, nothing is left behind\n");
	return 0;
}
