/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the evnotify tests share: the device as a fixture, one helper per call, its
 * counters, and waiting on state instead of time. Helpers return 0 or -errno.
 */
#ifndef EVNOTIFY_TEST_H
#define EVNOTIFY_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/evnotify.h>
#include <linux/evnotify_sim.h>

#include "kselftest_harness.h"

/* An emulated machine with every kernel check on takes its time. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define DEVICE		"/dev/evnotify"
#define SIM_DEVICE	"/dev/evnotify-sim"
#define POISON		0xcc
#define NSEC_PER_USEC	1000ULL
#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_SEC	1000000000ULL
/* A delay that no test lives to see. */
#define FAR_NS		(3600 * NSEC_PER_SEC)
/*
 * Longer than any machine takes for what a test waits for; then the test fails. A program
 * that has lost patience once waits less from then on, or a module that wakes nobody would
 * keep it for hours.
 */
#define MOST_PATIENCE_MS 30000
#define PATIENCE_MS	(*patience_lost ? 1000 : MOST_PATIENCE_MS)

static bool *patience_lost;	/* each test is a process of its own */

static __attribute__((constructor)) void patience_begins(void)
{
	patience_lost = mmap(NULL, sizeof(*patience_lost), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (patience_lost == MAP_FAILED)
		exit(1);
}

static inline __u64 now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Waits for a condition that the kernel or another thread brings about; false: it did not. */
#define UNTIL(condition) ({						\
	__u64 give_up_ns = now_ns(CLOCK_MONOTONIC) +			\
			   PATIENCE_MS * NSEC_PER_MSEC;			\
	bool holds;							\
									\
	while (!(holds = (condition)) &&				\
	       now_ns(CLOCK_MONOTONIC) < give_up_ns)			\
		usleep(100);						\
	*patience_lost |= !holds;					\
	holds;								\
})

/*
 * What a call returns that sleeps for PATIENCE_MS at most; -1 if it slept so long: with its last
 * look it finds what has come meanwhile, though nobody has woken it.
 */
#define IN_TIME(call) ({						\
	const __u64 slept_from_ns = now_ns(CLOCK_MONOTONIC);		\
	const __u64 most_ns = PATIENCE_MS * NSEC_PER_MSEC;		\
	int result = (call);						\
									\
	if (now_ns(CLOCK_MONOTONIC) - slept_from_ns >= most_ns) {	\
		*patience_lost = true;					\
		result = -1;						\
	}								\
	result;								\
})

/* A number from the environment, or another if it has none. */
static inline __u64 setting(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* Binds the calling thread to a CPU; where there is none of that number, to nothing. */
static inline void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* --- the calls ------------------------------------------------------------------------ */

static inline int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static inline struct evnotify_request pending_in(__u64 delay_ns, __u64 user_data)
{
	return (struct evnotify_request) {
		.user_data = user_data,
		.due_ns = delay_ns,
		.mode = EVNOTIFY_MODE_PENDING,
		.clockid = CLOCK_MONOTONIC,
	};
}

static inline struct evnotify_request on_clock(clockid_t id, __u64 due_ns, __u32 flags)
{
	struct evnotify_request req = pending_in(due_ns, 0);

	req.clockid = id;
	req.flags = flags;
	return req;
}

static inline struct evnotify_request eventfd_in(__u64 delay_ns, int eventfd)
{
	return (struct evnotify_request) {
		.due_ns = delay_ns,
		.mode = EVNOTIFY_MODE_EVENTFD,
		.clockid = CLOCK_MONOTONIC,
		.eventfd = eventfd,
	};
}

/* How many of the requests were taken, or -errno. */
static inline int arm_many(int fd, struct evnotify_request *requests, __u32 count)
{
	struct evnotify_register reg = {
		.requests = (uintptr_t)requests,
		.count = count,
		.taken = ~0U,
	};
	int ret = call(fd, EVNOTIFY_IOC_REGISTER, &reg);

	return ret < 0 ? ret : (int)reg.taken;
}

static inline int arm(int fd, struct evnotify_request *request)
{
	int taken = arm_many(fd, request, 1);

	return taken < 0 ? taken : taken == 1 ? 0 : -EPROTO;
}

static inline int cancel(int fd, __u64 id)
{
	struct evnotify_cancel args = { .id = id, .cancelled = ~0ULL };
	int ret = call(fd, EVNOTIFY_IOC_CANCEL, &args);

	return ret < 0 ? ret : args.cancelled == 1 ? 0 : -EPROTO;
}

/* How many were cancelled, or -errno. */
static inline long cancel_all(int fd)
{
	struct evnotify_cancel args = {
		.flags = EVNOTIFY_CANCEL_ALL,
		.cancelled = ~0ULL,
	};
	int ret = call(fd, EVNOTIFY_IOC_CANCEL, &args);

	return ret < 0 ? ret : (long)args.cancelled;
}

static inline int update(int fd, __u64 id, __u64 due_ns, __u32 flags)
{
	struct evnotify_update args = { .id = id, .due_ns = due_ns, .flags = flags };

	return call(fd, EVNOTIFY_IOC_UPDATE, &args);
}

/* One read(): how many events it gave, or -errno. */
static inline int read_some(int fd, struct evnotify_event *events, size_t count)
{
	ssize_t n = read(fd, events, count * sizeof(*events));

	if (n < 0)
		return -errno;
	return n % sizeof(*events) ? -EPROTO : (int)(n / sizeof(*events));
}

static inline bool readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return IN_TIME(poll(&pfd, 1, timeout_ms)) == 1 && pfd.revents & POLLIN;
}

/* As many reads as it takes: 0, or -errno. */
static inline int read_events(int fd, struct evnotify_event *events, size_t count)
{
	while (count) {
		int n = readable(fd, PATIENCE_MS) ? read_some(fd, events, count) : -ETIMEDOUT;

		if (n < 0)
			return n;
		events += n;
		count -= n;
	}
	return 0;
}

static inline int set_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* The value of an eventfd, which becomes 0; 0 if it was not signalled. */
static inline __u64 eventfd_take(int fd)
{
	__u64 value;

	return readable(fd, 0) && read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

/* REGISTER, write() and WAIT refuse a request, and leave what they were passed as it was. */
#define EXPECT_REFUSED_BY_ALL(fd, _request, _err, _wait_err) do {			\
	struct evnotify_request _req = (_request), _before;				\
	struct evnotify_wait _wait, _wait_before;					\
											\
	_req.id = 0xcccccccccccccccc;							\
	_before = _req;									\
	EXPECT_EQ(_err, arm(fd, &_req));						\
	EXPECT_EQ(0, memcmp(&_before, &_req, sizeof(_req)));				\
	EXPECT_EQ(-1, write(fd, &_req, sizeof(_req)));					\
	EXPECT_EQ(-(_err), errno);							\
	memset(&_wait, POISON, sizeof(_wait));						\
	_wait.request = _req;								\
	_wait_before = _wait;								\
	EXPECT_EQ(_wait_err, call(fd, EVNOTIFY_IOC_WAIT, &_wait));			\
	EXPECT_EQ(0, memcmp(&_wait_before, &_wait, sizeof(_wait)));			\
} while (0)

/* --- the counters --------------------------------------------------------------------- */

struct counters {
	unsigned long long armed;
	unsigned long long completed;
	unsigned long long cancelled;
	unsigned long long pending;
	unsigned long long unread;
	unsigned long long completing;
};

/* Everything of /proc/self/fdinfo for a descriptor; its length, or -1. */
static inline ssize_t read_fdinfo(int fd, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	n = read(info, text, size - 1);
	close(info);
	if (n >= 0)
		text[n] = '\0';
	return n;
}

/* All ones where they cannot be read, so that no comparison holds. */
static inline struct counters counters(int fd)
{
	static const char format[] =
	"armed: %llu completed: %llu cancelled: %llu pending: %llu unread: %llu completing: %llu";
	struct counters c, none;
	const char *lines;
	char text[1024];

	memset(&none, 0xff, sizeof(none));
	if (read_fdinfo(fd, text, sizeof(text)) < 0)
		return none;
	lines = strstr(text, "armed:");
	if (!lines || sscanf(lines, format, &c.armed, &c.completed, &c.cancelled, &c.pending,
			     &c.unread, &c.completing) != 6)
		return none;
	return c;
}

static inline bool balanced(struct counters c)
{
	return c.armed == c.completed + c.cancelled + c.pending;
}

/* Arms this many that are due at once, and waits until all can be read. */
static inline bool make_ready(int fd, unsigned int n)
{
	struct evnotify_request req;
	unsigned int i;

	for (i = 0; i < n; i++) {
		req = pending_in(0, i);
		if (arm(fd, &req))
			return false;
	}
	return UNTIL(counters(fd).unread == n);
}

#define EXPECT_COUNTERS(fd, _armed, _completed, _cancelled, _pending, _unread) do {	\
	struct counters _c = counters(fd);						\
											\
	EXPECT_EQ(_armed, _c.armed);							\
	EXPECT_EQ(_completed, _c.completed);						\
	EXPECT_EQ(_cancelled, _c.cancelled);						\
	EXPECT_EQ(_pending, _c.pending);						\
	EXPECT_EQ(_unread, _c.unread);							\
} while (0)

/* An expiration is never early, and its times are in order. */
#define EXPECT_EXPIRED(event, earliest_ns, clock) do {			\
	const struct evnotify_event *_event = (const void *)(event);	\
									\
	EXPECT_LE(earliest_ns, _event->due_ns);				\
	EXPECT_LE(_event->due_ns, _event->expired_ns);			\
	EXPECT_LE(_event->expired_ns, _event->completed_ns);		\
	EXPECT_LE(_event->completed_ns, now_ns(clock));			\
	EXPECT_EQ(0, _event->lost);					\
	EXPECT_EQ(0, _event->status);					\
} while (0)

/* --- files of the kernel -------------------------------------------------------------- */

static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static inline int write_number(const char *path, unsigned long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", number);
	return write_text(path, text);
}

/* The number after @name in a file, or at its beginning if that is NULL; ~0 if there is none. */
static inline unsigned long read_number(const char *path, const char *name)
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

/* --- threads and processes ------------------------------------------------------------ */

/* What a thread or a process is doing, by the letter of its state; 0: it is not there */
static inline char state_of(pid_t tid)
{
	char path[64], text[512], *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	state = strrchr(text, ')');
	return state && state[1] ? state[2] : 0;
}

/* Is the thread in an interruptible sleep? */
static inline bool asleep(pid_t tid)
{
	return state_of(tid) == 'S';
}

/* A child process that does not outlive its parent; like fork() */
static inline pid_t fork_mortal(void)
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

/* A thread that blocks in WAIT. */
struct waiter {
	pthread_t thread;
	int fd;
	volatile pid_t tid;
	volatile struct evnotify_wait wait;
	int ret;
};

static inline void *waiter_main(void *arg)
{
	struct waiter *w = arg;

	w->tid = gettid();
	w->ret = call(w->fd, EVNOTIFY_IOC_WAIT, (void *)&w->wait);
	return NULL;
}

/* The same structure again: a WAIT that was interrupted goes on. */
static inline int waiter_again(struct waiter *w)
{
	w->tid = 0;
	return pthread_create(&w->thread, NULL, waiter_main, w);
}

static inline int waiter_start(struct waiter *w, int fd, struct evnotify_request request)
{
	w->fd = fd;
	memset((void *)&w->wait, POISON, sizeof(w->wait));
	request.id = 0;
	w->wait.request = request;
	return waiter_again(w);
}

/* The id of its request, which the kernel writes before it blocks; 0: it never did. */
static inline __u64 waiter_id(struct waiter *w)
{
	UNTIL(w->wait.request.id);
	return w->wait.request.id;
}

static inline bool waiter_blocked(struct waiter *w)
{
	return waiter_id(w) && UNTIL(asleep(w->tid));
}

static inline int waiter_join(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	return w->ret;
}

/* Is the event of a WAIT as it was before the call? */
static inline bool event_untouched(const volatile struct evnotify_event *event)
{
	struct evnotify_event poison;

	memset(&poison, POISON, sizeof(poison));
	return !memcmp(&poison, (const void *)event, sizeof(poison));
}

/* A thread that blocks in read(), for one record. */
struct reader {
	pthread_t thread;
	int fd;
	volatile pid_t tid;
	struct evnotify_event event;
	int ret;
};

static inline void *reader_main(void *arg)
{
	struct reader *r = arg;

	r->tid = gettid();
	r->ret = read_some(r->fd, &r->event, 1);
	return NULL;
}

static inline bool reader_start(struct reader *r, int fd)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	return !pthread_create(&r->thread, NULL, reader_main, r) &&
	       UNTIL(r->tid && asleep(r->tid));
}

/* --- the device ----------------------------------------------------------------------- */

/* Without the device a test is skipped, or fails where EVNOTIFY_STRICT=1 promises it. */
static inline int open_node(struct __test_metadata *_metadata, const char *path, int flags)
{
	const char *strict = getenv("EVNOTIFY_STRICT");
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == EACCES) && !(strict && !strcmp(strict, "1")))
		SKIP(_exit(KSFT_SKIP), "%s: %s; load the module, be root", path, strerror(errno));
	ASSERT_LE(0, fd)
		TH_LOG("%s: %s", path, strerror(errno));
	return fd;
}

static inline int open_device(struct __test_metadata *_metadata, int flags)
{
	return open_node(_metadata, DEVICE, flags);
}

/* An open file of the device. Whatever a test did with it, its counters balance. */
#ifndef NO_INSTANCE	/* a program with fixtures of its own only */
FIXTURE(instance)
{
	int fd;
};

FIXTURE_SETUP(instance)
{
	self->fd = open_device(_metadata, O_RDWR);
}

FIXTURE_TEARDOWN(instance)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	EXPECT_EQ(0, close(self->fd));
}
#endif

/* --- a source of one's own ------------------------------------------------------------ */

static inline int open_sim(struct __test_metadata *_metadata)
{
	return open_node(_metadata, SIM_DEVICE, O_RDWR);
}

/* A source: a descriptor of it, or -errno; its name, of NAME_SIZE, if that is asked for. */
#define NAME_SIZE	sizeof(((struct evnotify_sim_new *)NULL)->name)

static inline int sim_new(int sim, int flags, char *name)
{
	struct evnotify_sim_new args = { .flags = flags | O_CLOEXEC };
	int ret = call(sim, EVNOTIFY_SIM_IOC_NEW, &args);

	if (!ret && name)
		memcpy(name, args.name, sizeof(args.name));
	return ret ?: args.fd;
}

/* Raises @count events at once, with data from @first on; how many were, or -errno. */
static inline long sim_raise(int sim, unsigned int count, __u64 first)
{
	struct evnotify_sim_step steps[EVNOTIFY_SIM_MAX_STEPS];
	unsigned int done = 0, n, i;
	ssize_t ret;

	while (done < count) {
		n = count - done < EVNOTIFY_SIM_MAX_STEPS ? count - done : EVNOTIFY_SIM_MAX_STEPS;
		for (i = 0; i < n; i++)
			steps[i] = (struct evnotify_sim_step){ .data = first + done + i };
		ret = write(sim, steps, n * sizeof(*steps));
		if (ret < 0)
			return -errno;
		done += ret / sizeof(*steps);
	}
	return done;
}

static inline struct evnotify_request event_request(__u64 user_data, __u32 flags)
{
	return (struct evnotify_request) {
		.user_data = user_data,
		.mode = EVNOTIFY_MODE_PENDING,
		.flags = EVNOTIFY_SOURCE | flags,
		.clockid = CLOCK_MONOTONIC,
	};
}

static inline struct evnotify_request event_to_eventfd(int eventfd, __u32 flags)
{
	struct evnotify_request req = event_request(0, flags);

	req.mode = EVNOTIFY_MODE_EVENTFD;
	req.eventfd = eventfd;
	return req;
}

/* Of the events raised since a file was opened: those that its requests took, or it lost */
struct source_counters {
	unsigned long long raised;
	unsigned long long taken;
	unsigned long long lost;
};

/* All ones where they cannot be read: a file without a source, for one */
static inline struct source_counters source_counters(int fd)
{
	struct source_counters c, none;
	const char *lines;
	char text[1024];

	memset(&none, 0xff, sizeof(none));
	if (read_fdinfo(fd, text, sizeof(text)) < 0)
		return none;
	lines = strstr(text, "raised:");
	if (!lines || sscanf(lines, "raised: %llu taken: %llu lost: %llu", &c.raised, &c.taken,
			     &c.lost) != 3)
		return none;
	return c;
}

/* What an eventfd has got when nothing more comes. As long as signals come, that takes its time. */
static inline __u64 all_signals(int fd, int efd, unsigned long long taken)
{
	__u64 got = 0, more;

	do {
		more = 0;
		UNTIL((more = eventfd_take(efd)) ||
		      (source_counters(fd).taken == taken && !counters(fd).completing));
		got += more;
	} while (more);
	return got + eventfd_take(efd);
}

#define EXPECT_SOURCE_COUNTERS(fd, _raised, _taken, _lost) do {				\
	struct source_counters _s = source_counters(fd);				\
											\
	EXPECT_EQ(_raised, _s.raised);							\
	EXPECT_EQ(_taken, _s.taken);							\
	EXPECT_EQ(_lost, _s.lost);							\
} while (0)

/* The record of an event of a source, of which so many before it were lost */
#define EXPECT_EVENT(event, _data, _lost) do {						\
	const struct evnotify_event *_e = (const void *)(event);			\
	__u64 _l = (_lost);								\
											\
	EXPECT_EQ(0, _e->status);							\
	EXPECT_EQ(EVNOTIFY_EVENT_DATA, _e->flags & ~EVNOTIFY_EVENT_MORE);		\
	EXPECT_EQ(_data, _e->data);							\
	EXPECT_EQ(_l + 1, _e->count);							\
	EXPECT_EQ(_l, _e->lost);							\
	EXPECT_NE(0, _e->expired_ns);							\
	EXPECT_LE(_e->expired_ns, _e->completed_ns);					\
} while (0)

#endif /* EVNOTIFY_TEST_H */
