// SPDX-License-Identifier: GPL-2.0-only
/* CANCEL, of one and of all, against expiry, against itself, and while the instance grows. */
#include "race.h"

TEST_F(instance, cancel_against_expiry_of_a_pending_request)
{
	struct evnotify_event event;
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0;

	race_begin(&o, self->fd, strike_cancel);
	while (race_goes_on(&o)) {
		req = pending_in(race_due(&o), ++rounds);
		ASSERT_EQ(0, race_arm(&o, &req));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		race_join(&o);
		ASSERT_TRUE(o.ret == 0 || o.ret == -EALREADY);
		ASSERT_EQ(o.ret ? 0 : -ECANCELED, event.status);
		ASSERT_EQ(o.ret ? 1 : 0, event.count);
		ASSERT_EQ(rounds, event.user_data);
		/* a record too many would take a number */
		ASSERT_EQ(rounds, event.seq);
		race_score(&o, !o.ret);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, o.lost + o.crowd, o.won, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, cancel_against_expiry_of_an_eventfd_request)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0;

	race_begin(&o, self->fd, strike_cancel);
	while (race_goes_on(&o)) {
		req = eventfd_in(race_due(&o), efd);
		rounds++;
		ASSERT_EQ(0, race_arm(&o, &req));
		race_join(&o);
		ASSERT_TRUE(o.ret == 0 || o.ret == -EALREADY);
		/* once cancelled it is never signalled: a late signal shows up in a later round */
		if (o.ret)
			ASSERT_TRUE(readable(efd, PATIENCE_MS));
		ASSERT_EQ(o.ret ? 1 : 0, eventfd_take(efd));
		race_score(&o, !o.ret);
	}
	race_end(_metadata, &o);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, o.lost + o.crowd, o.won, 0, 0);
}

static void strike_cancel_take(struct opponent *o)
{
	o->ret = cancel(o->fd, o->id);
	/* what was signalled until now is all that ever is */
	o->value = eventfd_take(o->value);
}

TEST_F(instance, cancel_against_expiry_of_a_periodic_eventfd_request)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0;

	race_begin(&o, self->fd, strike_cancel_take);
	while (race_goes_on(&o)) {
		req = eventfd_in(race_due(&o), efd);
		req.period_ns = 100 * NSEC_PER_USEC;
		rounds++;
		o.value = efd;
		ASSERT_EQ(0, race_arm(&o, &req));
		race_join(&o);
		ASSERT_EQ(0, o.ret);
		ASSERT_EQ(0, eventfd_take(efd));
		race_score(&o, !o.value);
	}
	race_end(_metadata, &o);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, o.crowd, rounds, 0, 0);
}

/* CANCEL says 0, and what had expired by then may be under way: the last record comes anyway. */
TEST_F(instance, cancel_against_expiry_of_a_periodic_pending_request)
{
	struct evnotify_event event;
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0, seq = 0, first;

	race_begin(&o, self->fd, strike_cancel);
	while (race_goes_on(&o)) {
		req = pending_in(race_due(&o), ++rounds);
		req.period_ns = 100 * NSEC_PER_USEC;
		ASSERT_EQ(0, race_arm(&o, &req));
		race_join(&o);
		ASSERT_EQ(0, o.ret);
		first = 0;
		do {
			ASSERT_EQ(0, read_events(self->fd, &event, 1));
			ASSERT_EQ(rounds, event.user_data);
			ASSERT_EQ(++seq, event.seq);
			first += event.count;
		} while (event.flags & EVNOTIFY_EVENT_MORE);
		ASSERT_EQ(-ECANCELED, event.status);
		race_score(&o, !first);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, o.crowd, rounds, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, cancel_against_cancel)
{
	struct evnotify_event event;
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0;
	int ret;

	race_begin(&o, self->fd, strike_cancel);
	while (race_goes_on(&o)) {
		req = pending_in(FAR_NS, ++rounds);
		ASSERT_EQ(0, arm(self->fd, &req));
		o.id = req.id;
		race_at(&o, race_due(&o));
		while (now_ns(CLOCK_MONOTONIC) < o.strike_ns - o.offset)
			;
		ret = cancel(self->fd, req.id);
		race_join(&o);
		ASSERT_EQ(-EALREADY, ret + o.ret);
		ASSERT_EQ(1, read_some(self->fd, &event, 1));
		ASSERT_EQ(rounds, event.seq);
		ASSERT_EQ(-ECANCELED, event.status);
		race_score(&o, !o.ret);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds, 0, rounds, 0, 0);
}

/*
 * CANCEL of all is a barrier. When it has returned, each request has been cancelled, or its record
 * or signal is there; and nothing follows.
 */
#define BARRIER	120

struct barrier {
	long cancelled;
	int bytes;		/* to be read */
	__u64 signals;
	struct counters counters;
};

static struct barrier barrier;
static int barrier_eventfd;

static void look_at_barrier(int fd)
{
	if (ioctl(fd, FIONREAD, &barrier.bytes))
		barrier.bytes = -1;
	barrier.signals = eventfd_take(barrier_eventfd);
	barrier.counters = counters(fd);
}

static void strike_cancel_all(struct opponent *o)
{
	barrier.cancelled = cancel_all(o->fd);
	look_at_barrier(o->fd);
}

TEST_F(instance, nothing_is_under_way_when_cancel_all_has_returned)
{
	struct evnotify_request reqs[BARRIER];
	struct evnotify_event events[BARRIER / 2];
	unsigned int i, signalled, between = 0;
	struct evnotify_wait marker;
	struct opponent o;
	__u64 rounds = 0;

	barrier_eventfd = eventfd(0, EFD_NONBLOCK);
	race_begin(&o, self->fd, strike_cancel_all);
	while (race_goes_on(&o)) {
		__u64 due = race_due(&o);

		rounds++;
		for (i = 0; i < BARRIER; i++) {
			reqs[i] = i % 2 ? eventfd_in(due, barrier_eventfd) : pending_in(due, i);
			reqs[i].flags = EVNOTIFY_ABSTIME;
		}
		ASSERT_EQ(BARRIER, arm_many(self->fd, reqs, BARRIER));
		race_at(&o, due);
		race_join(&o);
		ASSERT_LE(0, barrier.cancelled);
		ASSERT_EQ(0, barrier.counters.pending);
		ASSERT_EQ(0, barrier.counters.completing);
		ASSERT_EQ(BARRIER / 2 * sizeof(*events), barrier.bytes);
		ASSERT_EQ(BARRIER / 2, read_some(self->fd, events, BARRIER / 2));
		signalled = BARRIER - barrier.cancelled;
		for (i = 0; i < BARRIER / 2; i++)
			signalled -= !events[i].status;
		ASSERT_EQ(signalled, barrier.signals);

		/* all of them would have been due when this is over */
		marker.request = pending_in(due, 0);
		marker.request.flags = EVNOTIFY_ABSTIME;
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &marker));
		look_at_barrier(self->fd);
		ASSERT_EQ(0, barrier.bytes);
		ASSERT_EQ(0, barrier.signals);
		between += barrier.cancelled && barrier.cancelled < BARRIER;
		race_score(&o, barrier.cancelled > BARRIER / 2);
	}
	race_end(_metadata, &o);
	ksft_print_msg("%u in between\n", between);
	EXPECT_EQ(rounds * (BARRIER + 1), counters(self->fd).armed);
	EXPECT_TRUE(UNTIL(!counters(self->fd).completing));
}

TEST_F(instance, nothing_periodic_is_under_way_when_cancel_all_has_returned)
{
	struct evnotify_request reqs[BARRIER];
	struct evnotify_event events[BARRIER / 2];
	struct evnotify_wait marker;
	struct opponent o;
	unsigned int i;

	barrier_eventfd = eventfd(0, EFD_NONBLOCK);
	race_begin(&o, self->fd, strike_cancel_all);
	while (race_goes_on(&o)) {
		__u64 due = race_due(&o);

		for (i = 0; i < BARRIER; i++) {
			reqs[i] = i % 2 ? eventfd_in(due, barrier_eventfd) : pending_in(due, i);
			reqs[i].flags = EVNOTIFY_ABSTIME;
			reqs[i].period_ns = NSEC_PER_MSEC;
		}
		ASSERT_EQ(BARRIER, arm_many(self->fd, reqs, BARRIER));
		race_at(&o, due);
		race_join(&o);
		/* each of them was armed still: it has no end */
		ASSERT_EQ(BARRIER, barrier.cancelled);
		ASSERT_EQ(0, barrier.counters.pending);
		ASSERT_EQ(0, barrier.counters.completing);
		ASSERT_EQ(BARRIER / 2 * sizeof(*events), barrier.bytes);
		ASSERT_EQ(BARRIER / 2, read_some(self->fd, events, BARRIER / 2));
		for (i = 0; i < BARRIER / 2; i++)
			ASSERT_EQ(-ECANCELED, events[i].status);
		race_score(&o, !events[0].count);

		marker.request = pending_in(2 * NSEC_PER_MSEC, 0);
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &marker));
		look_at_barrier(self->fd);
		ASSERT_EQ(0, barrier.bytes);
		ASSERT_EQ(0, barrier.signals);
	}
	race_end(_metadata, &o);
}

/*
 * The instance grows by a chunk of records while another thread goes through all of them, and
 * through places that there are not yet: it never comes across half a record.
 */
struct canceller {
	pthread_t thread;
	atomic_int fd;		/* -1: wait for the next, -2: end */
	atomic_int busy;
	atomic_ullong cancelled;
	unsigned int sweeps;
};

static void *canceller_main(void *arg)
{
	struct canceller *c = arg;
	__u64 place;
	int fd;

	stay_on(1);
	while ((fd = c->fd) != -2) {
		c->busy = 1;
		fd = c->fd;
		if (fd >= 0) {
			for (place = 0; place < 4096; place += 61)
				c->cancelled += !cancel(fd, 1ULL << 21 | place);
			c->cancelled += cancel_all(fd);
			c->sweeps++;
		}
		c->busy = 0;
		sched_yield();
	}
	return NULL;
}

TEST_F(instance, cancel_against_growth)
{
	enum { N = 2000 };
	__u64 end = now_ns(CLOCK_MONOTONIC) + race_ns();
	struct canceller c = { .fd = -1 };
	struct evnotify_request reqs[N];
	struct counters seen;
	int i, fd;

	stay_on(0);
	for (i = 0; i < N; i++)
		reqs[i] = pending_in(FAR_NS, i);
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, canceller_main, &c));
	while (now_ns(CLOCK_MONOTONIC) < end || !c.cancelled) {
		fd = open_device(_metadata, O_RDWR);
		c.cancelled = 0;
		c.fd = fd;
		for (i = 0; i < N; i += 40)
			ASSERT_EQ(40, arm_many(fd, reqs + i, 40));
		c.fd = -1;
		while (c.busy)
			sched_yield();
		seen = counters(fd);
		ASSERT_EQ(N, seen.armed);
		ASSERT_EQ(c.cancelled, seen.cancelled);
		ASSERT_EQ(N, seen.cancelled + seen.pending);
		ASSERT_EQ(seen.cancelled, seen.unread);
		close(fd);
	}
	c.fd = -2;
	pthread_join(c.thread, NULL);
	ksft_print_msg("%u sweeps\n", c.sweeps);
}

TEST_HARNESS_MAIN
