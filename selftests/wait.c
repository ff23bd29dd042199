// SPDX-License-Identifier: GPL-2.0-only
/* WAIT: mode PENDING, synchronous. One call arms, blocks, and returns the completion. */
#include <sys/mman.h>

#include "evnotify_test.h"

TEST_F(instance, returns_the_completion)
{
	struct evnotify_wait wait;
	__u64 before = now_ns(CLOCK_MONOTONIC);

	memset(&wait, POISON, sizeof(wait));
	wait.request = pending_in(20 * NSEC_PER_MSEC, 0x1122334455667788);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EXPIRED(&wait.event, before + 20 * NSEC_PER_MSEC, CLOCK_MONOTONIC);
	EXPECT_EQ(0x1122334455667788, wait.event.user_data);
	EXPECT_NE(0, wait.event.id);
	EXPECT_EQ(wait.request.id, wait.event.id);
	EXPECT_EQ(1, wait.event.seq);
	EXPECT_EQ(1, wait.event.count);
	EXPECT_EQ(0, wait.event.flags);

	/* it is not to be read a second time */
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_EQ(-EALREADY, cancel(self->fd, wait.request.id));
}

TEST_F(instance, returns_at_once_when_due)
{
	struct evnotify_wait wait = { .request = pending_in(0, 1) };

	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(0, wait.event.status);
	wait.request.due_ns = 1;
	wait.request.flags = EVNOTIFY_ABSTIME;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(1, wait.event.due_ns);
	EXPECT_EQ(2, wait.event.seq);
}

TEST_F(instance, blocks_on_a_nonblocking_file_too)
{
	struct evnotify_wait wait = { .request = pending_in(5 * NSEC_PER_MSEC, 1) };

	ASSERT_EQ(0, set_nonblock(self->fd));
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(1, wait.event.count);
}

TEST_F(instance, numbers_its_records_with_those_of_read)
{
	struct evnotify_wait wait = { .request = pending_in(0, 1) };
	struct evnotify_request req = pending_in(0, 2);
	struct evnotify_event event;
	unsigned int seq;

	for (seq = 1; seq < 10; seq += 2) {
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(seq, event.seq);
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
		EXPECT_EQ(seq + 1, wait.event.seq);
	}
}

TEST_F(instance, cancel_ends_it)
{
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	EXPECT_TRUE(event_untouched(&w.wait.event));
	EXPECT_EQ(0, cancel(self->fd, waiter_id(&w)));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EQ(-ECANCELED, w.wait.event.status);
	EXPECT_EQ(9, w.wait.event.user_data);
	EXPECT_EQ(w.wait.request.id, w.wait.event.id);
	EXPECT_LE(before + FAR_NS, w.wait.event.due_ns);
	EXPECT_EQ(0, w.wait.event.expired_ns);
	EXPECT_LE(before, w.wait.event.completed_ns);
	EXPECT_EQ(0, w.wait.event.count);
	EXPECT_EQ(0, w.wait.event.flags);
	EXPECT_EQ(1, w.wait.event.seq);
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, update_moves_its_due_time)
{
	struct waiter w;
	__u64 due;

	ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(waiter_blocked(&w));
	due = now_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_MSEC;
	EXPECT_EQ(0, update(self->fd, waiter_id(&w), due, EVNOTIFY_ABSTIME));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EQ(due, w.wait.event.due_ns);
	EXPECT_EQ(0, w.wait.event.status);
	EXPECT_LE(due, w.wait.event.expired_ns);

	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, update_to_later_makes_it_longer)
{
	__u64 delay = 50 * NSEC_PER_MSEC, due;
	struct waiter w;
	int ret;

	/* a machine that is slower than the first due time gets more */
	do {
		ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(delay, 9)));
		ASSERT_NE(0, waiter_id(&w));
		due = now_ns(CLOCK_MONOTONIC) + 3 * delay;
		ret = update(self->fd, waiter_id(&w), due, EVNOTIFY_ABSTIME);
		EXPECT_EQ(0, waiter_join(&w));
		delay *= 2;
	} while (ret == -EALREADY);
	EXPECT_EQ(0, ret);
	EXPECT_LE(due, now_ns(CLOCK_MONOTONIC));
	EXPECT_EQ(due, w.wait.event.due_ns);
	EXPECT_EQ(0, w.wait.event.status);
}

TEST_F(instance, it_cannot_become_periodic)
{
	struct evnotify_update args = {
		.due_ns = FAR_NS, .period_ns = FAR_NS,
	};
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(waiter_blocked(&w));
	args.id = waiter_id(&w);
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_UPDATE, &args));
	EXPECT_EQ(0, update(self->fd, args.id, 0, 0));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EQ(0, w.wait.event.status);
	EXPECT_EQ(1, w.wait.event.count);
}

/* A WAIT whose event lies in a page of its own, which is not there yet and has @prot. */
static struct evnotify_wait *event_in_page(int prot)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct evnotify_wait *wait;
	char *map;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	wait = (void *)(map + page - sizeof(wait->request));
	return mprotect(map + page, page, prot) ? NULL : wait;
}

TEST_F(instance, an_event_goes_to_memory_that_is_not_there_yet)
{
	struct evnotify_wait *wait = event_in_page(PROT_READ | PROT_WRITE);
	__u64 before = now_ns(CLOCK_MONOTONIC);

	ASSERT_NE(NULL, wait);
	wait->request = pending_in(5 * NSEC_PER_MSEC, 9);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, wait));
	EXPECT_EQ(wait->request.id, wait->event.id);
	EXPECT_EQ(9, wait->event.user_data);
	EXPECT_EQ(1, wait->event.count);
	EXPECT_EXPIRED(&wait->event, before + 5 * NSEC_PER_MSEC, CLOCK_MONOTONIC);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, an_event_that_cannot_be_written_can_be_read)
{
	struct evnotify_wait *wait = event_in_page(PROT_READ);
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;

	ASSERT_NE(NULL, wait);
	wait->request = pending_in(5 * NSEC_PER_MSEC, 9);
	EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_WAIT, wait));
	EXPECT_NE(0, wait->request.id);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 1);
	ASSERT_TRUE(readable(self->fd, 0));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(wait->request.id, event.id);
	EXPECT_EQ(9, event.user_data);
	EXPECT_EQ(1, event.seq);
	EXPECT_EQ(1, event.count);
	EXPECT_EXPIRED(&event, before + 5 * NSEC_PER_MSEC, CLOCK_MONOTONIC);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

/* ... by one who sleeps until there is something to read, too. */
TEST_F(instance, an_event_that_cannot_be_written_wakes_a_reader)
{
	struct evnotify_wait *wait = event_in_page(PROT_READ);
	struct reader r;

	ASSERT_NE(NULL, wait);
	ASSERT_TRUE(reader_start(&r, self->fd));
	wait->request = pending_in(5 * NSEC_PER_MSEC, 9);
	EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_WAIT, wait));
	ASSERT_TRUE(UNTIL(r.ret));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(1, r.ret);
	EXPECT_EQ(wait->request.id, r.event.id);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

static void *wait_in_half(void *arg)
{
	struct waiter *w = arg;
	struct evnotify_wait *wait = event_in_page(PROT_READ);

	wait->request = pending_in(FAR_NS, 9);
	w->ret = call(w->fd, EVNOTIFY_IOC_WAIT, wait);
	return NULL;
}

TEST_F(instance, a_cancelled_event_that_cannot_be_written_can_be_read)
{
	struct waiter w = { .fd = self->fd };
	struct evnotify_event event;

	ASSERT_EQ(0, pthread_create(&w.thread, NULL, wait_in_half, &w));
	ASSERT_TRUE(UNTIL(counters(self->fd).pending == 1));
	EXPECT_EQ(1, cancel_all(self->fd));
	EXPECT_EQ(-EFAULT, waiter_join(&w));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(9, event.user_data);
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
}

TEST_F(instance, every_thread_gets_its_own)
{
	enum { N = 16 };
	struct evnotify_event other;
	struct evnotify_request req;
	struct waiter w[N];
	unsigned int seqs = 0, i;

	for (i = 0; i < N; i++)
		ASSERT_EQ(0, waiter_start(&w[i], self->fd,
					  pending_in((N - i) * 3 * NSEC_PER_MSEC, i)));
	/* a record for read() goes to nobody else either */
	req = pending_in(10 * NSEC_PER_MSEC, 99);
	ASSERT_EQ(0, arm(self->fd, &req));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, waiter_join(&w[i]));
		EXPECT_EQ(i, w[i].wait.event.user_data);
		EXPECT_EQ(w[i].wait.request.id, w[i].wait.event.id);
		seqs |= 1U << w[i].wait.event.seq;
	}
	ASSERT_EQ(0, read_events(self->fd, &other, 1));
	EXPECT_EQ(99, other.user_data);
	seqs |= 1U << other.seq;
	EXPECT_EQ(((1U << (N + 1)) - 1) << 1, seqs);
	EXPECT_COUNTERS(self->fd, N + 1, N + 1, 0, 0, 0);
}

TEST_F(instance, cancel_all_ends_them_all)
{
	enum { N = 8 };
	struct waiter w[N];
	int i;

	for (i = 0; i < N; i++)
		ASSERT_EQ(0, waiter_start(&w[i], self->fd, pending_in(FAR_NS, i)));
	ASSERT_TRUE(UNTIL(counters(self->fd).pending == N));
	EXPECT_EQ(N, cancel_all(self->fd));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, waiter_join(&w[i]));
		EXPECT_EQ(-ECANCELED, w[i].wait.event.status);
	}
	EXPECT_COUNTERS(self->fd, N, 0, N, 0, 0);
}

TEST_HARNESS_MAIN
