// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device under io_uring: READ, WRITE and POLL_ADD, as on any file that can be polled;
 * READ_MULTISHOT of the events of a source.
 */
#include <liburing.h>
#include <sys/epoll.h>

#include "evnotify_test.h"

FIXTURE(ring)
{
	struct io_uring ring;
	int fd;
};

FIXTURE_SETUP(ring)
{
	int ret;

	self->fd = open_device(_metadata, O_RDWR);
	ret = io_uring_queue_init(16, &self->ring, 0);
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no io_uring here: %s", strerror(-ret));
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(ring)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	io_uring_queue_exit(&self->ring);
	close(self->fd);
}

static struct io_uring_sqe *prep_read(struct io_uring *ring, int fd,
				      struct evnotify_event *events, int n)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_read(sqe, fd, events, n * sizeof(*events), -1);
	io_uring_sqe_set_data64(sqe, 'r');
	return sqe;
}

/* The result of the next completion, which has to be the one of @data; -ETIME if none comes. */
static int result_of(struct io_uring *ring, __u64 data, __u32 *flags)
{
	struct __kernel_timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct io_uring_cqe *cqe;
	int ret;

	ret = io_uring_wait_cqe_timeout(ring, &cqe, &patience);
	if (ret)
		return ret;
	ret = cqe->user_data == data ? cqe->res : -EPROTO;
	if (flags)
		*flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

static bool idle(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	return io_uring_peek_cqe(ring, &cqe) == -EAGAIN;
}

TEST_F(ring, read_completes_with_the_record)
{
	struct evnotify_request req = pending_in(20 * NSEC_PER_MSEC, 3);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event events[2];

	prep_read(&self->ring, self->fd, events, 2);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(idle(&self->ring));
	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(64, result_of(&self->ring, 'r', NULL));
	EXPECT_EQ(3, events[0].user_data);
	EXPECT_EXPIRED(&events[0], before + req.due_ns, CLOCK_MONOTONIC);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(ring, read_takes_what_is_ready)
{
	struct evnotify_request reqs[] = { pending_in(0, 0), pending_in(0, 0), pending_in(0, 0) };
	struct evnotify_event events[3];

	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	ASSERT_TRUE(UNTIL(counters(self->fd).unread == 3));
	prep_read(&self->ring, self->fd, events, 3);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(3 * 64, result_of(&self->ring, 'r', NULL));
}

TEST_F(ring, read_with_rwf_nowait_gives_eagain)
{
	struct evnotify_event event;

	prep_read(&self->ring, self->fd, &event, 1)->rw_flags = RWF_NOWAIT;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(-EAGAIN, result_of(&self->ring, 'r', NULL));
}

TEST_F(ring, concurrent_reads_share_the_records)
{
	enum { N = 8 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	unsigned int seen = 0, i;

	for (i = 0; i < N; i++) {
		reqs[i] = pending_in(i * NSEC_PER_MSEC, i);
		prep_read(&self->ring, self->fd, &events[i], 1);
	}
	ASSERT_EQ(N, io_uring_submit(&self->ring));
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	for (i = 0; i < N; i++)
		EXPECT_EQ(64, result_of(&self->ring, 'r', NULL));
	for (i = 0; i < N; i++)
		seen |= 1U << events[i].user_data;
	EXPECT_EQ((1U << N) - 1, seen);
	EXPECT_COUNTERS(self->fd, N, N, 0, 0, 0);
}

TEST_F(ring, a_cancelled_read_takes_no_record)
{
	struct evnotify_request req = pending_in(0, 3);
	struct io_uring_sqe *sqe;
	struct evnotify_event event;
	int i, ret;

	prep_read(&self->ring, self->fd, &event, 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_cancel64(sqe, 'r', 0);
	io_uring_sqe_set_data64(sqe, 'r');
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	/* in either order: what became of the cancellation, and of the read */
	for (i = 0; i < 2; i++) {
		ret = result_of(&self->ring, 'r', NULL);
		EXPECT_TRUE(ret == 0 || ret == -ECANCELED)
			TH_LOG("%d", ret);
	}
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(3, event.user_data);
}

TEST_F(ring, write_arms)
{
	struct evnotify_request reqs[] = { pending_in(0, 1), pending_in(0, 2), pending_in(0, 4) };
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	struct evnotify_event events[3];

	io_uring_prep_write(sqe, self->fd, reqs, sizeof(reqs), -1);
	io_uring_sqe_set_data64(sqe, 'w');
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(sizeof(reqs), result_of(&self->ring, 'w', NULL));
	ASSERT_EQ(0, read_events(self->fd, events, 3));
	EXPECT_EQ(7, events[0].user_data + events[1].user_data + events[2].user_data);
	EXPECT_COUNTERS(self->fd, 3, 3, 0, 0, 0);
}

/* More than what is in stock: the memory comes although the first attempt must not sleep. */
TEST_F(ring, write_arms_many)
{
	enum { N = 3000 };
	struct evnotify_request *reqs = calloc(N, sizeof(*reqs));
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	int i;

	ASSERT_NE(NULL, reqs);
	for (i = 0; i < N; i++)
		reqs[i] = pending_in(FAR_NS, i);
	io_uring_prep_write(sqe, self->fd, reqs, N * sizeof(*reqs), -1);
	io_uring_sqe_set_data64(sqe, 'w');
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(N * sizeof(*reqs), result_of(&self->ring, 'w', NULL));
	EXPECT_COUNTERS(self->fd, N, 0, 0, N, 0);
	EXPECT_EQ(N, cancel_all(self->fd));
	free(reqs);
}

TEST_F(ring, write_reports_a_bad_request)
{
	struct evnotify_request reqs[] = { pending_in(FAR_NS, 1), pending_in(FAR_NS, 2) };
	struct io_uring_sqe *sqe;
	int i;

	reqs[1].mode = 9;
	for (i = 0; i < 2; i++) {
		sqe = io_uring_get_sqe(&self->ring);
		io_uring_prep_write(sqe, self->fd, &reqs[i], (2 - i) * sizeof(reqs[0]), -1);
		io_uring_sqe_set_data64(sqe, 'w');
		ASSERT_EQ(1, io_uring_submit(&self->ring));
		EXPECT_EQ(i ? -EINVAL : (int)sizeof(reqs[0]), result_of(&self->ring, 'w', NULL));
	}
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
}

TEST_F(ring, poll_completes_when_a_record_is_ready)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	struct evnotify_request req = pending_in(0, 3);

	io_uring_prep_poll_add(sqe, self->fd, POLLIN);
	io_uring_sqe_set_data64(sqe, 'p');
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_TRUE(idle(&self->ring));
	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(POLLIN, result_of(&self->ring, 'p', NULL));
	EXPECT_TRUE(readable(self->fd, 0));
}

TEST_F(ring, multishot_poll_tells_of_each_record)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	struct evnotify_request req = pending_in(0, 3);
	struct evnotify_event event;
	__u32 flags;
	int i;

	io_uring_prep_poll_multishot(sqe, self->fd, POLLIN);
	io_uring_sqe_set_data64(sqe, 'p');
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, arm(self->fd, &req));
		EXPECT_EQ(POLLIN, result_of(&self->ring, 'p', &flags));
		EXPECT_EQ(IORING_CQE_F_MORE, flags & IORING_CQE_F_MORE);
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
	}
}

/* A read under way holds the file: it completes although the descriptor is gone. */
TEST_F(ring, a_read_survives_the_close_of_its_descriptor)
{
	struct evnotify_request req = pending_in(50 * NSEC_PER_MSEC, 3);
	int copy = dup(self->fd);
	struct evnotify_event event;

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, arm(copy, &req));
	prep_read(&self->ring, copy, &event, 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	ASSERT_EQ(0, close(copy));
	EXPECT_EQ(64, result_of(&self->ring, 'r', NULL));
	EXPECT_EQ(3, event.user_data);
}

/* How many files of the device are open, by all processes; -1: it is built in. */
static int open_files(void)
{
	FILE *file = fopen("/sys/module/evnotify/refcnt", "r");
	int n;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &n) != 1)
		n = -1;
	fclose(file);
	return n;
}

/* The other way round: the ring goes with a read under way, which must not pin the file. */
TEST_F(instance, a_ring_that_goes_lets_the_file_go)
{
	int fd = open_device(_metadata, O_RDWR), before = open_files(), ret;
	struct evnotify_event event;
	struct io_uring ring;

	if (before < 0)
		SKIP(return, "a module that is built in does not count its users");
	ret = io_uring_queue_init(4, &ring, 0);
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no io_uring here: %s", strerror(-ret));
	ASSERT_EQ(0, ret);
	prep_read(&ring, fd, &event, 1);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(before, open_files());
	io_uring_queue_exit(&ring);
	EXPECT_TRUE(UNTIL(open_files() == before - 1));
}

/* Two rings that sleep exclusively, and as many records: each hears of one. */
static void two_rings(struct __test_metadata *_metadata, struct io_uring *ring, int fd,
		      bool cancelled)
{
	struct evnotify_request reqs[2];
	struct io_uring second;
	struct io_uring_sqe *sqe;
	int i;

	ASSERT_EQ(0, io_uring_queue_init(4, &second, 0));
	for (i = 0; i < 2; i++) {
		sqe = io_uring_get_sqe(i ? &second : ring);
		io_uring_prep_poll_add(sqe, fd, POLLIN | EPOLLEXCLUSIVE);
		io_uring_sqe_set_data64(sqe, 'p');
		ASSERT_EQ(1, io_uring_submit(i ? &second : ring));
	}
	reqs[0] = pending_in(now_ns(CLOCK_MONOTONIC) + (cancelled ? FAR_NS : 20 * NSEC_PER_MSEC),
			     0);
	reqs[0].flags = EVNOTIFY_ABSTIME;
	reqs[1] = reqs[0];
	ASSERT_EQ(2, arm_many(fd, reqs, 2));
	if (cancelled)
		ASSERT_EQ(2, cancel_all(fd));
	EXPECT_EQ(POLLIN, result_of(ring, 'p', NULL) & POLLIN);
	i = result_of(&second, 'p', NULL);
	EXPECT_LE(0, i);
	EXPECT_EQ(POLLIN, i & POLLIN);
	io_uring_queue_exit(&second);
}

TEST_F(ring, two_exclusive_polls_hear_of_two_records)
{
	two_rings(_metadata, &self->ring, self->fd, false);
}

TEST_F(ring, two_exclusive_polls_hear_of_two_cancelled_ones)
{
	two_rings(_metadata, &self->ring, self->fd, true);
}

/* --- events of a source, and its end -------------------------------------------------- */

/* liburing of Debian 12 does not know it; Linux before 6.7 does not, either */
#define READ_MULTISHOT	49
#define GONE		(POLLHUP | POLLERR)
#define BUFFERS		16
#define GROUP		1

FIXTURE(source)
{
	struct io_uring ring;
	struct io_uring_buf_ring *buffers;
	struct evnotify_event events[BUFFERS];
	int sim;
	int fd;
};

static void give_buffer(struct io_uring_buf_ring *buffers, struct evnotify_event *events, int n)
{
	io_uring_buf_ring_add(buffers, &events[n], sizeof(events[n]), n, BUFFERS - 1, 0);
	io_uring_buf_ring_advance(buffers, 1);
}

FIXTURE_SETUP(source)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = GROUP };
	int ret, n;

	self->sim = open_sim(_metadata);
	self->fd = sim_new(self->sim, 0, NULL);
	ASSERT_LE(0, self->fd);
	ret = io_uring_queue_init(16, &self->ring, 0);
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no io_uring here: %s", strerror(-ret));
	ASSERT_EQ(0, ret);
	self->buffers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	ASSERT_NE(MAP_FAILED, self->buffers);
	reg.ring_addr = (uintptr_t)self->buffers;
	ASSERT_EQ(0, io_uring_register_buf_ring(&self->ring, &reg, 0));
	io_uring_buf_ring_init(self->buffers);
	for (n = 0; n < BUFFERS; n++)
		give_buffer(self->buffers, self->events, n);
}

FIXTURE_TEARDOWN(source)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	io_uring_queue_exit(&self->ring);
	munmap(self->buffers, 4096);
	close(self->sim);
	close(self->fd);
}

static void unplug(int *sim)
{
	close(*sim);
	*sim = -1;
}

static void read_multishot(struct io_uring *ring, int fd)
{
	struct io_uring_sqe *sqe = prep_read(ring, fd, NULL, 0);

	sqe->opcode = READ_MULTISHOT;
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
}

TEST_F(source, read_completes_with_the_event)
{
	struct evnotify_request req = event_request(3, 0);
	struct evnotify_event event;

	prep_read(&self->ring, self->fd, &event, 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_TRUE(idle(&self->ring));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 7));
	EXPECT_EQ(64, result_of(&self->ring, 'r', NULL));
	EXPECT_EVENT(&event, 7, 0);
}

/* One gets the record, the others the end. */
TEST_F(source, reads_end_with_it)
{
	struct evnotify_request req = event_request(3, 0);
	struct evnotify_event events[4];
	int i, told = 0, ended = 0, ret;

	for (i = 0; i < 4; i++)
		prep_read(&self->ring, self->fd, &events[i], 1);
	ASSERT_EQ(4, io_uring_submit(&self->ring));
	ASSERT_EQ(0, arm(self->fd, &req));
	unplug(&self->sim);
	for (i = 0; i < 4; i++) {
		ret = result_of(&self->ring, 'r', NULL);
		told += ret == 64;
		ended += ret == -ENODEV;
	}
	EXPECT_EQ(1, told);
	EXPECT_EQ(3, ended);
	prep_read(&self->ring, self->fd, events, 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(-ENODEV, result_of(&self->ring, 'r', NULL));
}

TEST_F(source, polls_end_with_it)
{
	static const unsigned int masks[] = { POLLIN, 0, POLLRDNORM, POLLPRI };
	struct io_uring_sqe *sqe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		sqe = io_uring_get_sqe(&self->ring);
		io_uring_prep_poll_add(sqe, self->fd, masks[i]);
		io_uring_sqe_set_data64(sqe, i);
	}
	ASSERT_EQ(i, io_uring_submit(&self->ring));
	EXPECT_TRUE(idle(&self->ring));
	unplug(&self->sim);
	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		struct __kernel_timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
		struct io_uring_cqe *cqe;

		ASSERT_EQ(0, io_uring_wait_cqe_timeout(&self->ring, &cqe, &patience));
		EXPECT_EQ((masks[cqe->user_data] & (POLLIN | POLLRDNORM)) | GONE,
			  (unsigned int)cqe->res);
		io_uring_cqe_seen(&self->ring, cqe);
	}
}

/* Without an own call for any of them: each event, and then the end. */
TEST_F(source, a_multishot_read_gets_each_event_and_the_end)
{
	enum { N = 100 };
	struct evnotify_request req = event_request(3, EVNOTIFY_REPEAT);
	struct evnotify_event *event;
	__u32 flags;
	int i, ret;

	read_multishot(&self->ring, self->fd);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	ASSERT_EQ(0, arm(self->fd, &req));
	for (i = 0; i < N; i++) {
		if (i % 10 == 0)
			ASSERT_EQ(10, sim_raise(self->sim, 10, i));
		ret = result_of(&self->ring, 'r', &flags);
		if (i == 0 && ret == -EINVAL)
			SKIP(return, "no READ_MULTISHOT before Linux 6.7");
		ASSERT_EQ(64, ret);
		EXPECT_TRUE(flags & IORING_CQE_F_MORE);
		event = &self->events[flags >> IORING_CQE_BUFFER_SHIFT];
		EXPECT_EVENT(event, i, 0);
		give_buffer(self->buffers, self->events, event - self->events);
	}
	EXPECT_TRUE(idle(&self->ring));
	unplug(&self->sim);
	ASSERT_EQ(64, result_of(&self->ring, 'r', &flags));
	event = &self->events[flags >> IORING_CQE_BUFFER_SHIFT];
	EXPECT_EQ(-ENODEV, event->status);
	EXPECT_EQ(-ENODEV, result_of(&self->ring, 'r', &flags));
	EXPECT_FALSE(flags & IORING_CQE_F_MORE);
	EXPECT_SOURCE_COUNTERS(self->fd, N, N, 0);
}

/* The ring reads when it is asked for completions; without a buffer, what is ready stays. */
TEST_F(instance, a_deferred_multishot_read_takes_a_burst_at_once)
{
	enum { N = 64 };
	struct io_uring_buf_reg reg = { .ring_entries = 1, .bgid = GROUP };
	struct evnotify_event events[N];
	struct evnotify_request reqs[N];
	struct io_uring ring;
	__u32 flags;
	int ret, i;

	if (io_uring_queue_init(4, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN))
		SKIP(return, "no such io_uring here");
	reg.ring_addr = (uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, io_uring_register_buf_ring(&ring, &reg, 0));
	io_uring_buf_ring_add((void *)(uintptr_t)reg.ring_addr, events, sizeof(events), 0, 0, 0);
	io_uring_buf_ring_advance((void *)(uintptr_t)reg.ring_addr, 1);
	read_multishot(&ring, self->fd);
	ASSERT_EQ(1, io_uring_submit(&ring));
	for (i = 0; i < N; i++)
		reqs[i] = pending_in(0, i);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	ASSERT_TRUE(UNTIL(counters(self->fd).unread == N));
	ret = result_of(&ring, 'r', &flags);
	if (ret == -EINVAL)
		SKIP(return, "no READ_MULTISHOT before Linux 6.7");
	EXPECT_EQ(sizeof(events), ret);
	EXPECT_TRUE(flags & IORING_CQE_F_MORE);
	for (i = 0; i < N; i++)
		EXPECT_EQ(i, events[i].user_data);

	ASSERT_TRUE(make_ready(self->fd, 1));
	EXPECT_EQ(-ENOBUFS, result_of(&ring, 'r', &flags));
	EXPECT_FALSE(flags & IORING_CQE_F_MORE);
	EXPECT_EQ(1, read_some(self->fd, events, N));
	io_uring_queue_exit(&ring);
	munmap((void *)(uintptr_t)reg.ring_addr, 4096);
}

/* It goes again and again while such a read runs: first comes what was raised before. */
TEST_F(source, a_multishot_read_ends_each_time)
{
	struct evnotify_request req = event_request(3, EVNOTIFY_REPEAT);
	int i, ret, events, sim, fd;
	__u32 flags;

	for (i = 0; i < 50; i++) {
		sim = open_sim(_metadata);
		fd = sim_new(sim, 0, NULL);
		ASSERT_LE(0, fd);
		read_multishot(&self->ring, fd);
		ASSERT_EQ(1, io_uring_submit(&self->ring));
		ASSERT_EQ(0, arm(fd, &req));
		ASSERT_EQ(i % 5, sim_raise(sim, i % 5, 0));
		unplug(&sim);
		for (events = 0; (ret = result_of(&self->ring, 'r', &flags)) == 64; events++)
			give_buffer(self->buffers, self->events, flags >> IORING_CQE_BUFFER_SHIFT);
		if (!i && ret == -EINVAL) {
			close(fd);
			SKIP(return, "no READ_MULTISHOT before Linux 6.7");
		}
		EXPECT_EQ(-ENODEV, ret);
		EXPECT_EQ(i % 5 + 1, events);
		close(fd);
	}
}

/* --- work for a thread that is in a call ---------------------------------------------- */

FIXTURE(work)
{
	struct io_uring ring;
	int fd;
};

FIXTURE_VARIANT(work)
{
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(work, as_it_comes) { 0 };
FIXTURE_VARIANT_ADD(work, cooperative) { IORING_SETUP_COOP_TASKRUN };
FIXTURE_VARIANT_ADD(work, deferred) {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
};

FIXTURE_SETUP(work)
{
	int ret;

	self->fd = open_device(_metadata, O_RDWR | O_NONBLOCK);
	ret = io_uring_queue_init(64, &self->ring, variant->flags);
	if (ret == -ENOSYS || ret == -EPERM || ret == -EINVAL)
		SKIP(return, "no such io_uring here: %s", strerror(-ret));
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(work)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	io_uring_queue_exit(&self->ring);
	close(self->fd);
}

/* Completions of a poll make work for the thread that is arming: it takes all requests the same. */
static void arm_with_work(struct __test_metadata *_metadata, struct io_uring *ring, int fd,
			  bool by_write)
{
	enum { N = 100, CALLS = 200 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int i, calls, taken, more = 0;

	for (calls = 0; calls < CALLS; calls++) {
		if (!more) {
			sqe = io_uring_get_sqe(ring);
			io_uring_prep_poll_multishot(sqe, fd, POLLIN);
			io_uring_sqe_set_data64(sqe, 'p');
			ASSERT_EQ(1, io_uring_submit(ring));
		}
		for (i = 0; i < N; i++)
			reqs[i] = pending_in(i % 10 * 2000, i);
		taken = by_write ? (int)(write(fd, reqs, sizeof(reqs)) / (ssize_t)sizeof(*reqs)) :
				   arm_many(fd, reqs, N);
		ASSERT_EQ(N, taken);
		ASSERT_EQ(0, read_events(fd, events, N));
		more = 1;
		while (!io_uring_peek_cqe(ring, &cqe)) {
			more = cqe->flags & IORING_CQE_F_MORE;
			io_uring_cqe_seen(ring, cqe);
		}
	}
	EXPECT_COUNTERS(fd, N * CALLS, N * CALLS, 0, 0, 0);
}

TEST_F(work, does_not_end_a_write)
{
	arm_with_work(_metadata, &self->ring, self->fd, true);
}

TEST_F(work, does_not_end_a_register)
{
	arm_with_work(_metadata, &self->ring, self->fd, false);
}

/* A thread that has a ring with work for it, and blocks in WAIT. */
struct wait_with_ring {
	struct waiter waiter;
	unsigned int flags;
	int eventfd;
	volatile bool ready;
	int submitted;
	unsigned int seen;	/* completions */
};

static void *wait_with_ring_main(void *arg)
{
	struct wait_with_ring *w = arg;
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;

	w->submitted = io_uring_queue_init(64, &ring, w->flags);
	if (w->submitted)
		return NULL;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_poll_multishot(sqe, w->eventfd, POLLIN);
	w->submitted = io_uring_submit(&ring);
	waiter_main(&w->waiter);
	io_uring_get_events(&ring);
	while (!io_uring_peek_cqe(&ring, &cqe)) {
		w->seen++;
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
	return NULL;
}

TEST_F(work, does_not_end_a_wait)
{
	enum { N = 20 };
	struct wait_with_ring w = { .flags = variant->flags, .eventfd = eventfd(0, 0) };
	struct waiter *waiter = &w.waiter;
	__u64 one = 1, id;
	int i;

	waiter->fd = self->fd;
	memset((void *)&waiter->wait, POISON, sizeof(waiter->wait));
	waiter->wait.request = pending_in(FAR_NS, 9);
	ASSERT_EQ(0, pthread_create(&waiter->thread, NULL, wait_with_ring_main, &w));
	ASSERT_TRUE(waiter_blocked(waiter));
	id = waiter_id(waiter);
	ASSERT_EQ(1, w.submitted);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(sizeof(one), write(w.eventfd, &one, sizeof(one)));
		ASSERT_TRUE(UNTIL(asleep(waiter->tid)));
		ASSERT_EQ(id, waiter_id(waiter));
		EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	}
	ASSERT_EQ(0, cancel(self->fd, id));
	EXPECT_EQ(0, waiter_join(waiter));
	EXPECT_EQ(-ECANCELED, waiter->wait.event.status);
	EXPECT_EQ(id, waiter->wait.event.id);
	EXPECT_LT(0, w.seen);
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_HARNESS_MAIN
