// SPDX-License-Identifier: GPL-2.0-only
/* The expiry of a request against UPDATE, arming, reading, signals and close. */
#include "race.h"

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
