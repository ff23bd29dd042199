// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody sets the clock: an absolute time goes with it, a relative one does not, as with
 * timerfd, and nothing is early.
 */
#include <sys/timerfd.h>
#include <sys/timex.h>

#include "evnotify_test.h"

/*
 * Sets the wall clock on by so much, and that on CPU 0, which has ticks with nohz_full, too: the
 * timers of the CPU that sets the clock take notice of it with their next interrupt only.
 */
static __s64 shifted;	/* by so much, in all */

static int shift_clock(__s64 ns)
{
	cpu_set_t before, first;
	struct timespec ts;
	__u64 to;
	int ret;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_getaffinity(0, sizeof(before), &before);
	sched_setaffinity(0, sizeof(first), &first);
	to = now_ns(CLOCK_REALTIME) + ns;
	ts = (struct timespec){ .tv_sec = to / NSEC_PER_SEC, .tv_nsec = to % NSEC_PER_SEC };
	ret = clock_settime(CLOCK_REALTIME, &ts);
	if (!ret)
		shifted += ns;
	sched_setaffinity(0, sizeof(before), &before);
	return ret;
}

TEST_F(instance, setting_the_clock_forward_makes_due)
{
	__u64 due_real = now_ns(CLOCK_REALTIME) + FAR_NS, due_tai = now_ns(CLOCK_TAI) + FAR_NS;
	struct evnotify_request reqs[] = {
		on_clock(CLOCK_REALTIME, due_real, EVNOTIFY_ABSTIME),
		on_clock(CLOCK_TAI, due_tai, EVNOTIFY_ABSTIME),
		on_clock(CLOCK_MONOTONIC, FAR_NS, 0),
		on_clock(CLOCK_BOOTTIME, FAR_NS, 0),
	};
	struct evnotify_event events[2] = {};
	int i, ret;

	if (shift_clock(0))
		SKIP(return, "the clock cannot be set: %s", strerror(errno));
	ASSERT_EQ(4, arm_many(self->fd, reqs, 4));
	ASSERT_EQ(0, shift_clock(2 * FAR_NS));
	ret = read_events(self->fd, events, 2);
	for (i = 0; !ret && i < 2; i++) {
		EXPECT_LE(events[i].due_ns, events[i].expired_ns);
		EXPECT_EQ(events[i].id == reqs[0].id ? due_real : due_tai, events[i].due_ns);
	}
	EXPECT_EQ(0, shift_clock(-2 * FAR_NS));
	EXPECT_EQ(0, ret);
	EXPECT_NE(events[0].id, events[1].id);
	EXPECT_COUNTERS(self->fd, 4, 2, 0, 2, 0);
}

TEST_F(instance, setting_the_clock_back_makes_wait)
{
	__u64 delay = 25 * NSEC_PER_MSEC, due;
	struct evnotify_request req, marker;
	struct evnotify_event event;

	if (shift_clock(0))
		SKIP(return, "the clock cannot be set: %s", strerror(errno));
	/* a machine that is slower than the first due time gets more */
	do {
		delay *= 2;
		due = now_ns(CLOCK_REALTIME) + delay;
		req = on_clock(CLOCK_REALTIME, due, EVNOTIFY_ABSTIME);
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_EQ(0, shift_clock(-(__s64)FAR_NS));

		/* the time when it would have been due goes by */
		marker = on_clock(CLOCK_MONOTONIC, 2 * delay, 0);
		EXPECT_EQ(0, arm(self->fd, &marker));
		EXPECT_EQ(0, read_events(self->fd, &event, 1));
		ASSERT_EQ(0, shift_clock(FAR_NS));
		if (event.id == marker.id)
			break;
		EXPECT_EXPIRED(&event, due, CLOCK_REALTIME);
		EXPECT_EQ(0, read_events(self->fd, &event, 1));
	} while (delay < PATIENCE_MS * NSEC_PER_MSEC);
	EXPECT_EQ(marker.id, event.id);
	EXPECT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(req.id, event.id);
	EXPECT_EXPIRED(&event, due, CLOCK_REALTIME);
}

/* A burst takes the tasklet a while; what it finds then is due by the clock as it is then. */
TEST_F(instance, setting_the_clock_back_amid_a_burst_makes_nothing_early)
{
	enum { N = 100000, BATCH = 1000 };
	struct evnotify_request *reqs = calloc(BATCH, sizeof(*reqs)), later, marker;
	struct evnotify_event *events = calloc(BATCH, sizeof(*events));
	unsigned int i, attempts = 5;
	bool marked = false;
	__u64 due, got = 0;
	int n = 0;

	ASSERT_TRUE(reqs && events);
	if (shift_clock(0))
		SKIP(return, "the clock cannot be set: %s", strerror(errno));
	do {
		for (; got < counters(self->fd).armed; got += n) {
			n = read_some(self->fd, events, BATCH);
			ASSERT_LT(0, n);
		}
		due = now_ns(CLOCK_REALTIME) + FAR_NS;
		for (i = 0; i < N; i++) {
			reqs[i % BATCH] = on_clock(CLOCK_REALTIME, due, EVNOTIFY_ABSTIME);
			if (i % BATCH == BATCH - 1)
				ASSERT_EQ(BATCH, arm_many(self->fd, reqs, BATCH));
		}
		ASSERT_EQ(0, shift_clock(2 * FAR_NS));
		EXPECT_TRUE(UNTIL(counters(self->fd).pending < N));
		ASSERT_EQ(0, shift_clock(-2 * (__s64)FAR_NS));
	} while (!counters(self->fd).pending && --attempts);
	ksft_print_msg("%llu were left when the clock was back\n", counters(self->fd).pending);

	later = on_clock(CLOCK_REALTIME, FAR_NS / 2, 0);
	EXPECT_EQ(0, arm(self->fd, &later));
	marker = on_clock(CLOCK_MONOTONIC, 0, 0);
	EXPECT_EQ(0, arm(self->fd, &marker));
	while (!marked && readable(self->fd, PATIENCE_MS)) {
		n = read_some(self->fd, events, BATCH);
		ASSERT_LT(0, n);
		for (i = 0; i < (unsigned int)n; i++) {
			EXPECT_LE(events[i].due_ns, events[i].expired_ns);
			marked |= events[i].id == marker.id;
		}
	}
	EXPECT_TRUE(marked);
	EXPECT_EQ(0, cancel(self->fd, later.id));
}

/*
 * A time that elapses is none on the clock: whoever sets the clock neither hastens nor delays it.
 * That is what timerfd does with CLOCK_REALTIME, and what it does not do with CLOCK_TAI.
 */
FIXTURE(settable)
{
	int fd;
	int timerfd;	/* the same on CLOCK_REALTIME */
	int ahead_s;	/* by which CLOCK_TAI was ahead of that before */
};

FIXTURE_VARIANT(settable)
{
	clockid_t id;
};

FIXTURE_VARIANT_ADD(settable, realtime) { .id = CLOCK_REALTIME };
FIXTURE_VARIANT_ADD(settable, tai) { .id = CLOCK_TAI };

/* By how much CLOCK_TAI is ahead of CLOCK_REALTIME from now on: 0, or -errno */
static int set_tai(int ahead_s)
{
	struct timex time = { .modes = ADJ_TAI, .constant = ahead_s };

	return adjtimex(&time) < 0 ? -errno : 0;
}

FIXTURE_SETUP(settable)
{
	struct timex time = {};

	if (shift_clock(0))
		SKIP(return, "the clock cannot be set: %s", strerror(errno));
	/* or one could be taken for the other: nobody has told this machine of leap seconds */
	ASSERT_LE(0, adjtimex(&time));
	self->ahead_s = time.tai;
	ASSERT_EQ(0, set_tai(1000));
	self->fd = open_device(_metadata, O_RDWR);
	self->timerfd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	shifted = 0;
}

FIXTURE_TEARDOWN(settable)
{
	/* also if the test has failed meanwhile */
	EXPECT_EQ(0, shift_clock(-shifted));
	EXPECT_EQ(0, set_tai(self->ahead_s));
	EXPECT_TRUE(balanced(counters(self->fd)));
	close(self->fd);
}

static int set_timerfd(int timerfd, __u64 delay)
{
	const struct itimerspec spec = {
		.it_value = {
			.tv_sec = delay / NSEC_PER_SEC,
			.tv_nsec = delay % NSEC_PER_SEC,
		},
	};

	return timerfd_settime(timerfd, 0, &spec, NULL);
}

/* Between which amounts a settable clock is ahead of CLOCK_MONOTONIC; a little is for rounding. */
#define ROUNDING_NS	1000

struct ahead {
	__u64 least, most;
};

static struct ahead ahead_of_monotonic(clockid_t id)
{
	__u64 before = now_ns(CLOCK_MONOTONIC), now = now_ns(id), after = now_ns(CLOCK_MONOTONIC);

	return (struct ahead){ now - after - ROUNDING_NS, now - before + ROUNDING_NS };
}

/* A time between two of CLOCK_MONOTONIC, told on another clock as that is now */
#define EXPECT_BETWEEN(told_ns, from_ns, to_ns, id) do {		\
	__u64 _told_ns = (told_ns);					\
	struct ahead _a = ahead_of_monotonic(id);			\
									\
	EXPECT_LE((from_ns) + _a.least, _told_ns);			\
	EXPECT_GE((to_ns) + _a.most, _told_ns);				\
} while (0)

/* Waits until the clock is seen by the timers to be beyond @due_ns. */
static void wait_on_clock(struct __test_metadata *_metadata, clockid_t id, __u64 due_ns)
{
	int fd = open_device(_metadata, O_RDWR);
	struct evnotify_request marker = on_clock(id, due_ns, EVNOTIFY_ABSTIME);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(fd, &marker));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	close(fd);
}

TEST_F(settable, set_forward_a_relative_time_is_not_hastened)
{
	struct evnotify_request reqs[] = {
		on_clock(variant->id, FAR_NS, 0), on_clock(variant->id, FAR_NS, 0),
		on_clock(variant->id, now_ns(variant->id) + FAR_NS, EVNOTIFY_ABSTIME),
	};
	__u64 before = now_ns(CLOCK_MONOTONIC), after;
	struct evnotify_event events[3];
	int i;

	reqs[1].period_ns = FAR_NS;
	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	after = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, set_timerfd(self->timerfd, FAR_NS));
	ASSERT_EQ(0, shift_clock(2 * FAR_NS));

	/* the absolute one moves, and the others would have been due before it */
	ASSERT_EQ(0, read_events(self->fd, events, 1));
	EXPECT_EQ(reqs[2].id, events[0].id);
	EXPECT_EQ(reqs[2].due_ns, events[0].due_ns);
	EXPECT_LE(events[0].due_ns, events[0].expired_ns);
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_FALSE(readable(self->timerfd, 0));
	EXPECT_COUNTERS(self->fd, 3, 1, 0, 2, 0);

	/* cancelled, they say when they would have been due as the clock is now */
	EXPECT_EQ(2, cancel_all(self->fd));
	ASSERT_EQ(2, read_some(self->fd, events, 3));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ECANCELED, events[i].status);
		EXPECT_EQ(0, events[i].expired_ns);
		EXPECT_BETWEEN(events[i].due_ns, before + FAR_NS, after + FAR_NS, variant->id);
	}
}

TEST_F(settable, set_back_a_relative_time_is_not_delayed)
{
	enum { COUNT = 5 };
	__u64 delay = 25 * NSEC_PER_MSEC, before, after;
	struct evnotify_request reqs[2];
	struct evnotify_event event;
	unsigned int sum = 0, once = 0;
	struct counters seen;

	/* a machine that is slower than the delay gets more */
	do {
		delay *= 2;
		reqs[0] = on_clock(variant->id, delay, 0);
		reqs[1] = reqs[0];
		reqs[1].period_ns = delay;
		reqs[1].count = COUNT;
		before = now_ns(CLOCK_MONOTONIC);
		ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
		after = now_ns(CLOCK_MONOTONIC);
		ASSERT_EQ(0, set_timerfd(self->timerfd, delay));
		ASSERT_EQ(0, shift_clock(-(__s64)FAR_NS));
		seen = counters(self->fd);
		if (seen.pending == 2 && !seen.completing && !seen.unread)
			break;
		cancel_all(self->fd);
		while (readable(self->fd, 0))
			ASSERT_EQ(1, read_some(self->fd, &event, 1));
		ASSERT_EQ(0, shift_clock(FAR_NS));
	} while (delay < PATIENCE_MS * NSEC_PER_MSEC);

	while (!once || sum < COUNT) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(0, event.status);
		EXPECT_LE(event.due_ns, event.expired_ns);
		EXPECT_LE(event.expired_ns, event.completed_ns);
		EXPECT_LE(event.completed_ns, now_ns(variant->id));
		if (event.id == reqs[0].id) {
			EXPECT_BETWEEN(event.due_ns, before + delay, after + delay, variant->id);
			once++;
		} else {
			sum += event.count;
			EXPECT_BETWEEN(event.due_ns, before + sum * delay, after + sum * delay,
				       variant->id);
		}
	}
	EXPECT_EQ(1, once);
	EXPECT_EQ(COUNT, sum);
	EXPECT_TRUE(readable(self->timerfd, PATIENCE_MS));
	EXPECT_FALSE(readable(self->fd, 0));
}

/* The times of a record are all by one offset, wherever the clock is when it is read. */
TEST_F(settable, an_unread_record_keeps_its_times)
{
	struct evnotify_request req = on_clock(variant->id, NSEC_PER_MSEC, 0);
	__u64 before = now_ns(CLOCK_MONOTONIC), after;
	struct evnotify_event event;
	struct ahead ahead = ahead_of_monotonic(variant->id);

	ASSERT_EQ(0, arm(self->fd, &req));
	after = now_ns(CLOCK_MONOTONIC);
	ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
	ASSERT_EQ(0, shift_clock(-(__s64)FAR_NS));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_LE(before + NSEC_PER_MSEC + ahead.least, event.due_ns);
	EXPECT_GE(after + NSEC_PER_MSEC + ahead.most, event.due_ns);
	EXPECT_LE(event.due_ns, event.expired_ns);
	EXPECT_LE(event.expired_ns, event.completed_ns);
}

/* Expirations that merge while the clock is set: the latest one is on the clock as it is then. */
TEST_F(settable, expirations_on_either_side_merge)
{
	const __u64 period = 2 * NSEC_PER_MSEC;
	struct evnotify_request req = on_clock(variant->id, period, 0);
	__u64 before = now_ns(CLOCK_MONOTONIC), after;
	struct evnotify_event event;
	unsigned int i, sum = 0;

	req.period_ns = period;
	ASSERT_EQ(0, arm(self->fd, &req));
	after = now_ns(CLOCK_MONOTONIC);
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
		ASSERT_EQ(0, shift_clock(i % 2 ? (__s64)FAR_NS : -(__s64)FAR_NS));
		/* one that has begun after the clock was set, whatever it merges with */
		wait_on_clock(_metadata, CLOCK_MONOTONIC, now_ns(CLOCK_MONOTONIC) + 2 * period);
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		sum += event.count;
		EXPECT_LE(event.due_ns, event.expired_ns);
		EXPECT_GT(period, event.expired_ns - event.due_ns);
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		sum += event.count;
		EXPECT_LE(event.due_ns, event.expired_ns);
		EXPECT_GT(period, event.expired_ns - event.due_ns);
		EXPECT_BETWEEN(event.due_ns, before + sum * period, after + sum * period,
			       variant->id);
	}
	EXPECT_EQ(0, cancel(self->fd, req.id));
}

TEST_F(settable, update_chooses_anew_whether_it_moves)
{
	__u64 due = now_ns(variant->id) + FAR_NS, before, after;
	struct evnotify_request to_absolute = on_clock(variant->id, 4 * FAR_NS, 0);
	struct evnotify_request to_relative = on_clock(variant->id, due, EVNOTIFY_ABSTIME);
	struct evnotify_request back = on_clock(variant->id, 4 * FAR_NS, 0);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &to_absolute));
	ASSERT_EQ(0, arm(self->fd, &to_relative));
	ASSERT_EQ(0, arm(self->fd, &back));
	before = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, update(self->fd, to_relative.id, FAR_NS / 2, 0));
	after = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, update(self->fd, back.id, due, EVNOTIFY_ABSTIME));
	ASSERT_EQ(0, update(self->fd, back.id, FAR_NS / 2, 0));
	ASSERT_EQ(0, update(self->fd, to_absolute.id, due + 1, EVNOTIFY_ABSTIME));

	ASSERT_EQ(0, shift_clock(2 * FAR_NS));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(to_absolute.id, event.id);
	EXPECT_EQ(due + 1, event.due_ns);
	EXPECT_LE(event.due_ns, event.expired_ns);
	EXPECT_COUNTERS(self->fd, 3, 1, 0, 2, 0);

	ASSERT_EQ(0, cancel(self->fd, to_relative.id));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_BETWEEN(event.due_ns, before + FAR_NS / 2, after + FAR_NS / 2, variant->id);

	/* and what is left goes on as any relative time does */
	ASSERT_EQ(0, update(self->fd, back.id, NSEC_PER_MSEC, 0));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(back.id, event.id);
	EXPECT_EQ(0, event.status);
	EXPECT_LE(event.due_ns, event.expired_ns);
}

/* An event of a source is told on the clock of who gets it, as that is when it is given. */
TEST_F(settable, an_event_is_told_on_the_clock_of_the_request)
{
	int sim = open_sim(_metadata), fd = sim_new(sim, 0, NULL);
	struct evnotify_request req = event_request(0, 0);
	__u64 before = now_ns(CLOCK_MONOTONIC), after;
	struct evnotify_event event;
	int i;

	ASSERT_LE(0, fd);
	req.clockid = variant->id;
	ASSERT_EQ(2, sim_raise(sim, 2, 0));
	after = now_ns(CLOCK_MONOTONIC);
	for (i = 0; i < 2; i++) {
		/* it was kept while the clock was set */
		ASSERT_EQ(0, shift_clock(i ? -2 * (__s64)FAR_NS : (__s64)FAR_NS));
		ASSERT_EQ(0, arm(fd, &req));
		ASSERT_EQ(0, read_events(fd, &event, 1));
		EXPECT_EVENT(&event, i, 0);
		EXPECT_BETWEEN(event.expired_ns, before, after, variant->id);
		EXPECT_LE(event.completed_ns, now_ns(variant->id));
	}
	/* and so is the end of a wait for one */
	req.due_ns = NSEC_PER_MSEC;
	before = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, arm(fd, &req));
	after = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(-ETIME, event.status);
	EXPECT_BETWEEN(event.due_ns, before + NSEC_PER_MSEC, after + NSEC_PER_MSEC, variant->id);
	EXPECT_LE(event.due_ns, event.expired_ns);
	EXPECT_LE(event.expired_ns, event.completed_ns);
	/* a relative time does not move with the clock */
	req.due_ns = FAR_NS;
	before = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, arm(fd, &req));
	after = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, shift_clock(2 * FAR_NS));
	EXPECT_EQ(0, cancel(fd, req.id));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_BETWEEN(event.due_ns, before + FAR_NS, after + FAR_NS, variant->id);
	close(fd);
	close(sim);
}

TEST_HARNESS_MAIN
