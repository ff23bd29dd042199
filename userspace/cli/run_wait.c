// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mode wait: a thread for each request blocks in the device until it completes,
 * as the WDK sample's synchronous IRP does. This thread watches for keys and signals.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define CANCEL_AGAIN_MS	10
#define ASK_AGAIN_NS	1000000

struct waiter {
	pthread_t thread;
	struct evn *evn;
	struct evnotify_wait wait;
	uint64_t seen_ns;
	int error;	/* errno of the wait, or 0 */
	bool done;
	int done_fd;	/* the waiter's address is written here when it is done */
};

static void *waiter_main(void *arg)
{
	struct waiter *waiter = arg;
	int ret;

	/* The request stays armed, under its id: the call takes it up again. */
	do
		ret = evn_wait(waiter->evn, &waiter->wait);
	while (ret < 0 && errno == EINTR);
	waiter->error = ret < 0 ? errno : 0;
	waiter->seen_ns = now_ns(waiter->wait.request.clockid);
	__atomic_store_n(&waiter->done, true, __ATOMIC_RELEASE);
	/* Shorter than PIPE_BUF: whole or not at all, and the reader is there. */
	if (write(waiter->done_fd, &waiter, sizeof(waiter)) != sizeof(waiter))
		abort();
	return NULL;
}

static unsigned int start(struct run *run, struct waiter *waiters, int done_fd, int *status)
{
	unsigned int i;
	int error;

	for (i = 0; i < run->n; i++) {
		waiters[i].evn = run->evn;
		waiters[i].wait.request = run->reqs[i];
		waiters[i].done_fd = done_fd;
		error = pthread_create(&waiters[i].thread, NULL, waiter_main, &waiters[i]);
		if (error) {
			*status = fail(EXIT_FAILED, "cannot start thread %u: %s", i + 1,
				       strerror(error));
			hint("fewer requests; in mode pending one thread serves every request");
			break;
		}
	}
	return i;
}

/* A request has its id once it is armed. */
static void await_armed(const struct run *run, const struct waiter *waiters)
{
	const struct timespec pause = { .tv_nsec = ASK_AGAIN_NS };

	for (unsigned int i = 0; i < run->n; i++)
		while (!__atomic_load_n(&waiters[i].wait.request.id, __ATOMIC_RELAXED) &&
		       !__atomic_load_n(&waiters[i].done, __ATOMIC_ACQUIRE))
			nanosleep(&pause, NULL);
}

static int finish(struct run *run, const struct waiter *waiters, struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	if (waiter->error)
		return run_refused(run, (unsigned int)(waiter - waiters), waiter->error);
	return run_report(run, &waiter->wait.event, "wait", waiter->wait.request.clockid,
			  waiter->seen_ns);
}

/* Joins every waiter, whatever happens, and reports each until one fails. */
static int collect(struct run *run, struct waiter *waiters, unsigned int left, int fd, int status)
{
	struct pollfd fds[INPUT_FDS + 1];
	bool stopped = false;
	struct waiter *waiter;
	int ret;

	while (left) {
		fds[INPUT_FDS] = (struct pollfd){ .fd = fd, .events = POLLIN };
		if (stopped || status) {
			/* A thread may not have armed its request yet: ask again. */
			evn_cancel_all(run->evn);
			if (poll(&fds[INPUT_FDS], 1, CANCEL_AGAIN_MS) <= 0)
				continue;
		} else {
			stopped = input_wait(run->input, fds, INPUT_FDS + 1);
			if (!fds[INPUT_FDS].revents)
				continue;
		}
		if (read(fd, &waiter, sizeof(waiter)) != sizeof(waiter))
			continue;
		left--;
		ret = finish(run, waiters, waiter);
		if (!status)
			status = ret;
	}
	return !status && stopped ? RUN_STOPPED : status;
}

int run_wait(struct run *run)
{
	struct waiter *waiters = calloc(run->n, sizeof(*waiters));
	int done[2];
	int status = EXIT_OK;
	unsigned int started;

	if (!waiters || pipe(done) < 0) {
		status = fail(EXIT_FAILED, "%u requests: %s", run->n, strerror(errno));
	} else {
		started = start(run, waiters, done[1], &status);
		if (!status) {
			await_armed(run, waiters);
			run_armed(run);
		}
		status = collect(run, waiters, started, done[0], status);
		close(done[0]);
		close(done[1]);
	}
	free(waiters);
	return status;
}
