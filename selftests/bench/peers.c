// SPDX-License-Identifier: GPL-2.0-only
/* bench - what Linux offers without evnotify, each at its best */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <liburing.h>

#include "bench.h"

/* --- timerfd, one for each request ----------------------------------------------------- */

static int timerfd_make(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

static void timerfd_open(unsigned int n)
{
	each_open(n, EPOLLIN, timerfd_make);
}

static void timerfd_open_et(unsigned int n)
{
	each_open(n, EPOLLIN | EPOLLET, timerfd_make);
}

static void timerfd_set(unsigned int number, int flags, uint64_t due, uint64_t period)
{
	struct itimerspec its = { to_timespec(period), to_timespec(due) };

	if (timerfd_settime(each_fds[number], flags, &its, NULL))
		die("timerfd_settime: %s", strerror(errno));
}

static void timerfd_arm(const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		timerfd_set(i, TFD_TIMER_ABSTIME, due[i], 0);
}

static unsigned int timerfd_reap(unsigned int n)
{
	return each_reap(n, sizeof(uint64_t));
}

/* Edge triggered, and settime clears the count: no need to read, but it does not repeat. */
static unsigned int timerfd_reap_et(unsigned int n)
{
	return each_reap(n, 0);
}

static void timerfd_cancel(const unsigned int *which, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		timerfd_set(which[i], 0, 0, 0);
}

static void timerfd_update(const unsigned int *which, const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		timerfd_set(which[i], TFD_TIMER_ABSTIME, due[i], 0);
}

static bool timerfd_repeat(unsigned int n, uint64_t first, uint64_t period)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		timerfd_set(i, TFD_TIMER_ABSTIME, first, period);
	return true;
}

const struct method timerfd_epoll = {
	.name = "timerfd+epoll", .open = timerfd_open, .close = each_close,
	.arm = timerfd_arm, .reap = timerfd_reap, .check = each_check,
	.cancel = timerfd_cancel, .update = timerfd_update, .repeat = timerfd_repeat,
};

const struct method timerfd_et = {
	.name = "timerfd ET", .open = timerfd_open_et, .close = each_close,
	.arm = timerfd_arm, .reap = timerfd_reap_et, .check = each_check,
	.cancel = timerfd_cancel,
};

/* --- io_uring timeouts --------------------------------------------------------------- */

#define URING_SQ	256
#define URING_CQ	65536

#ifndef IORING_TIMEOUT_MULTISHOT
#define IORING_TIMEOUT_MULTISHOT	(1U << 6)
#endif

static struct io_uring ring;
static uint64_t *uring_done;

static void uring_open_flags(unsigned int n, unsigned int flags)
{
	struct io_uring_params params = {
		/* of what the kernel does not know, each says so by a completion */
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | flags,
		.cq_entries = n < URING_SQ * 2 ? URING_SQ * 2 : n < URING_CQ ? n : URING_CQ,
	};
	int ret;

	if (!uring_done)
		uring_done = buffer(max_n, sizeof(*uring_done));
	ret = io_uring_queue_init_params(URING_SQ, &ring, &params);
	if (ret)
		die("io_uring_setup: %s", strerror(-ret));
}

static void uring_open(unsigned int n)
{
	uring_open_flags(n, 0);
}

static void uring_open_defer(unsigned int n)
{
	uring_open_flags(n, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
}

static void uring_submit(unsigned int n)
{
	int ret = io_uring_submit(&ring);

	if (ret != (int)n)
		die("io_uring_submit: %d of %u", ret, n);
}

/* The i-th of n is in the queue: a full queue, and the last, goes to the kernel. */
static void uring_put(struct io_uring_sqe *sqe, unsigned int i, unsigned int n)
{
	io_uring_sqe_set_data64(sqe, i);
	if (i % URING_SQ == URING_SQ - 1 || i == n - 1)
		uring_submit(i % URING_SQ + 1);
}

static void uring_timeout(unsigned int i, unsigned int n, uint64_t ns, unsigned int flags)
{
	static struct __kernel_timespec ts[URING_SQ];	/* read at submit */
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	ts[i % URING_SQ].tv_sec = ns / NSEC_PER_SEC;
	ts[i % URING_SQ].tv_nsec = ns % NSEC_PER_SEC;
	io_uring_prep_timeout(sqe, &ts[i % URING_SQ], 0, flags);
	uring_put(sqe, i, n);
}

static void uring_arm(const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		uring_timeout(i, n, due[i], IORING_TIMEOUT_ABS);
}

/*
 * These are relative: each begins when it is armed, and again when the process has run the work
 * that it leaves behind. So not with DEFER_TASKRUN, which puts that off. From Linux 6.4 on.
 */
static bool uring_repeat(unsigned int n, uint64_t first, uint64_t period)
{
	struct io_uring_cqe *cqe;
	unsigned int i;

	(void)first;
	for (i = 0; i < n; i++)
		uring_timeout(i, n, period, IORING_TIMEOUT_MULTISHOT);
	return io_uring_peek_cqe(&ring, &cqe);
}

/* Completions with that status; ended() hears of those whose request has no more to come. */
static unsigned int uring_collect(unsigned int n, int status, void (*ended)(unsigned int number))
{
	struct io_uring_cqe *cqes[URING_SQ];
	unsigned int done = 0, got, i;

	while (done < n) {
		got = io_uring_peek_batch_cqe(&ring, cqes, URING_SQ);
		if (!got) {
			/* runs what DEFER_TASKRUN put off */
			io_uring_get_events(&ring);
			got = io_uring_peek_batch_cqe(&ring, cqes, URING_SQ);
		}
		if (!got)
			break;
		for (i = 0; i < got; i++) {
			if (cqes[i]->res != status)
				die("an io_uring completion says %d", cqes[i]->res);
			if (ended && !(cqes[i]->flags & IORING_CQE_F_MORE))
				ended(cqes[i]->user_data);
			uring_done[done++] = cqes[i]->user_data;
		}
		io_uring_cq_advance(&ring, got);
	}
	return done;
}

static unsigned int uring_reap(unsigned int n)
{
	return uring_collect(n, -ETIME, NULL);
}

static unsigned int uring_check(unsigned int n)
{
	return distinct(uring_done, sizeof(*uring_done), n);
}

/* Cancels, or gives new times. */
static void uring_change(const unsigned int *which, const uint64_t *due, unsigned int n)
{
	struct __kernel_timespec ts[BATCH];
	struct io_uring_cqe *cqes[URING_SQ];
	unsigned int i, got;

	for (i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		if (due) {
			ts[i % BATCH].tv_sec = due[i] / NSEC_PER_SEC;
			ts[i % BATCH].tv_nsec = due[i] % NSEC_PER_SEC;
			io_uring_prep_timeout_update(sqe, &ts[i % BATCH], which[i],
						     IORING_TIMEOUT_ABS);
		} else {
			io_uring_prep_timeout_remove(sqe, which[i], 0);
		}
		io_uring_sqe_set_data64(sqe, max_n);
		if (i % BATCH == BATCH - 1 || i == n - 1) {
			uring_submit(i % BATCH + 1);
			io_uring_get_events(&ring);
			while ((got = io_uring_peek_batch_cqe(&ring, cqes, URING_SQ)))
				io_uring_cq_advance(&ring, got);
		}
	}
}

static void uring_cancel(const unsigned int *which, unsigned int n)
{
	uring_change(which, NULL, n);
}

/* The timeouts go later, in a kernel thread. */
static void uring_close(void)
{
	io_uring_queue_exit(&ring);
}

const struct method uring = {
	.name = "io_uring", .open = uring_open, .close = uring_close,
	.arm = uring_arm, .reap = uring_reap, .check = uring_check,
	.cancel = uring_cancel, .update = uring_change, .repeat = uring_repeat,
};

const struct method uring_defer = {
	.name = "io_uring defer", .open = uring_open_defer, .close = uring_close,
	.arm = uring_arm, .reap = uring_reap, .check = uring_check,
	.cancel = uring_cancel, .update = uring_change,
};

/* --- timerfd, all polled by one io_uring: as ET, without read() ------------------------ */

static void uring_poll(unsigned int number)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	io_uring_prep_poll_multishot(sqe, each_fds[number], POLLIN);
	io_uring_sqe_set_data64(sqe, number);
}

static void timerfd_uring_open(unsigned int n)
{
	unsigned int i;

	each_open(n, 0, timerfd_make);
	uring_open_defer(n);
	for (i = 0; i < n; i++)
		uring_poll(i);
	io_uring_submit(&ring);
}

/* What found no place among the completions has ended: it is polled again. */
static unsigned int timerfd_uring_reap(unsigned int n)
{
	n = uring_collect(n, POLLIN, uring_poll);
	if (io_uring_sq_ready(&ring))
		io_uring_submit(&ring);
	return n;
}

static void timerfd_uring_close(void)
{
	uring_close();
	each_close();
}

const struct method timerfd_uring = {
	.name = "timerfd+io_uring", .open = timerfd_uring_open, .close = timerfd_uring_close,
	.arm = timerfd_arm, .reap = timerfd_uring_reap, .check = uring_check,
	.cancel = timerfd_cancel,
};

/* --- POSIX timers, their signals taken by sigtimedwait() ------------------------------ */

static timer_t *timers;
static uint64_t *signals;
static unsigned int nr_timers;
static sigset_t signal_set;

static void posix_open(unsigned int n)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };

	if (!timers) {
		timers = buffer(max_n, sizeof(*timers));
		signals = buffer(max_n, sizeof(*signals));
		sigemptyset(&signal_set);
		sigaddset(&signal_set, SIGRTMIN);
		sigprocmask(SIG_BLOCK, &signal_set, NULL);
	}
	for (nr_timers = 0; nr_timers < n; nr_timers++) {
		event.sigev_value.sival_int = nr_timers;
		if (timer_create(CLOCK_MONOTONIC, &event, &timers[nr_timers]))
			die("timer_create %u: %s", nr_timers, strerror(errno));
	}
}

static void posix_set(unsigned int number, uint64_t due, uint64_t period)
{
	struct itimerspec its = { to_timespec(period), to_timespec(due) };

	if (timer_settime(timers[number], TIMER_ABSTIME, &its, NULL))
		die("timer_settime: %s", strerror(errno));
}

static void posix_arm(const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		posix_set(i, due[i], 0);
}

static unsigned int posix_reap(unsigned int n)
{
	const struct timespec zero = {};
	unsigned int done;
	siginfo_t info;

	for (done = 0; done < n; done++) {
		if (sigtimedwait(&signal_set, &info, &zero) < 0)
			break;
		signals[done] = info.si_value.sival_int;
	}
	return done;
}

static unsigned int posix_check(unsigned int n)
{
	return distinct(signals, sizeof(*signals), n);
}

static void posix_cancel(const unsigned int *which, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		posix_set(which[i], 0, 0);
}

static void posix_update(const unsigned int *which, const uint64_t *due, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		posix_set(which[i], due[i], 0);
}

static bool posix_repeat(unsigned int n, uint64_t first, uint64_t period)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		posix_set(i, first, period);
	return true;
}

static void posix_close(void)
{
	while (nr_timers)
		timer_delete(timers[--nr_timers]);
}

const struct method posix_timer = {
	.name = "POSIX timer", .open = posix_open, .close = posix_close,
	.arm = posix_arm, .reap = posix_reap, .check = posix_check,
	.cancel = posix_cancel, .update = posix_update, .repeat = posix_repeat,
};
