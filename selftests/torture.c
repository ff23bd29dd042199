// SPDX-License-Identifier: GPL-2.0-only
/*
 * Torture: processes and threads do to the device, at random and all at once, whatever a
 * process can do to it, with 1 ns periods, at the limits of memory and of requests, while
 * they are killed, the clock is set and somebody tries to unload the module. Then everything
 * must add up and nothing may be left; and a bystander with an instance of its own must not
 * have been delayed for longer than a bound. It wants a machine of its own: vm/alone.sh.
 *
 * EVNOTIFY_TORTURE_MS: how long (20000); EVNOTIFY_SEED: repeat the choices of a run;
 * EVNOTIFY_TORTURE_PERIOD: the shortest period in ns (1), EVNOTIFY_TORTURE_CLOCK=0: do not
 * set the clock; EVNOTIFY_LOADS: how often the module is loaded (100); EVNOTIFY_KO: its file
 * (default: modprobe finds it).
 */
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
#define EPOLLS		64		/* epoll files of a thread that make signals longer */
#define ENTRIES		256		/* of a poll(), to the same end */
#define AT_ONCE		100000		/* requests that are due at one instant */
#define FLOOD		4096		/* requests that a thread arms in one call, now and then */
#define LIMIT		2000		/* requests that the first shared instance takes */
#define ALONE		500		/* completions of the bystander before the others come */
#define MOST_LATE	1000000		/* completions of the bystander that are remembered */
#define BOUND_MEDIAN_US	20000		/* in the storm, on top of 50 times that alone */
#define BOUND_MOST_US	10000000	/* a host that is busy can take seconds of it */
#define CGROUP		"/sys/fs/cgroup/evnotify-torture"
#define CGROUP_BYTES	"12582912"
#define MODULE		"/sys/module/evnotify"
#define PARAMETERS	MODULE "/parameters/"

enum op {
	REGISTER, WRITE, WAIT, CANCEL, CANCEL_ALL, UPDATE, READ, POLL, OPEN, CLOSE, DUP,
	SEND_FD, RECEIVE_FD, FORK_KILL, FDINFO, FILL, UNLOAD, WAITERS, NR_OPS,
};

static const char * const names[NR_OPS] = {
	"register", "write", "wait", "cancel", "cancel all", "update", "read", "poll", "open",
	"close", "dup", "send fd", "receive fd", "fork and kill", "fdinfo", "fill", "unload",
	"more waiters",
};

/* What all processes see */
struct shared {
	atomic_ulong done[NR_OPS];
	atomic_ulong unbalanced;
	atomic_ulong full;		/* calls that met the limit of an instance */
	atomic_ulong unloaded;
	atomic_ulong completions;	/* of the bystander, and how late in us each was */
	unsigned int late[MOST_LATE];
};

static struct shared *shared;
static int sockets[2];
static atomic_int slots[SLOTS];
static __u64 min_period = 1;

struct thread {
	__u64 random;
	int eventfd;
	__u64 ids[IDS];
	int epolls[EPOLLS];	/* 0: none */
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
		/* the shortest without end as well, though not all the time */
		q->period_ns = pick(t, 16) ? NSEC_PER_MSEC + pick(t, 1000) : min_period;
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

/* More than the instance takes, or than there is memory for */
static void fill(struct thread *t, int fd)
{
	static _Thread_local struct evnotify_request q[FLOOD];
	int i;

	for (i = 0; i < FLOOD; i++)
		q[i] = pending_in(pick(t, 2) ? FAR_NS : 0, i);
	for (i = 0; i < 2; i++)
		if (write(fd, q, sizeof(q)) < 0 && errno == ENOSPC)
			atomic_fetch_add(&shared->full, 1);
}

/* Whatever signals @fd from now on has more to wake up */
static void more_waiters(struct thread *t, int fd)
{
	static const unsigned int kinds[] = { 0, EPOLLET, EPOLLEXCLUSIVE };
	struct epoll_event event = { .events = EPOLLIN | kinds[pick(t, ARRAY_SIZE(kinds))] };
	struct pollfd entries[ENTRIES];
	int *epoll = &t->epolls[pick(t, EPOLLS)];
	int i;

	if (*epoll > 0)
		close(*epoll);
	*epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(*epoll, EPOLL_CTL_ADD, fd, &event);
	for (i = 0; i < ENTRIES; i++)
		entries[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	poll(entries, ENTRIES, pick(t, 2));
}

static int unload(void)
{
	return syscall(SYS_delete_module, "evnotify", O_NONBLOCK) < 0 ? -errno : 0;
}

static void one_op(struct thread *t, bool may_fork);

/* A child process that does not outlive its parent; like fork() */
static pid_t fork_mortal(void)
{
	pid_t parent = getpid(), pid;
	sigset_t alarm, old;

	/* fork() begins again after a signal: on a slow kernel the alarms would never let it end */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &old);
	pid = fork();
	sigprocmask(SIG_SETMASK, &old, NULL);
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
		/* the alarm interrupts it: go on, or give up */
		while (call(fd, EVNOTIFY_IOC_WAIT, &wait) == -EINTR) {
			if (pick(t, 4))
				continue;
			cancel(fd, wait.request.id);
			break;
		}
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
	case FILL:
		if (!pick(t, 4))
			fill(t, pick(t, 2) ? fd : (int)slots[0]);
		break;
	case UNLOAD:
		/* the parent has it open all the time */
		if (!pick(t, 4) && !unload())
			atomic_fetch_add(&shared->unloaded, 1);
		break;
	case WAITERS:
		more_waiters(t, pick(t, 2) ? t->eventfd : fd);
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

/* A process that arms more than its memory cgroup has memory for; that may kill it */
static pid_t start_hoarder(void)
{
	static struct evnotify_request q[FLOOD];
	pid_t pid = fork_mortal();
	int fd, i;

	if (pid)
		return pid;
	for (i = 0; i < FLOOD; i++)
		q[i] = pending_in(FAR_NS, i);
	for (;;) {
		usleep(50000);	/* also until it is in the cgroup */
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		while (arm_many(fd, q, FLOOD) > 0)
			;
		close(fd);
	}
}

/* How late requests complete on an instance that nobody else uses */
static pid_t start_victim(void)
{
	struct evnotify_event event;
	struct evnotify_request q;
	pid_t pid = fork_mortal();
	unsigned long n;
	int fd;

	if (pid)
		return pid;
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	for (n = 0; n < MOST_LATE; n++) {
		q = pending_in(NSEC_PER_MSEC, 0);
		if (arm(fd, &q) || read_some(fd, &event, 1) != 1)
			_exit(1);
		shared->late[n] = (event.completed_ns - event.due_ns) / 1000;
		shared->completions = n + 1;
	}
	for (;;)
		pause();
}

/* How late the bystander was, in us */
struct lateness {
	unsigned long n, median, p90, p99, most;
};

static int by_size(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/* Sorts them, and prints what it says. */
static struct lateness lateness(const char *when, unsigned int *late, unsigned long n)
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

static bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool put_number(const char *path, unsigned long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", number);
	return put_text(path, text);
}

/* The number after @name in a file, or of the whole file; ~0 if there is none. */
static unsigned long get_number(const char *path, const char *name)
{
	char text[512] = "", *at = text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	if (name) {
		at = strstr(text, name);
		at = at ? at + strlen(name) : "";
	}
	return *at ? strtoul(at, NULL, 0) : ~0UL;
}

/*
 * The kernel's own patience is longer than these tests last: a soft lockup counts after 20 s, a
 * stall of RCU after 21 s. A CPU of a VM is away for as long as the host is busy elsewhere:
 * tenths of a second where ten others want it, so that several seconds are not the host's.
 */
static void watch_closely(struct __test_metadata *_metadata)
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
		put_number(limits[i].path, limits[i].seconds);
		printf("# %s: %lu s\n", limits[i].path, get_number(limits[i].path, NULL));
		EXPECT_EQ(limits[i].seconds, get_number(limits[i].path, NULL));
	}
	fflush(stdout);
}

static void into_cgroup(pid_t pid)
{
	put_number(CGROUP "/cgroup.procs", pid);
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
	printf("bystander: %lu completions\n", shared->completions);
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

/* Also when the last of them completed */
static bool each_once(int fd, __u64 *last)
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

static bool drained(int fd)
{
	struct evnotify_event events[64];

	while (read_some(fd, events, ARRAY_SIZE(events)) > 0)
		;
	return !counters(fd).unread;
}

/* Has each thing been done, and each limit been met? */
static bool enough(bool limited)
{
	int op;

	for (op = 0; op < NR_OPS; op++)
		if (!shared->done[op])
			return false;
	return shared->full && (!limited || get_number(CGROUP "/memory.events", "\nmax "));
}

TEST_F_TIMEOUT(instance, storm, 600)
{
	__u64 start, duration, report, last;
	unsigned int seed = setting("EVNOTIFY_SEED", now_ns(CLOCK_REALTIME) / 1000 % 1000000);
	struct thread chooser = { .random = seed * 0x9e3779b97f4a7c15ULL + 7 };
	bool set_clock = setting("EVNOTIFY_TORTURE_CLOCK", 1);
	unsigned long old_period, old_limit;
	unsigned int started = 0, killed = 0;
	pid_t workers[WORKERS], victim, hoarder = -1;
	struct lateness alone, late;
	unsigned long completions;
	bool limited;
	int i, op;

	watch_closely(_metadata);
	duration = setting("EVNOTIFY_TORTURE_MS", 20000) * NSEC_PER_MSEC;
	min_period = setting("EVNOTIFY_TORTURE_PERIOD", 1);
	old_period = get_number(PARAMETERS "min_period_ns", NULL);
	old_limit = get_number(PARAMETERS "max_requests", NULL);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	victim = start_victim();
	ASSERT_LT(0, victim);
	ASSERT_TRUE(UNTIL(shared->completions >= ALONE));
	alone = lateness("alone", shared->late, ALONE);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets));
	ASSERT_TRUE(put_number(PARAMETERS "min_period_ns", min_period));
	ASSERT_TRUE(put_number(PARAMETERS "max_requests", LIMIT));
	for (i = 0; i < SLOTS; i++) {
		slots[i] = i < SHARED ? open_device(_metadata, O_RDWR | O_NONBLOCK) : -1;
		ASSERT_TRUE(put_number(PARAMETERS "max_requests", old_limit));
	}
	limited = make_cgroup();
	printf("# EVNOTIFY_SEED=%u, %llu s, periods from %llu ns%s%s\n", seed,
	       duration / NSEC_PER_SEC, min_period, set_clock ? "" : ", the clock is not set",
	       limited ? ", " CGROUP_BYTES " bytes of memory" : ", no memory cgroup here");
	fflush(stdout);

	/* children of killed workers become ours, so that we can wait for all */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_TRUE(arm_at_once(self->fd, now_ns(CLOCK_MONOTONIC) + duration / 2));
	start = now_ns(CLOCK_MONOTONIC);	/* that may have taken a while */
	completions = shared->completions;
	for (i = 0; i < WORKERS; i++) {
		workers[i] = start_worker(seed + started++);
		ASSERT_LT(0, workers[i]);	/* -1 would be to kill all processes */
		if (limited)
			into_cgroup(workers[i]);
	}
	/* longer where it takes longer until everything has happened */
	for (report = start; now_ns(CLOCK_MONOTONIC) < start + duration ||
	     (!enough(limited) && now_ns(CLOCK_MONOTONIC) < start + 10 * duration);) {
		usleep(50000);
		i = pick(&chooser, 4 * WORKERS);
		if (i < WORKERS)
			kill(workers[i], SIGKILL);
		/* want of memory may have killed others */
		for (i = 0; i < WORKERS; i++) {
			if (waitpid(workers[i], NULL, WNOHANG) != workers[i])
				continue;
			killed++;
			workers[i] = start_worker(seed + started++);
			ASSERT_LT(0, workers[i]);
			if (limited)
				into_cgroup(workers[i]);
		}
		if (limited && (hoarder < 0 || waitpid(hoarder, NULL, WNOHANG) == hoarder)) {
			hoarder = start_hoarder();
			into_cgroup(hoarder);
		}
		if (!pick(&chooser, 4) && set_clock) {
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
	if (hoarder > 0)
		kill(hoarder, SIGKILL);
	EXPECT_EQ(0, kill(victim, SIGKILL));
	waitpid(victim, &i, 0);
	EXPECT_TRUE(WIFSIGNALED(i))
		TH_LOG("the bystander got an error");
	while (waitpid(-1, NULL, 0) > 0)
		;
	EXPECT_TRUE(put_number(PARAMETERS "min_period_ns", old_period));
	progress(start, killed);
	for (op = 0; op < NR_OPS; op++) {
		printf("# %s: %lu\n", names[op], shared->done[op]);
		EXPECT_LT(0, shared->done[op]);
	}
	printf("# full: %lu times, out of memory: %lu times\n", shared->full,
	       limited ? get_number(CGROUP "/memory.events", "\nmax ") : 0);
	EXPECT_LT(0, shared->full);
	if (limited)
		EXPECT_LT(0, get_number(CGROUP "/memory.events", "\nmax "));
	EXPECT_EQ(0, shared->unloaded);

	/* every request once, though all were due at once and others stormed */
	EXPECT_TRUE(each_once(self->fd, &last));
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
	EXPECT_TRUE(UNTIL(get_number(MODULE "/refcnt", NULL) == 1));
	if (limited) {
		EXPECT_TRUE(UNTIL(get_number(CGROUP "/memory.current", NULL) < 4 << 20))
			TH_LOG("%lu bytes are still charged",
			       get_number(CGROUP "/memory.current", NULL));
		EXPECT_TRUE(UNTIL(!rmdir(CGROUP)));
	}

	late = lateness("in the storm", shared->late + completions,
			shared->completions - completions);
	EXPECT_LT(0, late.n);
	EXPECT_GT(BOUND_MEDIAN_US + 50 * alone.median, late.median);
	EXPECT_GT(BOUND_MOST_US, late.most);
}

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

/*
 * The module comes and goes while others open the device, arm and close it. Whoever has
 * opened it keeps it; whoever comes too late finds nothing there.
 */
static void open_and_close(atomic_ulong *opened)
{
	struct evnotify_request q = pending_in(0, 0);
	struct evnotify_event event;
	int fd, n = 0;

	q.period_ns = NSEC_PER_MSEC;
	for (;;) {
		fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		q.due_ns = n++ % 3 * 100 * NSEC_PER_USEC;
		if (arm(fd, &q))
			_exit(1);
		if (n % 5 == 0 && (!readable(fd, -1) || read_some(fd, &event, 1) != 1))
			_exit(1);
		close(fd);
		atomic_fetch_add(opened, 1);
		usleep(n % 4 * 1000);	/* or there would be no moment to unload in */
	}
}

static int load(void)
{
	const char *path = getenv("EVNOTIFY_KO");
	int fd, ret;

	if (!path)
		return system("modprobe evnotify");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

/* no instance: the module has to go */
FIXTURE(module) {};
FIXTURE_SETUP(module) {}
FIXTURE_TEARDOWN(module) {}

TEST_F_TIMEOUT(module, loads_and_unloads_under_traffic, 1700)
{
	unsigned long loads = setting("EVNOTIFY_LOADS", 100), refused = 0, i;
	atomic_ulong *opened = mmap(NULL, sizeof(*opened), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t openers[2];
	int fd, ret, status;

	ASSERT_NE(MAP_FAILED, opened);
	for (i = 0; i < ARRAY_SIZE(openers); i++) {
		openers[i] = fork_mortal();
		if (!openers[i])
			open_and_close(opened);
		ASSERT_LT(0, openers[i]);
	}
	for (i = 1; i <= loads; i++) {
		while ((ret = unload()) == -EWOULDBLOCK)
			refused++;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, load());
		if (i % 100 == 0) {
			printf("# loaded %lu times, refused to unload %lu times, opened %lu times\n",
			       i, refused, *opened);
			fflush(stdout);
		}
	}
	EXPECT_TRUE(UNTIL(*opened > 0));
	for (i = 0; i < ARRAY_SIZE(openers); i++) {
		EXPECT_EQ(0, kill(openers[i], SIGKILL));
		waitpid(openers[i], &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	/* above it takes luck to be refused */
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(UNTIL(get_number(MODULE "/refcnt", NULL) == 0));
}

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
	__u64 end = now_ns(CLOCK_MONOTONIC) + setting("EVNOTIFY_TORTURE_MS", 20000) *
		    NSEC_PER_MSEC / 4;
	__u64 now, last = now_ns(CLOCK_MONOTONIC), longest = 0;
	struct evnotify_request q = pending_in(0, 0);
	struct evnotify_update again = {};
	struct evnotify_event event;
	int fds[SPREAD], i, told = 0;
	pthread_t setter;
	__u64 ids[SPREAD];

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
	__u64 old_period = get_number(PARAMETERS "min_period_ns", NULL);

	ASSERT_TRUE(put_number(PARAMETERS "min_period_ns", 1));
	set_back(_metadata, 1);
	EXPECT_TRUE(put_number(PARAMETERS "min_period_ns", old_period));
}

TEST_HARNESS_MAIN
