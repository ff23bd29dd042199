// SPDX-License-Identifier: GPL-2.0-only
/*
 * Torture: processes and threads do to the device, at random and all at once, whatever a
 * process can do to it, with 1 ns periods, under a memory limit, while they are killed and
 * the clock is set. Then everything must add up and nothing may be left; and a bystander
 * with an instance of its own must not have been delayed for longer than a bound.
 *
 * EVNOTIFY_TORTURE_MS: how long (20000); EVNOTIFY_SEED: repeat the choices of a run.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "evnotify_test.h"

#define WORKERS		3		/* processes, of two threads each */
#define SHARED		2		/* instances that all of them use */
#define SLOTS		6		/* instances that a process uses */
#define IDS		64		/* ids that a thread remembers */
#define AT_ONCE		100000		/* requests that are due at one instant */
#define VICTIM_BOUND_NS	(10 * NSEC_PER_SEC)
#define CGROUP		"/sys/fs/cgroup/evnotify-torture"
#define CGROUP_BYTES	"67108864"
#define PARAMETERS	"/sys/module/evnotify/parameters/"

enum op {
	REGISTER, WRITE, WAIT, CANCEL, CANCEL_ALL, UPDATE, READ, POLL, OPEN, CLOSE, DUP,
	SEND_FD, RECEIVE_FD, FORK_KILL, FDINFO, NR_OPS,
};

static const char * const names[NR_OPS] = {
	"register", "write", "wait", "cancel", "cancel all", "update", "read", "poll", "open",
	"close", "dup", "send fd", "receive fd", "fork and kill", "fdinfo",
};

/* What all processes see */
struct shared {
	atomic_ulong done[NR_OPS];
	atomic_ulong unbalanced;
	atomic_ulong latencies;
	atomic_ulong latency_max;
	atomic_ulong latency_sum;
};

static struct shared *shared;
static int sockets[2];
static atomic_int slots[SLOTS];

struct thread {
	__u64 random;
	int eventfd;
	__u64 ids[IDS];
};

static unsigned int pick(struct thread *t, unsigned int below)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return (t->random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

static void random_request(struct thread *t, struct evnotify_request *q)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };
	static const __u64 times[] = {
		0, 1, 1000, 100 * NSEC_PER_USEC, NSEC_PER_MSEC, 10 * NSEC_PER_MSEC, FAR_NS,
	};

	memset(q, 0, sizeof(*q));
	q->clockid = clocks[pick(t, ARRAY_SIZE(clocks))];
	q->due_ns = times[pick(t, ARRAY_SIZE(times))];
	if (!pick(t, 4)) {
		q->flags = EVNOTIFY_ABSTIME;
		q->due_ns += now_ns(q->clockid);
	}
	if (!pick(t, 3)) {
		/* 1 ns without end as well, though not all the time */
		q->period_ns = pick(t, 16) ? NSEC_PER_MSEC + pick(t, 1000) : 1;
		q->count = pick(t, 5) ? 1 + pick(t, 1000) : 0;
	}
	if (pick(t, 2)) {
		q->mode = EVNOTIFY_MODE_EVENTFD;
		q->eventfd = t->eventfd;
	}
}

static void send_fd(int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(sockets[0], &msg, MSG_DONTWAIT);
}

static int receive_fd(void)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(sockets[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Another descriptor for one of the private slots; who takes one out closes it. */
static void replace_slot(struct thread *t, int fd)
{
	int old = atomic_exchange(&slots[SHARED + pick(t, SLOTS - SHARED)], fd);

	if (old >= 0)
		close(old);
}

static void one_op(struct thread *t, bool may_fork);

/* A child process that does not outlive its parent; like fork() */
static pid_t fork_mortal(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static void fork_and_kill(struct thread *t)
{
	pid_t pid = fork_mortal();

	if (!pid) {
		t->random ^= 0x5555;
		for (;;)
			one_op(t, false);
	}
	if (pid > 0) {
		usleep(pick(t, 5000));	/* kill it somewhere in the middle */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void one_op(struct thread *t, bool may_fork)
{
	struct evnotify_event events[32];
	struct evnotify_request q[16];
	enum op op = pick(t, NR_OPS);
	int fd = slots[pick(t, SLOTS)];
	int n = 1 + pick(t, ARRAY_SIZE(q));
	struct evnotify_update update = {};
	struct evnotify_wait wait;
	int i;

	for (i = 0; i < n; i++)
		random_request(t, &q[i]);
	switch (op) {
	case REGISTER:
		if (arm_many(fd, q, n) > 0)
			t->ids[pick(t, IDS)] = q[0].id;
		break;
	case WRITE:
		i = write(fd, q, n * sizeof(*q));
		break;
	case WAIT:
		wait.request = q[0];
		wait.request.mode = EVNOTIFY_MODE_PENDING;
		wait.request.eventfd = 0;
		wait.request.period_ns = 0;
		wait.request.count = 0;
		call(fd, EVNOTIFY_IOC_WAIT, &wait);	/* the alarm ends it */
		break;
	case CANCEL:
		cancel(fd, t->ids[pick(t, IDS)]);
		break;
	case CANCEL_ALL:
		if (!pick(t, 8))
			cancel_all(fd);
		break;
	case UPDATE:
		update.id = t->ids[pick(t, IDS)];
		update.due_ns = q[0].due_ns;
		update.flags = q[0].flags;
		update.period_ns = q[0].period_ns;
		update.count = q[0].count;
		call(fd, EVNOTIFY_IOC_UPDATE, &update);
		break;
	case READ:
		read_some(fd, events, 1 + pick(t, ARRAY_SIZE(events)));
		eventfd_take(t->eventfd);
		break;
	case POLL:
		readable(fd, pick(t, 2));
		break;
	case OPEN:
		replace_slot(t, open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC));
		break;
	case CLOSE:
		replace_slot(t, -1);
		break;
	case DUP:
		i = dup(fd);
		if (i >= 0)
			close(i);
		break;
	case SEND_FD:
		send_fd(fd);
		break;
	case RECEIVE_FD:
		i = receive_fd();
		if (i >= 0)
			replace_slot(t, i);
		break;
	case FORK_KILL:
		if (may_fork && !pick(t, 8))
			fork_and_kill(t);
		break;
	case FDINFO:
		i = pick(t, SHARED);
		if (!balanced(counters(slots[i])))
			atomic_fetch_add(&shared->unbalanced, 1);
		break;
	default:
		break;
	}
	atomic_fetch_add(&shared->done[op], 1);
}

static void *thread_main(void *arg)
{
	for (;;)
		one_op(arg, true);
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* A process that storms until it is killed */
static pid_t start_worker(__u64 seed)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = { { 0, 3000 }, { 0, 3000 } };
	struct thread threads[2];
	pthread_t other;
	pid_t pid = fork_mortal();
	int i;

	if (pid)
		return pid;
	for (i = 0; i < 2; i++) {
		memset(&threads[i], 0, sizeof(threads[i]));
		threads[i].random = (seed * 2 + i + 1) * 0x9e3779b97f4a7c15ULL;
		threads[i].eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	pthread_create(&other, NULL, thread_main, &threads[1]);
	thread_main(&threads[0]);
	_exit(1);
}

/* How late requests complete on an instance that nobody else uses */
static pid_t start_victim(void)
{
	struct evnotify_event event;
	struct evnotify_request q;
	__u64 late;
	pid_t pid = fork_mortal();
	int fd;

	if (pid)
		return pid;
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	for (;;) {
		q = pending_in(NSEC_PER_MSEC, 0);
		if (arm(fd, &q) || read_some(fd, &event, 1) != 1)
			_exit(1);
		late = event.completed_ns - event.due_ns;
		atomic_fetch_add(&shared->latencies, 1);
		atomic_fetch_add(&shared->latency_sum, late);
		if (late > shared->latency_max)
			shared->latency_max = late;
	}
}

static bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static unsigned long get_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	return text[0] ? strtoul(text, NULL, 0) : ~0UL;
}

static void into_cgroup(pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", pid);
	put_text(CGROUP "/cgroup.procs", text);
}

static bool make_cgroup(void)
{
	put_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	return put_text(CGROUP "/memory.max", CGROUP_BYTES);
}

static void set_clock_by(long seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += seconds;
	clock_settime(CLOCK_REALTIME, &ts);
}

static void progress(__u64 start, unsigned int killed)
{
	unsigned long done = 0;
	int op;

	for (op = 0; op < NR_OPS; op++)
		done += shared->done[op];
	printf("# %llu s: %lu operations, %u processes killed, ",
	       (now_ns(CLOCK_MONOTONIC) - start) / NSEC_PER_SEC, done, killed);
	printf("bystander: %lu completions, %lu us late at most\n",
	       shared->latencies, shared->latency_max / 1000);
	fflush(stdout);
}

/* Requests that are all due at one instant in the middle of it, each of them once */
static bool arm_at_once(int fd, __u64 due)
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

static bool each_once(int fd)
{
	struct evnotify_event events[64];
	char *seen = calloc(AT_ONCE, 1);
	int i, n, got = 0;

	while (seen && got < AT_ONCE && readable(fd, PATIENCE_MS)) {
		n = read_some(fd, events, ARRAY_SIZE(events));
		for (i = 0; i < n; i++) {
			if (events[i].user_data >= AT_ONCE || seen[events[i].user_data]++)
				return false;
			got++;
		}
	}
	free(seen);
	return got == AT_ONCE && !readable(fd, 0);
}

static bool drained(int fd)
{
	struct evnotify_event events[64];

	while (read_some(fd, events, ARRAY_SIZE(events)) > 0)
		;
	return !counters(fd).unread;
}

TEST_F_TIMEOUT(instance, storm, 600)
{
	const char *ms = getenv("EVNOTIFY_TORTURE_MS"), *text = getenv("EVNOTIFY_SEED");
	__u64 start = now_ns(CLOCK_MONOTONIC), duration, report;
	unsigned int seed = text ? strtoul(text, NULL, 0) : now_ns(CLOCK_REALTIME) / 1000 % 1000000;
	struct thread chooser = { .random = seed * 0x9e3779b97f4a7c15ULL + 7 };
	unsigned int started = 0, killed = 0;
	pid_t workers[WORKERS], victim;
	unsigned long min_period;
	bool limited;
	char number[32];
	int i, op;

	duration = (ms ? strtoull(ms, NULL, 0) : 20000) * NSEC_PER_MSEC;
	min_period = get_number(PARAMETERS "min_period_ns");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets));
	for (i = 0; i < SLOTS; i++)
		slots[i] = i < SHARED ? open_device(_metadata, O_RDWR | O_NONBLOCK) : -1;
	ASSERT_TRUE(put_text(PARAMETERS "min_period_ns", "1"));
	limited = make_cgroup();
	printf("# EVNOTIFY_SEED=%u, %llu s%s\n", seed, duration / NSEC_PER_SEC,
	       limited ? ", " CGROUP_BYTES " bytes of memory" : ", no memory cgroup here");
	fflush(stdout);

	/* children of killed workers become ours, so that we can wait for all */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_TRUE(arm_at_once(self->fd, start + duration / 2));
	victim = start_victim();
	for (i = 0; i < WORKERS; i++) {
		workers[i] = start_worker(seed + started++);
		if (limited)
			into_cgroup(workers[i]);
	}
	for (report = start; now_ns(CLOCK_MONOTONIC) < start + duration;) {
		usleep(50000);
		i = pick(&chooser, 4 * WORKERS);
		if (i < WORKERS) {
			kill(workers[i], SIGKILL);
			waitpid(workers[i], NULL, 0);
			killed++;
			workers[i] = start_worker(seed + started++);
			if (limited)
				into_cgroup(workers[i]);
		}
		if (!pick(&chooser, 4)) {
			/* there and back */
			set_clock_by(3600);
			set_clock_by(-3600);
		}
		for (i = 0; i < SHARED; i++)
			EXPECT_TRUE(balanced(counters(slots[i])));
		if (now_ns(CLOCK_MONOTONIC) - report > 2 * NSEC_PER_SEC) {
			progress(start, killed);
			report = now_ns(CLOCK_MONOTONIC);
		}
	}
	for (i = 0; i < WORKERS; i++) {
		kill(workers[i], SIGKILL);
		waitpid(workers[i], NULL, 0);
	}
	EXPECT_EQ(0, kill(victim, SIGKILL));
	waitpid(victim, &i, 0);
	EXPECT_TRUE(WIFSIGNALED(i))
		TH_LOG("the bystander got an error");
	while (waitpid(-1, NULL, 0) > 0)
		;
	snprintf(number, sizeof(number), "%lu", min_period);
	EXPECT_TRUE(put_text(PARAMETERS "min_period_ns", number));
	progress(start, killed);
	for (op = 0; op < NR_OPS; op++) {
		printf("# %s: %lu\n", names[op], shared->done[op]);
		EXPECT_LT(0, shared->done[op]);
	}

	/* every request once, though all were due at once and others stormed */
	EXPECT_TRUE(each_once(self->fd));
	EXPECT_COUNTERS(self->fd, AT_ONCE, AT_ONCE, 0, 0, 0);

	/* what was shared adds up, and can be brought to an end */
	EXPECT_EQ(0, shared->unbalanced);
	close(sockets[0]);
	close(sockets[1]);
	for (i = 0; i < SHARED; i++) {
		EXPECT_LE(0, cancel_all(slots[i]));
		EXPECT_EQ(0, counters(slots[i]).pending);
		EXPECT_TRUE(UNTIL(drained(slots[i])));
		EXPECT_TRUE(balanced(counters(slots[i])));
		close(slots[i]);
	}

	/* nothing is left: one reference is the fixture's */
	EXPECT_TRUE(UNTIL(get_number("/sys/module/evnotify/refcnt") == 1));
	if (limited) {
		EXPECT_TRUE(UNTIL(get_number(CGROUP "/memory.current") < 4 << 20))
			TH_LOG("%lu bytes are still charged", get_number(CGROUP "/memory.current"));
		EXPECT_TRUE(UNTIL(!rmdir(CGROUP)));
	}

	printf("# bystander: %lu completions, late by %lu us on average, %lu us at most\n",
	       shared->latencies, shared->latency_sum / 1000 / (shared->latencies ?: 1),
	       shared->latency_max / 1000);
	EXPECT_LT(0, shared->latencies);
	EXPECT_GT(VICTIM_BOUND_NS, shared->latency_max);
}

/*
 * The clock goes back between the kernel's finding a timer due and our interrupt's asking for
 * the time: nothing is due then, and the interrupt must not come again and again until it is.
 * A kernel that does hangs; no run has shown that yet.
 */
static void *clock_setter(void *arg)
{
	__u64 end = *(__u64 *)arg;

	while (now_ns(CLOCK_MONOTONIC) < end) {
		set_clock_by(3600);
		set_clock_by(-3600);
	}
	return NULL;
}

TEST_F(instance, clock_set_back_while_requests_expire)
{
	__u64 end = now_ns(CLOCK_MONOTONIC) + 4 * NSEC_PER_SEC;
	struct evnotify_request q = pending_in(0, 0);
	struct evnotify_event events[64];
	pthread_t setter;
	int i, told = 0;

	q.clockid = CLOCK_REALTIME;
	q.period_ns = NSEC_PER_MSEC;
	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, arm(self->fd, &q));
	ASSERT_EQ(0, pthread_create(&setter, NULL, clock_setter, &end));
	while (now_ns(CLOCK_MONOTONIC) < end)
		if (readable(self->fd, 10))
			told += read_some(self->fd, events, ARRAY_SIZE(events));
	pthread_join(setter, NULL);
	EXPECT_LT(0, told);
	EXPECT_EQ(64, cancel_all(self->fd));
}

TEST_HARNESS_MAIN
