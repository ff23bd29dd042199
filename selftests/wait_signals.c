// SPDX-License-Identifier: GPL-2.0-only
/*
 * A WAIT that a signal handler interrupts leaves its request behind: the same call takes it up
 * again, or CANCEL ends it.
 */
#include "evnotify_test.h"

static volatile sig_atomic_t signals;

static void count_signal(int signo)
{
	(void)signo;
	signals++;
}

static void catch_signals(int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &action, NULL);
}

/* Interrupts a WAIT, which leaves its request behind. */
static bool interrupt(struct waiter *w)
{
	return waiter_blocked(w) && !pthread_kill(w->thread, SIGUSR1) &&
	       waiter_join(w) == -EINTR;
}

static void handler_interrupts_it(struct __test_metadata *_metadata, int fd, int flags)
{
	__u64 before = now_ns(CLOCK_MONOTONIC), due, id;
	struct evnotify_wait other = { .request = pending_in(0, 1) };
	struct evnotify_event event;
	struct waiter w;
	int i;

	catch_signals(flags);
	ASSERT_EQ(0, waiter_start(&w, fd, pending_in(FAR_NS, 9)));
	/* it has its id before it is armed */
	ASSERT_TRUE(waiter_blocked(&w));
	due = now_ns(CLOCK_MONOTONIC) + FAR_NS;
	id = w.wait.request.id;
	for (i = 1; i < 4; i++) {
		ASSERT_TRUE(interrupt(&w));
		EXPECT_EQ(i, signals);
		EXPECT_TRUE(event_untouched(&w.wait.event));
		EXPECT_EQ(id, w.wait.request.id);
		/* it is one request however often it is interrupted */
		EXPECT_COUNTERS(fd, 1, 0, 0, 1, 0);
		EXPECT_FALSE(readable(fd, 0));
		/* the times in the structure do not count any more */
		w.wait.request.due_ns = 0;
		w.wait.request.user_data = i;
		ASSERT_EQ(0, waiter_again(&w));
	}
	ASSERT_TRUE(waiter_blocked(&w));
	/* another WAIT is another request, and takes the first number */
	ASSERT_EQ(0, call(fd, EVNOTIFY_IOC_WAIT, &other));
	EXPECT_EQ(1, other.event.seq);
	EXPECT_EQ(0, cancel(fd, id));
	EXPECT_EQ(0, waiter_join(&w));
	event = w.wait.event;
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(id, event.id);
	EXPECT_EQ(9, event.user_data);
	EXPECT_EQ(2, event.seq);
	EXPECT_LE(before + FAR_NS, event.due_ns);
	EXPECT_GE(due, event.due_ns);
	EXPECT_COUNTERS(fd, 2, 1, 1, 0, 0);
	EXPECT_FALSE(readable(fd, 0));
}

TEST_F(instance, a_handler_interrupts_it_and_the_same_call_goes_on)
{
	handler_interrupts_it(_metadata, self->fd, 0);
}

TEST_F(instance, with_sa_restart_too)
{
	handler_interrupts_it(_metadata, self->fd, SA_RESTART);
}

TEST_F(instance, what_completes_meanwhile_is_there_when_it_comes_again)
{
	const __u64 delay = 20 * NSEC_PER_MSEC;
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_request req = pending_in(0, 1);
	struct evnotify_event event;
	struct waiter w;
	__u64 id;

	catch_signals(0);
	ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(interrupt(&w));
	id = w.wait.request.id;
	ASSERT_EQ(0, update(self->fd, id, delay, 0));
	ASSERT_TRUE(UNTIL(counters(self->fd).completed == 1 &&
			  !counters(self->fd).completing));

	/* it is nobody else's: neither poll() nor read() knows of it */
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(req.id, event.id);
	EXPECT_FALSE(readable(self->fd, 0));

	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	event = w.wait.event;
	EXPECT_EXPIRED(&event, before + delay, CLOCK_MONOTONIC);
	EXPECT_EQ(id, event.id);
	EXPECT_EQ(1, event.seq);
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);

	/* told once; after that the id is none of a WAIT, and a new request is armed */
	w.wait.request = pending_in(0, 9);
	w.wait.request.id = id;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_NE(id, w.wait.event.id);
	EXPECT_EQ(3, w.wait.event.seq);
	EXPECT_COUNTERS(self->fd, 3, 3, 0, 0, 0);
}

/* The whole delay passes only once, whatever interrupts. */
TEST_F(instance, it_goes_on_with_its_first_due_time)
{
	__u64 before = now_ns(CLOCK_MONOTONIC), armed, delay = 50 * NSEC_PER_MSEC;
	struct evnotify_event event;
	struct waiter w;

	catch_signals(0);
	do {
		delay *= 2;
		before = now_ns(CLOCK_MONOTONIC);
		ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(delay, 9)));
		/* its id is there before its due time is: it is armed when it sleeps */
		ASSERT_TRUE(waiter_blocked(&w));
		armed = now_ns(CLOCK_MONOTONIC);
		ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
		/* a machine that is slower than the delay gets more */
	} while (waiter_join(&w) != -EINTR && delay < PATIENCE_MS * NSEC_PER_MSEC);
	ASSERT_EQ(-EINTR, w.ret);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	event = w.wait.event;
	EXPECT_EXPIRED(&event, before + delay, CLOCK_MONOTONIC);
	EXPECT_GE(armed + delay, event.due_ns);
	EXPECT_EQ(counters(self->fd).armed, counters(self->fd).completed);
}

TEST_F(instance, id_0_asks_for_a_new_delay)
{
	struct evnotify_update args = { .due_ns = FAR_NS, .period_ns = FAR_NS };
	struct waiter w;
	__u64 id;

	catch_signals(0);
	ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(interrupt(&w));
	id = w.wait.request.id;
	w.wait.request = pending_in(0, 10);
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_NE(id, w.wait.request.id);
	EXPECT_EQ(10, w.wait.event.user_data);
	EXPECT_COUNTERS(self->fd, 2, 1, 0, 1, 0);
	/* what was left is still there, and can be updated and taken up; it is still a WAIT's */
	args.id = id;
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_UPDATE, &args));
	EXPECT_EQ(0, update(self->fd, id, 0, 0));
	w.wait.request.id = id;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_EQ(id, w.wait.event.id);
	EXPECT_EQ(9, w.wait.event.user_data);
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

/* Ids that name nothing that a WAIT has left behind: they are as good as none. */
TEST_F(instance, any_other_id_is_ignored)
{
	struct evnotify_request one = pending_in(FAR_NS, 1), signal, gone = pending_in(0, 2);
	struct evnotify_wait wait = { .request = pending_in(0, 3) };
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_event event;
	struct waiter blocked;
	unsigned int i, armed = 4;

	signal = eventfd_in(FAR_NS, efd);
	ASSERT_EQ(0, arm(self->fd, &one));
	ASSERT_EQ(0, arm(self->fd, &signal));
	ASSERT_EQ(0, arm(self->fd, &gone));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	ASSERT_EQ(0, waiter_start(&blocked, self->fd, pending_in(FAR_NS, 4)));
	ASSERT_TRUE(waiter_blocked(&blocked));
	const __u64 ids[] = {
		0, 1, ~0ULL, POISON * (~0ULL / 0xff), one.id, signal.id, gone.id,
		waiter_id(&blocked), one.id + (1ULL << 21), one.id ^ 1ULL << 63,
	};

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		wait.request.id = ids[i];
		EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
		EXPECT_NE(ids[i], wait.request.id);
		EXPECT_EQ(3, wait.event.user_data);
		EXPECT_EQ(++armed, counters(self->fd).armed);
		EXPECT_EQ(3, counters(self->fd).pending);
	}
	EXPECT_EQ(3, cancel_all(self->fd));
	EXPECT_EQ(0, waiter_join(&blocked));
	EXPECT_EQ(-ECANCELED, blocked.wait.event.status);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(one.id, event.id);
	EXPECT_EQ(0, eventfd_take(efd));
}

/* A WAIT that reads its own id as invalid arms what it says, bad fields included. */
TEST_F(instance, it_takes_up_what_was_left_whatever_else_the_structure_says)
{
	struct waiter w;

	catch_signals(0);
	ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(interrupt(&w));
	ASSERT_EQ(0, update(self->fd, w.wait.request.id, 0, 0));
	w.wait.request.clockid = 77;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_EQ(9, w.wait.event.user_data);
	/* and now it is a request like any other, and a bad one */
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, of_two_that_take_it_up_one_arms_anew)
{
	struct waiter w, second;

	catch_signals(0);
	ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(interrupt(&w));
	second = w;
	ASSERT_EQ(0, waiter_again(&w));
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_EQ(1, counters(self->fd).armed);
	ASSERT_EQ(0, waiter_again(&second));
	ASSERT_TRUE(UNTIL(second.wait.request.id != w.wait.request.id));
	EXPECT_COUNTERS(self->fd, 2, 0, 0, 2, 0);
	EXPECT_EQ(0, cancel(self->fd, w.wait.request.id));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EQ(w.wait.request.id, w.wait.event.id);
	EXPECT_EQ(1, counters(self->fd).pending);
	EXPECT_EQ(0, cancel(self->fd, second.wait.request.id));
	EXPECT_EQ(0, waiter_join(&second));
	EXPECT_EQ(second.wait.request.id, second.wait.event.id);
	EXPECT_COUNTERS(self->fd, 2, 0, 2, 0, 0);
}

/* --- CANCEL of what was left ---------------------------------------------------------- */

static void *cancel_main(void *arg)
{
	struct waiter *w = arg;

	w->ret = cancel(w->fd, w->wait.request.id);
	return NULL;
}

static int cancel_by_another_thread(struct waiter *w)
{
	pthread_t thread;

	pthread_create(&thread, NULL, cancel_main, w);
	pthread_join(thread, NULL);
	return w->ret;
}

static void cancel_what_was_left(struct __test_metadata *_metadata, int fd, bool other_thread)
{
	struct waiter w;
	__u64 id;

	catch_signals(0);
	ASSERT_EQ(0, waiter_start(&w, fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(interrupt(&w));
	id = w.wait.request.id;
	EXPECT_EQ(0, other_thread ? cancel_by_another_thread(&w) : cancel(fd, id));
	EXPECT_COUNTERS(fd, 1, 0, 1, 0, 0);
	EXPECT_FALSE(readable(fd, 0));
	EXPECT_EQ(-EALREADY, cancel(fd, id));
	EXPECT_EQ(-EALREADY, update(fd, id, 0, 0));

	/* the WAIT that comes again learns it, once */
	EXPECT_EQ(0, call(fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_EQ(-ECANCELED, w.wait.event.status);
	EXPECT_EQ(id, w.wait.event.id);
	EXPECT_EQ(9, w.wait.event.user_data);
	EXPECT_EQ(0, w.wait.event.count);
	EXPECT_EQ(1, w.wait.event.seq);
	w.wait.request.due_ns = 0;
	EXPECT_EQ(0, call(fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_NE(id, w.wait.event.id);
	EXPECT_EQ(2, w.wait.event.seq);
	EXPECT_COUNTERS(fd, 2, 1, 1, 0, 0);
}

TEST_F(instance, cancel_by_the_same_thread_before_it_comes_again)
{
	cancel_what_was_left(_metadata, self->fd, false);
}

TEST_F(instance, cancel_by_another_thread_before_it_comes_again)
{
	cancel_what_was_left(_metadata, self->fd, true);
}

/* One that has completed is held for its WAIT, until it is cancelled: then its place is free. */
static void cancel_of_a_held_one(struct __test_metadata *_metadata, int fd, bool all)
{
	struct evnotify_request *reqs;
	struct evnotify_info info;
	struct waiter w;
	unsigned int i;
	__u64 id;

	catch_signals(0);
	ASSERT_EQ(0, call(fd, EVNOTIFY_IOC_INFO, &info));
	reqs = calloc(info.max_requests, sizeof(*reqs));
	ASSERT_NE(NULL, reqs);
	for (i = 0; i < info.max_requests; i++)
		reqs[i] = pending_in(FAR_NS, i);

	ASSERT_EQ(0, waiter_start(&w, fd, pending_in(FAR_NS, 9)));
	ASSERT_TRUE(interrupt(&w));
	id = w.wait.request.id;
	ASSERT_EQ(0, update(fd, id, 0, 0));
	ASSERT_TRUE(UNTIL(counters(fd).completed == 1 && !counters(fd).completing));
	/* its place is the only one that is missing */
	ASSERT_EQ(info.max_requests - 1, arm_many(fd, reqs, info.max_requests));
	EXPECT_EQ(-ENOSPC, arm(fd, reqs));
	if (all) {
		struct evnotify_event events[64];

		EXPECT_EQ(info.max_requests - 1, cancel_all(fd));
		for (i = info.max_requests - 1; i; i -= i < 64 ? i : 64)
			ASSERT_EQ(0, read_events(fd, events, i < 64 ? i : 64));
		ASSERT_EQ(info.max_requests, arm_many(fd, reqs, info.max_requests));
	} else {
		EXPECT_EQ(-EALREADY, cancel(fd, id));
		ASSERT_EQ(0, arm(fd, reqs));
	}
	EXPECT_EQ(-ENOSPC, arm(fd, reqs));
	EXPECT_EQ(info.max_requests, counters(fd).pending);

	/* its place was taken: nothing is known of it any more, and there is none for a new one */
	EXPECT_EQ(-ENOSPC, call(fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_EQ(info.max_requests, cancel_all(fd));
}

TEST_F(instance, cancel_of_one_that_has_completed_frees_its_place)
{
	cancel_of_a_held_one(_metadata, self->fd, false);
}

TEST_F(instance, cancel_all_frees_the_places_of_those_that_have_completed)
{
	cancel_of_a_held_one(_metadata, self->fd, true);
}

TEST_F(instance, cancel_all_lets_go_what_was_left)
{
	enum { N = 4 };
	struct waiter w[N];
	int i;

	catch_signals(0);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, waiter_start(&w[i], self->fd, pending_in(FAR_NS, i)));
		ASSERT_TRUE(interrupt(&w[i]));
	}
	/* half of them have completed by then */
	for (i = 0; i < N / 2; i++)
		ASSERT_EQ(0, update(self->fd, w[i].wait.request.id, 0, 0));
	ASSERT_TRUE(UNTIL(counters(self->fd).completed == N / 2 &&
			  !counters(self->fd).completing));
	EXPECT_EQ(N / 2, cancel_all(self->fd));
	EXPECT_COUNTERS(self->fd, N, N / 2, N / 2, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
	for (i = N - 1; i >= 0; i--) {
		__u64 id = w[i].wait.request.id;

		EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w[i].wait));
		EXPECT_EQ(id, w[i].wait.event.id);
		EXPECT_EQ(i < N / 2 ? 0 : -ECANCELED, w[i].wait.event.status);
	}
	EXPECT_COUNTERS(self->fd, N, N / 2, N / 2, 0, 0);
}

/* Records that nobody asks for any more do not add up. */
TEST_F(instance, what_was_let_go_is_used_again)
{
	struct evnotify_info info;
	struct counters seen;
	struct waiter w;
	unsigned int i;

	catch_signals(0);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, waiter_start(&w, self->fd, pending_in(FAR_NS, 9)));
		ASSERT_TRUE(interrupt(&w));
		ASSERT_EQ(0, cancel(self->fd, w.wait.request.id));
		ASSERT_FALSE(readable(self->fd, 0));
	}
	seen = counters(self->fd);
	EXPECT_EQ(200, seen.cancelled);
	EXPECT_EQ(200, seen.armed);
	/* of the first nothing is known: it is armed anew */
	w.wait.request.id &= (1ULL << 21) - 1;
	w.wait.request.id |= 1ULL << 21;
	w.wait.request.due_ns = 0;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
	EXPECT_EQ(0, w.wait.event.status);
	EXPECT_EQ(201, counters(self->fd).armed);
}

TEST_F(instance, close_frees_what_was_left)
{
	int fd = open_device(_metadata, O_RDWR);
	struct waiter pending, complete;

	catch_signals(0);
	ASSERT_EQ(0, waiter_start(&pending, fd, pending_in(FAR_NS, 1)));
	ASSERT_TRUE(interrupt(&pending));
	ASSERT_EQ(0, waiter_start(&complete, fd, pending_in(FAR_NS, 2)));
	ASSERT_TRUE(interrupt(&complete));
	ASSERT_EQ(0, update(fd, complete.wait.request.id, 0, 0));
	ASSERT_TRUE(UNTIL(counters(fd).completed == 1));
	EXPECT_EQ(0, close(fd));
}

TEST_HARNESS_MAIN
