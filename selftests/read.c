// SPDX-License-Identifier: GPL-2.0-only
/* read(): whole records, into any memory, until a signal comes; and what signals do to write(). */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <linux/userfaultfd.h>

#include "evnotify_test.h"

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

/*
 * A read takes what is ready when it begins: it ends, though by then each of these requests has one
 * more record. Not many of them: they leave little of a slow CPU.
 */
TEST_F(instance, it_ends_though_records_keep_coming)
{
	enum { N = 64, ROUNDS = 20, PIECES = 1024 };
	const size_t piece = 1 << 16;
	int i, memfd = memfd_create("records", MFD_CLOEXEC);
	struct evnotify_request reqs[N];
	struct evnotify_info info;
	ssize_t n;
	char *map;

	/* room for a million, which is one and the same piece over and over */
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
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(readable(self->fd, PATIENCE_MS));
		n = read(self->fd, map, PIECES * piece);
		EXPECT_LT(0, n);
		EXPECT_GE(N * (ssize_t)sizeof(struct evnotify_event), n);
	}
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

TEST_HARNESS_MAIN
