// SPDX-License-Identifier: GPL-2.0-only
/* The source goes: what was raised is told first, then the end, to whoever waits and however. */
#include <sys/epoll.h>

#define NO_INSTANCE
#include "source.h"

/* --- the source goes ------------------------------------------------------------------ */

/* poll(): what is said of a source that is gone, and when it is over */
#define GONE	(POLLHUP | POLLERR)
#define OVER	(GONE | POLLIN | POLLRDNORM)

static int polled(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return IN_TIME(poll(&pfd, 1, PATIENCE_MS)) == 1 ? pfd.revents : -ETIMEDOUT;
}

#define EXPECT_GONE(event) do {						\
	const struct evnotify_event *_g = (const void *)(event);	\
									\
	EXPECT_EQ(-ENODEV, _g->status);					\
	EXPECT_EQ(0, _g->flags);					\
	EXPECT_EQ(0, _g->count);					\
	EXPECT_EQ(0, _g->lost);						\
	EXPECT_EQ(0, _g->expired_ns);					\
	EXPECT_NE(0, _g->completed_ns);					\
} while (0)

/* Nothing is left of it but an end that each call tells of. */
#define EXPECT_OVER(_file) do {								\
	int _fd = (_file);								\
	struct evnotify_request _req = event_request(0, 0);				\
	struct evnotify_wait _wait = { .request = _req };				\
	struct evnotify_event _event;							\
											\
	EXPECT_EQ(OVER, polled(_fd, POLLIN | POLLRDNORM));				\
	EXPECT_EQ(GONE, polled(_fd, 0));							\
	EXPECT_EQ(-ENODEV, read_some(_fd, &_event, 1));					\
	EXPECT_EQ(-ENODEV, read_some(_fd, &_event, 1));					\
	EXPECT_EQ(-ENODEV, arm(_fd, &_req));						\
	EXPECT_EQ(-1, write(_fd, &_req, sizeof(_req)));					\
	EXPECT_EQ(ENODEV, errno);							\
	EXPECT_EQ(-ENODEV, call(_fd, EVNOTIFY_IOC_WAIT, &_wait));			\
	EXPECT_EQ(0, counters(_fd).pending);						\
} while (0)

TEST_F(source, when_it_goes_those_who_wait_are_told)
{
	struct evnotify_request reqs[] = {
		event_request(1, 0), event_request(2, EVNOTIFY_REPEAT), event_request(3, 0),
	};
	struct evnotify_event events[3];
	__u64 before = now_ns(CLOCK_MONOTONIC);
	int i;

	reqs[2].due_ns = FAR_NS;
	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	unplug(&self->sim);
	ASSERT_EQ(3, read_to_the_end(self->fd, events, 4));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i + 1, events[i].user_data);
		EXPECT_EQ(reqs[i].id, events[i].id);
		EXPECT_GONE(&events[i]);
		EXPECT_EQ(-EALREADY, cancel(self->fd, reqs[i].id));
	}
	EXPECT_EQ(0, events[0].due_ns);
	EXPECT_LE(before + FAR_NS, events[2].due_ns);
	EXPECT_COUNTERS(self->fd, 3, 3, 0, 0, 0);
	EXPECT_OVER(self->fd);
	EXPECT_EQ(-1, open_source(self->name, 0));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(source, when_it_goes_and_nobody_waits_it_is_over)
{
	unplug(&self->sim);
	EXPECT_OVER(self->fd);
	EXPECT_EQ(-ENOENT, cancel(self->fd, 1));
	EXPECT_EQ(0, cancel_all(self->fd));
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
}

/* First the events, then the end; the same for one that repeats. */
TEST_F(source, what_was_raised_before_it_went_is_told_first)
{
	enum { N = 40 };
	struct evnotify_request req = event_request(1, EVNOTIFY_REPEAT);
	struct evnotify_event events[N + 2];
	int i;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(N, sim_raise(self->sim, N, 0));
	unplug(&self->sim);
	ASSERT_TRUE(settled(self->fd, 1));
	/* not over before the last is told */
	EXPECT_EQ(POLLIN | POLLRDNORM, polled(self->fd, POLLIN | POLLRDNORM));
	ASSERT_EQ(N + 1, read_to_the_end(self->fd, events, N + 2));
	for (i = 0; i < N; i++) {
		EXPECT_EVENT(&events[i], i, 0);
		EXPECT_TRUE(events[i].flags & EVNOTIFY_EVENT_MORE);
	}
	EXPECT_GONE(&events[N]);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, N, N, 0);
	EXPECT_OVER(self->fd);
}

/* A driver that says "link down" and goes: whoever arms one by one still gets that. */
TEST_F(source, what_it_kept_outlives_it)
{
	enum { N = 30 };
	struct evnotify_request req = event_request(1, EVNOTIFY_REPEAT);
	struct evnotify_wait wait;
	struct evnotify_event event, events[12];
	int efd = eventfd(0, EFD_NONBLOCK), i;

	ASSERT_EQ(RING + N, sim_raise(self->sim, RING + N, 0));
	unplug(&self->sim);
	ASSERT_TRUE(polled(self->fd, 0) & POLLHUP);
	/* not readable: but reading says so at once, and arming is still possible */
	wait.request = event_request(1, 0);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EVENT(&wait.event, N, N);
	for (i = 1; i < 100; i++) {
		wait.request = event_request(1, 0);
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
		EXPECT_EVENT(&wait.event, N + i, 0);
	}
	for (; i < 200; i++) {
		req = event_request(i, 0);
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(i, event.user_data);
		EXPECT_EVENT(&event, N + i, 0);
	}
	req = event_to_eventfd(efd, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(settled(self->fd, N + 201));
	EXPECT_EQ(1, eventfd_take(efd));
	req = event_request(1, EVNOTIFY_REPEAT);
	req.count = 10;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(10, read_to_the_end(self->fd, events, 12));
	EXPECT_EVENT(&events[9], N + 210, 0);
	/* the rest, and then the end */
	req = event_request(1, EVNOTIFY_REPEAT);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(settled(self->fd, N + 212));
	/* it has more to tell: so it is not at its end again */
	EXPECT_EQ(POLLIN | POLLRDNORM, polled(self->fd, POLLIN | POLLRDNORM));
	for (i = 211; i < RING; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EVENT(&event, N + i, 0);
	}
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_GONE(&event);
	EXPECT_SOURCE_COUNTERS(self->fd, RING + N, RING + N, N);
	EXPECT_OVER(self->fd);
	close(efd);
}

/* Many wait; a reader that goes on until ENODEV has all of their records. */
TEST_F(source, nobody_who_waited_is_told_after_the_end)
{
	enum { N = 1000, EVENTS = 100 };
	struct evnotify_request reqs[N];
	struct evnotify_event *events = calloc(N + 7, sizeof(*events));
	int i, n, round, ret;

	ASSERT_NE(NULL, events);
	for (i = 0; i < N; i++)
		reqs[i] = event_request(i, 0);
	for (round = 0; round < 10; round++) {
		int sim = open_sim(_metadata), fd = sim_new(sim, 0, NULL);

		ASSERT_EQ(N, arm_many(fd, reqs, N));
		ASSERT_EQ(EVENTS, sim_raise(sim, EVENTS, 0));
		unplug(&sim);
		/* whether it polls or not */
		for (n = 0; round % 2 && (ret = read_some(fd, events + n, 7)) > 0; n += ret)
			;
		EXPECT_EQ(N - n, read_to_the_end(fd, events + n, N + 1));
		for (i = 0; i < N; i++) {
			EXPECT_EQ(i, events[i].user_data);
			EXPECT_EQ(i < EVENTS ? 0 : -ENODEV, events[i].status);
			EXPECT_EQ(i < EVENTS ? i : 0, events[i].data);
		}
		EXPECT_COUNTERS(fd, N, N, 0, 0, 0);
		EXPECT_OVER(fd);
		close(fd);
	}
	free(events);
}

/* A request that repeats and whose record is unread is ended, in whatever way: then it is over. */
TEST_F(source, an_unread_record_does_not_put_off_the_end)
{
	struct evnotify_request req = event_request(1, EVNOTIFY_REPEAT);
	struct evnotify_event events[3];
	int way;

	for (way = 0; way < 3; way++) {
		int sim = open_sim(_metadata), fd = sim_new(sim, 0, NULL);

		ASSERT_EQ(0, arm(fd, &req));
		ASSERT_EQ(1, sim_raise(sim, 1, 5));
		ASSERT_TRUE(settled(fd, 1));
		unplug(&sim);
		EXPECT_EQ(way, !way ? 0 : way == 1 ? 1 + cancel(fd, req.id) : 1 + cancel_all(fd));
		ASSERT_EQ(way ? 1 : 2, read_to_the_end(fd, events, 3));
		EXPECT_EQ(way ? -ECANCELED : 0, events[0].status);
		EXPECT_EQ(5, events[0].data);
		EXPECT_EQ(1, events[0].count);
		EXPECT_OVER(fd);
		close(fd);
	}
}

TEST_F(source, eventfds_get_what_they_are_owed_and_no_more)
{
	int efds[] = { eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK) };
	struct evnotify_request reqs[] = {
		event_to_eventfd(efds[0], EVNOTIFY_REPEAT), event_to_eventfd(efds[1], 0),
	};
	struct reader r;
	int round;

	for (round = 0; round < 20; round++) {
		int sim = open_sim(_metadata), fd = sim_new(sim, 0, NULL);

		ASSERT_EQ(0, arm(fd, &reqs[0]));
		ASSERT_EQ(200, sim_raise(sim, 200, 0));
		unplug(&sim);
		/* once it is over, the last signal has been given */
		ASSERT_TRUE(UNTIL(polled(fd, POLLIN | POLLRDNORM) == OVER));
		EXPECT_EQ(200, eventfd_take(efds[0]));
		EXPECT_COUNTERS(fd, 1, 1, 0, 0, 0);
		close(fd);

		/* the end is no event */
		sim = open_sim(_metadata);
		fd = sim_new(sim, 0, NULL);
		ASSERT_EQ(2, arm_many(fd, reqs, 2));
		unplug(&sim);
		/* once it is over, the last signal has been given */
		ASSERT_TRUE(UNTIL(polled(fd, POLLIN | POLLRDNORM) == OVER));
		EXPECT_EQ(0, eventfd_take(efds[0]));
		EXPECT_EQ(0, eventfd_take(efds[1]));
		EXPECT_COUNTERS(fd, 2, 2, 0, 0, 0);
		EXPECT_OVER(fd);
		close(fd);
	}
	/* a long line of them: all that was counted when it went is still given */
	ASSERT_EQ(0, arm(self->fd, &reqs[0]));
	ASSERT_EQ(0, cancel(self->fd, reqs[0].id));
	ASSERT_EQ(2000, sim_raise(self->sim, 2000, 0));
	ASSERT_EQ(0, arm(self->fd, &reqs[0]));
	ASSERT_TRUE(reader_start(&r, self->fd));
	unplug(&self->sim);
	pthread_join(r.thread, NULL);
	EXPECT_EQ(-ENODEV, r.ret);
	EXPECT_EQ(2000, eventfd_take(efds[0]));
	EXPECT_SOURCE_COUNTERS(self->fd, 2000, 2000, 2000 - RING);
	EXPECT_OVER(self->fd);
}

TEST_F(source, it_goes_under_a_wait)
{
	struct evnotify_request requests[] = {
		event_request(1, 0), event_request(2, 0), event_request(3, 0),
	};
	struct waiter w[3];
	int i;

	requests[1].due_ns = FAR_NS;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, waiter_start(&w[i], self->fd, requests[i]));
		ASSERT_TRUE(waiter_blocked(&w[i]));
	}
	/* one is away, and comes again */
	ASSERT_TRUE(interrupt(&w[2]));
	unplug(&self->sim);
	EXPECT_EQ(OVER, polled(self->fd, POLLIN | POLLRDNORM));
	ASSERT_EQ(0, waiter_again(&w[2]));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, waiter_join(&w[i]));
		EXPECT_GONE(&w[i].wait.event);
		EXPECT_EQ(i + 1, w[i].wait.event.user_data);
	}
	EXPECT_COUNTERS(self->fd, 3, 3, 0, 0, 0);
	EXPECT_OVER(self->fd);
}

TEST_F(source, it_goes_under_readers)
{
	struct reader r[4];
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_TRUE(reader_start(&r[i], self->fd));
	unplug(&self->sim);
	for (i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		EXPECT_EQ(-ENODEV, r[i].ret);
	}
}

/* One gets the last record, the others the end. */
TEST_F(source, it_goes_under_readers_while_one_waits)
{
	struct evnotify_request req = event_request(1, 0);
	struct reader r[4];
	int i, told = 0, ended = 0;

	ASSERT_EQ(0, arm(self->fd, &req));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(reader_start(&r[i], self->fd));
	unplug(&self->sim);
	for (i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		told += r[i].ret == 1;
		ended += r[i].ret == -ENODEV;
	}
	EXPECT_EQ(1, told);
	EXPECT_EQ(3, ended);
}

/* --- it goes under those who poll ----------------------------------------------------- */

struct poller {
	pthread_t thread;
	int fd;
	short events;
	bool epoll;
	volatile pid_t tid;
	int revents;
};

static void *poller_main(void *arg)
{
	struct poller *p = arg;
	struct epoll_event event = { .events = p->events | EPOLLEXCLUSIVE };
	int epfd;

	if (!p->epoll) {
		p->tid = gettid();
		p->revents = polled(p->fd, p->events);
		return NULL;
	}
	epfd = epoll_create1(0);
	epoll_ctl(epfd, EPOLL_CTL_ADD, p->fd, &event);
	p->tid = gettid();
	p->revents = IN_TIME(epoll_wait(epfd, &event, 1, PATIENCE_MS)) == 1 ? (int)event.events :
								     -ETIMEDOUT;
	close(epfd);
	return NULL;
}

static bool poller_start(struct poller *p)
{
	return !pthread_create(&p->thread, NULL, poller_main, p) &&
	       UNTIL(p->tid && asleep(p->tid));
}

/* Whatever it polls for; and all of those of whom an event would wake one */
TEST_F(source, it_goes_under_pollers)
{
	struct poller p[] = {
		{ .events = POLLIN },
		{ .events = 0 },
		{ .events = POLLRDNORM },
		{ .events = POLLPRI },
		{ .events = EPOLLIN, .epoll = true },
		{ .events = EPOLLIN, .epoll = true },
		{ .events = EPOLLIN, .epoll = true },
	};
	static const int expected[] = {
		POLLIN | GONE, GONE, POLLRDNORM | GONE, GONE,
		EPOLLIN | EPOLLHUP | EPOLLERR, EPOLLIN | EPOLLHUP | EPOLLERR,
		EPOLLIN | EPOLLHUP | EPOLLERR,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i].fd = self->fd;
		ASSERT_TRUE(poller_start(&p[i]));
	}
	unplug(&self->sim);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		pthread_join(p[i].thread, NULL);
		EXPECT_EQ(expected[i], p[i].revents)
			TH_LOG("poller %u", i);
	}
}

TEST_F(source, sigio_says_that_it_went)
{
	const struct timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETSIG, SIGRTMIN));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, fcntl(self->fd, F_GETFL) | O_ASYNC));
	unplug(&self->sim);
	ASSERT_EQ(SIGRTMIN, sigtimedwait(&set, &info, &patience));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(POLL_HUP, info.si_code);
}

/* --- timers go on --------------------------------------------------------------------- */

TEST_F(source, timers_go_on_without_it)
{
	struct evnotify_request reqs[] = { event_request(1, 0), pending_in(FAR_NS, 2) };
	struct evnotify_event event;
	struct reader r;

	ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
	unplug(&self->sim);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(1, event.user_data);
	EXPECT_GONE(&event);
	/* there is something to wait for */
	EXPECT_EQ(GONE, polled(self->fd, POLLIN | POLLRDNORM));
	EXPECT_COUNTERS(self->fd, 2, 1, 0, 1, 0);
	ASSERT_TRUE(reader_start(&r, self->fd));
	ASSERT_EQ(0, update(self->fd, reqs[1].id, 0, 0));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(1, r.ret);
	EXPECT_EQ(2, r.event.user_data);
	EXPECT_EQ(0, r.event.status);
	EXPECT_OVER(self->fd);

	/* a new one, too */
	reqs[1].due_ns = NSEC_PER_MSEC;
	ASSERT_EQ(0, arm(self->fd, &reqs[1]));
	/* poll() does not wait for it: it says that the source is gone */
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(2, event.user_data);
	EXPECT_OVER(self->fd);
}

/* Whoever waits for the last timer learns that there is none any more. */
TEST_F(source, the_end_of_the_last_timer_is_the_end)
{
	struct evnotify_request pending = pending_in(FAR_NS, 2), req;
	struct evnotify_wait wait = { .request = pending };
	int efd = eventfd(0, EFD_NONBLOCK), way, status;
	struct evnotify_event event;
	struct reader r[2];
	pid_t pid = 0;

	unplug(&self->sim);
	for (way = 0; way < 4; way++) {
		req = way < 2 ? eventfd_in(FAR_NS, efd) : pending;
		if (way == 3) {
			pid = fork();
			if (!pid)
				_exit(call(self->fd, EVNOTIFY_IOC_WAIT, &wait) != 0);
			ASSERT_TRUE(UNTIL(counters(self->fd).pending == 1));
		} else {
			ASSERT_EQ(0, arm(self->fd, &req));
		}
		ASSERT_TRUE(reader_start(&r[0], self->fd));
		ASSERT_TRUE(reader_start(&r[1], self->fd));
		switch (way) {
		case 0:		/* it expires, without a record */
			ASSERT_EQ(0, update(self->fd, req.id, 0, 0));
			break;
		case 1:
			ASSERT_EQ(0, cancel(self->fd, req.id));
			break;
		case 2:
			ASSERT_EQ(1, cancel_all(self->fd));
			break;
		case 3:		/* who waited for it dies */
			kill(pid, SIGKILL);
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			break;
		}
		pthread_join(r[0].thread, NULL);
		pthread_join(r[1].thread, NULL);
		/* a record where there is one, and the end */
		EXPECT_EQ(way == 2 ? 1 - ENODEV : -2 * ENODEV, r[0].ret + r[1].ret)
			TH_LOG("way %d", way);
	}
	EXPECT_EQ(-ENODEV, read_some(self->fd, &event, 1));
	close(efd);
}

TEST_HARNESS_MAIN
