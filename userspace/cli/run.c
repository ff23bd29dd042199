// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the modes of a run share.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli.h"

/* Says why request @i was not armed. */
int run_refused(const struct run *run, unsigned int i, int error)
{
	struct evnotify_info info;

	fail(EXIT_FAILED, "request %u was not armed: %s", i + 1, strerror(error));
	if (evn_info(run->evn, &info) < 0)
		return EXIT_FAILED;
	if (error == ENOSPC)
		hint("at most %u requests; module parameter max_requests raises it",
		     info.max_requests);
	if (error == EDQUOT)
		hint("all files of a user together hold so many requests; module parameter max_user_requests raises it");
	if (error == EINVAL && run->reqs[i].period_ns &&
	    run->reqs[i].period_ns < info.min_period_ns)
		hint("a period of at least %lluns; module parameter min_period_ns lowers it",
		     (unsigned long long)info.min_period_ns);
	return EXIT_FAILED;
}

/* Arms every request of the run without waiting. */
int run_arm(struct run *run)
{
	unsigned int done = 0;
	int taken;

	while (done < run->n) {
		taken = evn_register(run->evn, run->reqs + done, run->n - done);
		if (taken < 0)
			return run_refused(run, done, errno);
		done += (unsigned int)taken;
	}
	return EXIT_OK;
}

/* Prints an event. A reader that went away ends the run as SIGPIPE would. */
int run_report(const struct run *run, const struct evnotify_event *ev, const char *mode,
	       int clockid, uint64_t seen_ns)
{
	print_event(ev, mode, clockid, seen_ns, run->json);
	if (fflush(stdout) == 0)
		return EXIT_OK;
	if (errno == EPIPE) {
		run->input->signal = SIGPIPE;
		return RUN_STOPPED;
	}
	return flush_output();
}
