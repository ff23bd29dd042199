// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the modes of a run share.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli.h"
#include "histogram.h"

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
	ssize_t taken;

	while (done < run->n) {
		taken = evn_register(run->evn, run->reqs + done, run->n - done);
		if (taken < 0)
			return run_refused(run, done, errno);
		done += (unsigned int)taken;
	}
	return EXIT_OK;
}

/* Every request of the run is armed: who waits for that is told, its time begins. */
void run_armed(const struct run *run)
{
	if (run->announce)
		notice("armed %u request%s", run->n, run->n == 1 ? "" : "s");
	if (run->span_ns != UINT64_MAX)
		run->input->deadline_ns = now_ns(CLOCK_MONOTONIC) + run->span_ns;
}

/* An eventfd knows no times: of a source, not even when its event was raised. */
static void count(struct run *run, const struct evnotify_event *ev, uint64_t seen_ns)
{
	bool is_source = run->reqs->flags & EVNOTIFY_SOURCE;

	if (!is_source || ev->expired_ns)
		delays_add(run->delays, is_source ? 0 : ev->due_ns, ev->expired_ns,
			   ev->completed_ns, seen_ns);
}

/*
 * Prints an event, or counts it, and stops the run if it was the last that is wanted. A reader
 * that went away ends it as SIGPIPE would.
 */
int run_report(struct run *run, const struct evnotify_event *ev, const char *mode,
	       int clockid, uint64_t seen_ns)
{
	/* What is cancelled after the last event is not shown. */
	if (!run->events)
		return RUN_STOPPED;
	if (run->events != UINT64_MAX && !ev->status)
		run->events--;
	if (run->delays && !ev->status)
		count(run, ev, seen_ns);
	if (run->quiet || run->delays)
		return run->events ? EXIT_OK : RUN_STOPPED;
	print_event(ev, mode, clockid, run->reqs->flags & EVNOTIFY_SOURCE, seen_ns, run->json);
	if (fflush(stdout) == 0)
		return run->events ? EXIT_OK : RUN_STOPPED;
	if (run->input->ended)
		return RUN_STOPPED;
	if (errno == EPIPE) {
		run->input->signal = SIGPIPE;
		return RUN_STOPPED;
	}
	return flush_output();
}
