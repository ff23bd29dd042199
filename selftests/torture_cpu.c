// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a burst, and requests that come all the time, leave of a CPU to others.
 */
#include <sys/resource.h>

#include "torture.h"

/* Requests due one after the other from @start on, which nobody reads before they are done */
static bool arm_bystander(int fd, __u64 start)
{
	static struct evnotify_request q[ALONE];
	int i;

	for (i = 0; i < ALONE; i++) {
		q[i] = pending_in(start + i * 100 * NSEC_PER_USEC, i);
		q[i].flags = EVNOTIFY_ABSTIME;
	}
	return arm_many(fd, q, ALONE) == ALONE;
}

/* How late those were that were due before @end */
static struct lateness bystander(const char *when, int fd, __u64 end)
{
	static struct evnotify_event events[ALONE];
	static unsigned int late[ALONE];
	int i, n = 0;

	if (!read_events(fd, events, ALONE))
		for (i = 0; i < ALONE; i++)
			if (events[i].due_ns < end)
				late[n++] = (events[i].completed_ns - events[i].due_ns) / 1000;
	return lateness(when, late, n);
}

/*
 * However many requests of one instance are due at once, they are done a few at a time, and
 * those of others in between: if others had to wait until the burst is over, they would be
 * late by half of it in the median. The timers of both are on one CPU. A host that is busy
 * elsewhere can make them late as well, but not each time.
 */
TEST_F_TIMEOUT(instance, a_burst_does_not_hold_up_a_bystander, 600)
{
	int fd = open_device(_metadata, O_RDWR), again = 10;
	struct lateness late;
	__u64 start, arming, took, end = 0;

	watch_closely(_metadata);
	stay_on(0);
	ASSERT_TRUE(arm_bystander(fd, now_ns(CLOCK_MONOTONIC) + NSEC_PER_MSEC));
	bystander("alone", fd, ~0ULL);
	/* how long does it take to arm so many? */
	start = now_ns(CLOCK_MONOTONIC);
	ASSERT_TRUE(arm_at_once(self->fd, start + FAR_NS));
	arming = now_ns(CLOCK_MONOTONIC) - start;
	ASSERT_EQ(AT_ONCE, cancel_all(self->fd));
	ASSERT_TRUE(each_once(self->fd, &end));
	do {
		start = now_ns(CLOCK_MONOTONIC) + 3 * arming + NSEC_PER_SEC;
		ASSERT_TRUE(arm_at_once(self->fd, start));
		ASSERT_TRUE(arm_bystander(fd, start));
		ASSERT_GT(start, now_ns(CLOCK_MONOTONIC))
			TH_LOG("armed too late");
		ASSERT_TRUE(UNTIL(counters(self->fd).unread == AT_ONCE));
		ASSERT_TRUE(each_once(self->fd, &end));
		late = bystander("in the burst", fd, end);
		took = end - start;
		printf("# the burst took %llu us\n", took / 1000);
	} while ((!late.n || late.median >= took / 1000 / 4) && again--);
	EXPECT_LT(0, late.n);
	EXPECT_GT(took / 1000 / 4, late.median);
	close(fd);
}

/* How far a process gets in a second that only computes, on this CPU */
static unsigned long computed(__u64 ns)
{
	__u64 start = now_ns(CLOCK_MONOTONIC), now;
	unsigned long n = 0;

	while ((now = now_ns(CLOCK_MONOTONIC)) < start + ns)
		n++;
	/* it may have been away when the time was up */
	return n * (double)NSEC_PER_SEC / (now - start);
}

struct load {
	unsigned int instances;
	unsigned int requests;	/* of each */
	int mode;
	bool spread;		/* evenly over the period, or all in phase */
};

static void arm_load(struct __test_metadata *_metadata, const struct load *load, int *fds,
		     __u64 period, int efd)
{
	struct evnotify_request *q = calloc(load->requests, sizeof(*q));
	unsigned int i, k, armed, n;
	__u64 start = now_ns(CLOCK_MONOTONIC);

	ASSERT_NE(NULL, q);
	for (k = 0; k < load->instances; k++) {
		for (i = 0; i < load->requests; i++) {
			q[i] = load->mode == EVNOTIFY_MODE_EVENTFD ? eventfd_in(0, efd) :
								     pending_in(0, i);
			q[i].flags = EVNOTIFY_ABSTIME;
			q[i].period_ns = period;
			q[i].due_ns = start;
			if (load->spread)
				q[i].due_ns += period * (i * load->instances + k) /
					       ((__u64)load->instances * load->requests);
		}
		fds[k] = open_device(_metadata, O_RDWR | O_NONBLOCK);
		for (armed = 0; armed < load->requests; armed += n) {
			n = arm_many(fds[k], q + armed, load->requests - armed);
			ASSERT_LT(0, (int)n);
		}
	}
	free(q);
}

/*
 * What is left of a CPU to others under what a process can do; evnotify(4). Of many instances
 * with many requests each it is only printed: the tasklets of all have their turn before a
 * process has, and with enough of them next to nothing is left to it.
 */
TEST_F_TIMEOUT(instance, a_cpu_is_left_to_others, 600)
{
	enum { MOST = 1000 };
	static const struct load loads[] = {
		{ 1, 1, EVNOTIFY_MODE_PENDING, false },
		{ 1, 1, EVNOTIFY_MODE_EVENTFD, false },
		{ 1, 1000, EVNOTIFY_MODE_PENDING, false },
		{ 1, 1000, EVNOTIFY_MODE_PENDING, true },
		{ 1, 1000, EVNOTIFY_MODE_EVENTFD, true },
		{ 1, 131072, EVNOTIFY_MODE_PENDING, false },
		{ 1, 131072, EVNOTIFY_MODE_PENDING, true },
		{ 1, 131072, EVNOTIFY_MODE_EVENTFD, true },
		{ 100, 1, EVNOTIFY_MODE_PENDING, true },
		{ 100, 1, EVNOTIFY_MODE_EVENTFD, false },
		{ 100, 1, EVNOTIFY_MODE_EVENTFD, true },
		{ 100, 100, EVNOTIFY_MODE_EVENTFD, true },
		{ MOST, 1, EVNOTIFY_MODE_EVENTFD, true },
		{ MOST, 20, EVNOTIFY_MODE_EVENTFD, true },
	};
	static int fds[MOST];
	struct rlimit files = { MOST + 100, MOST + 100 };
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_info info;
	unsigned long alone, left;
	const struct load *load;
	unsigned int i, again;
	bool bounded;

	watch_closely(_metadata);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	stay_on(0);
	for (load = loads; load < loads + ARRAY_SIZE(loads); load++) {
		/* each time anew: the machine that emulates this one has other things to do */
		alone = computed(NSEC_PER_SEC / 2);
		arm_load(_metadata, load, fds, info.min_period_ns, efd);
		bounded = load->instances == 1 || load->requests == 1;
		again = bounded ? 5 : 0;
		do {
			left = computed(NSEC_PER_SEC);
		} while (left <= alone / 100 && again--);
		printf("# %u instances with %u requests, %s, %s, every %llu ns: %.1f %% of a CPU is left\n",
		       load->instances, load->requests,
		       load->mode == EVNOTIFY_MODE_EVENTFD ? "eventfd" : "pending",
		       load->spread ? "spread" : "in phase", info.min_period_ns,
		       left * 100.0 / alone);
		fflush(stdout);
		if (bounded)
			EXPECT_LT(alone / 100, left);
		/* first all, so that closing does not wait for the work of others */
		for (i = 0; i < load->instances; i++)
			EXPECT_EQ(load->requests, cancel_all(fds[i]));
		for (i = 0; i < load->instances; i++)
			EXPECT_EQ(0, close(fds[i]));
	}
}

TEST_HARNESS_MAIN
