// SPDX-License-Identifier: GPL-2.0-only
/* Periodic requests: counts, overruns, updates, and the last record of each. */
#include "evnotify_test.h"

static struct evnotify_request periodic(__u64 period_ns, __u32 count, __u64 user_data)
{
	struct evnotify_request req = pending_in(period_ns, user_data);

	req.period_ns = period_ns;
	req.count = count;
	return req;
}

static int update_period(int fd, __u64 id, __u64 due_ns, __u64 period_ns, __u32 count)
{
	struct evnotify_update args = {
		.id = id, .due_ns = due_ns, .period_ns = period_ns, .count = count,
	};

	return call(fd, EVNOTIFY_IOC_UPDATE, &args);
}

TEST_F(instance, expires_as_often_as_told)
{
	enum { N = 20 };
	const __u64 period = 2 * NSEC_PER_MSEC;
	struct evnotify_request req = periodic(period, N, 7);
	__u64 before = now_ns(CLOCK_MONOTONIC), first = 0;
	struct evnotify_event event;
	unsigned int sum = 0, seq = 0;

	ASSERT_EQ(0, arm(self->fd, &req));
	do {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EXPIRED(&event, before + period, CLOCK_MONOTONIC);
		EXPECT_EQ(req.id, event.id);
		EXPECT_EQ(7, event.user_data);
		EXPECT_EQ(++seq, event.seq);
		EXPECT_LE(1, event.count);
		sum += event.count;
		/* due times lie on a grid, and the record has the latest */
		if (!first)
			first = event.due_ns - (sum - 1) * period;
		EXPECT_EQ(first + (sum - 1) * period, event.due_ns);
		EXPECT_EQ(sum < N ? EVNOTIFY_EVENT_MORE : 0, event.flags);
	} while (sum < N && event.flags);
	EXPECT_EQ(N, sum);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));
}

TEST_F(instance, unread_expirations_merge)
{
	enum { N = 10 };
	struct evnotify_request req = periodic(NSEC_PER_MSEC, N, 7);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(UNTIL(counters(self->fd).pending == 0));
	ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 1);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(N, event.count);
	EXPECT_EXPIRED(&event, before + N * NSEC_PER_MSEC, CLOCK_MONOTONIC);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(1, event.seq);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, without_a_count_it_goes_on_until_cancelled)
{
	struct evnotify_request req = periodic(NSEC_PER_MSEC, 0, 7);
	struct evnotify_event event;
	int i;

	ASSERT_EQ(0, arm(self->fd, &req));
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(i, event.seq);
		EXPECT_EQ(EVNOTIFY_EVENT_MORE, event.flags);
		EXPECT_EQ(0, event.status);
	}
	EXPECT_EQ(1, counters(self->fd).pending);
	EXPECT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(6, event.seq);
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, cancel_keeps_the_unread_count)
{
	struct evnotify_request req = periodic(NSEC_PER_MSEC, 0, 7);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(UNTIL(now_ns(CLOCK_MONOTONIC) > before + 6 * NSEC_PER_MSEC &&
			  counters(self->fd).unread == 1));
	EXPECT_EQ(0, cancel(self->fd, req.id));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 1);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.flags);
	EXPECT_LE(1, event.count);
	/* the record tells of the latest expiration, too */
	EXPECT_LE(before + event.count * NSEC_PER_MSEC, event.due_ns);
	EXPECT_LE(event.due_ns, event.expired_ns);
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, cancelled_before_it_expires_it_counts_none)
{
	struct evnotify_request req = periodic(FAR_NS, 0, 7);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.count);
	EXPECT_EQ(0, event.expired_ns);
	EXPECT_LE(before + FAR_NS, event.due_ns);
}

TEST_F(instance, expirations_that_were_missed_count)
{
	const __u64 period = 10 * NSEC_PER_MSEC, now = now_ns(CLOCK_MONOTONIC);
	struct evnotify_request req = periodic(period, 0, 7);
	struct evnotify_event event;
	unsigned int late;

	/* due 5 periods ago: this one, and the 5 since */
	req.due_ns = now - 5 * period;
	req.flags = EVNOTIFY_ABSTIME;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_LE(6, event.count);
	late = (event.expired_ns - req.due_ns) / period;
	EXPECT_EQ(late + 1, event.count);
	EXPECT_EQ(req.due_ns + late * period, event.due_ns);
	EXPECT_EQ(EVNOTIFY_EVENT_MORE, event.flags);
	EXPECT_EQ(0, cancel(self->fd, req.id));
}

TEST_F(instance, no_more_are_missed_than_it_has)
{
	const __u64 period = 10 * NSEC_PER_MSEC;
	struct evnotify_request req = periodic(period, 3, 7);
	struct evnotify_event event;

	req.due_ns = 1;
	req.flags = EVNOTIFY_ABSTIME;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(3, event.count);
	EXPECT_EQ(1 + 2 * period, event.due_ns);
	EXPECT_EQ(0, event.flags);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

/* More than the field can hold: it says as many as it can, and that nothing is lost. */
TEST_F(instance, a_count_that_is_too_large_saturates)
{
	struct evnotify_request req = periodic(0, 0, 7);
	__u64 before = now_ns(CLOCK_REALTIME);
	struct evnotify_event event;
	struct evnotify_info info;

	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	req.clockid = CLOCK_REALTIME;
	req.flags = EVNOTIFY_ABSTIME;
	req.due_ns = 1;
	req.period_ns = info.min_period_ns;
	if (before / req.period_ns <= UINT32_MAX)
		SKIP(return, "the clock or the shortest period does not give that many");
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
	/* and stays there while it merges with others */
	ASSERT_TRUE(UNTIL(now_ns(CLOCK_REALTIME) > before + 100 * req.period_ns));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(UINT32_MAX, event.count);
	EXPECT_EQ(0, event.lost);
	EXPECT_EQ(EVNOTIFY_EVENT_MORE, event.flags);
	EXPECT_EXPIRED(&event, before, CLOCK_REALTIME);
	EXPECT_EQ(1, event.due_ns % req.period_ns);
	EXPECT_GT(req.period_ns, event.expired_ns - event.due_ns);

	/* the next ones count from 0 */
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_GT(UINT32_MAX, event.count);
	EXPECT_EQ(0, event.lost);
	EXPECT_EQ(0, cancel(self->fd, req.id));

	/* the most that can be asked for, and it ends */
	req.count = UINT32_MAX;
	while (readable(self->fd, 0))
		ASSERT_EQ(1, read_some(self->fd, &event, 1));
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(UINT32_MAX, event.count);
	EXPECT_EQ(0, event.lost);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(1 + (UINT32_MAX - 1ULL) * req.period_ns, event.due_ns);
}

TEST_F(instance, an_eventfd_counts_every_expiration)
{
	int efd = eventfd(0, EFD_NONBLOCK), sum;
	struct evnotify_request req = eventfd_in(NSEC_PER_MSEC, efd);

	req.period_ns = NSEC_PER_MSEC;
	req.count = 10;
	ASSERT_EQ(0, arm(self->fd, &req));
	for (sum = 0; sum < 10; sum += eventfd_take(efd))
		ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(10, sum);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);

	/* those that were missed as well */
	req.due_ns = 1;
	req.flags = EVNOTIFY_ABSTIME;
	req.count = 1000;
	ASSERT_EQ(0, arm(self->fd, &req));
	for (sum = 0; sum < 1000; sum += eventfd_take(efd))
		ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(1000, sum);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

/* An age of missed expirations is no reason to keep anybody busy. */
TEST_F_TIMEOUT(instance, an_eventfd_is_owed_65535_signals_at_most, 600)
{
	int efd = eventfd(0, EFD_NONBLOCK), sum, waits;
	struct evnotify_request req = eventfd_in(1, efd);
	struct evnotify_wait wait = { .request = pending_in(0, 1) };

	req.clockid = CLOCK_REALTIME;
	req.flags = EVNOTIFY_ABSTIME;
	req.period_ns = NSEC_PER_MSEC;
	req.count = 1000000;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	/*
	 * Others need not wait until they are through. To be woken by each signal would cost
	 * more than the signals.
	 */
	for (sum = 0, waits = 0; sum < 65535; sum += eventfd_take(efd), waits++) {
		wait.request.due_ns = waits ? 10 * NSEC_PER_MSEC : 0;
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	}
	wait.request.due_ns = 0;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(65535, sum);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, waits + 2, waits + 2, 0, 0, 0);
}

TEST_F(instance, cancelled_an_eventfd_is_owed_nothing)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req = eventfd_in(1, efd);
	struct evnotify_wait wait = { .request = pending_in(0, 1) };

	req.clockid = CLOCK_REALTIME;
	req.flags = EVNOTIFY_ABSTIME;
	req.period_ns = NSEC_PER_MSEC;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(0, cancel(self->fd, req.id));
	EXPECT_LT(0, eventfd_take(efd));
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, 2, 1, 1, 0, 0);
}

TEST_F(instance, update_gives_a_new_period_and_count)
{
	static const unsigned int counts[] = { 0, 3, 50 };
	struct evnotify_event event;
	unsigned int i, sum;
	__u64 before;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		struct evnotify_request req = periodic(FAR_NS, counts[i], 7);

		sum = 0;
		before = now_ns(CLOCK_MONOTONIC);
		ASSERT_EQ(0, arm(self->fd, &req));
		EXPECT_EQ(0, update_period(self->fd, req.id, 0, 2 * NSEC_PER_MSEC, 5));
		do {
			ASSERT_EQ(0, read_events(self->fd, &event, 1));
			EXPECT_EXPIRED(&event, before + sum * 2 * NSEC_PER_MSEC, CLOCK_MONOTONIC);
			EXPECT_EQ(req.id, event.id);
			sum += event.count;
		} while (event.flags & EVNOTIFY_EVENT_MORE);
		EXPECT_EQ(5, sum);
		EXPECT_LE(before + 8 * NSEC_PER_MSEC, event.due_ns);
		EXPECT_COUNTERS(self->fd, i + 1, i + 1, 0, 0, 0);
	}
}

TEST_F(instance, update_ends_the_count)
{
	struct evnotify_request req = periodic(FAR_NS, 3, 7);
	struct evnotify_event event;
	unsigned int sum = 0;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, update_period(self->fd, req.id, 0, NSEC_PER_MSEC, 0));
	while (sum < 6) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(EVNOTIFY_EVENT_MORE, event.flags);
		sum += event.count;
	}
	EXPECT_EQ(0, cancel(self->fd, req.id));
}

TEST_F(instance, update_ends_the_period)
{
	struct evnotify_request req = periodic(NSEC_PER_MSEC, 0, 7);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(EVNOTIFY_EVENT_MORE, event.flags);
	EXPECT_EQ(0, update(self->fd, req.id, 0, 0));
	do {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
	} while (event.flags & EVNOTIFY_EVENT_MORE);
	EXPECT_EQ(0, event.status);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, update_starts_a_period)
{
	struct evnotify_request req = pending_in(FAR_NS, 7);
	struct evnotify_event event;
	unsigned int sum = 0;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, update_period(self->fd, req.id, 0, NSEC_PER_MSEC, 3));
	while (sum < 3) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		sum += event.count;
	}
	EXPECT_EQ(3, sum);
	EXPECT_EQ(0, event.flags);
}

TEST_F(instance, update_keeps_unread_expirations)
{
	struct evnotify_request req = periodic(NSEC_PER_MSEC, 0, 7);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
	EXPECT_EQ(0, update_period(self->fd, req.id, FAR_NS, FAR_NS, 0));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 1);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_LE(1, event.count);
	EXPECT_EQ(0, event.status);
	EXPECT_EQ(EVNOTIFY_EVENT_MORE, event.flags);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, the_shortest_period_works)
{
	enum { N = 200 };
	struct evnotify_request req = periodic(0, N, 7);
	struct evnotify_event event;
	struct evnotify_info info;
	unsigned int sum = 0;

	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	req.period_ns = info.min_period_ns - 1;
	if (req.period_ns)
		EXPECT_EQ(-EINVAL, arm(self->fd, &req));
	req.period_ns = info.min_period_ns;
	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(-EINVAL, update_period(self->fd, req.id, 0, info.min_period_ns - 1, 1));
	while (sum < N) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_LE(event.due_ns, event.expired_ns);
		sum += event.count;
	}
	EXPECT_EQ(N, sum);
	EXPECT_EQ(0, event.flags);
}

TEST_F(instance, many_go_on_at_once)
{
	enum { N = 20, COUNT = 15 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	unsigned int sums[N] = {}, live = N;
	int i, n;

	for (i = 0; i < N; i++)
		reqs[i] = periodic((1 + i % 4) * NSEC_PER_MSEC, COUNT, i);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	while (live) {
		ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
		n = read_some(self->fd, events, N);
		ASSERT_LT(0, n);
		for (i = 0; i < n; i++) {
			ASSERT_GT(N, events[i].user_data);
			sums[events[i].user_data] += events[i].count;
			live -= !(events[i].flags & EVNOTIFY_EVENT_MORE);
		}
	}
	for (i = 0; i < N; i++)
		EXPECT_EQ(COUNT, sums[i]);
	EXPECT_COUNTERS(self->fd, N, N, 0, 0, 0);
}

TEST_HARNESS_MAIN
