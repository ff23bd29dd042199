// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: in every call, each allocation and each copy from or to the process
 * fails once, in an instance that has just been opened. The counters stay balanced, nothing
 * half-done is left, and the same call then succeeds. Memory that would leak is what kmemleak
 * finds afterwards.
 *
 * Needs CONFIG_FAULT_INJECTION, FAILSLAB, FAIL_PAGE_ALLOC and FAULT_INJECTION_USERCOPY,
 * debugfs, and root. CANCEL has nothing that can be made to fail: it allocates nothing, and
 * copies word by word, past the injection; validate.c has its bad pointers. For the same
 * reason write() and read() are tried as writev() and readv() here.
 */
#include <sys/stat.h>
#include <sys/uio.h>

#include "evnotify_test.h"

#define FAILSLAB	"/sys/kernel/debug/failslab"
#define FAIL_PAGE_ALLOC	"/sys/kernel/debug/fail_page_alloc"

#define MAX_USER_INSTANCES "/sys/module/evnotify/parameters/max_user_instances"

/* Sweeps end when nothing more fails; a call that never gets there is broken. */
#define MOST_FAULTS	500

/*
 * An instance with FILLED requests that is given MORE has to grow once, by a chunk that the
 * list of chunks has no room for: its records 790 to 926, with pages of 4 KB.
 */
#define FILLED	700
#define MORE	200
/* Records inside the instance */
#define INSIDE	8

/* A sweep over all chances that a call has to fail. */
struct sweep {
	int fd;		/* /proc/thread-self/fail-nth */
	int nth;
	bool hit;	/* the last chance was taken */
	int faults;
	int short_at[MORE];	/* how often a call took just so many, for want of memory */
	int no_memory;
};

static void sweep_begin(struct __test_metadata *_metadata, struct sweep *s)
{
	*s = (struct sweep) { .hit = true };
	s->fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		SKIP(_exit(KSFT_SKIP), "this kernel has no fault injection");
	/* by default allocations that may sleep do not fail */
	if (write_text(FAILSLAB "/ignore-gfp-wait", "0"))
		SKIP(_exit(KSFT_SKIP), "no " FAILSLAB "; mount debugfs, be root");
	/* nor do single pages */
	if (write_text(FAIL_PAGE_ALLOC "/ignore-gfp-wait", "0") ||
	    write_text(FAIL_PAGE_ALLOC "/min-order", "0"))
		SKIP(_exit(KSFT_SKIP), "no " FAIL_PAGE_ALLOC "; the kernel lacks CONFIG_FAIL_PAGE_ALLOC");
}

static void set_nth(struct sweep *s, int nth)
{
	char text[16];

	pwrite(s->fd, text, snprintf(text, sizeof(text), "%d", nth), 0);
}

/* On to the next chance, unless there was none to take. */
static bool sweep_next(struct sweep *s)
{
	return s->hit && s->nth++ < MOST_FAULTS;
}

/* From here on the chances of this thread count ... */
static void sweep_inject(struct sweep *s)
{
	set_nth(s, s->nth);
}

/*
 * ... until here. Was the chance taken? The read of the answer is itself a copy that can
 * fail: if it does, the chance was still to come.
 */
static void sweep_stop(struct sweep *s)
{
	char text[16] = "";

	s->hit = pread(s->fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
	set_nth(s, 0);
	s->faults += s->hit;
}

static void sweep_end(struct __test_metadata *_metadata, struct sweep *s)
{
	ksft_print_msg("%d faults\n", s->faults);
	EXPECT_LT(0, s->faults);
	EXPECT_FALSE(s->hit);
	close(s->fd);
}

/* A call took n of MORE requests. Copies that fail are tried again: memory was wanting. */
static void sweep_taken(struct sweep *s, int n)
{
	if (n >= 0 && n < MORE)
		s->short_at[n]++;
}

/* At one place two allocations failed: that of the chunk, and that of the list of chunks. */
static bool sweep_grew(struct sweep *s)
{
	int n;

	for (n = 0; n < MORE; n++)
		if (s->short_at[n] >= 2)
			return true;
	return false;
}

static bool is_fault(struct sweep *s, int err)
{
	s->no_memory += err == -ENOMEM;
	return s->hit && (err == -ENOMEM || err == -EFAULT);
}

/* An instance in which n requests are armed */
static int open_filled(struct __test_metadata *_metadata, int n)
{
	struct evnotify_request reqs[FILLED];
	int fd = open_device(_metadata, O_RDWR), i;

	for (i = 0; i < n; i++)
		reqs[i] = pending_in(FAR_NS, i);
	ASSERT_EQ(n, arm_many(fd, reqs, n));
	return fd;
}

/* As a user who may have one file: if a failed open() kept its place, the next would fail. */
TEST_F(instance, open_fails_cleanly)
{
	struct stat node;
	struct sweep s;
	int fd, err;

	sweep_begin(_metadata, &s);
	ASSERT_EQ(0, stat(DEVICE, &node));
	ASSERT_EQ(0, chmod(DEVICE, 0666));
	ASSERT_EQ(0, write_text(MAX_USER_INSTANCES, "1"));
	ASSERT_EQ(0, seteuid(1000));
	while (sweep_next(&s)) {
		sweep_inject(&s);
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		err = fd < 0 ? -errno : 0;
		sweep_stop(&s);

		EXPECT_TRUE(!err || is_fault(&s, err))
			TH_LOG("chance %d: %d", s.nth, err);
		if (err)
			fd = open_device(_metadata, O_RDWR);
		EXPECT_COUNTERS(fd, 0, 0, 0, 0, 0);
		EXPECT_EQ(0, close(fd));
	}
	sweep_end(_metadata, &s);
	EXPECT_LT(0, s.no_memory);
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, write_text(MAX_USER_INSTANCES, "128"));
	EXPECT_EQ(0, chmod(DEVICE, node.st_mode & 07777));
}

/* In both modes */
TEST_F(instance, register_fails_cleanly)
{
	enum { ALL = FILLED + MORE };
	int efd = eventfd(0, EFD_NONBLOCK), fd, err, i, armed;
	struct evnotify_request reqs[MORE];
	struct evnotify_event events[ALL];
	struct evnotify_register reg;
	struct sweep s;

	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		for (i = 0; i < MORE; i++)
			reqs[i] = i % 2 ? pending_in(FAR_NS, i) : eventfd_in(FAR_NS, efd);
		reg = (struct evnotify_register) { .requests = (uintptr_t)reqs, .count = MORE };
		fd = open_filled(_metadata, FILLED);
		sweep_inject(&s);
		err = call(fd, EVNOTIFY_IOC_REGISTER, &reg);
		sweep_stop(&s);

		EXPECT_TRUE(!err || is_fault(&s, err))
			TH_LOG("chance %d: %d", s.nth, err);
		/* what it says was taken is armed, and nothing else */
		armed = counters(fd).pending - FILLED;
		EXPECT_COUNTERS(fd, FILLED + armed, 0, 0, FILLED + armed, 0);
		EXPECT_EQ(armed, err ? 0 : reg.taken);
		EXPECT_TRUE(s.hit || armed == MORE);
		if (!err)
			sweep_taken(&s, armed);
		/* the rest goes through, and all of it can be cancelled */
		if (armed < MORE)
			EXPECT_EQ(MORE - armed, arm_many(fd, reqs + armed, MORE - armed));
		EXPECT_EQ(ALL, cancel_all(fd));
		EXPECT_EQ(FILLED + MORE / 2, read_some(fd, events, ALL));
		EXPECT_COUNTERS(fd, ALL, 0, ALL, 0, 0);
		EXPECT_EQ(0, close(fd));
	}
	sweep_end(_metadata, &s);
	EXPECT_TRUE(sweep_grew(&s));
}

static int write_requests(int fd, struct evnotify_request *reqs, int count)
{
	struct iovec iov = { reqs, count * sizeof(*reqs) };
	ssize_t n = writev(fd, &iov, 1);

	return n < 0 ? -errno : (int)(n / sizeof(*reqs));
}

TEST_F(instance, write_fails_cleanly)
{
	enum { ALL = FILLED + MORE };
	struct evnotify_request reqs[MORE];
	struct evnotify_event events[ALL];
	int fd, i, n, armed;
	struct sweep s;

	for (i = 0; i < MORE; i++)
		reqs[i] = pending_in(0, i);
	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		fd = open_filled(_metadata, FILLED);
		sweep_inject(&s);
		n = write_requests(fd, reqs, MORE);
		sweep_stop(&s);

		EXPECT_TRUE(n == MORE || (s.hit && n > 0) || is_fault(&s, n))
			TH_LOG("chance %d: %d", s.nth, n);
		sweep_taken(&s, n);
		armed = n > 0 ? n : 0;
		EXPECT_EQ(FILLED + armed, counters(fd).armed);
		/* the rest goes through, and each completes once */
		if (armed < MORE)
			EXPECT_EQ(MORE - armed, write_requests(fd, reqs + armed, MORE - armed));
		ASSERT_EQ(0, read_events(fd, events, MORE));
		EXPECT_EQ(MORE, events[MORE - 1].seq);
		EXPECT_COUNTERS(fd, ALL, MORE, 0, FILLED, 0);
		EXPECT_EQ(0, close(fd));
	}
	sweep_end(_metadata, &s);
	EXPECT_TRUE(sweep_grew(&s));
}

/* Into two buffers: what goes into one is not copied in a way that can be made to fail. */
static int read_halves(int fd, struct evnotify_event *events, int n)
{
	struct iovec halves[] = {
		{ events, n / 2 * sizeof(*events) },
		{ events + n / 2, (n - n / 2) * sizeof(*events) },
	};
	int ret = readv(fd, halves, 2);

	return ret < 0 ? -errno : ret / (int)sizeof(*events);
}

TEST_F(instance, read_fails_cleanly)
{
	enum { N = 40 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	struct sweep s;
	__u64 seq = 0;
	int i, n, got;

	for (i = 0; i < N; i++)
		reqs[i] = pending_in(0, i);
	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		ASSERT_EQ(N, arm_many(self->fd, reqs, N));
		ASSERT_TRUE(UNTIL(counters(self->fd).unread == N));
		sweep_inject(&s);
		n = read_halves(self->fd, events, N);
		sweep_stop(&s);

		EXPECT_TRUE(n == N || (s.hit && (n > 0 || n == -EFAULT)))
			TH_LOG("chance %d: %d", s.nth, n);
		/* what was not given is still there: no number is missing */
		got = n > 0 ? n : 0;
		EXPECT_EQ(N - got, counters(self->fd).unread);
		ASSERT_EQ(0, read_events(self->fd, events + got, N - got));
		for (i = 0; i < N; i++)
			EXPECT_EQ(++seq, events[i].seq);
	}
	sweep_end(_metadata, &s);
}

/* All records inside the instance are taken, so that it has to grow. */
TEST_F(instance, wait_fails_cleanly)
{
	struct evnotify_event event;
	struct evnotify_wait wait;
	struct sweep s;
	int fd, err;
	__u64 seq;

	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		fd = open_filled(_metadata, INSIDE);
		wait.request = pending_in(0, 7);
		sweep_inject(&s);
		err = call(fd, EVNOTIFY_IOC_WAIT, &wait);
		sweep_stop(&s);

		EXPECT_TRUE(!err || is_fault(&s, err))
			TH_LOG("chance %d: %d", s.nth, err);
		seq = !err;
		/* the event that could not be handed over is read */
		if (err && counters(fd).unread) {
			ASSERT_EQ(1, read_some(fd, &event, 1));
			EXPECT_EQ(++seq, event.seq);
			EXPECT_EQ(7, event.user_data);
		}
		EXPECT_COUNTERS(fd, INSIDE + seq, seq, 0, INSIDE, 0);
		EXPECT_EQ(0, call(fd, EVNOTIFY_IOC_WAIT, &wait));
		EXPECT_EQ(++seq, wait.event.seq);
		EXPECT_COUNTERS(fd, INSIDE + seq, seq, 0, INSIDE, 0);
		EXPECT_EQ(0, close(fd));
	}
	sweep_end(_metadata, &s);
	EXPECT_LT(0, s.no_memory);
}

TEST_F(instance, info_and_fdinfo_fail_cleanly)
{
	struct evnotify_info info;
	struct counters c;
	struct sweep s;
	int err;

	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		sweep_inject(&s);
		err = call(self->fd, EVNOTIFY_IOC_INFO, &info);
		c = counters(self->fd);
		sweep_stop(&s);

		EXPECT_TRUE(!err || (is_fault(&s, err) && err == -EFAULT))
			TH_LOG("chance %d: %d", s.nth, err);
		EXPECT_TRUE(s.hit || (!c.armed && !c.pending));
		EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
		EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
	}
	sweep_end(_metadata, &s);
}

/* --- sources -------------------------------------------------------------------------- */

TEST_F(instance, sim_opens_and_fails_cleanly)
{
	struct sweep s;
	int sim, err;

	close(open_sim(_metadata));
	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		sweep_inject(&s);
		sim = open(SIM_DEVICE, O_RDWR | O_CLOEXEC);
		err = sim < 0 ? -errno : 0;
		sweep_stop(&s);

		EXPECT_TRUE(!err || is_fault(&s, err))
			TH_LOG("chance %d: %d", s.nth, err);
		if (err)
			sim = open_sim(_metadata);
		EXPECT_EQ(0, close(sim));
	}
	sweep_end(_metadata, &s);
	EXPECT_LT(0, s.no_memory);
}

/*
 * As a user who may have one file: if a failed NEW kept its place, the next would fail. Nor does it
 * keep its name: the next has the same.
 */
TEST_F(instance, new_source_fails_cleanly)
{
	char name[NAME_SIZE], first[NAME_SIZE] = "";
	struct evnotify_request req = event_request(0, 0);
	struct evnotify_event event;
	int sim, fd, lowest;
	struct stat node;
	struct sweep s;

	close(open_sim(_metadata));
	sweep_begin(_metadata, &s);
	ASSERT_EQ(0, stat(SIM_DEVICE, &node));
	ASSERT_EQ(0, chmod(SIM_DEVICE, 0666));
	ASSERT_EQ(0, write_text(MAX_USER_INSTANCES, "1"));
	ASSERT_EQ(0, seteuid(1000));
	while (sweep_next(&s)) {
		sim = open_sim(_metadata);
		lowest = dup(sim);
		close(lowest);
		sweep_inject(&s);
		fd = sim_new(sim, 0, name);
		sweep_stop(&s);

		EXPECT_TRUE(fd >= 0 || is_fault(&s, fd))
			TH_LOG("chance %d: %d", s.nth, fd);
		if (fd < 0) {
			EXPECT_EQ(-ENXIO, sim_raise(sim, 1, 0));
			fd = sim_new(sim, 0, name);
		}
		ASSERT_EQ(lowest, fd);
		if (!*first)
			strcpy(first, name);
		EXPECT_STREQ(first, name);
		/* it works */
		EXPECT_EQ(0, arm(fd, &req));
		EXPECT_EQ(1, sim_raise(sim, 1, 5));
		ASSERT_EQ(0, read_events(fd, &event, 1));
		EXPECT_EVENT(&event, 5, 0);
		EXPECT_EQ(0, close(sim));
		EXPECT_EQ(0, close(fd));
	}
	sweep_end(_metadata, &s);
	EXPECT_LT(0, s.no_memory);
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, write_text(MAX_USER_INSTANCES, "128"));
	EXPECT_EQ(0, chmod(SIM_DEVICE, node.st_mode & 07777));
}

/* It plays all, or nothing. */
TEST_F(instance, steps_fail_cleanly)
{
	int sim = open_sim(_metadata), fd = sim_new(sim, 0, NULL);
	unsigned long long raised = 0;
	struct sweep s;
	long n;

	ASSERT_LE(0, fd);
	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		sweep_inject(&s);
		n = sim_raise(sim, EVNOTIFY_SIM_MAX_STEPS, 0);
		sweep_stop(&s);

		EXPECT_TRUE(n == EVNOTIFY_SIM_MAX_STEPS || is_fault(&s, n))
			TH_LOG("chance %d: %ld", s.nth, n);
		raised += n > 0 ? n : 0;
		EXPECT_SOURCE_COUNTERS(fd, raised, 0, 0);
		EXPECT_EQ(3, sim_raise(sim, 3, 0));
		raised += 3;
	}
	sweep_end(_metadata, &s);
	close(sim);
	close(fd);
}

/* The node, by a user who may have one file besides root's */
TEST_F(instance, node_opens_and_fails_cleanly)
{
	struct evnotify_request req = event_request(0, 0);
	struct evnotify_event event;
	char name[NAME_SIZE], path[64];
	int sim, source, fd, err, n = 0;
	struct sweep s;

	sweep_begin(_metadata, &s);
	sim = open_sim(_metadata);
	source = sim_new(sim, 0, name);
	ASSERT_LE(0, source);
	snprintf(path, sizeof(path), "/dev/%s", name);
	ASSERT_EQ(0, chmod(path, 0666));
	ASSERT_EQ(0, write_text(MAX_USER_INSTANCES, "1"));
	ASSERT_EQ(0, seteuid(1000));
	while (sweep_next(&s)) {
		sweep_inject(&s);
		fd = open(path, O_RDWR | O_CLOEXEC);
		err = fd < 0 ? -errno : 0;
		sweep_stop(&s);

		EXPECT_TRUE(!err || is_fault(&s, err))
			TH_LOG("chance %d: %d", s.nth, err);
		if (err)
			fd = open(path, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, arm(fd, &req));
		EXPECT_EQ(1, sim_raise(sim, 1, ++n));
		ASSERT_EQ(0, read_events(fd, &event, 1));
		EXPECT_EVENT(&event, n, 0);
		EXPECT_EQ(0, close(fd));
	}
	sweep_end(_metadata, &s);
	EXPECT_LT(0, s.no_memory);
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, write_text(MAX_USER_INSTANCES, "128"));
	/* what failed listens no more: there is room for all others */
	for (n = 1; n < 64; n++)
		EXPECT_LE(0, open(path, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(-1, open(path, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(EUSERS, errno);
	close(sim);
	close(source);
}

/* Each event is told once, and none is taken for what failed. */
TEST_F(instance, events_are_read_and_fail_cleanly)
{
	enum { N = 40 };
	struct evnotify_request req = event_request(0, EVNOTIFY_REPEAT), reqs[N];
	int sim = open_sim(_metadata), fd = sim_new(sim, 0, NULL), i, n, got;
	struct evnotify_event events[N];
	__u64 next = 0, seq = 0;
	struct sweep s;

	ASSERT_LE(0, fd);
	sweep_begin(_metadata, &s);
	while (sweep_next(&s)) {
		/* of those that wait, some have timeouts */
		for (i = 0; i < N; i++) {
			reqs[i] = event_request(i, 0);
			reqs[i].due_ns = i % 2 ? FAR_NS : 0;
		}
		ASSERT_EQ(N, arm_many(fd, reqs, N));
		ASSERT_EQ(N, sim_raise(sim, N, next));
		ASSERT_TRUE(UNTIL(counters(fd).unread == N));
		sweep_inject(&s);
		n = read_halves(fd, events, N);
		sweep_stop(&s);

		EXPECT_TRUE(n == N || (s.hit && (n > 0 || n == -EFAULT)))
			TH_LOG("chance %d: %d", s.nth, n);
		got = n > 0 ? n : 0;
		ASSERT_EQ(0, read_events(fd, events + got, N - got));
		for (i = 0; i < N; i++) {
			EXPECT_EVENT(&events[i], next + i, 0);
			EXPECT_EQ(++seq, events[i].seq);
		}
		next += N;
	}
	sweep_end(_metadata, &s);

	/* one that repeats */
	sweep_begin(_metadata, &s);
	ASSERT_EQ(0, arm(fd, &req));
	while (sweep_next(&s)) {
		ASSERT_EQ(1, sim_raise(sim, 1, next));
		ASSERT_TRUE(UNTIL(counters(fd).unread == 1));
		sweep_inject(&s);
		n = read_halves(fd, events, N);
		sweep_stop(&s);

		EXPECT_TRUE(n == 1 || (s.hit && n == -EFAULT))
			TH_LOG("chance %d: %d", s.nth, n);
		if (n != 1)
			ASSERT_EQ(0, read_events(fd, events, 1));
		EXPECT_EVENT(&events[0], next, 0);
		next++;
	}
	sweep_end(_metadata, &s);
	ASSERT_EQ(0, cancel(fd, req.id));
	ASSERT_EQ(1, read_some(fd, events, 1));
	EXPECT_SOURCE_COUNTERS(fd, next, next, 0);
	EXPECT_EQ(0, counters(fd).pending);
	close(sim);
	close(fd);
}

TEST_HARNESS_MAIN
