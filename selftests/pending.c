// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mode PENDING, asynchronous: the WDK sample's way two. What a record says, and the order in
 * which they come.
 */
#include "evnotify_test.h"

TEST_F(instance, read_gives_the_record)
{
	struct evnotify_request req = pending_in(5 * NSEC_PER_MSEC, 0x1122334455667788);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	memset(&event, POISON, sizeof(event));
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EXPIRED(&event, before + req.due_ns, CLOCK_MONOTONIC);
	EXPECT_EQ(0x1122334455667788, event.user_data);
	EXPECT_EQ(req.id, event.id);
	EXPECT_EQ(1, event.seq);
	EXPECT_EQ(1, event.count);
	EXPECT_EQ(0, event.flags);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, records_come_as_their_requests_expire)
{
	/* all three delays count from the instant of the call */
	struct evnotify_request reqs[] = {
		pending_in(30 * NSEC_PER_MSEC, 2),
		pending_in(10 * NSEC_PER_MSEC, 0),
		pending_in(20 * NSEC_PER_MSEC, 1),
	};
	struct evnotify_event events[3];
	int i;

	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	ASSERT_EQ(0, read_events(self->fd, events, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i, events[i].user_data);
		EXPECT_EQ(i + 1, events[i].seq);
	}
	EXPECT_EQ(10 * NSEC_PER_MSEC, events[1].due_ns - events[0].due_ns);
	EXPECT_EQ(10 * NSEC_PER_MSEC, events[2].due_ns - events[1].due_ns);
}

TEST_F(instance, requests_due_at_one_instant_come_in_the_order_of_arming)
{
	enum { N = 300 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	__u64 due = now_ns(CLOCK_MONOTONIC) + 20 * NSEC_PER_MSEC;
	int i;

	for (i = 0; i < N; i++) {
		reqs[i] = pending_in(due, i);
		reqs[i].flags = EVNOTIFY_ABSTIME;
	}
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_EQ(0, read_events(self->fd, events, N));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(i, events[i].user_data);
		ASSERT_EQ(reqs[i].id, events[i].id);
		EXPECT_EQ(i + 1, events[i].seq);
		EXPECT_EQ(due, events[i].due_ns);
	}
}

/*
 * The same when some went where the due times are not in order: whatever was armed and cancelled in
 * between, of two that are due at one instant the one that was armed first comes first.
 */
TEST_F(instance, the_order_of_arming_holds_in_line_and_tree)
{
	enum { N = 400, INSTANTS = 5, ROUNDS = 10 };
	unsigned int seed = now_ns(CLOCK_MONOTONIC), round, records;
	struct evnotify_request req;
	struct evnotify_event event;
	__u64 due, ids[N], last[INSTANTS];
	int i;

	ksft_print_msg("seed %u\n", seed);
	for (round = 0; round < ROUNDS; round++) {
		due = now_ns(CLOCK_MONOTONIC) + 100 * NSEC_PER_MSEC;
		for (i = 0; i < N; i++) {
			req = pending_in(due + rand_r(&seed) % INSTANTS, i + 1);
			/* one that makes the line and leaves it empty, now and then */
			if (rand_r(&seed) % 4 == 0)
				req.due_ns = due + FAR_NS;
			req.flags = EVNOTIFY_ABSTIME;
			ASSERT_EQ(0, arm(self->fd, &req));
			ids[i] = req.due_ns < due + FAR_NS ? 0 : req.id;
			if (rand_r(&seed) % 3 == 0 && ids[i / 2]) {
				ASSERT_EQ(0, cancel(self->fd, ids[i / 2]));
				ids[i / 2] = 0;
			}
		}
		for (i = 0; i < N; i++)
			if (ids[i])
				ASSERT_EQ(0, cancel(self->fd, ids[i]));
		memset(last, 0, sizeof(last));
		for (records = 0; records < N; records++) {
			ASSERT_EQ(0, read_events(self->fd, &event, 1));
			if (event.status)
				continue;
			ASSERT_GT(INSTANTS, event.due_ns - due);
			ASSERT_LT(last[event.due_ns - due], event.user_data);
			last[event.due_ns - due] = event.user_data;
		}
	}
}

TEST_F(instance, a_cancelled_request_gives_its_record)
{
	struct evnotify_request req = pending_in(FAR_NS, 77);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, cancel(self->fd, req.id));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 1);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(77, event.user_data);
	EXPECT_EQ(req.id, event.id);
	EXPECT_LE(before + FAR_NS, event.due_ns);
	EXPECT_EQ(0, event.expired_ns);
	EXPECT_LE(before, event.completed_ns);
	EXPECT_LE(event.completed_ns, now_ns(CLOCK_MONOTONIC));
	EXPECT_EQ(1, event.seq);
	EXPECT_EQ(0, event.count);
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
}

TEST_F(instance, cancel_comes_too_late_for_an_unread_record)
{
	struct evnotify_request req = pending_in(0, 0);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));
	EXPECT_EQ(-EALREADY, update(self->fd, req.id, 0, 0));
	EXPECT_EQ(0, cancel_all(self->fd));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(0, event.status);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, update_moves_the_due_time)
{
	struct evnotify_request req = pending_in(FAR_NS, 2);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, update(self->fd, req.id, NSEC_PER_MSEC, 0));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EXPIRED(&event, before + NSEC_PER_MSEC, CLOCK_MONOTONIC);
	EXPECT_EQ(req.id, event.id);
	EXPECT_EQ(2, event.user_data);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, update_to_later_is_not_early)
{
	__u64 delay = 20 * NSEC_PER_MSEC, later;
	struct evnotify_request req;
	struct evnotify_event event;
	int ret;

	/* a machine that is slower than the first due time gets more */
	do {
		req = pending_in(delay, 1);
		ASSERT_EQ(0, arm(self->fd, &req));
		later = now_ns(CLOCK_MONOTONIC) + 3 * delay;
		ret = update(self->fd, req.id, later, EVNOTIFY_ABSTIME);
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		delay *= 2;
	} while (ret == -EALREADY);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(later, event.due_ns);
	EXPECT_EXPIRED(&event, later, CLOCK_MONOTONIC);
}

TEST_HARNESS_MAIN
