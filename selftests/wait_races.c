// SPDX-License-Identifier: GPL-2.0-only
/* The completion of a WAIT against a signal, and against CANCEL. */
#include "race.h"

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

TEST_HARNESS_MAIN
