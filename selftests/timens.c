// SPDX-License-Identifier: GPL-2.0-only
/* Time namespaces: whoever is in one sees its times, whoever is outside his own. */
#include <sys/uio.h>

#include "evnotify_test.h"

#define NS_SECONDS	1000
#define NS_NSEC		123456789
#define NS_OFFSET	(NS_SECONDS * NSEC_PER_SEC + NS_NSEC)

/* Children live where the clocks that start at boot are ahead by this. Null, or why not. */
static const char *enter_time_namespace(int monotonic, int boottime)
{
	int fd, ret;

	if (unshare(CLONE_NEWTIME))
		return errno == EINVAL ? "this kernel has no time namespaces" : strerror(errno);
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	ret = dprintf(fd, "monotonic %d %d\nboottime %d %d\n", monotonic, monotonic ? NS_NSEC : 0,
		      boottime, boottime ? NS_NSEC : 0);
	close(fd);
	return ret > 0 ? NULL : "cannot set the offsets of a time namespace";
}

/* What a process of the namespace sees; it checks the clock that it is given. */
static void in_namespace(struct __test_metadata *_metadata, int fd, clockid_t id)
{
	__u64 due = now_ns(id) + 20 * NSEC_PER_MSEC;
	struct evnotify_request req = on_clock(id, due, EVNOTIFY_ABSTIME);
	struct evnotify_wait wait = { .request = req };
	struct evnotify_event event;

	ASSERT_LT(NS_OFFSET, due);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_LE(due, now_ns(id));
	EXPECT_EQ(due, event.due_ns);
	EXPECT_EXPIRED(&event, due, id);

	due = now_ns(id) + 20 * NSEC_PER_MSEC;
	wait.request.due_ns = due;
	ASSERT_EQ(0, call(fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(due, wait.event.due_ns);
	EXPECT_EXPIRED(&wait.event, due, id);

	/* a relative time is none of a namespace's business, its record is */
	due = now_ns(id) + FAR_NS;
	req = on_clock(id, FAR_NS, 0);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, update(fd, req.id, due, EVNOTIFY_ABSTIME));
	ASSERT_EQ(0, cancel(fd, req.id));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(due, event.due_ns);
	EXPECT_EQ(0, event.expired_ns);
	EXPECT_LE(event.completed_ns, now_ns(id));
	EXPECT_LE(due - FAR_NS, event.completed_ns);

	/* before the host's boot, and yet a time of this namespace */
	req = on_clock(id, 1, EVNOTIFY_ABSTIME);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_LE(NS_OFFSET, event.expired_ns);

	/* left for a reader outside */
	req = on_clock(id, NS_OFFSET + 1, EVNOTIFY_ABSTIME);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_TRUE(readable(fd, PATIENCE_MS));
}

static void run_in_namespace(struct __test_metadata *_metadata, int fd, clockid_t id)
{
	const char *why_not = enter_time_namespace(NS_SECONDS, NS_SECONDS);
	struct evnotify_event event;
	int status;
	pid_t pid;

	if (why_not)
		SKIP(return, "%s", why_not);
	pid = fork();
	if (!pid) {
		in_namespace(_metadata, fd, id);
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);

	/* this process has stayed outside, and reads host times */
	ASSERT_EQ(1, read_some(fd, &event, 1));
	EXPECT_EQ(1, event.due_ns);
	EXPECT_LE(event.completed_ns, now_ns(id));
}

TEST_F(instance, monotonic_time_is_that_of_the_namespace)
{
	run_in_namespace(_metadata, self->fd, CLOCK_MONOTONIC);
}

TEST_F(instance, boottime_is_that_of_the_namespace)
{
	run_in_namespace(_metadata, self->fd, CLOCK_BOOTTIME);
}

/* One clock of the namespace is this much ahead of the host's, the other is the host's. */
FIXTURE(offset)
{
	int fd;
};

FIXTURE_VARIANT(offset)
{
	int seconds;
	clockid_t id;
};

FIXTURE_VARIANT_ADD(offset, monotonic_ahead) { 1000, CLOCK_MONOTONIC };
FIXTURE_VARIANT_ADD(offset, monotonic_far_ahead) { 2000000000, CLOCK_MONOTONIC };
FIXTURE_VARIANT_ADD(offset, monotonic_behind) { -1, CLOCK_MONOTONIC };
FIXTURE_VARIANT_ADD(offset, boottime_ahead) { 1000, CLOCK_BOOTTIME };
FIXTURE_VARIANT_ADD(offset, boottime_behind) { -1, CLOCK_BOOTTIME };

FIXTURE_SETUP(offset)
{
	const char *why_not;

	self->fd = open_device(_metadata, O_RDWR);
	why_not = enter_time_namespace(variant->id == CLOCK_MONOTONIC ? variant->seconds : 0,
				       variant->id == CLOCK_BOOTTIME ? variant->seconds : 0);
	if (why_not)
		SKIP(return, "%s", why_not);
	/* children get there, this process stays outside */
}

FIXTURE_TEARDOWN(offset)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	close(self->fd);
}

#define IN_NAMESPACE(code) do {						\
	int _status;							\
	pid_t _pid = fork();						\
									\
	if (!_pid) {							\
		code;							\
		_exit(_metadata->exit_code);				\
	}								\
	ASSERT_EQ(_pid, waitpid(_pid, &_status, 0));			\
	ASSERT_EQ(0, _status);						\
} while (0)

/* A time that never comes is one in every namespace, whoever asks. */
static void the_farthest_times(struct __test_metadata *_metadata, int fd, clockid_t id)
{
	struct evnotify_request reqs[] = {
		on_clock(id, INT64_MAX, 0),
		on_clock(id, INT64_MAX, EVNOTIFY_ABSTIME),
		on_clock(id, FAR_NS, 0),
		on_clock(id, INT64_MAX, 0),
	};
	struct evnotify_event event;
	unsigned int i;

	reqs[3].period_ns = INT64_MAX;
	ASSERT_EQ(4, arm_many(fd, reqs, 4));
	ASSERT_EQ(0, update(fd, reqs[2].id, INT64_MAX, EVNOTIFY_ABSTIME));
	for (i = 0; i < ARRAY_SIZE(reqs); i++) {
		ASSERT_EQ(0, cancel(fd, reqs[i].id));
		ASSERT_EQ(0, read_events(fd, &event, 1));
		EXPECT_EQ(reqs[i].id, event.id);
		EXPECT_EQ(INT64_MAX, event.due_ns);
		EXPECT_EQ(0, event.expired_ns);
		EXPECT_LE(event.completed_ns, now_ns(id));
	}

	/* after the first expiration the next is never */
	reqs[0] = on_clock(id, 0, 0);
	reqs[0].period_ns = INT64_MAX;
	ASSERT_EQ(0, arm(fd, &reqs[0]));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EXPIRED(&event, 1, id);
	EXPECT_EQ(1, event.count);
	ASSERT_EQ(0, cancel(fd, reqs[0].id));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(INT64_MAX, event.due_ns);
	EXPECT_EQ(0, event.count);
}

TEST_F(offset, the_farthest_time_is_never_in_a_namespace)
{
	IN_NAMESPACE(the_farthest_times(_metadata, self->fd, variant->id));
}

static void an_absolute_time(struct __test_metadata *_metadata, int fd, clockid_t id)
{
	__u64 due = now_ns(id) + 20 * NSEC_PER_MSEC;
	struct evnotify_request req = on_clock(id, due, EVNOTIFY_ABSTIME);
	struct evnotify_event event;
	struct iovec pieces[] = {
		{ &event, 20 }, { (char *)&event + 20, sizeof(event) - 20 },
	};

	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(due, event.due_ns);
	EXPECT_EXPIRED(&event, due, id);

	/* one that is cancelled gives back what was asked for, in any way of reading */
	req.due_ns += FAR_NS;
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, cancel(fd, req.id));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(due + FAR_NS, event.due_ns);
	EXPECT_EQ(0, event.expired_ns);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, cancel(fd, req.id));
	ASSERT_EQ((ssize_t)sizeof(event), readv(fd, pieces, 2));
	EXPECT_EQ(due + FAR_NS, event.due_ns);
	EXPECT_EQ(0, event.expired_ns);
	EXPECT_LE(due, event.completed_ns);
	EXPECT_LE(event.completed_ns, now_ns(id));
}

static void ignore_signal(int signo)
{
	(void)signo;
}

/* Of a WAIT that was interrupted and cancelled meanwhile, and of one that has expired meanwhile */
static void a_wait_that_comes_again(struct __test_metadata *_metadata, int fd, clockid_t id)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	__u64 before = now_ns(id), due = before + FAR_NS;
	const struct evnotify_event *event;
	struct waiter w;
	int i;

	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, waiter_start(&w, fd, on_clock(id, due, EVNOTIFY_ABSTIME)));
		ASSERT_TRUE(waiter_blocked(&w));
		ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
		ASSERT_EQ(-EINTR, waiter_join(&w));
		if (i) {
			ASSERT_EQ(0, update(fd, w.wait.request.id, before, EVNOTIFY_ABSTIME));
			ASSERT_TRUE(UNTIL(counters(fd).completed == 1 && !counters(fd).completing));
		} else {
			ASSERT_EQ(0, cancel(fd, w.wait.request.id));
		}
		ASSERT_EQ(0, waiter_again(&w));
		ASSERT_EQ(0, waiter_join(&w));
		event = (void *)&w.wait.event;
		EXPECT_EQ(i ? 0 : -ECANCELED, event->status);
		EXPECT_EQ(i ? before : due, event->due_ns);
		EXPECT_TRUE(i ? event->expired_ns >= before : !event->expired_ns);
		EXPECT_LE(before, event->completed_ns);
		EXPECT_LE(event->completed_ns, now_ns(id));
	}
}

TEST_F(offset, a_wait_that_comes_again_sees_its_own_times)
{
	IN_NAMESPACE(a_wait_that_comes_again(_metadata, self->fd, variant->id));
}

TEST_F(offset, an_absolute_time_is_what_was_asked_for)
{
	IN_NAMESPACE(an_absolute_time(_metadata, self->fd, variant->id));
}

static void arm_for_others(struct __test_metadata *_metadata, int fd, clockid_t id)
{
	struct evnotify_request reqs[] = {
		on_clock(id, INT64_MAX, 0), on_clock(id, INT64_MAX - 1, EVNOTIFY_ABSTIME),
		on_clock(id, 1, EVNOTIFY_ABSTIME),
	};

	ASSERT_EQ(3, arm_many(fd, reqs, 3));
	ASSERT_TRUE(readable(fd, PATIENCE_MS));
	EXPECT_EQ(2, cancel_all(fd));
}

/* Times that its clock cannot show are the first and the last that it can. */
static void read_of_others(struct __test_metadata *_metadata, int fd, clockid_t id)
{
	struct evnotify_event events[3];
	int i;

	ASSERT_EQ(3, read_some(fd, events, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_GE(INT64_MAX, events[i].due_ns);
		EXPECT_LE(1, events[i].completed_ns);
		EXPECT_LE(events[i].completed_ns, now_ns(id));
		if (events[i].status) {
			EXPECT_LE(INT64_MAX - 3000000000 * NSEC_PER_SEC, events[i].due_ns);
			EXPECT_EQ(0, events[i].expired_ns);
		} else {
			EXPECT_LE(events[i].due_ns, events[i].expired_ns);
			EXPECT_LE(events[i].expired_ns, events[i].completed_ns);
		}
	}
}

TEST_F(offset, a_reader_inside_sees_its_own_times)
{
	arm_for_others(_metadata, self->fd, variant->id);
	IN_NAMESPACE(read_of_others(_metadata, self->fd, variant->id));
}

TEST_F(offset, a_reader_outside_sees_its_own_times)
{
	IN_NAMESPACE(arm_for_others(_metadata, self->fd, variant->id));
	read_of_others(_metadata, self->fd, variant->id);
}

TEST_HARNESS_MAIN
