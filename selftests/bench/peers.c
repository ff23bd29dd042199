// SPDX-License-Identifier: GPL-2.0-only
/* bench - what Linux offers without evnotify, each at its best */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <liburing.h>

#include "bench.h"

/* --- timerfd: one descriptor for each request, made once, in one epoll -------------- */

#define EPOLL_EVENTS	1024

static struct epoll_event *epoll_events;
static int *timerfds;
static unsigned int nr_timerfds;
static int epfd = -1;

static void timerfd_open_events(unsigned int n, uint32_t mask)
{
	struct epoll_event event = { .events = mask };

	if (!timerfds) {
		timerfds = buffer(max_n, sizeof(*timerfds));
		epoll_events = buffer(max_n, sizeof(*epoll_events));
	}
	if (epfd < 0)
		epfd = epoll_create1(EPOLL_CLOEXEC);
	for (nr_timerfds = 0; nr_timerfds < n; nr_timerfds++) {
		timerfds[nr_timerfds] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		event.data.u64 = nr_timerfds;
		if (timerfds[nr_timerfds] < 0 ||
		    epoll_ctl(epfd, EPOLL_CTL_ADD, timerfds[nr_timerfds], &event))
			die("timerfd %u: %s", nr_timerfds, strerror(errno));
	}
}

static void timerfd_open(unsigned int n)
{
	timerfd_open_events(n, EPOLLIN);
}

static void timerfd_open_et(unsigned int n)
{
	timerfd_open_events(n, EPOLLIN | EPOLLET);
}

static void timerfd_arm(const uint64_t *due, unsigned int n)
{
	struct itimerspec its = {};
	unsigned int i;

	for (i = 0; i < n; i++) {
		its.it_value = to_timespec(due[i]);
		if (timerfd_settime(timerfds[i], TFD_TIMER_ABSTIME, &its, NULL))
			die("timerfd_settime: %s", strerror(errno));
	}
}

static unsigned int timerfd_wait(unsigned int n, bool and_read)
{
	unsigned int done = 0;
	uint64_t ticked;
	int got, i;

	while (done < n) {
		got = epoll_wait(epfd, &epoll_events[done],
				 n - done < EPOLL_EVENTS ? n - done : EPOLL_EVENTS, 0);
		if (got <= 0)
			break;
		for (i = 0; and_read && i < got; i++)
			if (read(timerfds[epoll_events[done + i].data.u64], &ticked,
				 sizeof(ticked)) != sizeof(ticked) || ticked != 1)
				die("read from a timerfd: %s", strerror(errno));
		done += got;
	}
	return done;
}

static unsigned int timerfd_reap(unsigned int n)
{
	return timerfd_wait(n, true);
}

/* Edge triggered, and settime clears the count: no need to read. */
static unsigned int timerfd_reap_et(unsigned int n)
{
	return timerfd_wait(n, false);
}

static unsigned int timerfd_check(unsigned int n)
{
	unsigned int i;
	uint64_t *numbers = buffer(n, sizeof(*numbers));

	for (i = 0; i < n; i++)		/* struct epoll_event is packed */
		numbers[i] = epoll_events[i].data.u64;
	n = distinct(numbers, sizeof(*numbers), n);
	free(numbers);
	return n;
}

static void timerfd_cancel(const unsigned int *which, unsigned int n)
{
	struct itimerspec its = {};
	unsigned int i;

	for (i = 0; i < n; i++)
		if (timerfd_settime(timerfds[which[i]], 0, &its, NULL))
			die("timerfd_settime: %s", strerror(errno));
}

static void timerfd_close(void)
{
	while (nr_timerfds)
		close(timerfds[--nr_timerfds]);
}

const struct method timerfd_epoll = {
	.name = "timerfd+epoll", .open = timerfd_open, .close = timerfd_close,
	.arm = timerfd_arm, .reap = timerfd_reap, .check = timerfd_check,
	.cancel = timerfd_cancel, .peer = true,
};

const struct method timerfd_et = {
	.name = "timerfd+epoll ET", .open = timerfd_open_et, .close = timerfd_close,
	.arm = timerfd_arm, .reap = timerfd_reap_et, .check = timerfd_check,
	.cancel = timerfd_cancel, .peer = true,
};

/* --- io_uring timeouts --------------------------------------------------------------- */

#define URING_SQ	256
#define URING_CQ	65536

static struct io_uring ring;
static uint64_t *uring_done;

static void uring_open_flags(unsigned int n, unsigned int flags)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQSIZE | flags,
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

static void uring_arm(const uint64_t *due, unsigned int n)
{
	static struct __kernel_timespec ts[URING_SQ];
	struct io_uring_sqe *sqe;
	unsigned int i, slot;

	for (i = 0; i < n; i++) {
		slot = i % URING_SQ;
		ts[slot].tv_sec = due[i] / NSEC_PER_SEC;
		ts[slot].tv_nsec = due[i] % NSEC_PER_SEC;
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_timeout(sqe, &ts[slot], 0, IORING_TIMEOUT_ABS);
		io_uring_sqe_set_data64(sqe, i);
		if (slot == URING_SQ - 1 || i == n - 1)
			uring_submit(slot + 1);
	}
}

static unsigned int uring_collect(unsigned int n, int status)
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
			uring_done[done++] = cqes[i]->user_data;
		}
		io_uring_cq_advance(&ring, got);
	}
	return done;
}

static unsigned int uring_reap(unsigned int n)
{
	return uring_collect(n, -ETIME);
}

static unsigned int uring_check(unsigned int n)
{
	return distinct(uring_done, sizeof(*uring_done), n);
}

static void uring_cancel(const unsigned int *which, unsigned int n)
{
	struct io_uring_cqe *cqes[URING_SQ];
	unsigned int i, got;

	for (i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_timeout_remove(sqe, which[i], 0);
		io_uring_sqe_set_data64(sqe, max_n);
		if (i % BATCH == BATCH - 1 || i == n - 1) {
			uring_submit(i % BATCH + 1);
			io_uring_get_events(&ring);
			while ((got = io_uring_peek_batch_cqe(&ring, cqes, URING_SQ)))
				io_uring_cq_advance(&ring, got);
		}
	}
}

/* The timeouts go later, in a kernel thread. */
static void uring_close(void)
{
	io_uring_queue_exit(&ring);
}

const struct method uring = {
	.name = "io_uring", .open = uring_open, .close = uring_close,
	.arm = uring_arm, .reap = uring_reap, .check = uring_check,
	.cancel = uring_cancel, .peer = true,
};

const struct method uring_defer = {
	.name = "io_uring defer", .open = uring_open_defer, .close = uring_close,
	.arm = uring_arm, .reap = uring_reap, .check = uring_check,
	.cancel = uring_cancel, .peer = true,
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

static void posix_arm(const uint64_t *due, unsigned int n)
{
	struct itimerspec its = {};
	unsigned int i;

	for (i = 0; i < n; i++) {
		its.it_value = to_timespec(due[i]);
		if (timer_settime(timers[i], TIMER_ABSTIME, &its, NULL))
			die("timer_settime: %s", strerror(errno));
	}
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
	struct itimerspec its = {};
	unsigned int i;

	for (i = 0; i < n; i++)
		if (timer_settime(timers[which[i]], 0, &its, NULL))
			die("timer_settime: %s", strerror(errno));
}

static void posix_close(void)
{
	while (nr_timers)
		timer_delete(timers[--nr_timers]);
}

const struct method posix_timer = {
	.name = "POSIX timer", .open = posix_open, .close = posix_close,
	.arm = posix_arm, .reap = posix_reap, .check = posix_check,
	.cancel = posix_cancel, .peer = true,
};
