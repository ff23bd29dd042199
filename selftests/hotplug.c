// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU goes away and comes back while requests that were armed there expire: each ends once,
 * and none is early.
 *
 * EVNOTIFY_RACE_MS: how long (1000).
 */
#define NO_INSTANCE
#include "evnotify_test.h"

#define REQUESTS	64	/* a round */

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };

FIXTURE(hotplug)
{
	int fd;
	int efd;
	int cpu;
	char online[64];	/* its file */
};

FIXTURE_SETUP(hotplug)
{
	self->cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	snprintf(self->online, sizeof(self->online), "/sys/devices/system/cpu/cpu%d/online",
		 self->cpu);
	if (access(self->online, W_OK))
		SKIP(return, "CPU %d cannot go away: %s", self->cpu, strerror(errno));
	self->fd = open_device(_metadata, O_RDWR);
	self->efd = eventfd(0, EFD_NONBLOCK);
}

FIXTURE_TEARDOWN(hotplug)
{
	EXPECT_EQ(0, write_number(self->online, 1));
	EXPECT_TRUE(balanced(counters(self->fd)));
	EXPECT_EQ(0, close(self->fd));
}

/* Arms on that CPU what expires within @spread_ns, on each clock, in both modes. */
static void arm_round(struct __test_metadata *_metadata, int cpu, int fd, int efd,
		      __u64 spread_ns)
{
	struct evnotify_request reqs[REQUESTS];
	int i;

	for (i = 0; i < REQUESTS; i++) {
		__u64 delay_ns = i * spread_ns / REQUESTS;

		reqs[i] = i % 2 ? eventfd_in(delay_ns, efd) : pending_in(delay_ns, i);
		reqs[i].clockid = clocks[i / 2 % ARRAY_SIZE(clocks)];
	}
	stay_on(cpu);
	ASSERT_EQ(REQUESTS, arm_many(fd, reqs, REQUESTS));
	stay_on(0);
}

/* Takes what a round has to give: each record and each signal once. */
static void take_round(struct __test_metadata *_metadata, int fd, int efd)
{
	struct evnotify_event events[REQUESTS / 2];
	unsigned int i, signals = 0;
	__u64 seen = 0;

	ASSERT_EQ(0, read_events(fd, events, ARRAY_SIZE(events)));
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		ASSERT_GT(REQUESTS, events[i].user_data);
		seen |= 1ULL << events[i].user_data;
		EXPECT_EXPIRED(&events[i], 1,
			       clocks[events[i].user_data / 2 % ARRAY_SIZE(clocks)]);
	}
	EXPECT_EQ(0x5555555555555555, seen);
	while (signals < REQUESTS / 2) {
		ASSERT_TRUE(readable(efd, PATIENCE_MS));
		signals += eventfd_take(efd);
	}
	EXPECT_EQ(REQUESTS / 2, signals);
	EXPECT_FALSE(readable(fd, 0));
	EXPECT_FALSE(readable(efd, 0));
}

TEST_F(hotplug, what_a_cpu_had_to_do_is_done_without_it)
{
	__u64 end = now_ns(CLOCK_MONOTONIC) + setting("EVNOTIFY_RACE_MS", 1000) * NSEC_PER_MSEC;
	__u64 start, spread = 20 * NSEC_PER_MSEC;
	unsigned int rounds = 0, on_the_way = 0;

	while (now_ns(CLOCK_MONOTONIC) < end || (!on_the_way && rounds < 100)) {
		arm_round(_metadata, self->cpu, self->fd, self->efd, spread);
		start = now_ns(CLOCK_MONOTONIC);
		ASSERT_EQ(0, write_number(self->online, 0));
		on_the_way += counters(self->fd).pending > 0;
		/* half of them before it is gone, half of them after it */
		spread = 2 * (now_ns(CLOCK_MONOTONIC) - start);
		take_round(_metadata, self->fd, self->efd);
		ASSERT_EQ(0, write_number(self->online, 1));
		rounds++;
	}
	ksft_print_msg("%u rounds, in %u some were left when the CPU was gone\n", rounds,
		       on_the_way);
	EXPECT_LT(0, on_the_way);
	EXPECT_COUNTERS(self->fd, rounds * REQUESTS, rounds * REQUESTS, 0, 0, 0);
}

/* The same with one that expires all the time, wherever its timer has to move. */
TEST_F(hotplug, a_period_goes_on_wherever_its_cpu_goes)
{
	struct evnotify_request req = pending_in(0, 0);
	struct evnotify_event event;
	unsigned int i, count;

	req.period_ns = NSEC_PER_MSEC;
	stay_on(self->cpu);
	ASSERT_EQ(0, arm(self->fd, &req));
	stay_on(0);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, write_number(self->online, 0));
		for (count = 0; count < 10; count += event.count) {
			ASSERT_EQ(0, read_events(self->fd, &event, 1));
			EXPECT_EXPIRED(&event, 1, CLOCK_MONOTONIC);
		}
		ASSERT_EQ(0, write_number(self->online, 1));
	}
	EXPECT_EQ(1, cancel_all(self->fd));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
}

TEST_HARNESS_MAIN
