// SPDX-License-Identifier: GPL-2.0-only
/* Mode EVENTFD: the WDK sample's way one, an event object that is set. */
#include <stdint.h>
#include <sys/epoll.h>

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
		ASSERT_EQ(1, epoll_wait(epfd, &ready, 1, PATIENCE_MS));
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
	ASSERT_EQ(1, poll(&pfd, 1, PATIENCE_MS));
	EXPECT_EQ(POLLERR, pfd.revents & POLLERR);
	ASSERT_TRUE(UNTIL(counters(self->fd).completed == 2));
	EXPECT_EQ(UINT64_MAX, eventfd_take(efd));
}

TEST_HARNESS_MAIN
