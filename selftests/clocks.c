// SPDX-License-Identifier: GPL-2.0-only
/* Four clocks, relative and absolute: nothing is early, nor before the call that armed it. */
#include "evnotify_test.h"

FIXTURE(clock)
{
	int fd;
};

FIXTURE_VARIANT(clock)
{
	clockid_t id;
};

FIXTURE_VARIANT_ADD(clock, monotonic) { .id = CLOCK_MONOTONIC };
FIXTURE_VARIANT_ADD(clock, boottime) { .id = CLOCK_BOOTTIME };
FIXTURE_VARIANT_ADD(clock, realtime) { .id = CLOCK_REALTIME };
FIXTURE_VARIANT_ADD(clock, tai) { .id = CLOCK_TAI };

FIXTURE_SETUP(clock)
{
	self->fd = open_device(_metadata, O_RDWR);
}

FIXTURE_TEARDOWN(clock)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	close(self->fd);
}

TEST_F(clock, relative_time_is_never_early)
{
	const __u64 delay = 20 * NSEC_PER_MSEC;
	struct evnotify_request req = on_clock(variant->id, delay, 0);
	__u64 before = now_ns(variant->id);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_LE(before + delay, now_ns(variant->id));
	EXPECT_EXPIRED(&event, before + delay, variant->id);
}

TEST_F(clock, absolute_time_is_never_early)
{
	__u64 due = now_ns(variant->id) + 20 * NSEC_PER_MSEC;
	struct evnotify_request req = on_clock(variant->id, due, EVNOTIFY_ABSTIME);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_LE(due, now_ns(variant->id));
	EXPECT_EQ(due, event.due_ns);
	EXPECT_EXPIRED(&event, due, variant->id);
}

/* Many, so that rounding to whatever the timer can do would show. */
TEST_F(clock, no_time_is_early)
{
	enum { N = 200 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	__u64 base = now_ns(variant->id) + NSEC_PER_MSEC;
	int i;

	for (i = 0; i < N; i++)
		reqs[i] = on_clock(variant->id, base + i * 77777, EVNOTIFY_ABSTIME);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_EQ(0, read_events(self->fd, events, N));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(base + i * 77777, events[i].due_ns);
		EXPECT_EXPIRED(&events[i], base, variant->id);
	}
}

TEST_F(clock, a_time_that_has_passed_is_due_at_once)
{
	const __u64 past[] = { 0, 1, now_ns(variant->id) - 1 };
	struct evnotify_request req;
	struct evnotify_event event;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(past); i++) {
		req = on_clock(variant->id, past[i], EVNOTIFY_ABSTIME);
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(past[i], event.due_ns);
		EXPECT_EXPIRED(&event, past[i], variant->id);
	}
	req = on_clock(variant->id, 0, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, read_events(self->fd, &event, 1));
}

TEST_F(clock, the_farthest_time_is_never)
{
	struct evnotify_request reqs[] = {
		on_clock(variant->id, INT64_MAX, EVNOTIFY_ABSTIME),
		on_clock(variant->id, INT64_MAX, 0),
		on_clock(variant->id, NSEC_PER_MSEC, 0),
	};
	struct evnotify_event events[3];

	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	ASSERT_EQ(0, read_events(self->fd, events, 1));
	EXPECT_EQ(reqs[2].id, events[0].id);
	EXPECT_COUNTERS(self->fd, 3, 1, 0, 2, 0);
	EXPECT_EQ(2, cancel_all(self->fd));
	ASSERT_EQ(2, read_some(self->fd, events, 3));
	EXPECT_EQ(INT64_MAX, events[0].due_ns);
	EXPECT_EQ(INT64_MAX, events[1].due_ns);
}

TEST_F(clock, update_stays_on_it)
{
	struct evnotify_request req = on_clock(variant->id, FAR_NS, 0);
	__u64 due = now_ns(variant->id) + 20 * NSEC_PER_MSEC;
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, update(self->fd, req.id, due, EVNOTIFY_ABSTIME));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(due, event.due_ns);
	EXPECT_EXPIRED(&event, due, variant->id);

	ASSERT_EQ(0, arm(self->fd, &req));
	due = now_ns(variant->id) + 20 * NSEC_PER_MSEC;
	ASSERT_EQ(0, update(self->fd, req.id, 20 * NSEC_PER_MSEC, 0));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EXPIRED(&event, due, variant->id);
}

TEST_F(clock, wait_and_eventfd_keep_to_it)
{
	struct evnotify_wait wait = {};
	__u64 due = now_ns(variant->id) + 10 * NSEC_PER_MSEC;
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req = eventfd_in(due, efd);

	req.clockid = variant->id;
	req.flags = EVNOTIFY_ABSTIME;
	wait.request = on_clock(variant->id, due, EVNOTIFY_ABSTIME);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(due, wait.event.due_ns);
	EXPECT_EXPIRED(&wait.event, due, variant->id);
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_LE(due, now_ns(variant->id));
}

TEST_F(instance, clocks_do_not_disturb_each_other)
{
	static const clockid_t ids[] = {
		CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI,
	};
	enum { N = 40 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	__u64 seen = 0;
	int i;

	for (i = 0; i < N; i++) {
		reqs[i] = on_clock(ids[i % 4], i * NSEC_PER_MSEC / 2, 0);
		reqs[i].user_data = i;
	}
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_EQ(0, read_events(self->fd, events, N));
	for (i = 0; i < N; i++) {
		ASSERT_GT(N, events[i].user_data);
		seen |= 1ULL << events[i].user_data;
		EXPECT_EXPIRED(&events[i], 1, ids[events[i].user_data % 4]);
	}
	EXPECT_EQ((1ULL << N) - 1, seen);
}

/* With one CPU there is no backlog to see from outside, but no less to assert. */
TEST_F(instance, under_a_backlog_nothing_expires_before_it_was_armed)
{
	enum { N = 32768, BATCH = 4096, LATE = 64, ROUNDS = 5, MOST_ROUNDS = 20 };
	struct evnotify_request *reqs = calloc(BATCH, sizeof(*reqs)), late;
	struct evnotify_event *events = calloc(BATCH, sizeof(*events));
	__u64 due, delay = 300 * NSEC_PER_MSEC, armed_ns[LATE + 1];
	int i, n, round, amid = 0, early = 0;

	ASSERT_TRUE(reqs && events);
	for (round = 0; round < MOST_ROUNDS && amid < ROUNDS; round++) {
		/* the timer and the tasklet run there */
		stay_on(1);
		due = now_ns(CLOCK_MONOTONIC) + delay;
		for (i = 0; i < BATCH; i++) {
			reqs[i] = pending_in(due, 0);
			reqs[i].flags = EVNOTIFY_ABSTIME;
		}
		for (n = 0; n < N; n += BATCH)
			ASSERT_EQ(BATCH, arm_many(self->fd, reqs, BATCH));
		stay_on(0);
		ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
		for (i = 1; i <= LATE; i++) {
			late = pending_in(due + 1, i);
			late.flags = EVNOTIFY_ABSTIME;
			armed_ns[i] = now_ns(CLOCK_MONOTONIC);
			ASSERT_EQ(0, arm(self->fd, &late));
		}
		amid += counters(self->fd).pending > 0;
		for (n = 0; n < N + LATE; n += i) {
			ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
			i = read_some(self->fd, events, BATCH);
			ASSERT_LT(0, i);
			for (int k = 0; k < i; k++) {
				__u64 nr = events[k].user_data;

				ASSERT_GE(LATE, nr);
				early += nr && events[k].expired_ns < armed_ns[nr];
			}
		}
	}
	ksft_print_msg("%d of %d amid the backlog\n", amid, round);
	EXPECT_EQ(0, early);
}

TEST_HARNESS_MAIN
