// SPDX-License-Identifier: GPL-2.0-only
/* The clock is set back while requests on it expire: no CPU may be lost to that. */
#include <stdatomic.h>

#include "torture.h"

/*
 * The clock goes back between the kernel's finding timers due and our interrupts' asking for
 * the time. The interrupt must not come again and again until the clock gets there: an hour
 * has 36 million of the shortest periods, and the CPU is lost for that long. The timers are on
 * one CPU, many of them, so that they take a while; who sets the clock is on another.
 */
#define SPREAD	64	/* instances */

static atomic_ulong turns;

static void *clock_setter(void *arg)
{
	__u64 end = *(__u64 *)arg;

	stay_on(1);
	while (now_ns(CLOCK_MONOTONIC) < end) {
		unsigned long next = turns + SPREAD;

		set_clock_by(3600);
		set_clock_by(-3600);
		/* the next time forward would put an end to it */
		while (turns < next && now_ns(CLOCK_MONOTONIC) < end)
			sched_yield();
	}
	return NULL;
}

static void set_back(struct __test_metadata *_metadata, __u64 period_ns)
{
	__u64 end = now_ns(CLOCK_MONOTONIC) + torture_ns() / 4;
	__u64 now, last = now_ns(CLOCK_MONOTONIC), longest = 0;
	struct evnotify_request q = pending_in(0, 0);
	struct evnotify_update again = {};
	struct evnotify_event event;
	int fds[SPREAD], i, told = 0;
	pthread_t setter;
	__u64 ids[SPREAD];

	watch_closely(_metadata);
	stay_on(0);
	q.clockid = CLOCK_REALTIME;
	q.period_ns = period_ns;
	for (i = 0; i < SPREAD; i++) {
		fds[i] = open_device(_metadata, O_RDWR | O_NONBLOCK);
		ASSERT_EQ(0, arm(fds[i], &q));
		ids[i] = q.id;
	}
	ASSERT_EQ(0, pthread_create(&setter, NULL, clock_setter, &end));
	again.period_ns = q.period_ns;
	for (i = 0; (now = now_ns(CLOCK_MONOTONIC)) < end; i = (i + 1) % SPREAD) {
		longest = now - last > longest ? now - last : longest;
		last = now;
		told += read_some(fds[i], &event, 1) == 1;
		/* due at once, on the clock as it is now */
		again.id = ids[i];
		EXPECT_EQ(0, call(fds[i], EVNOTIFY_IOC_UPDATE, &again));
		turns++;
	}
	pthread_join(setter, NULL);
	longest = now - last > longest ? now - last : longest;
	printf("# the CPU was away for %llu ms at most\n", longest / NSEC_PER_MSEC);
	EXPECT_GT(10 * NSEC_PER_SEC, longest);
	EXPECT_LT(0, told);
	/* first let them be quiet: where they leave little of the CPU, to close takes long */
	for (i = 0; i < SPREAD; i++)
		EXPECT_EQ(0, update(fds[i], ids[i], FAR_NS, 0));
	for (i = 0; i < SPREAD; i++) {
		EXPECT_EQ(1, cancel_all(fds[i]));
		close(fds[i]);
	}
}

TEST_F(instance, clock_set_back_while_requests_expire)
{
	struct evnotify_info info;

	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	set_back(_metadata, info.min_period_ns);
}

/* As on a machine that takes longer than a period for each interrupt */
TEST_F(instance, clock_set_back_while_periods_are_missed)
{
	__u64 old_period = read_number(PARAMETERS "min_period_ns", NULL);

	ASSERT_EQ(0, write_number(PARAMETERS "min_period_ns", 1));
	set_back(_metadata, 1);
	EXPECT_EQ(0, write_number(PARAMETERS "min_period_ns", old_period));
}

TEST_HARNESS_MAIN
