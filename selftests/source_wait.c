// SPDX-License-Identifier: GPL-2.0-only
/* Who waits for an event is cancelled, or interrupted in WAIT and comes again. */
#define NO_INSTANCE
#include "source.h"

/* --- cancellation --------------------------------------------------------------------- */

TEST_F(source, a_cancelled_request_takes_no_event)
{
	struct evnotify_request reqs[] = {
		event_request(1, 0), event_request(2, 0), event_request(3, 0),
	};
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;
	int i;

	reqs[1].due_ns = FAR_NS;
	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, cancel(self->fd, reqs[i].id));
		ASSERT_EQ(1, read_some(self->fd, &event, 1));
		EXPECT_EQ(reqs[i].id, event.id);
		EXPECT_EQ(-ECANCELED, event.status);
		EXPECT_EQ(0, event.flags);
		EXPECT_EQ(0, event.count);
		EXPECT_EQ(0, event.lost);
		EXPECT_EQ(0, event.expired_ns);
		EXPECT_LE(before, event.completed_ns);
		/* its timeout, where it has one */
		EXPECT_TRUE(i ? event.due_ns >= before + FAR_NS : event.due_ns == 0);
		EXPECT_EQ(-EALREADY, cancel(self->fd, reqs[i].id));
	}
	ASSERT_EQ(1, sim_raise(self->sim, 1, 8));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(3, event.user_data);
	EXPECT_EVENT(&event, 8, 0);
	EXPECT_COUNTERS(self->fd, 3, 1, 2, 0, 0);
	EXPECT_EQ(-EALREADY, cancel(self->fd, reqs[2].id));
}

TEST_F(source, a_request_that_repeats_ends_when_it_is_cancelled)
{
	struct evnotify_request req = event_request(1, EVNOTIFY_REPEAT);
	struct evnotify_event event;

	/* with a record that nobody has read: that one tells of both */
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(3, sim_raise(self->sim, 3, 5));
	ASSERT_TRUE(settled(self->fd, 1));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(EVNOTIFY_EVENT_DATA, event.flags);
	EXPECT_EQ(5, event.data);
	EXPECT_EQ(1, event.count);
	EXPECT_NE(0, event.expired_ns);
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_SOURCE_COUNTERS(self->fd, 3, 1, 0);

	/* with nothing to tell: no stale data */
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 6, 0);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 7, 0);
	ASSERT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(0, event.due_ns);
	EXPECT_EQ(0, event.expired_ns);
	EXPECT_EQ(0, event.count);
	EXPECT_EQ(0, event.lost);
	EXPECT_COUNTERS(self->fd, 2, 0, 2, 0, 0);
	/* neither is in line */
	ASSERT_EQ(1, sim_raise(self->sim, 1, 8));
	EXPECT_SOURCE_COUNTERS(self->fd, 4, 3, 0);
}

TEST_F(source, all_can_be_cancelled)
{
	enum { N = 100 };
	int efd = eventfd(0, EFD_NONBLOCK), i;
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];

	for (i = 0; i < N; i++) {
		reqs[i] = i % 5 == 0 ? event_to_eventfd(efd, 0) :
			  i % 5 == 1 ? event_to_eventfd(efd, EVNOTIFY_REPEAT) :
			  i % 5 == 2 ? event_request(i, EVNOTIFY_REPEAT) :
			  i % 5 == 3 ? pending_in(FAR_NS, i) : event_request(i, 0);
		if (i % 10 == 4)
			reqs[i].due_ns = FAR_NS;
	}
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	EXPECT_EQ(N, cancel_all(self->fd));
	EXPECT_EQ(3 * N / 5, read_some(self->fd, events, N));
	EXPECT_COUNTERS(self->fd, N, 0, N, 0, 0);
	ASSERT_EQ(5, sim_raise(self->sim, 5, 0));
	EXPECT_SOURCE_COUNTERS(self->fd, 5, 0, 0);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_EQ(0, cancel_all(self->fd));
	close(efd);
}

/* --- WAIT ----------------------------------------------------------------------------- */

TEST_F(source, wait_returns_the_event)
{
	struct evnotify_wait wait = { .request = event_request(2, 0) };
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->fd, event_request(1, 0)));
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	ASSERT_EQ(2, sim_raise(self->sim, 2, 11));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EVENT(&w.wait.event, 11, 0);
	EXPECT_EQ(1, w.wait.event.user_data);
	EXPECT_EQ(w.wait.request.id, w.wait.event.id);
	/* one that was kept */
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EVENT(&wait.event, 12, 0);
	EXPECT_EQ(2, wait.event.seq);
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

TEST_F(source, wait_can_be_cancelled)
{
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->fd, event_request(1, 0)));
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_EQ(-EINVAL, update(self->fd, waiter_id(&w), 0, 0));
	EXPECT_EQ(0, cancel(self->fd, waiter_id(&w)));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EQ(-ECANCELED, w.wait.event.status);
	EXPECT_EQ(0, w.wait.event.due_ns);
	EXPECT_EQ(0, w.wait.event.count);
	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	EXPECT_SOURCE_COUNTERS(self->fd, 1, 0, 0);
}

/* Interrupted, it keeps its place in the line; the same call finds what came meanwhile. */
TEST_F(source, wait_goes_on_when_it_was_interrupted)
{
	struct evnotify_request other = event_request(2, 0);
	struct evnotify_event event;
	struct waiter w;
	__u64 id;
	int i;

	ASSERT_EQ(0, waiter_start(&w, self->fd, event_request(1, 0)));
	id = waiter_id(&w);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(interrupt(&w));
		ASSERT_EQ(0, waiter_again(&w));
	}
	ASSERT_TRUE(interrupt(&w));
	ASSERT_EQ(0, arm(self->fd, &other));
	EXPECT_COUNTERS(self->fd, 2, 0, 0, 2, 0);
	ASSERT_EQ(2, sim_raise(self->sim, 2, 50));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(2, event.user_data);
	EXPECT_EVENT(&event, 51, 0);
	ASSERT_EQ(0, waiter_again(&w));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EVENT(&w.wait.event, 50, 0);
	EXPECT_EQ(id, w.wait.event.id);
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

/* Who dies in WAIT leaves no request that would take an event. */
TEST_F(source, a_killed_wait_takes_no_event)
{
	struct evnotify_request req = event_request(2, 0);
	struct evnotify_wait wait = { .request = event_request(1, 0) };
	struct evnotify_event event;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(call(self->fd, EVNOTIFY_IOC_WAIT, &wait) != 0);
	ASSERT_TRUE(UNTIL(counters(self->fd).pending == 1));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 9));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 9, 0);
}

TEST_HARNESS_MAIN
