// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races with the expiry of a request: whoever wins, it ends exactly once, and everybody is
 * told the same. Asserted from what was received, and from the counters.
 *
 * EVNOTIFY_RACE_MS: how long each test races (1000); EVNOTIFY_SEED: repeat a run.
 */
#include <stdatomic.h>

#include "evnotify_test.h"

static unsigned int seed;

static __u64 race_ns(void)
{
	return setting("EVNOTIFY_RACE_MS", 1000) * NSEC_PER_MSEC;
}

static void seed_random(void)
{
	seed = setting("EVNOTIFY_SEED", now_ns(CLOCK_MONOTONIC));
	ksft_print_msg("EVNOTIFY_SEED=%u\n", seed);
}

static unsigned int random_below(unsigned int n)
{
	return rand_r(&seed) % n;
}

/*
 * On another CPU than the timer's, an opponent strikes at about the time when the request
 * expires. The strike is steered so that each side wins about every other round. With one CPU
 * there is less of a race, but no less to assert.
 */
struct opponent {
	pthread_t thread;
	void (*strike)(struct opponent *o);
	atomic_int round;	/* the test's: go */
	atomic_int struck;	/* the opponent's: done */
	bool stop;
	__u64 strike_ns;
	int fd;
	__u64 id;
	atomic_ullong value;	/* in or out, as the strike has it */
	struct waiter *waiter;
	int ret;
	int crowd_fd;
	unsigned int crowd;
	__s64 offset;
	__s64 step;
	bool won_last;
	unsigned int won;
	unsigned int lost;
	__u64 end_ns;
};

static void *opponent_main(void *arg)
{
	struct opponent *o = arg;
	int round = 0;

	stay_on(1);
	for (;;) {
		while (o->round == round)
			sched_yield();
		if (o->stop)
			return NULL;
		while (now_ns(CLOCK_MONOTONIC) < o->strike_ns)
			;
		o->strike(o);
		round = o->round;
		o->struck = round;
	}
}

static void race_begin(struct opponent *o, int fd, void (*strike)(struct opponent *))
{
	memset(o, 0, sizeof(*o));
	o->fd = fd;
	o->step = 10000;
	o->crowd_fd = eventfd(0, EFD_NONBLOCK);
	o->strike = strike;
	o->end_ns = now_ns(CLOCK_MONOTONIC) + race_ns();
	seed_random();
	stay_on(0);
	pthread_create(&o->thread, NULL, opponent_main, o);
}

/* Until the time is up, but not before either side has won: else it was no race. */
static bool race_goes_on(struct opponent *o)
{
	__u64 now = now_ns(CLOCK_MONOTONIC);

	return now < o->end_ns || ((!o->won || !o->lost) && now < o->end_ns + 20 * race_ns());
}

/* A due time that leaves the opponent time to come first. */
static __u64 race_due(struct opponent *o)
{
	return now_ns(CLOCK_MONOTONIC) + 500 * NSEC_PER_USEC + (o->offset < 0 ? -o->offset : 0);
}

static void race_at(struct opponent *o, __u64 due_ns)
{
	o->strike_ns = due_ns + o->offset + random_below(20000);
	o->round++;
}

static void race_join(struct opponent *o)
{
	while (o->struck != o->round)
		sched_yield();
}

static void race_score(struct opponent *o, bool won)
{
	if (won)
		o->won++;
	else
		o->lost++;
	/* who came first shall come later: by more if it was not enough, by less if it was */
	if (won == o->won_last)
		o->step = o->step < 400000 ? 2 * o->step : o->step;
	else
		o->step = o->step > 2000 ? o->step / 2 : o->step;
	o->offset += won ? o->step : -o->step;
	o->won_last = won;
}

static void race_end(struct __test_metadata *_metadata, struct opponent *o)
{
	unsigned int signals;

	o->stop = true;
	o->round++;
	pthread_join(o->thread, NULL);
	ksft_print_msg("%u won, %u lost\n", o->won, o->lost);
	EXPECT_LT(0, o->won);
	EXPECT_LT(0, o->lost);
	/* nothing of what went on touched the crowd */
	for (signals = 0; signals < o->crowd; signals += eventfd_take(o->crowd_fd))
		ASSERT_TRUE(readable(o->crowd_fd, PATIENCE_MS));
	EXPECT_EQ(o->crowd, signals);
	EXPECT_EQ(0, eventfd_take(o->crowd_fd));
}

/*
 * Requests that are due just before the one that is raced for. It has to wait its turn then,
 * when it is neither pending any more nor complete yet.
 */
static int race_crowd(struct opponent *o, __u64 due_ns)
{
	struct evnotify_request reqs[200];
	unsigned int n = random_below(ARRAY_SIZE(reqs)), i;

	for (i = 0; i < n; i++) {
		reqs[i] = eventfd_in(due_ns, o->crowd_fd);
		reqs[i].flags = EVNOTIFY_ABSTIME;
	}
	o->crowd += n;
	return !n || arm_many(o->fd, reqs, n) == (int)n ? 0 : -EPROTO;
}

/* Arms the request that the round is about, and sends the opponent. */
static int race_arm(struct opponent *o, struct evnotify_request *req)
{
	int ret;

	req->flags = EVNOTIFY_ABSTIME;
	ret = race_crowd(o, req->due_ns) ?: arm(o->fd, req);
	if (ret)
		return ret;
	o->id = req->id;
	race_at(o, req->due_ns);
	return 0;
}

static void strike_cancel(struct opponent *o)
{
	o->ret = cancel(o->fd, o->id);
}

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

static void strike_update(struct opponent *o)
{
	o->ret = update(o->fd, o->id, o->value, EVNOTIFY_ABSTIME);
}

TEST_F(instance, update_against_expiry)
{
	struct evnotify_event event;
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0;

	race_begin(&o, self->fd, strike_update);
	while (race_goes_on(&o)) {
		req = pending_in(race_due(&o), ++rounds);
		o.value = req.due_ns + 300 * NSEC_PER_USEC;
		ASSERT_EQ(0, race_arm(&o, &req));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		race_join(&o);
		ASSERT_TRUE(o.ret == 0 || o.ret == -EALREADY);
		ASSERT_EQ(o.ret ? req.due_ns : o.value, event.due_ns);
		ASSERT_LE(event.due_ns, event.expired_ns);
		ASSERT_EQ(1, event.count);
		ASSERT_EQ(0, event.status);
		ASSERT_EQ(rounds, event.seq);
		race_score(&o, !o.ret);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, rounds + o.crowd, 0, 0, 0);
}

/* The last one of many becomes the first, maybe while the interrupt of the former first waits. */
static void strike_arm(struct opponent *o)
{
	struct evnotify_request reqs[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reqs); i++)
		reqs[i] = pending_in(FAR_NS, i);
	reqs[ARRAY_SIZE(reqs) - 1].due_ns = 0;
	o->ret = arm_many(o->fd, reqs, ARRAY_SIZE(reqs));
	o->value = now_ns(CLOCK_MONOTONIC);
}

TEST_F(instance, arm_against_expiry)
{
	struct evnotify_event events[32];
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0;
	int i;

	race_begin(&o, self->fd, strike_arm);
	while (race_goes_on(&o)) {
		req = pending_in(race_due(&o), 100);
		rounds++;
		ASSERT_EQ(0, race_arm(&o, &req));
		race_join(&o);
		ASSERT_EQ(32, o.ret);
		/* both expire, whichever way the timer was set, and the others stay */
		ASSERT_EQ(0, read_events(self->fd, events, 2));
		ASSERT_EQ(131, events[0].user_data + events[1].user_data);
		ASSERT_EQ(31, counters(self->fd).pending);
		i = events[0].user_data == 100 ? 0 : 1;
		ASSERT_EQ(31, cancel_all(self->fd));
		race_score(&o, events[i].completed_ns > o.value);
		ASSERT_EQ(0, read_events(self->fd, events, 31));
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, 33 * rounds + o.crowd, 2 * rounds + o.crowd, 31 * rounds, 0, 0);
}

/* A WAIT of this thread, whose opponent strikes as soon as it has an id, or later. */
static int race_wait(struct opponent *o, struct waiter *w, __u64 user_data)
{
	memset((void *)&w->wait, POISON, sizeof(w->wait));
	w->wait.request = pending_in(race_due(o), user_data);
	w->wait.request.flags = EVNOTIFY_ABSTIME;
	w->wait.request.id = 0;
	o->waiter = w;
	if (race_crowd(o, w->wait.request.due_ns))
		return -EPROTO;
	race_at(o, w->wait.request.due_ns);
	w->ret = call(o->fd, EVNOTIFY_IOC_WAIT, (void *)&w->wait);
	race_join(o);
	return w->ret;
}

static void strike_signal(struct opponent *o)
{
	while (!o->waiter->wait.request.id)
		;
	o->ret = pthread_kill(o->waiter->thread, SIGUSR1);
}

static void ignore_signal(int signo)
{
	(void)signo;
}

/* What the signal leaves, the same call takes up again, whatever has become of it meanwhile. */
TEST_F(instance, signal_against_completion_of_a_wait)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct waiter w = { .thread = pthread_self() };
	struct opponent o;
	__u64 rounds = 0, id;
	int ret;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	race_begin(&o, self->fd, strike_signal);
	while (race_goes_on(&o)) {
		ret = race_wait(&o, &w, ++rounds);
		ASSERT_TRUE(ret == 0 || ret == -EINTR);
		race_score(&o, ret);
		id = w.wait.request.id;
		if (ret) {
			/* not told yet, and nobody else is */
			ASSERT_EQ(POISON, w.wait.event.seq & 0xff);
			ASSERT_EQ(rounds + o.crowd, counters(self->fd).armed);
			ASSERT_FALSE(readable(self->fd, 0));
			ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
			ASSERT_EQ(id, w.wait.request.id);
		}
		ASSERT_EQ(id, w.wait.event.id);
		ASSERT_EQ(rounds, w.wait.event.user_data);
		ASSERT_EQ(0, w.wait.event.status);
		ASSERT_EQ(rounds, w.wait.event.seq);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, rounds + o.crowd, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

/* A CANCEL of what was left, against the WAIT that comes again for it. */
TEST_F(instance, cancel_against_a_wait_that_comes_again)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct opponent o;
	struct waiter w;
	__u64 rounds = 0;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	race_begin(&o, self->fd, strike_cancel);
	while (race_goes_on(&o)) {
		ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, ++rounds)));
		ASSERT_TRUE(waiter_blocked(&w));
		ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
		ASSERT_EQ(-EINTR, waiter_join(&w));
		o.id = w.wait.request.id;
		race_at(&o, race_due(&o));
		while (now_ns(CLOCK_MONOTONIC) < o.strike_ns - o.offset)
			;
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
		race_join(&o);
		ASSERT_EQ(0, o.ret);
		ASSERT_EQ(o.id, w.wait.event.id);
		ASSERT_EQ(-ECANCELED, w.wait.event.status);
		ASSERT_EQ(rounds, w.wait.event.seq);
		/* cancelled before the call, or while it was under way */
		race_score(&o, w.wait.event.completed_ns < o.strike_ns - o.offset);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds, 0, rounds, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

/*
 * Nobody takes up what was left, and it is cancelled at about the time when it expires: pending, on
 * its way, or complete. Its place is free then in any case.
 */
TEST_F(instance, cancel_against_expiry_of_what_a_wait_has_left)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct evnotify_request *reqs;
	struct evnotify_info info;
	struct opponent o;
	struct waiter w;
	__u64 rounds = 0, due;
	unsigned int i;

	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	reqs = calloc(info.max_requests, sizeof(*reqs));
	ASSERT_NE(NULL, reqs);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	race_begin(&o, self->fd, strike_cancel);
	while (race_goes_on(&o)) {
		ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, ++rounds)));
		ASSERT_TRUE(waiter_blocked(&w));
		ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
		ASSERT_EQ(-EINTR, waiter_join(&w));
		o.id = w.wait.request.id;
		due = race_due(&o);
		ASSERT_EQ(0, race_crowd(&o, due));
		ASSERT_EQ(0, update(self->fd, o.id, due, EVNOTIFY_ABSTIME));
		race_at(&o, due);
		race_join(&o);
		ASSERT_TRUE(o.ret == 0 || o.ret == -EALREADY);
		race_score(&o, !o.ret);
	}
	race_end(_metadata, &o);
	EXPECT_TRUE(UNTIL(!counters(self->fd).completing));
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, o.lost + o.crowd, o.won, 0, 0);
	for (i = 0; i < info.max_requests; i++)
		reqs[i] = pending_in(FAR_NS, i);
	EXPECT_EQ(info.max_requests, arm_many(self->fd, reqs, info.max_requests));
}

static void strike_waiter_cancel(struct opponent *o)
{
	while (!o->waiter->wait.request.id)
		;
	o->ret = cancel(o->fd, o->waiter->wait.request.id);
}

TEST_F(instance, cancel_against_completion_of_a_wait)
{
	struct opponent o;
	struct waiter w;
	__u64 rounds = 0;

	race_begin(&o, self->fd, strike_waiter_cancel);
	while (race_goes_on(&o)) {
		ASSERT_EQ(0, race_wait(&o, &w, ++rounds));
		ASSERT_TRUE(o.ret == 0 || o.ret == -EALREADY);
		ASSERT_EQ(o.ret ? 0 : -ECANCELED, w.wait.event.status);
		ASSERT_EQ(rounds, w.wait.event.user_data);
		ASSERT_EQ(rounds, w.wait.event.seq);
		race_score(&o, !o.ret);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds + o.crowd, o.lost + o.crowd, o.won, 0, 0);
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

static void strike_cancel_all_waiter(struct opponent *o)
{
	while (!o->waiter->wait.request.id)
		;
	o->ret = cancel_all(o->fd) >= 0 && !counters(o->fd).completing ? 0 : -EPROTO;
}

TEST_F(instance, cancel_all_against_completion_of_a_wait)
{
	struct opponent o;
	struct waiter w;
	__u64 rounds = 0;

	race_begin(&o, self->fd, strike_cancel_all_waiter);
	while (race_goes_on(&o)) {
		rounds++;
		memset((void *)&w.wait, POISON, sizeof(w.wait));
		w.wait.request = pending_in(race_due(&o), rounds);
		w.wait.request.flags = EVNOTIFY_ABSTIME;
		w.wait.request.id = 0;
		o.waiter = &w;
		race_at(&o, w.wait.request.due_ns);
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
		race_join(&o);
		ASSERT_EQ(0, o.ret);
		ASSERT_EQ(rounds, w.wait.event.user_data);
		ASSERT_EQ(rounds, w.wait.event.seq);
		race_score(&o, w.wait.event.status);
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds, o.lost, o.won, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

/*
 * Readers of one record each, with bad memory now and then, and signals all the time: no record
 * waits while one of them sleeps.
 */
#define READERS	6

struct disturbed {
	pthread_t thread;
	int fd;
	bool spoilt;
	volatile bool *stop;
	atomic_uint *took;
};

static void *disturbed_main(void *arg)
{
	struct disturbed *d = arg;
	struct evnotify_event event;
	int ret;

	while (!*d->stop) {
		ret = read_some(d->fd, d->spoilt ? NULL : &event, 1);
		if (ret == 1)
			atomic_fetch_add(d->took, 1);
		else if (ret != -EINTR && ret != -EFAULT)
			return NULL;
	}
	return NULL;
}

TEST_F(instance, no_record_waits_while_a_reader_sleeps)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	__u64 end = now_ns(CLOCK_MONOTONIC) + race_ns();
	struct disturbed readers[READERS];
	volatile bool stop = false;
	struct evnotify_request req;
	unsigned int i, n, armed = 0;
	atomic_uint took = 0;

	seed_random();
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (i = 0; i < READERS; i++) {
		readers[i] = (struct disturbed){
			.fd = self->fd, .stop = &stop, .took = &took,
			/* it would not let a record go while nobody else reads it */
			.spoilt = i == 2,
		};
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL, disturbed_main,
					    &readers[i]));
	}
	while (now_ns(CLOCK_MONOTONIC) < end) {
		for (n = 1 + random_below(3); n; n--) {
			req = pending_in(random_below(50000), 0);
			ASSERT_EQ(0, arm(self->fd, &req));
			armed++;
			ASSERT_EQ(0, pthread_kill(readers[random_below(READERS)].thread, SIGUSR1));
		}
		/* nothing but the wake-ups of the records themselves */
		ASSERT_TRUE(UNTIL(took == armed));
	}
	stop = true;
	for (i = 0; i < READERS; i++) {
		while (pthread_tryjoin_np(readers[i].thread, NULL)) {
			pthread_kill(readers[i].thread, SIGUSR1);
			usleep(100);
		}
	}
	ksft_print_msg("%u records\n", armed);
	EXPECT_COUNTERS(self->fd, armed, armed, 0, 0, 0);
}

static void strike_close(struct opponent *o)
{
	o->ret = close(o->fd);
	/* what was signalled until now is all that ever is */
	o->value = eventfd_take(o->id);
}

TEST_F(instance, close_against_expiry)
{
	enum { N = 40 };
	int efd = eventfd(0, EFD_NONBLOCK), i;
	struct evnotify_wait marker = {};
	struct evnotify_request reqs[N];
	unsigned int between = 0;
	struct opponent o;

	race_begin(&o, -1, strike_close);
	o.id = efd;
	while (race_goes_on(&o)) {
		__u64 due = race_due(&o);

		o.fd = open_device(_metadata, O_RDWR);
		for (i = 0; i < N; i++) {
			reqs[i] = i % 4 ? eventfd_in(due + i, efd) : pending_in(due + i, i);
			reqs[i].flags = EVNOTIFY_ABSTIME;
		}
		ASSERT_EQ(N, arm_many(o.fd, reqs, N));
		race_at(&o, due);
		race_join(&o);
		ASSERT_EQ(0, o.ret);
		ASSERT_GE(N / 4 * 3, o.value);
		between += o.value && o.value < N / 4 * 3;
		/* all of them would have been due when this is over */
		marker.request = pending_in(due + N, 0);
		marker.request.flags = EVNOTIFY_ABSTIME;
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &marker));
		ASSERT_EQ(0, eventfd_take(efd));
		race_score(&o, !o.value);
	}
	race_end(_metadata, &o);
	ksft_print_msg("%u closed in between\n", between);
	EXPECT_LT(0, o.won);
	EXPECT_LT(0, o.lost);
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

static void strike_read(struct opponent *o)
{
	struct evnotify_event event;
	int n;

	/* a round is a request: both sides read until it has ended */
	do {
		n = readable(o->fd, 0) ? read_some(o->fd, &event, 1) : 0;
		if (n == 1)
			o->value += event.count;
		o->ret = n == 1 && !(event.flags & EVNOTIFY_EVENT_MORE);
	} while (!o->ret && counters(o->fd).pending + counters(o->fd).unread);
}

TEST_F(instance, two_readers_against_periodic_expiry)
{
	enum { COUNT = 25 };
	struct evnotify_event event;
	struct evnotify_request req;
	struct opponent o;
	__u64 rounds = 0, sum;
	int last;

	ASSERT_EQ(0, set_nonblock(self->fd));
	race_begin(&o, self->fd, strike_read);
	while (race_goes_on(&o)) {
		req = pending_in(100 * NSEC_PER_USEC, ++rounds);
		req.period_ns = 100 * NSEC_PER_USEC;
		req.count = COUNT;
		o.value = 0;
		o.ret = 0;
		ASSERT_EQ(0, arm(self->fd, &req));
		race_at(&o, now_ns(CLOCK_MONOTONIC));
		/* or this side would be through before the other is awake */
		while (!o.value && o.struck != o.round)
			sched_yield();
		for (sum = 0, last = 0; !last; ) {
			if (!readable(self->fd, 1)) {
				if (o.struck == o.round && o.ret)
					break;
				continue;
			}
			if (read_some(self->fd, &event, 1) != 1)
				continue;
			ASSERT_EQ(rounds, event.user_data);
			sum += event.count;
			last = !(event.flags & EVNOTIFY_EVENT_MORE);
		}
		race_join(&o);
		ASSERT_EQ(COUNT, sum + o.value);
		ASSERT_EQ(1, last + o.ret);
		o.won += o.value > 0;
		o.lost += sum > 0;
	}
	race_end(_metadata, &o);
	EXPECT_COUNTERS(self->fd, rounds, rounds, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_HARNESS_MAIN
