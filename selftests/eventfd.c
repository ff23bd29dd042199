// SPDX-License-Identifier: GPL-2.0-only
/* Mode EVENTFD: the WDK sample's way one, an event object that is set. */
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "evnotify_test.h"

TEST_F(instance, signals_once)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req = eventfd_in(5 * NSEC_PER_MSEC, efd);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_NE(0, req.id);
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_LE(before + req.due_ns, now_ns(CLOCK_MONOTONIC));
	EXPECT_EQ(1, eventfd_take(efd));

	/* that was all: no second signal, no event record */
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_EQ(0, set_nonblock(self->fd));
	EXPECT_EQ(-EAGAIN, read_some(self->fd, &event, 1));
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));
}

TEST_F(instance, wakes_a_blocked_reader_of_the_eventfd)
{
	int efd = eventfd(0, 0);
	struct evnotify_request req = eventfd_in(20 * NSEC_PER_MSEC, efd);
	__u64 before = now_ns(CLOCK_MONOTONIC), value = 0;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(sizeof(value), read(efd, &value, sizeof(value)));
	EXPECT_EQ(1, value);
	EXPECT_LE(before + req.due_ns, now_ns(CLOCK_MONOTONIC));
}

TEST_F(instance, each_request_signals_its_own)
{
	enum { N = 8 };
	struct epoll_event ready = { .events = EPOLLIN };
	struct evnotify_request reqs[N];
	int efds[N], epfd, i;

	epfd = epoll_create1(0);
	for (i = 0; i < N; i++) {
		efds[i] = eventfd(0, EFD_NONBLOCK);
		ready.data.u32 = i;
		ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, efds[i], &ready));
		/* the last one first, far enough apart to be told apart */
		reqs[i] = eventfd_in((N - i) * 5 * NSEC_PER_MSEC, efds[i]);
	}
	ASSERT_EQ(sizeof(reqs), write(self->fd, reqs, sizeof(reqs)));
	for (i = N - 1; i >= 0; i--) {
		ASSERT_EQ(1, IN_TIME(epoll_wait(epfd, &ready, 1, PATIENCE_MS)));
		EXPECT_EQ(1, eventfd_take(efds[ready.data.u32]));
	}
	EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
	EXPECT_COUNTERS(self->fd, N, N, 0, 0, 0);
}

TEST_F(instance, an_eventfd_counts_all_its_requests)
{
	enum { N = 500 };
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request reqs[N];
	int i;

	for (i = 0; i < N; i++)
		reqs[i] = eventfd_in(i % 3 * NSEC_PER_MSEC, efd);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_TRUE(UNTIL(counters(self->fd).pending == 0));
	for (i = 0; i < N; i += eventfd_take(efd))
		ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(N, i);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, N, N, 0, 0, 0);
}

TEST_F(instance, a_semaphore_eventfd_counts_too)
{
	int efd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	struct evnotify_request reqs[] = { eventfd_in(0, efd), eventfd_in(0, efd) };

	ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(1, eventfd_take(efd));
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(1, eventfd_take(efd));
	EXPECT_EQ(0, eventfd_take(efd));
}

TEST_F(instance, cancelled_it_signals_nothing)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request far = eventfd_in(FAR_NS, efd), near = eventfd_in(0, efd);

	ASSERT_EQ(0, arm(self->fd, &far));
	EXPECT_EQ(0, cancel(self->fd, far.id));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_EQ(-EALREADY, cancel(self->fd, far.id));

	/* the next one on the same eventfd signals once */
	ASSERT_EQ(0, arm(self->fd, &near));
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(1, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, 2, 1, 1, 0, 0);
}

TEST_F(instance, cancel_all_takes_both_modes)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request reqs[20];
	struct evnotify_event events[10];
	int i;

	for (i = 0; i < 20; i++)
		reqs[i] = i % 2 ? eventfd_in(FAR_NS, efd) : pending_in(FAR_NS, i);
	ASSERT_EQ(20, arm_many(self->fd, reqs, 20));
	EXPECT_EQ(20, cancel_all(self->fd));
	EXPECT_COUNTERS(self->fd, 20, 0, 20, 0, 10);
	EXPECT_EQ(0, eventfd_take(efd));
	ASSERT_EQ(0, read_events(self->fd, events, 10));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-ECANCELED, events[i].status);
	EXPECT_EQ(0, cancel_all(self->fd));
}

TEST_F(instance, descriptor_0_is_one_like_any_other)
{
	struct evnotify_request req = eventfd_in(0, 0);

	ASSERT_EQ(0, dup2(eventfd(0, EFD_NONBLOCK), 0));
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(readable(0, PATIENCE_MS));
	EXPECT_EQ(1, eventfd_take(0));
}

TEST_F(instance, the_file_counts_not_the_descriptor)
{
	int old = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);
	int copy = dup(old);
	struct evnotify_request req = eventfd_in(FAR_NS, old);

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(old, dup2(other, old));
	ASSERT_EQ(0, update(self->fd, req.id, 0, 0));
	ASSERT_TRUE(readable(copy, PATIENCE_MS));
	EXPECT_EQ(1, eventfd_take(copy));
	EXPECT_EQ(0, eventfd_take(other));
}

TEST_F(instance, update_moves_the_signal)
{
	int efd = eventfd(0, EFD_NONBLOCK), ret;
	__u64 delay = 20 * NSEC_PER_MSEC, due;
	struct evnotify_request req;

	/* a machine that is slower than the first due time gets more */
	do {
		req = eventfd_in(delay, efd);
		ASSERT_EQ(0, arm(self->fd, &req));
		due = now_ns(CLOCK_MONOTONIC) + 3 * delay;
		ret = update(self->fd, req.id, due, EVNOTIFY_ABSTIME);
		ASSERT_TRUE(readable(efd, PATIENCE_MS));
		EXPECT_EQ(1, eventfd_take(efd));
		delay *= 2;
	} while (ret == -EALREADY);
	EXPECT_EQ(0, ret);
	EXPECT_LE(due, now_ns(CLOCK_MONOTONIC));
	EXPECT_EQ(counters(self->fd).armed, counters(self->fd).completed);
	EXPECT_EQ(-EALREADY, update(self->fd, req.id, 0, 0));
}

/* A full eventfd saturates and reports POLLERR; it does not take the module along. */
TEST_F(instance, a_full_eventfd_overflows)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request reqs[] = { eventfd_in(0, efd), eventfd_in(0, efd) };
	__u64 most = UINT64_MAX - 1;
	struct pollfd pfd = { .fd = efd, .events = POLLERR };

	ASSERT_EQ(sizeof(most), write(efd, &most, sizeof(most)));
	ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
	/* it wakes nobody who polls for that alone */
	ASSERT_TRUE(UNTIL(counters(self->fd).completed == 2 && !counters(self->fd).completing));
	ASSERT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLERR, pfd.revents & POLLERR);
	EXPECT_EQ(UINT64_MAX, eventfd_take(efd));
}

/* --- a signal that takes its time ----------------------------------------------------- */

#define WATCHERS	200

/* An eventfd that so many watch takes the kernel a while to signal. */
static int busy_eventfd(struct __test_metadata *_metadata)
{
	struct epoll_event ready = { .events = EPOLLIN | EPOLLET };
	int efd = eventfd(0, EFD_NONBLOCK), i;

	for (i = 0; i < WATCHERS; i++)
		ASSERT_EQ(0, epoll_ctl(epoll_create1(EPOLL_CLOEXEC), EPOLL_CTL_ADD, efd, &ready));
	return efd;
}

/* CANCEL that says EALREADY promises the signal; CANCEL of all has seen to all of them itself. */
TEST_F(instance, cancel_all_returns_when_all_is_signalled)
{
	enum { N = 1000, ROUNDS = 10 };
	int efd = busy_eventfd(_metadata), i, round, amid = 0;
	struct evnotify_request reqs[N];
	struct counters before, seen;
	struct evnotify_wait marker;
	__u64 signals;
	long n;

	for (round = 0; round < ROUNDS; round++) {
		stay_on(1);
		before = counters(self->fd);
		for (i = 0; i < N; i++)
			reqs[i] = eventfd_in(20 * NSEC_PER_MSEC, efd);
		ASSERT_EQ(N, arm_many(self->fd, reqs, N));
		stay_on(0);
		ASSERT_TRUE(UNTIL(counters(self->fd).completed != before.completed));
		n = cancel_all(self->fd);
		ASSERT_LE(0, n);
		signals = eventfd_take(efd);
		seen = counters(self->fd);
		EXPECT_EQ(N - n, signals);
		EXPECT_EQ(0, seen.completing);
		EXPECT_EQ(0, seen.pending);
		amid += n && n < N;
		/* and nothing of it follows */
		marker.request = pending_in(0, 0);
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &marker));
		EXPECT_EQ(0, eventfd_take(efd));
	}
	ksft_print_msg("%d of %d amid the expirations\n", amid, ROUNDS);
}

/* ... and what EALREADY has promised comes, without anybody doing anything for it. */
TEST_F(instance, what_ealready_promises_comes)
{
	enum { N = 500 };
	int efd = busy_eventfd(_metadata), i, already = 0;
	struct evnotify_request reqs[N];
	__u64 signals = 0;

	stay_on(1);
	for (i = 0; i < N; i++)
		reqs[i] = eventfd_in(20 * NSEC_PER_MSEC, efd);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	stay_on(0);
	ASSERT_TRUE(UNTIL(counters(self->fd).completed));
	for (i = N - 1; i >= 0; i--) {
		int ret = cancel(self->fd, reqs[i].id);

		ASSERT_TRUE(!ret || ret == -EALREADY);
		already += !!ret;
	}
	EXPECT_TRUE(UNTIL((signals += eventfd_take(efd)) >= (__u64)already));
	EXPECT_TRUE(UNTIL(!counters(self->fd).completing));
	signals += eventfd_take(efd);
	EXPECT_EQ(already, signals);
	EXPECT_COUNTERS(self->fd, N, already, N - already, 0, 0);
}

/* fdinfo tells what has expired, and has not been signalled or made readable yet. */
TEST_F(instance, what_is_not_told_yet_is_completing)
{
	enum { N = 1000, MOST_ROUNDS = 20 };
	int efd = busy_eventfd(_metadata), i, round;
	struct evnotify_request *reqs = calloc(N, sizeof(*reqs));
	__u64 signals, delay = 20 * NSEC_PER_MSEC;
	struct counters seen;
	bool amid = false;

	ASSERT_NE(NULL, reqs);
	/* a machine that is slower than the delay gets more */
	for (round = 1; round <= MOST_ROUNDS && !amid; round++, delay += delay / 2) {
		stay_on(1);
		for (i = 0; i < N; i++)
			reqs[i] = eventfd_in(delay, efd);
		ASSERT_EQ(N, arm_many(self->fd, reqs, N));
		stay_on(0);
		for (signals = 0; signals < N; ) {
			signals += eventfd_take(efd);
			seen = counters(self->fd);
			ASSERT_TRUE(balanced(seen));
			/* what was signalled by then was not pending any more */
			ASSERT_GE(N, signals + seen.pending);
			amid |= seen.completing > 0;
			/* and what was neither pending nor completing had been signalled */
			signals += eventfd_take(efd);
			ASSERT_LE(N, signals + seen.pending + seen.completing);
		}
		EXPECT_TRUE(UNTIL(!counters(self->fd).completing));
	}
	EXPECT_TRUE(amid);
	EXPECT_COUNTERS(self->fd, N * (round - 1), N * (round - 1), 0, 0, 0);
}

/* Voluntary context switches of this thread */
static long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/* However busy the tasklet is: CANCEL waits for a signal of its own request, and no other. */
TEST_F(instance, cancel_waits_for_one_signal_at_most)
{
	enum { N = 1000 };
	int efd = busy_eventfd(_metadata), i;
	struct evnotify_request *reqs = calloc(N, sizeof(*reqs));
	long before, slept, most = 0, all = 0;

	ASSERT_NE(NULL, reqs);
	stay_on(1);
	for (i = 0; i < N; i++) {
		reqs[i] = eventfd_in(50 * NSEC_PER_MSEC, efd);
		reqs[i].period_ns = NSEC_PER_MSEC;
	}
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	stay_on(0);
	ASSERT_TRUE(UNTIL(eventfd_take(efd)));
	for (i = 0; i < N; i++) {
		before = sleeps();
		ASSERT_EQ(0, cancel(self->fd, reqs[i].id));
		slept = sleeps() - before;
		all += slept;
		most = slept > most ? slept : most;
	}
	ksft_print_msg("%ld sleeps in %d calls, at most %ld in one\n", all, N, most);
	EXPECT_GE(2, most);
	EXPECT_COUNTERS(self->fd, N, 0, N, 0, 0);
}

/* --- its reference -------------------------------------------------------------------- */

/* The number of an eventfd, by fdinfo; the lowest that is free. -1: this kernel does not tell. */
static int eventfd_number(int fd)
{
	char text[1024];
	const char *line;

	if (read_fdinfo(fd, text, sizeof(text)) < 0)
		return -1;
	line = strstr(text, "eventfd-id:");
	return line ? atoi(line + strlen("eventfd-id:")) : -1;
}

/* Has it been freed? Then a new one may have its number; so long as nobody else's has. */
static bool number_is_free(int number)
{
	int fds[16], n, i;
	bool is_free = false;

	for (n = 0; n < 16 && !is_free; n++) {
		fds[n] = eventfd(0, 0);
		is_free = eventfd_number(fds[n]) == number;
	}
	for (i = 0; i < n; i++)
		close(fds[i]);
	return is_free;
}

/* However a request ends, or does not begin: the eventfd ends with its last descriptor. */
TEST_F(instance, is_let_go_however_a_request_ends)
{
	enum { EXPIRED, CANCELLED, ALL_CANCELLED, LAST_OF_A_PERIOD, PERIOD_CANCELLED, REFUSED,
	       MANY, UNWRITABLE, WAYS };
	struct evnotify_request *reqs = calloc(1000, sizeof(*reqs));
	const struct evnotify_request *fixed;
	int way, efd, number, i;

	ASSERT_NE(NULL, reqs);
	for (way = 0; way < WAYS; way++) {
		efd = eventfd(0, EFD_NONBLOCK);
		number = eventfd_number(efd);
		if (number < 0)
			SKIP(return, "this kernel does not number eventfds");
		for (i = 0; i < 1000; i++)
			reqs[i] = eventfd_in(way == EXPIRED || way == LAST_OF_A_PERIOD ||
					     way == MANY ? 0 : FAR_NS, efd);
		switch (way) {
		case EXPIRED:
			ASSERT_EQ(0, arm(self->fd, reqs));
			break;
		case CANCELLED:
			ASSERT_EQ(0, arm(self->fd, reqs));
			ASSERT_EQ(0, cancel(self->fd, reqs[0].id));
			break;
		case ALL_CANCELLED:
			ASSERT_EQ(5, arm_many(self->fd, reqs, 5));
			ASSERT_EQ(5, cancel_all(self->fd));
			break;
		case LAST_OF_A_PERIOD:
			reqs[0].period_ns = NSEC_PER_MSEC;
			reqs[0].count = 3;
			ASSERT_EQ(0, arm(self->fd, reqs));
			break;
		case PERIOD_CANCELLED:
			reqs[0].due_ns = 0;
			reqs[0].period_ns = NSEC_PER_MSEC;
			ASSERT_EQ(0, arm(self->fd, reqs));
			ASSERT_TRUE(readable(efd, PATIENCE_MS));
			ASSERT_EQ(0, cancel(self->fd, reqs[0].id));
			break;
		case REFUSED:
			reqs[0].__reserved[2] = 1;
			ASSERT_EQ(-EINVAL, arm(self->fd, reqs));
			break;
		case MANY:	/* it has to grow meanwhile */
			ASSERT_EQ(1000, arm_many(self->fd, reqs, 1000));
			break;
		case UNWRITABLE:	/* there is no room for its id */
			fixed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			ASSERT_NE(MAP_FAILED, fixed);
			ASSERT_EQ(0, mprotect((void *)fixed, 4096, PROT_READ | PROT_WRITE));
			*(struct evnotify_request *)fixed = reqs[0];
			ASSERT_EQ(0, mprotect((void *)fixed, 4096, PROT_READ));
			ASSERT_EQ(-EFAULT, arm(self->fd, (void *)fixed));
			munmap((void *)fixed, 4096);
			break;
		}
		ASSERT_TRUE(UNTIL(!counters(self->fd).pending && !counters(self->fd).completing));
		close(efd);
		/* the instance is there still, and the records are */
		EXPECT_TRUE(UNTIL(number_is_free(number)))
			TH_LOG("way %d", way);
	}
	free(reqs);
}

/* Nor is it kept by an instance that has ended. */
TEST_F(instance, is_let_go_with_the_instance)
{
	int fd = open_device(_metadata, O_RDWR), efd = eventfd(0, EFD_NONBLOCK), i;
	struct evnotify_request reqs[20];
	int number = eventfd_number(efd);

	if (number < 0)
		SKIP(return, "this kernel does not number eventfds");
	for (i = 0; i < 20; i++)
		reqs[i] = eventfd_in(i % 2 ? FAR_NS : 0, efd);
	reqs[2].period_ns = NSEC_PER_MSEC;
	ASSERT_EQ(20, arm_many(fd, reqs, 20));
	close(efd);
	close(fd);
	EXPECT_TRUE(UNTIL(number_is_free(number)));
}

TEST_HARNESS_MAIN
