// SPDX-License-Identifier: GPL-2.0-only
/* As many are woken as there are records, and nobody else. */
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "evnotify_test.h"

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
	while (IN_TIME(epoll_wait(epfd, &ready, 1, PATIENCE_MS)) == 1)
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
