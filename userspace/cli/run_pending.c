// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mode pending: the device itself becomes readable, and gives event records.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"

#define BATCH	64

/* Takes what is ready; counts the requests that have ended off @left. */
static int take_records(struct run *run, unsigned int *left)
{
	struct evnotify_event ev[BATCH];
	int clockid = run->reqs->clockid;
	uint64_t seen_ns;
	ssize_t n;
	int ret;

	n = evn_read(run->evn, ev, BATCH);
	if (n < 0)
		return errno == EAGAIN ? EXIT_OK :
			fail(EXIT_FAILED, "cannot read the events: %s", strerror(errno));
	seen_ns = now_ns(clockid);
	for (ssize_t i = 0; i < n; i++) {
		*left -= !(ev[i].flags & EVNOTIFY_EVENT_MORE);
		ret = run_report(run, &ev[i], "pending", clockid, seen_ns);
		if (ret)
			return ret;
	}
	return EXIT_OK;
}

/*
 * The instance must be nonblocking. Once cancelled, every request that was
 * still armed has its last record ready: reading on until none is left ends.
 */
int run_pending(struct run *run)
{
	struct pollfd fds[INPUT_FDS + 1];
	unsigned int left = run->n;
	int ret;

	ret = run_arm(run);
	if (!ret)
		run_armed(run);
	while (!ret && left) {
		fds[INPUT_FDS] = (struct pollfd){ .fd = evn_fd(run->evn), .events = POLLIN };
		if (input_wait(run->input, fds, INPUT_FDS + 1)) {
			evn_cancel_all(run->evn);
			while (!ret && left)
				ret = take_records(run, &left);
			return ret ? ret : RUN_STOPPED;
		}
		ret = take_records(run, &left);
	}
	return ret;
}
