// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that a cgroup lets run for a small part of the time: what expires meanwhile is
 * there when it runs again, and another process does not notice.
 *
 * EVNOTIFY_RACE_MS: how long (1000).
 */
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NO_INSTANCE
#include "evnotify_test.h"

#define CGROUPS		"/sys/fs/cgroup"
#define CGROUP		CGROUPS "/evnotify-throttled"
#define MOST		"5000 100000"	/* of 100 ms, 5 */

FIXTURE(throttled)
{
	int fd;
	atomic_ulong *expired;	/* that the throttled process has been told of */
	pid_t pid;
};

/* Period after period, and WAIT after WAIT; nothing may be missing or early. Exits with 0 if so. */
static void be_throttled(struct __test_metadata *_metadata, atomic_ulong *expired)
{
	int fd = open_device(_metadata, O_RDWR);
	struct evnotify_request req = pending_in(0, 1);
	struct evnotify_wait wait;
	struct evnotify_event event;
	__u64 before, first = 0, sum = 0;

	req.period_ns = NSEC_PER_MSEC;
	if (arm(fd, &req))
		_exit(1);
	for (;;) {
		before = now_ns(CLOCK_MONOTONIC);
		wait.request = pending_in(100 * NSEC_PER_USEC, 2);
		if (call(fd, EVNOTIFY_IOC_WAIT, &wait) ||
		    wait.event.expired_ns < before + 100 * NSEC_PER_USEC)
			_exit(2);
		if (read_events(fd, &event, 1) || event.expired_ns < event.due_ns)
			_exit(3);
		/* due times lie on a grid, and each of them counts */
		if (!first)
			first = event.due_ns - (event.count - 1) * req.period_ns;
		sum += event.count + event.lost;
		if (event.due_ns != first + (sum - 1) * req.period_ns)
			_exit(4);
		atomic_store(expired, sum);
	}
}

FIXTURE_SETUP(throttled)
{
	self->fd = open_device(_metadata, O_RDWR);
	write_text(CGROUPS "/cgroup.subtree_control", "+cpu");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		SKIP(return, "no cgroup v2 at " CGROUPS ": %s", strerror(errno));
	if (write_text(CGROUP "/cpu.max", MOST))
		SKIP(return, "this kernel has no bandwidth control of CPUs");
	self->expired = mmap(NULL, sizeof(*self->expired), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->expired);
	self->pid = fork_mortal();
	if (!self->pid)
		be_throttled(_metadata, self->expired);
	ASSERT_LT(0, self->pid);
	ASSERT_EQ(0, write_number(CGROUP "/cgroup.procs", self->pid));
}

FIXTURE_TEARDOWN(throttled)
{
	EXPECT_TRUE(UNTIL(!rmdir(CGROUP)));
	EXPECT_EQ(0, close(self->fd));
}

TEST_F(throttled, nothing_is_lost_and_nobody_else_notices)
{
	__u64 end = now_ns(CLOCK_MONOTONIC) + setting("EVNOTIFY_RACE_MS", 1000) * NSEC_PER_MSEC;
	struct evnotify_request req = pending_in(NSEC_PER_MSEC, 0);
	struct evnotify_event event;
	unsigned long told, others = 0;
	int status;

	/* until it has been told of something since it was throttled */
	EXPECT_TRUE(UNTIL(read_number(CGROUP "/cpu.stat", "nr_throttled ") >= 1));
	told = *self->expired;
	while (now_ns(CLOCK_MONOTONIC) < end) {
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_LE(event.due_ns, event.expired_ns);
		others++;
	}
	EXPECT_TRUE(UNTIL(*self->expired > told));
	ksft_print_msg("told of %lu in %lu periods of 100 ms, throttled in %lu of them; others: %lu\n",
		       *self->expired, read_number(CGROUP "/cpu.stat", "nr_periods "),
		       read_number(CGROUP "/cpu.stat", "nr_throttled "), others);
	ASSERT_EQ(0, kill(self->pid, SIGKILL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status))
		TH_LOG("it ended with %d", WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
