// SPDX-License-Identifier: GPL-2.0-only
/* Requests that wait for an event no longer than until a time, on each clock. */
#define NO_INSTANCE
#include "source.h"

/* --- timeouts ------------------------------------------------------------------------- */

FIXTURE(timeout)
{
	int sim;
	int fd;
};

FIXTURE_VARIANT(timeout)
{
	clockid_t id;
};

FIXTURE_VARIANT_ADD(timeout, monotonic) { .id = CLOCK_MONOTONIC };
FIXTURE_VARIANT_ADD(timeout, boottime) { .id = CLOCK_BOOTTIME };
FIXTURE_VARIANT_ADD(timeout, realtime) { .id = CLOCK_REALTIME };
FIXTURE_VARIANT_ADD(timeout, tai) { .id = CLOCK_TAI };

FIXTURE_SETUP(timeout)
{
	self->sim = open_sim(_metadata);
	self->fd = sim_new(self->sim, 0, NULL);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(timeout)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	close(self->sim);
	close(self->fd);
}

static struct evnotify_request timed(clockid_t id, __u64 due_ns, __u32 flags)
{
	struct evnotify_request req = event_request(7, flags);

	req.clockid = id;
	req.due_ns = due_ns;
	return req;
}

#define EXPECT_TIMED_OUT(event, earliest_ns, clock) do {		\
	const struct evnotify_event *_t = (const void *)(event);	\
									\
	EXPECT_EQ(-ETIME, _t->status);					\
	EXPECT_EQ(0, _t->flags);					\
	EXPECT_EQ(0, _t->count);					\
	EXPECT_EQ(0, _t->lost);						\
	EXPECT_LE(earliest_ns, _t->due_ns);				\
	EXPECT_LE(_t->due_ns, _t->expired_ns);				\
	EXPECT_LE(_t->expired_ns, _t->completed_ns);			\
	EXPECT_LE(_t->completed_ns, now_ns(clock));			\
} while (0)

TEST_F(timeout, is_never_early)
{
	const __u64 delay = 20 * NSEC_PER_MSEC;
	struct evnotify_request req = timed(variant->id, delay, 0);
	__u64 due = now_ns(variant->id) + delay;
	struct evnotify_wait wait = {};
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_TIMED_OUT(&event, due, variant->id);
	EXPECT_EQ(7, event.user_data);
	EXPECT_EQ(req.id, event.id);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));

	due = now_ns(variant->id) + delay;
	wait.request = timed(variant->id, due, EVNOTIFY_ABSTIME);
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_TIMED_OUT(&wait.event, due, variant->id);
	EXPECT_EQ(due, wait.event.due_ns);
	/* it has left the line: the next event goes to another */
	req = timed(variant->id, FAR_NS, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 1));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 1, 0);
	EXPECT_EQ(req.id, event.id);
	EXPECT_SOURCE_COUNTERS(self->fd, 1, 1, 0);
}

/* Times of the event are on the clock of the request. */
TEST_F(timeout, comes_after_an_event)
{
	struct evnotify_request reqs[] = {
		timed(variant->id, FAR_NS, 0),
		timed(variant->id, now_ns(variant->id) + FAR_NS, EVNOTIFY_ABSTIME),
		timed(variant->id, 0, 0),
	};
	__u64 before = now_ns(variant->id);
	struct evnotify_event events[3];
	int i;

	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	ASSERT_EQ(3, sim_raise(self->sim, 3, 0));
	ASSERT_EQ(0, read_events(self->fd, events, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(reqs[i].id, events[i].id);
		EXPECT_EVENT(&events[i], i, 0);
		/* a little is for rounding */
		EXPECT_LE(before, events[i].expired_ns + NSEC_PER_USEC);
		EXPECT_LE(events[i].completed_ns, now_ns(variant->id));
	}
	/* no timer is left behind that would find them */
	EXPECT_COUNTERS(self->fd, 3, 3, 0, 0, 0);
}

/* A time that has passed is a try: an event that is there comes first, for each that waits. */
TEST_F(timeout, that_has_passed_is_a_try)
{
	enum { N = 10 };
	struct evnotify_request reqs[2 * N];
	struct evnotify_event events[2 * N];
	struct evnotify_wait wait;
	int i, k;

	for (k = 0; k < 3; k++) {
		const __u64 times[] = { 0, 1, now_ns(variant->id) - 1 };

		ASSERT_EQ(N, sim_raise(self->sim, N, 0));
		for (i = 0; i < N + 1; i++) {
			wait.request = timed(variant->id, times[k], EVNOTIFY_ABSTIME);
			wait.request.id = 0;
			ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
			if (i < N)
				EXPECT_EVENT(&wait.event, i, 0);
			else
				EXPECT_TIMED_OUT(&wait.event, times[k], variant->id);
		}
	}
	ASSERT_EQ(N, sim_raise(self->sim, N, 0));
	for (i = 0; i < 2 * N; i++)
		reqs[i] = timed(variant->id, 1, i % 2 ? EVNOTIFY_ABSTIME : 0);
	ASSERT_EQ(2 * N, arm_many(self->fd, reqs, 2 * N));
	ASSERT_EQ(0, read_events(self->fd, events, 2 * N));
	for (k = 0, i = 0; i < 2 * N; i++)
		k += !events[i].status;
	EXPECT_EQ(N, k);
	EXPECT_SOURCE_COUNTERS(self->fd, 4 * N, 4 * N, 0);
}

/* Timeouts are due in their own order, whatever the order in the line. */
TEST_F(timeout, leaves_the_others_in_line)
{
	struct evnotify_request reqs[] = {
		timed(variant->id, 0, 0),
		timed(variant->id, 40 * NSEC_PER_MSEC, 0),
		timed(variant->id, 0, 0),
		timed(variant->id, 20 * NSEC_PER_MSEC, 0),
		timed(variant->id, 0, 0),
	};
	struct evnotify_event events[5];

	ASSERT_EQ(5, arm_many(self->fd, reqs, 5));
	ASSERT_EQ(0, read_events(self->fd, events, 2));
	EXPECT_EQ(reqs[3].id, events[0].id);
	EXPECT_EQ(-ETIME, events[0].status);
	EXPECT_EQ(reqs[1].id, events[1].id);
	EXPECT_EQ(-ETIME, events[1].status);
	EXPECT_EQ(-EALREADY, cancel(self->fd, reqs[1].id));
	ASSERT_EQ(3, sim_raise(self->sim, 3, 0));
	ASSERT_EQ(0, read_events(self->fd, events, 3));
	EXPECT_EQ(reqs[0].id, events[0].id);
	EXPECT_EQ(reqs[2].id, events[1].id);
	EXPECT_EQ(reqs[4].id, events[2].id);
	EXPECT_COUNTERS(self->fd, 5, 5, 0, 0, 0);
}

/* Where none was asked for, none is told, on whatever clock it would be. */
TEST_F(timeout, that_nobody_asked_for_is_not_told)
{
	struct evnotify_request reqs[] = {
		timed(variant->id, 0, 0), timed(variant->id, 0, EVNOTIFY_REPEAT),
		timed(variant->id, 0, 0),
	};
	struct evnotify_wait wait = { .request = timed(variant->id, 0, 0) };
	__u64 before = now_ns(variant->id);
	struct evnotify_event events[3];
	struct waiter w;
	int i;

	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	ASSERT_EQ(0, waiter_start(&w, self->fd, wait.request));
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_EQ(0, cancel(self->fd, reqs[0].id));
	EXPECT_EQ(0, cancel(self->fd, reqs[1].id));
	close(self->sim);
	self->sim = -1;
	ASSERT_EQ(0, read_events(self->fd, events, 3));
	ASSERT_EQ(0, waiter_join(&w));
	for (i = 0; i < 4; i++) {
		const struct evnotify_event *e = i < 3 ? &events[i] : (void *)&w.wait.event;

		EXPECT_EQ(i < 2 ? -ECANCELED : -ENODEV, e->status);
		EXPECT_EQ(0, e->due_ns);
		EXPECT_EQ(0, e->expired_ns);
		/* when it ended is on its clock */
		EXPECT_LE(before, e->completed_ns);
		EXPECT_LE(e->completed_ns, now_ns(variant->id));
	}
}

/* Event and timeout at the same time: one of the two, and the event stays if it was not that. */
TEST_F(timeout, races_an_event)
{
	const char *ms = getenv("EVNOTIFY_RACE_MS");
	__u64 end = now_ns(CLOCK_MONOTONIC) + (ms ? strtoull(ms, NULL, 0) : 1000) *
		    NSEC_PER_MSEC / 4;
	unsigned int events = 0, timeouts = 0, raised = 0;
	__u64 delay = 200 * NSEC_PER_USEC, due;
	struct evnotify_request req;
	struct evnotify_event event;

	while (now_ns(CLOCK_MONOTONIC) < end || (!(events && timeouts) && raised < 10000)) {
		struct evnotify_sim_step step = { .delay_ns = 100 * NSEC_PER_USEC, .data = raised };

		due = now_ns(variant->id) + delay;
		req = timed(variant->id, due, EVNOTIFY_ABSTIME);
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_EQ((ssize_t)sizeof(step), write(self->sim, &step, sizeof(step)));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(req.id, event.id);
		raised++;
		/* half of the time towards where both win equally often */
		if (event.status) {
			EXPECT_TIMED_OUT(&event, due, variant->id);
			timeouts++;
			delay += delay / 16;
			req = timed(variant->id, 0, 0);
			ASSERT_EQ(0, arm(self->fd, &req));
			ASSERT_EQ(0, read_events(self->fd, &event, 1));
		} else {
			events++;
			delay -= delay / 16;
		}
		EXPECT_EVENT(&event, raised - 1, 0);
	}
	ksft_print_msg("%u events, %u timeouts\n", events, timeouts);
	EXPECT_LT(0, events);
	EXPECT_LT(0, timeouts);
	EXPECT_SOURCE_COUNTERS(self->fd, raised, raised, 0);
}

/* --- time namespaces ------------------------------------------------------------------ */

#define NS_OFFSET	(1000 * NSEC_PER_SEC)

static void in_namespace(struct __test_metadata *_metadata, int sim, int fd, clockid_t id)
{
	__u64 due = now_ns(id) + 5 * NSEC_PER_MSEC, before;
	struct evnotify_request req = timed(id, due, EVNOTIFY_ABSTIME);
	struct evnotify_event event;

	ASSERT_LT(NS_OFFSET, due);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_TIMED_OUT(&event, due, id);
	EXPECT_EQ(due, event.due_ns);

	/* none is none in every namespace */
	req = timed(id, 0, 0);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, cancel(fd, req.id));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.due_ns);

	before = now_ns(id);
	req = timed(id, now_ns(id) + FAR_NS, EVNOTIFY_ABSTIME);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(1, sim_raise(sim, 1, NS_OFFSET));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EVENT(&event, NS_OFFSET, 0);
	EXPECT_LE(before, event.expired_ns);
	EXPECT_LE(event.completed_ns, now_ns(id));
}

TEST_F(source, a_time_namespace_sees_its_own_times_and_the_same_data)
{
	int status, offsets;
	pid_t pid;

	if (unshare(CLONE_NEWTIME))
		SKIP(return, "no time namespaces here: %s", strerror(errno));
	offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	ASSERT_LT(0, dprintf(offsets, "monotonic 1000 0\nboottime 1000 0\n"));
	close(offsets);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		in_namespace(_metadata, self->sim, self->fd, CLOCK_MONOTONIC);
		in_namespace(_metadata, self->sim, self->fd, CLOCK_BOOTTIME);
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
