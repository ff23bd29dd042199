/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the torture programs share. Each wants a machine of its own.
 *
 * EVNOTIFY_TORTURE_MS: how long (20000).
 */
#ifndef EVNOTIFY_TORTURE_H
#define EVNOTIFY_TORTURE_H

#include <sys/syscall.h>

#include "evnotify_test.h"

#define AT_ONCE		100000		/* requests that are due at one instant */
#define ALONE		500		/* completions of a bystander that nobody disturbs */
#define MODULE		"/sys/module/evnotify"
#define PARAMETERS	MODULE "/parameters/"

/*
 * The kernel's own patience is longer than these tests last: a soft lockup counts after 20 s, a
 * stall of RCU after 21 s. A CPU of a VM is away for as long as the host is busy elsewhere:
 * tenths of a second where ten others want it, so that several seconds are not the host's.
 */
static inline void watch_closely(struct __test_metadata *_metadata)
{
	static const struct {
		const char *path;
		unsigned long seconds;
	} limits[] = {
		{ "/proc/sys/kernel/watchdog_thresh", 3 },	/* a soft lockup is twice that */
		{ "/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", 10 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		if (access(limits[i].path, F_OK)) {
			printf("# no %s\n", limits[i].path);
			continue;
		}
		write_number(limits[i].path, limits[i].seconds);
		printf("# %s: %lu s\n", limits[i].path, read_number(limits[i].path, NULL));
		EXPECT_EQ(limits[i].seconds, read_number(limits[i].path, NULL));
	}
	fflush(stdout);
}

/* How late the bystander was, in us */
struct lateness {
	unsigned long n, median, p90, p99, most;
};

static inline int by_size(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/* Sorts them, and prints what it says. */
static inline struct lateness lateness(const char *when, unsigned int *late, unsigned long n)
{
	struct lateness l = { .n = n };

	if (n) {
		qsort(late, n, sizeof(*late), by_size);
		l.median = late[n / 2];
		l.p90 = late[n * 90 / 100];
		l.p99 = late[n * 99 / 100];
		l.most = late[n - 1];
	}
	printf("# bystander, %s: %lu completions, late by %lu us (median), %lu (90 %%), %lu (99 %%), %lu (at most)\n",
	       when, n, l.median, l.p90, l.p99, l.most);
	fflush(stdout);
	return l;
}

/* Requests that are all due at one instant in the middle of it, each of them once */
static inline bool arm_at_once(int fd, __u64 due)
{
	struct evnotify_request *q = calloc(AT_ONCE, sizeof(*q));
	int i, n, armed = 0;

	for (i = 0; q && i < AT_ONCE; i++) {
		q[i] = pending_in(due, i);
		q[i].flags = EVNOTIFY_ABSTIME;
	}
	while (q && armed < AT_ONCE) {
		n = arm_many(fd, q + armed, AT_ONCE - armed);
		if (n <= 0)
			break;
		armed += n;
	}
	free(q);
	return armed == AT_ONCE;
}

/* Also when the last of them completed */
static inline bool each_once(int fd, __u64 *last)
{
	struct evnotify_event events[64];
	char *seen = calloc(AT_ONCE, 1);
	int i, n, got = 0;

	while (seen && got < AT_ONCE && readable(fd, PATIENCE_MS)) {
		n = read_some(fd, events, ARRAY_SIZE(events));
		for (i = 0; i < n; i++) {
			if (events[i].user_data >= AT_ONCE || seen[events[i].user_data]++)
				return false;
			*last = events[i].completed_ns;
			got++;
		}
	}
	free(seen);
	return got == AT_ONCE && !readable(fd, 0);
}

static inline __u64 torture_ns(void)
{
	return setting("EVNOTIFY_TORTURE_MS", 20000) * NSEC_PER_MSEC;
}

static inline void set_clock_by(long seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += seconds;
	clock_settime(CLOCK_REALTIME, &ts);
}

static inline int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) < 0 ? -errno : 0;
}

#endif /* EVNOTIFY_TORTURE_H */
