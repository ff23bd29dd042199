// SPDX-License-Identifier: GPL-2.0-only
/* A WAIT goes on, unseen by its process, whatever runs no handler: stop, tracer, freezer. */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "evnotify_test.h"

/* A process that blocks in WAIT and exits with its errno. */
static pid_t wait_in_child(int fd, struct evnotify_wait *shared, struct evnotify_request request)
{
	pid_t pid;

	memset(shared, POISON, sizeof(*shared));
	request.id = 0;
	shared->request = request;
	pid = fork();
	if (!pid)
		_exit(-call(fd, EVNOTIFY_IOC_WAIT, shared));
	return pid;
}

static struct evnotify_wait *shared_wait(void)
{
	void *map = mmap(NULL, sizeof(struct evnotify_wait), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

static bool child_blocks(pid_t pid, struct evnotify_wait *wait)
{
	return UNTIL(((volatile struct evnotify_wait *)wait)->request.id) &&
	       UNTIL(state_of(pid) == 'S');
}

/* The pauses: each begins when the process is seen in it. */
static bool stop_begin(pid_t pid)
{
	return !kill(pid, SIGSTOP) && UNTIL(state_of(pid) == 'T');
}

static bool stop_end(pid_t pid)
{
	return !kill(pid, SIGCONT);
}

static bool trace_begin(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_SEIZE, pid, NULL, NULL) &&
	       !ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

static bool trace_end(pid_t pid)
{
	return !ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

#define CGROUP	"/sys/fs/cgroup/evnotify-wait"

static bool freeze_begin(pid_t pid)
{
	return !write_number(CGROUP "/cgroup.procs", pid) &&
	       !write_text(CGROUP "/cgroup.freeze", "1") &&
	       UNTIL(read_number(CGROUP "/cgroup.events", "frozen ") == 1);
}

static bool freeze_end(pid_t pid)
{
	(void)pid;
	return !write_text(CGROUP "/cgroup.freeze", "0");
}

static void pauses_do_not_end_it(struct __test_metadata *_metadata, int fd,
				 bool (*begin)(pid_t pid), bool (*end)(pid_t pid))
{
	struct evnotify_wait *wait = shared_wait();
	__u64 before = now_ns(CLOCK_MONOTONIC), armed, id;
	struct evnotify_event event;
	int status, i;
	pid_t pid;

	ASSERT_NE(NULL, wait);
	/* paused while it is pending, three times; then while it completes */
	pid = wait_in_child(fd, wait, pending_in(FAR_NS, 9));
	ASSERT_TRUE(child_blocks(pid, wait));
	id = wait->request.id;
	armed = now_ns(CLOCK_MONOTONIC);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(begin(pid));
		EXPECT_COUNTERS(fd, 1, 0, 0, 1, 0);
		ASSERT_TRUE(end(pid));
		ASSERT_TRUE(child_blocks(pid, wait));
		EXPECT_EQ(id, wait->request.id);
	}
	ASSERT_TRUE(begin(pid));
	ASSERT_EQ(0, update(fd, id, 0, 0));
	ASSERT_TRUE(UNTIL(counters(fd).completed == 1 && !counters(fd).completing));
	EXPECT_FALSE(readable(fd, 0));
	ASSERT_TRUE(end(pid));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	event = wait->event;
	EXPECT_EQ(id, event.id);
	EXPECT_EXPIRED(&event, before, CLOCK_MONOTONIC);
	EXPECT_COUNTERS(fd, 1, 1, 0, 0, 0);

	/* the delay is not begun again */
	pid = wait_in_child(fd, wait, pending_in(FAR_NS, 9));
	before = now_ns(CLOCK_MONOTONIC);
	ASSERT_TRUE(child_blocks(pid, wait));
	armed = now_ns(CLOCK_MONOTONIC);
	ASSERT_TRUE(begin(pid));
	ASSERT_TRUE(end(pid));
	ASSERT_TRUE(child_blocks(pid, wait));
	ASSERT_EQ(0, cancel(fd, wait->request.id));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ECANCELED, wait->event.status);
	EXPECT_GE(armed + FAR_NS, wait->event.due_ns);

	/* cancelled while it is paused, it learns so */
	pid = wait_in_child(fd, wait, pending_in(FAR_NS, 9));
	ASSERT_TRUE(child_blocks(pid, wait));
	ASSERT_TRUE(begin(pid));
	ASSERT_EQ(0, cancel(fd, wait->request.id));
	EXPECT_FALSE(readable(fd, 0));
	ASSERT_TRUE(end(pid));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ECANCELED, wait->event.status);
	EXPECT_COUNTERS(fd, 3, 1, 2, 0, 0);

	/* killed while it is paused, it leaves nothing */
	pid = wait_in_child(fd, wait, pending_in(FAR_NS, 9));
	ASSERT_TRUE(child_blocks(pid, wait));
	ASSERT_TRUE(begin(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	end(pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_FALSE(readable(fd, 0));
}

TEST_F(instance, a_stop_does_not_end_it)
{
	pauses_do_not_end_it(_metadata, self->fd, stop_begin, stop_end);
}

TEST_F(instance, a_tracer_does_not_end_it)
{
	pauses_do_not_end_it(_metadata, self->fd, trace_begin, trace_end);
}

TEST_F(instance, a_freezer_does_not_end_it)
{
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		SKIP(return, "no cgroup v2 at /sys/fs/cgroup: %s", strerror(errno));
	if (access(CGROUP "/cgroup.freeze", W_OK))
		SKIP(return, "no freezer of cgroup v2");
	pauses_do_not_end_it(_metadata, self->fd, freeze_begin, freeze_end);
	EXPECT_TRUE(UNTIL(!rmdir(CGROUP)));
}

TEST_F(instance, kill_ends_it)
{
	struct evnotify_wait wait = { .request = pending_in(FAR_NS, 9) };
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		call(self->fd, EVNOTIFY_IOC_WAIT, &wait);
		_exit(1);
	}
	ASSERT_TRUE(UNTIL(counters(self->fd).pending == 1));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
}

TEST_HARNESS_MAIN
