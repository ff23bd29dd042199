/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A race with the expiry of a request, round after round: whoever wins, it ends exactly once, and
 * everybody is told the same. Asserted from what was received, and from the counters.
 *
 * EVNOTIFY_RACE_MS: how long each test races (1000); EVNOTIFY_SEED: repeat a run.
 */
#ifndef EVNOTIFY_RACE_H
#define EVNOTIFY_RACE_H

#include <stdatomic.h>

#include "evnotify_test.h"

static unsigned int seed;

static inline __u64 race_ns(void)
{
	return setting("EVNOTIFY_RACE_MS", 1000) * NSEC_PER_MSEC;
}

static inline void seed_random(void)
{
	seed = setting("EVNOTIFY_SEED", now_ns(CLOCK_MONOTONIC));
	ksft_print_msg("EVNOTIFY_SEED=%u\n", seed);
}

static inline unsigned int random_below(unsigned int n)
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

static inline void *opponent_main(void *arg)
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

static inline void race_begin(struct opponent *o, int fd, void (*strike)(struct opponent *))
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
static inline bool race_goes_on(struct opponent *o)
{
	__u64 now = now_ns(CLOCK_MONOTONIC);

	return now < o->end_ns || ((!o->won || !o->lost) && now < o->end_ns + 20 * race_ns());
}

/* A due time that leaves the opponent time to come first. */
static inline __u64 race_due(struct opponent *o)
{
	return now_ns(CLOCK_MONOTONIC) + 500 * NSEC_PER_USEC + (o->offset < 0 ? -o->offset : 0);
}

static inline void race_at(struct opponent *o, __u64 due_ns)
{
	o->strike_ns = due_ns + o->offset + random_below(20000);
	o->round++;
}

static inline void race_join(struct opponent *o)
{
	while (o->struck != o->round)
		sched_yield();
}

static inline void race_score(struct opponent *o, bool won)
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

static inline void race_end(struct __test_metadata *_metadata, struct opponent *o)
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
static inline int race_crowd(struct opponent *o, __u64 due_ns)
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
static inline int race_arm(struct opponent *o, struct evnotify_request *req)
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

static inline void strike_cancel(struct opponent *o)
{
	o->ret = cancel(o->fd, o->id);
}

static inline void ignore_signal(int signo)
{
	(void)signo;
}

#endif /* EVNOTIFY_RACE_H */
