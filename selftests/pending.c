// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mode PENDING, asynchronous: the WDK sample's way two. Event records are read from the
 * device; poll, select, epoll, FIONREAD and SIGIO tell that there are some.
 */
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <linux/userfaultfd.h>

#include "evnotify_test.h"

static int bytes_readable(int fd)
{
	int bytes = -1;

	return ioctl(fd, FIONREAD, &bytes) ? -errno : bytes;
}

/* --- records -------------------------------------------------------------------------- */

TEST_F(instance, read_gives_the_record)
{
	struct evnotify_request req = pending_in(5 * NSEC_PER_MSEC, 0x1122334455667788);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	memset(&event, POISON, sizeof(event));
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EXPIRED(&event, before + req.due_ns, CLOCK_MONOTONIC);
	EXPECT_EQ(0x1122334455667788, event.user_data);
	EXPECT_EQ(req.id, event.id);
	EXPECT_EQ(1, event.seq);
	EXPECT_EQ(1, event.count);
	EXPECT_EQ(0, event.flags);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, records_come_as_their_requests_expire)
{
	/* all three delays count from the instant of the call */
	struct evnotify_request reqs[] = {
		pending_in(30 * NSEC_PER_MSEC, 2),
		pending_in(10 * NSEC_PER_MSEC, 0),
		pending_in(20 * NSEC_PER_MSEC, 1),
	};
	struct evnotify_event events[3];
	int i;

	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	ASSERT_EQ(0, read_events(self->fd, events, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i, events[i].user_data);
		EXPECT_EQ(i + 1, events[i].seq);
	}
	EXPECT_EQ(10 * NSEC_PER_MSEC, events[1].due_ns - events[0].due_ns);
	EXPECT_EQ(10 * NSEC_PER_MSEC, events[2].due_ns - events[1].due_ns);
}

TEST_F(instance, requests_due_at_one_instant_come_in_the_order_of_arming)
{
	enum { N = 300 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	__u64 due = now_ns(CLOCK_MONOTONIC) + 20 * NSEC_PER_MSEC;
	int i;

	for (i = 0; i < N; i++) {
		reqs[i] = pending_in(due, i);
		reqs[i].flags = EVNOTIFY_ABSTIME;
	}
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_EQ(0, read_events(self->fd, events, N));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(i, events[i].user_data);
		ASSERT_EQ(reqs[i].id, events[i].id);
		EXPECT_EQ(i + 1, events[i].seq);
		EXPECT_EQ(due, events[i].due_ns);
	}
}

/*
 * The same when some went where the due times are not in order: whatever was armed and cancelled in
 * between, of two that are due at one instant the one that was armed first comes first.
 */
TEST_F(instance, the_order_of_arming_holds_in_line_and_tree)
{
	enum { N = 400, INSTANTS = 5, ROUNDS = 10 };
	unsigned int seed = now_ns(CLOCK_MONOTONIC), round, records;
	struct evnotify_request req;
	struct evnotify_event event;
	__u64 due, ids[N], last[INSTANTS];
	int i;

	ksft_print_msg("seed %u\n", seed);
	for (round = 0; round < ROUNDS; round++) {
		due = now_ns(CLOCK_MONOTONIC) + 100 * NSEC_PER_MSEC;
		for (i = 0; i < N; i++) {
			req = pending_in(due + rand_r(&seed) % INSTANTS, i + 1);
			/* one that makes the line and leaves it empty, now and then */
			if (rand_r(&seed) % 4 == 0)
				req.due_ns = due + FAR_NS;
			req.flags = EVNOTIFY_ABSTIME;
			ASSERT_EQ(0, arm(self->fd, &req));
			ids[i] = req.due_ns < due + FAR_NS ? 0 : req.id;
			if (rand_r(&seed) % 3 == 0 && ids[i / 2]) {
				ASSERT_EQ(0, cancel(self->fd, ids[i / 2]));
				ids[i / 2] = 0;
			}
		}
		for (i = 0; i < N; i++)
			if (ids[i])
				ASSERT_EQ(0, cancel(self->fd, ids[i]));
		memset(last, 0, sizeof(last));
		for (records = 0; records < N; records++) {
			ASSERT_EQ(0, read_events(self->fd, &event, 1));
			if (event.status)
				continue;
			ASSERT_GT(INSTANTS, event.due_ns - due);
			ASSERT_LT(last[event.due_ns - due], event.user_data);
			last[event.due_ns - due] = event.user_data;
		}
	}
}

TEST_F(instance, a_cancelled_request_gives_its_record)
{
	struct evnotify_request req = pending_in(FAR_NS, 77);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, cancel(self->fd, req.id));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 1);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(77, event.user_data);
	EXPECT_EQ(req.id, event.id);
	EXPECT_LE(before + FAR_NS, event.due_ns);
	EXPECT_EQ(0, event.expired_ns);
	EXPECT_LE(before, event.completed_ns);
	EXPECT_LE(event.completed_ns, now_ns(CLOCK_MONOTONIC));
	EXPECT_EQ(1, event.seq);
	EXPECT_EQ(0, event.count);
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
}

TEST_F(instance, cancel_comes_too_late_for_an_unread_record)
{
	struct evnotify_request req = pending_in(0, 0);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));
	EXPECT_EQ(-EALREADY, update(self->fd, req.id, 0, 0));
	EXPECT_EQ(0, cancel_all(self->fd));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(0, event.status);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, update_moves_the_due_time)
{
	struct evnotify_request req = pending_in(FAR_NS, 2);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(0, update(self->fd, req.id, NSEC_PER_MSEC, 0));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EXPIRED(&event, before + NSEC_PER_MSEC, CLOCK_MONOTONIC);
	EXPECT_EQ(req.id, event.id);
	EXPECT_EQ(2, event.user_data);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, update_to_later_is_not_early)
{
	__u64 delay = 20 * NSEC_PER_MSEC, later;
	struct evnotify_request req;
	struct evnotify_event event;
	int ret;

	/* a machine that is slower than the first due time gets more */
	do {
		req = pending_in(delay, 1);
		ASSERT_EQ(0, arm(self->fd, &req));
		later = now_ns(CLOCK_MONOTONIC) + 3 * delay;
		ret = update(self->fd, req.id, later, EVNOTIFY_ABSTIME);
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		delay *= 2;
	} while (ret == -EALREADY);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(later, event.due_ns);
	EXPECT_EXPIRED(&event, later, CLOCK_MONOTONIC);
}

/* --- read() --------------------------------------------------------------------------- */

TEST_F(instance, nonblocking_read_gives_eagain)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, set_nonblock(self->fd));
	EXPECT_EQ(-EAGAIN, read_some(self->fd, &event, 1));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	EXPECT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(-EAGAIN, read_some(self->fd, &event, 1));
}

TEST_F(instance, a_buffer_takes_the_records_that_fit)
{
	struct evnotify_event events[4];

	EXPECT_EQ(-1, read(self->fd, events, 0));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_TRUE(make_ready(self->fd, 5));
	EXPECT_EQ(-1, read(self->fd, events, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, events, 63));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(64, read(self->fd, events, 127));
	EXPECT_EQ(1, events[0].seq);
	EXPECT_EQ(3, read_some(self->fd, events, 3));
	EXPECT_EQ(2, events[0].seq);
	EXPECT_EQ(4, events[2].seq);
	EXPECT_EQ(1, read_some(self->fd, events, 4));
	EXPECT_EQ(5, events[0].seq);
	EXPECT_COUNTERS(self->fd, 5, 5, 0, 0, 0);
}

TEST_F(instance, readv_scatters_records)
{
	struct evnotify_event events[3];
	struct iovec iov[] = {
		{ .iov_base = (char *)events, .iov_len = 1 },
		{ .iov_base = (char *)events + 1, .iov_len = 100 },
		{ .iov_base = (char *)events + 101, .iov_len = sizeof(events) - 101 },
	};

	ASSERT_TRUE(make_ready(self->fd, 3));
	EXPECT_EQ(sizeof(events), readv(self->fd, iov, ARRAY_SIZE(iov)));
	EXPECT_EQ(1, events[0].seq);
	EXPECT_EQ(2, events[1].seq);
	EXPECT_EQ(3, events[2].seq);
}

TEST_F(instance, a_record_stays_until_it_is_copied)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct evnotify_event *end, event;
	char *map;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	ASSERT_EQ(0, mprotect(map + page, page, PROT_READ));
	end = (void *)(map + page);

	ASSERT_TRUE(make_ready(self->fd, 40));
	EXPECT_EQ(-EFAULT, read_some(self->fd, end, 40));
	/* half of it lands in good memory: it is not copied */
	EXPECT_EQ(-EFAULT, read_some(self->fd, (void *)((char *)end - 32), 40));
	EXPECT_COUNTERS(self->fd, 40, 40, 0, 0, 40);

	/* two fit, the third would straddle the end */
	EXPECT_EQ(2, read_some(self->fd, (void *)((char *)(end - 2) - 32), 40));
	EXPECT_COUNTERS(self->fd, 40, 40, 0, 0, 38);
	EXPECT_EQ(20, read_some(self->fd, end - 20, 40));
	EXPECT_EQ(3, end[-20].seq);
	EXPECT_EQ(22, end[-1].seq);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(23, event.seq);
}

/* The record goes straight to the process, whether its memory is there yet or not. */
TEST_F(instance, read_brings_its_memory_in)
{
	enum { N = 200 };
	size_t size = N * sizeof(struct evnotify_event);
	int i, shared, memfd = memfd_create("records", MFD_CLOEXEC);
	struct evnotify_event *events;

	ASSERT_EQ(0, ftruncate(memfd, size));
	for (shared = 0; shared < 2; shared++) {
		events = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      shared ? MAP_SHARED : MAP_PRIVATE, memfd, 0);
		ASSERT_TRUE(events != MAP_FAILED);
		ASSERT_TRUE(make_ready(self->fd, N));
		ASSERT_EQ(N, read_some(self->fd, events, N));
		for (i = 0; i < N; i++)
			EXPECT_EQ(shared * N + i + 1, events[i].seq);
	}
}

/* Below a stack there is no memory before somebody writes to it. */
TEST_F(instance, read_lets_a_stack_grow)
{
	size_t page = sysconf(_SC_PAGESIZE), room = 1024 * page;
	struct evnotify_event *top;
	char *map;

	map = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	ASSERT_EQ(0, munmap(map, room));
	map = mmap(map + room - page, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	top = (void *)map;

	ASSERT_TRUE(make_ready(self->fd, 1));
	ASSERT_EQ(1, read_some(self->fd, top - 1, 1));
	EXPECT_EQ(1, top[-1].seq);
}

TEST_F(instance, read_blocks_until_there_is_a_record)
{
	struct evnotify_request req = pending_in(0, 5);
	struct reader r;

	ASSERT_TRUE(reader_start(&r, self->fd));
	ASSERT_EQ(0, arm(self->fd, &req));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(1, r.ret);
	EXPECT_EQ(5, r.event.user_data);
}

static volatile sig_atomic_t signals;

static void count_signal(int signo)
{
	(void)signo;
	signals++;
}

TEST_F(instance, a_signal_interrupts_a_blocked_read)
{
	struct sigaction action = { .sa_handler = count_signal };
	struct evnotify_request req = pending_in(0, 5);
	struct reader r;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_TRUE(reader_start(&r, self->fd));
	ASSERT_EQ(0, pthread_kill(r.thread, SIGUSR1));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(1, signals);
	EXPECT_EQ(-EINTR, r.ret);

	/* ... which goes on after a handler that wants it so */
	action.sa_flags = SA_RESTART;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_TRUE(reader_start(&r, self->fd));
	ASSERT_EQ(0, pthread_kill(r.thread, SIGUSR1));
	ASSERT_TRUE(UNTIL(signals == 2 && asleep(r.tid)));
	ASSERT_EQ(0, arm(self->fd, &req));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(1, r.ret);
	EXPECT_EQ(5, r.event.user_data);
}

/*
 * Records come faster than anybody can read them, and the buffer has no end: a signal has to
 * get through all the same, and the process gets what was copied until then.
 */
struct away {
	int fd, ret;
	void *memory;
};

static void *read_to_away(void *arg)
{
	struct away *away = arg;

	away->ret = read_some(away->fd, away->memory, 1);
	return NULL;
}

/* There is a record, but its memory takes its time to come: a signal is no excuse. */
TEST_F(instance, a_signal_does_not_keep_a_record_back)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct sigaction action = { .sa_handler = count_signal };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = {};
	struct away away = { .fd = self->fd };
	struct uffd_msg msg;
	pthread_t thread;
	int uffd;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0)
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
	away.memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(away.memory != MAP_FAILED);
	reg.range.start = (uintptr_t)away.memory;
	reg.range.len = page;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &reg));

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_TRUE(make_ready(self->fd, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_to_away, &away));
	ASSERT_EQ(sizeof(msg), read(uffd, &msg, sizeof(msg)));
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	zero.range = reg.range;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(thread, NULL);
	EXPECT_EQ(1, away.ret);
	EXPECT_EQ(1, signals);
}

/* They leave little of a slow CPU: to cancel them takes a while, too. */
TEST_F_TIMEOUT(instance, a_signal_ends_a_long_read, 300)
{
	enum { N = 2000, PIECES = 16384 };
	struct itimerval soon = { .it_value.tv_usec = 100000 };
	struct sigaction action = { .sa_handler = count_signal };
	const size_t piece = 1 << 16;
	struct evnotify_request *reqs = calloc(N, sizeof(*reqs));
	int i, memfd = memfd_create("records", MFD_CLOEXEC);
	struct evnotify_info info;
	ssize_t n;
	char *map;

	/* a gigabyte, which is one and the same piece over and over */
	ASSERT_EQ(0, ftruncate(memfd, piece));
	map = mmap(NULL, PIECES * piece, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	for (i = 0; i < PIECES; i++)
		ASSERT_TRUE(mmap(map + i * piece, piece, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, memfd, 0) != MAP_FAILED);

	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	for (i = 0; i < N; i++) {
		reqs[i] = pending_in(0, i);
		reqs[i].period_ns = info.min_period_ns;
	}
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
	n = read(self->fd, map, PIECES * piece);
	EXPECT_LT(0, n);
	EXPECT_GT(PIECES * piece, n);
	ksft_print_msg("%zd records\n", n / sizeof(struct evnotify_event));
	EXPECT_EQ(N, cancel_all(self->fd));
}

/*
 * What a call takes, it takes whole: neither a handler nor work that the kernel has for the thread
 * is a reason to stop in the middle. Only what is wrong with a request is.
 */
static void arm_under_signals(struct __test_metadata *_metadata, int fd, bool by_write)
{
	enum { N = 4000, SIGNALS = 100, MOST_CALLS = 500 };
	const struct itimerval often = { { .tv_usec = 500 }, { .tv_usec = 500 } }, never = {};
	struct sigaction action = { .sa_handler = count_signal };
	struct evnotify_request *reqs = calloc(N, sizeof(*reqs));
	struct evnotify_event *events = calloc(N, sizeof(*events));
	int i, taken, calls = 0;

	ASSERT_TRUE(reqs && events);
	for (i = 0; i < N; i++)
		reqs[i] = pending_in(0, i);
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	while (signals < SIGNALS && calls++ < MOST_CALLS) {
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
		if (by_write)
			taken = write(fd, reqs, N * sizeof(*reqs)) / (int)sizeof(*reqs);
		else
			taken = arm_many(fd, reqs, N);
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
		ASSERT_EQ(N, taken);
		ASSERT_EQ(0, read_events(fd, events, N));
	}
	ksft_print_msg("%d signals in %d calls\n", (int)signals, calls);
	EXPECT_LE(SIGNALS, signals);
}

TEST_F(instance, signals_do_not_end_a_write)
{
	arm_under_signals(_metadata, self->fd, true);
}

TEST_F(instance, signals_do_not_end_a_register)
{
	arm_under_signals(_metadata, self->fd, false);
}

/* ... but death does: who is killed does not go on for as long as the batch is. */
TEST_F(instance, a_kill_ends_a_long_write)
{
	enum { PIECES = 64 };
	size_t n, piece = 1 << 16, size = PIECES * piece;
	int i, status, memfd = memfd_create("requests", MFD_CLOEXEC);
	unsigned long long armed, most;
	struct evnotify_request *reqs;
	struct evnotify_info info;
	char *map;
	pid_t pid;

	/* one and the same piece over and over: more requests than an instance can hold */
	ASSERT_EQ(0, ftruncate(memfd, piece));
	map = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	for (i = 0; i < PIECES; i++)
		ASSERT_TRUE(mmap(map + i * piece, piece, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, memfd, 0) != MAP_FAILED);
	reqs = (void *)map;
	for (n = 0; n < piece / sizeof(*reqs); n++)
		reqs[n] = pending_in(FAR_NS, n);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	most = size / sizeof(*reqs);
	ASSERT_GE(info.max_requests, most);

	for (i = 0, armed = 0; i < 50 && (!armed || armed == most); i++) {
		int fd = open_device(_metadata, O_RDWR);

		pid = fork();
		if (!pid) {
			signal(SIGALRM, SIG_DFL);
			write(fd, map, size);
			pause();
		}
		ASSERT_TRUE(UNTIL(counters(fd).armed));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		armed = counters(fd).armed;
		close(fd);
	}
	ksft_print_msg("%llu of %llu were armed\n", armed, most);
	EXPECT_LT(0, armed);
	EXPECT_GT(most, armed);
}

TEST_F(instance, rwf_nowait_never_blocks)
{
	struct evnotify_request req = pending_in(0, 9);
	struct evnotify_event event;
	struct iovec in = { .iov_base = &event, .iov_len = sizeof(event) };
	struct iovec out = { .iov_base = &req, .iov_len = sizeof(req) };

	EXPECT_EQ(-1, preadv2(self->fd, &in, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(sizeof(req), pwritev2(self->fd, &out, 1, -1, RWF_NOWAIT));
	ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
	EXPECT_EQ(sizeof(event), preadv2(self->fd, &in, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(9, event.user_data);
	EXPECT_EQ(-1, preadv2(self->fd, &in, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/* --- being told ----------------------------------------------------------------------- */

TEST_F(instance, poll_tells_of_records)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN | POLLRDNORM | POLLOUT };
	struct evnotify_request req = pending_in(10 * NSEC_PER_MSEC, 0);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	pfd.events = POLLIN | POLLRDNORM;
	EXPECT_EQ(1, poll(&pfd, 1, PATIENCE_MS));
	EXPECT_EQ(POLLIN | POLLRDNORM, pfd.revents);
	pfd.events |= POLLOUT;
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLOUT, pfd.revents);
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLOUT, pfd.revents);
}

TEST_F(instance, select_tells_of_records)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 }, at_once = {};
	struct evnotify_request req = pending_in(10 * NSEC_PER_MSEC, 0);
	struct evnotify_event event;
	fd_set in;

	ASSERT_EQ(0, arm(self->fd, &req));
	FD_ZERO(&in);
	FD_SET(self->fd, &in);
	EXPECT_EQ(1, select(self->fd + 1, &in, NULL, NULL, &patience));
	EXPECT_TRUE(FD_ISSET(self->fd, &in));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	FD_SET(self->fd, &in);
	EXPECT_EQ(0, select(self->fd + 1, &in, NULL, NULL, &at_once));
}

TEST_F(instance, epoll_level_tells_until_all_are_read)
{
	struct epoll_event ready = { .events = EPOLLIN, .data.u32 = 42 };
	struct evnotify_event events[2];
	int epfd = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &ready));
	EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
	ASSERT_TRUE(make_ready(self->fd, 2));
	EXPECT_EQ(1, epoll_wait(epfd, &ready, 1, PATIENCE_MS));
	EXPECT_EQ(42, ready.data.u32);
	ASSERT_EQ(1, read_some(self->fd, events, 1));
	EXPECT_EQ(1, epoll_wait(epfd, &ready, 1, 0));
	ASSERT_EQ(1, read_some(self->fd, events, 1));
	EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
}

TEST_F(instance, epoll_edge_tells_of_each_new_record)
{
	struct epoll_event ready = { .events = EPOLLIN | EPOLLET };
	struct evnotify_request req = pending_in(0, 0);
	int epfd = epoll_create1(0);
	unsigned int i;

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &ready));
	for (i = 1; i <= 3; i++) {
		/* nothing is read: the edge is the record that is added */
		ASSERT_EQ(0, arm(self->fd, &req));
		EXPECT_EQ(1, epoll_wait(epfd, &ready, 1, PATIENCE_MS));
		ASSERT_TRUE(UNTIL(counters(self->fd).unread == i));
		EXPECT_EQ(0, epoll_wait(epfd, &ready, 1, 0));
	}
}

TEST_F(instance, fionread_counts_bytes)
{
	struct evnotify_event events[3];

	EXPECT_EQ(0, bytes_readable(self->fd));
	ASSERT_TRUE(make_ready(self->fd, 3));
	EXPECT_EQ(3 * 64, bytes_readable(self->fd));
	ASSERT_EQ(2, read_some(self->fd, events, 2));
	EXPECT_EQ(64, bytes_readable(self->fd));
	ASSERT_EQ(1, read_some(self->fd, events, 2));
	EXPECT_EQ(0, bytes_readable(self->fd));
	EXPECT_EQ(-1, ioctl(self->fd, FIONREAD, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(instance, sigio_tells_of_records)
{
	struct timespec patience = { .tv_sec = PATIENCE_MS / 1000 }, at_once = {};
	int flags = fcntl(self->fd, F_GETFL);
	struct evnotify_request req;
	siginfo_t info = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETSIG, SIGRTMIN));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags | O_ASYNC));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &at_once));

	req = pending_in(NSEC_PER_MSEC, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(SIGRTMIN, sigtimedwait(&set, &info, &patience));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(POLL_IN, info.si_code);
	EXPECT_EQ(POLLIN | POLLRDNORM, info.si_band);
	EXPECT_TRUE(readable(self->fd, 0));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &at_once));

	/* a cancellation makes a record as well */
	req = pending_in(FAR_NS, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	EXPECT_EQ(SIGRTMIN, sigtimedwait(&set, &info, &patience));

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags));
	req = pending_in(FAR_NS, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &at_once));
}

/* --- as many are woken as there are records ------------------------------------------- */

/*
 * A worker sleeps exclusively with others, takes one record, and is then busy until the test ends:
 * the next record has to find somebody else.
 */
struct worker {
	pthread_t thread;
	int fd;
	int release;	/* an eventfd: the end of being busy */
	volatile pid_t tid;
	atomic_int *took;
	bool spoilt;	/* the memory that it reads to is not there */
};

static void *worker_main(void *arg)
{
	struct epoll_event ready = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	struct worker *w = arg;
	struct evnotify_event event;
	int epfd = epoll_create1(0);
	__u64 value;

	epoll_ctl(epfd, EPOLL_CTL_ADD, w->fd, &ready);
	w->tid = gettid();
	while (epoll_wait(epfd, &ready, 1, PATIENCE_MS) == 1)
		if (read_some(w->fd, &event, 1) == 1) {
			atomic_fetch_add(w->took, 1);
			break;
		}
	if (read(w->release, &value, sizeof(value)) < 0)
		perror("release");
	close(epfd);
	return NULL;
}

static void *reading_worker_main(void *arg)
{
	struct worker *w = arg;
	struct evnotify_event event;
	__u64 value;

	w->tid = gettid();
	if (read_some(w->fd, w->spoilt ? NULL : &event, 1) == 1)
		atomic_fetch_add(w->took, 1);
	if (read(w->release, &value, sizeof(value)) < 0)
		perror("release");
	return NULL;
}

static bool workers_start(struct worker *w, int n, int fd, void *(*main)(void *), atomic_int *took)
{
	int release = eventfd(0, EFD_SEMAPHORE), i;

	*took = 0;
	for (i = 0; i < n; i++) {
		w[i].fd = fd;
		w[i].release = release;
		w[i].took = took;
		w[i].tid = 0;
		/* one after the other: they are woken in the order in which they came */
		if (pthread_create(&w[i].thread, NULL, main, &w[i]) ||
		    !UNTIL(w[i].tid && asleep(w[i].tid)))
			return false;
	}
	return true;
}

static void workers_end(struct worker *w, int n)
{
	__u64 all = n;
	int i;

	if (write(w->release, &all, sizeof(all)) < 0)
		perror("release");
	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	close(w->release);
}

TEST_F(instance, two_records_of_one_batch_find_two_exclusive_workers)
{
	struct evnotify_request reqs[2];
	struct worker w[2] = {};
	atomic_int took;

	ASSERT_EQ(0, set_nonblock(self->fd));
	ASSERT_TRUE(workers_start(w, 2, self->fd, worker_main, &took));
	reqs[0] = pending_in(now_ns(CLOCK_MONOTONIC) + 50 * NSEC_PER_MSEC, 0);
	reqs[0].flags = EVNOTIFY_ABSTIME;
	reqs[1] = reqs[0];
	ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
	EXPECT_TRUE(UNTIL(took == 2));
	workers_end(w, 2);
}

TEST_F(instance, two_records_of_one_cancellation_find_two_exclusive_workers)
{
	struct evnotify_request reqs[] = { pending_in(FAR_NS, 0), pending_in(FAR_NS, 1) };
	struct worker w[2] = {};
	atomic_int took;

	ASSERT_EQ(0, set_nonblock(self->fd));
	ASSERT_TRUE(workers_start(w, 2, self->fd, worker_main, &took));
	ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
	EXPECT_EQ(2, cancel_all(self->fd));
	EXPECT_TRUE(UNTIL(took == 2));
	workers_end(w, 2);
}

TEST_F(instance, records_of_one_batch_find_as_many_blocked_readers)
{
	enum { N = 4 };
	struct evnotify_request reqs[N];
	struct worker w[N] = {};
	atomic_int took;
	int i;

	ASSERT_TRUE(workers_start(w, N, self->fd, reading_worker_main, &took));
	for (i = 0; i < N; i++)
		reqs[i] = pending_in(0, i);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	EXPECT_TRUE(UNTIL(took == N));
	workers_end(w, N);
}

/* Who is woken, and cannot take the record, leaves it to the next. */
TEST_F(instance, a_reader_without_memory_wakes_the_next)
{
	struct evnotify_request req = pending_in(0, 0);
	struct worker w[2] = { { .spoilt = true }, {} };
	atomic_int took;

	ASSERT_TRUE(workers_start(w, 2, self->fd, reading_worker_main, &took));
	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_TRUE(UNTIL(took == 1));
	EXPECT_FALSE(readable(self->fd, 0));
	/* the second, if nobody woke it */
	if (!took)
		ASSERT_EQ(0, arm(self->fd, &req));
	workers_end(w, 2);
}

/* Many readers, and one record at a time. */
struct herd {
	pthread_t thread;
	int fd;
	size_t size;
	volatile pid_t tid;
	atomic_int *took;
};

static void *herd_main(void *arg)
{
	char buffer[sizeof(struct evnotify_event)];
	struct herd *h = arg;

	h->tid = gettid();
	while (read(h->fd, buffer, h->size) == (ssize_t)h->size && *buffer != 'x')
		atomic_fetch_add(h->took, 1);
	return NULL;
}

static long switches(void)
{
	struct rusage all, own;

	/* those of the test itself do not count: it looks until they are done */
	getrusage(RUSAGE_SELF, &all);
	getrusage(RUSAGE_THREAD, &own);
	return all.ru_nvcsw - own.ru_nvcsw;
}

#define HERD	64
#define RECORDS	50

/* Voluntary context switches of the herd while one record after the other comes. */
static long herd_switches(struct __test_metadata *_metadata, int fd, size_t size,
			  int (*feed)(int arg, char what), int arg)
{
	struct herd herd[HERD];
	atomic_int took = 0;
	long before, seen;
	int i;

	for (i = 0; i < HERD; i++) {
		herd[i].fd = fd;
		herd[i].size = size;
		herd[i].tid = 0;
		herd[i].took = &took;
		ASSERT_EQ(0, pthread_create(&herd[i].thread, NULL, herd_main, &herd[i]));
	}
	for (i = 0; i < HERD; i++)
		ASSERT_TRUE(UNTIL(herd[i].tid && asleep(herd[i].tid)));
	before = switches();
	for (i = 0; i < RECORDS; i++) {
		ASSERT_EQ(0, feed(arg, '.'));
		ASSERT_TRUE(UNTIL(took == i + 1));
	}
	for (i = 0; i < HERD; i++)
		ASSERT_TRUE(UNTIL(asleep(herd[i].tid)));
	seen = switches() - before;
	for (i = 0; i < HERD; i++)
		ASSERT_EQ(0, feed(arg, 'x'));
	for (i = 0; i < HERD; i++)
		pthread_join(herd[i].thread, NULL);
	return seen;
}

static int feed_pipe(int fd, char what)
{
	return write(fd, &what, 1) == 1 ? 0 : -errno;
}

static int feed_device(int fd, char what)
{
	/* the first byte of the record is the lowest of its user_data, or the highest */
	struct evnotify_request req = pending_in(0, what * 0x0101010101010101ULL);

	return arm(fd, &req);
}

TEST_F(instance, a_record_wakes_one_blocked_reader)
{
	long control, seen;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	control = herd_switches(_metadata, fds[0], 1, feed_pipe, fds[1]);
	seen = herd_switches(_metadata, self->fd, sizeof(struct evnotify_event), feed_device,
			     self->fd);
	ksft_print_msg("%d readers, %d records: %ld context switches; a pipe: %ld\n",
		       HERD, RECORDS, seen, control);
	EXPECT_GE(3 * control + RECORDS, seen);
	EXPECT_COUNTERS(self->fd, RECORDS + HERD, RECORDS + HERD, 0, 0, 0);
}

TEST_HARNESS_MAIN
