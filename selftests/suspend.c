// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine is suspended to memory while requests are pending, and woken up by its clock.
 * CLOCK_MONOTONIC stands still meanwhile, and so do requests on it, and times that elapse on
 * CLOCK_REALTIME and CLOCK_TAI; what became due on CLOCK_BOOTTIME, or by an absolute time, expires
 * as soon as the machine is back. It wants a machine of its own: vm/alone.sh.
 */
#define NO_INSTANCE
#include "evnotify_test.h"

#define STATE	"/sys/power/state"
#define ALARM	"/sys/class/rtc/rtc0/wakealarm"
#define ASLEEP	9	/* seconds until the alarm; it has a resolution of a second */
#define DELAY	(NSEC_PER_SEC * 3)	/* long enough to get from arming to sleep */
#define LATE_NS	(5 * NSEC_PER_SEC)	/* more than a slow machine takes to wake up */

static bool can_suspend(void)
{
	char text[64] = "";
	int fd = open(STATE, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strstr(text, "mem") && !access(ALARM, W_OK);
}

/* 0, or -errno: -EBUSY if the machine was woken up before it slept. */
static int suspend(void)
{
	char text[16];
	int ret;

	snprintf(text, sizeof(text), "+%d", ASLEEP);
	ret = write_text(ALARM, "0");
	if (!ret)
		ret = write_text(ALARM, text);
	return ret ?: write_text(STATE, "mem");
}

static const struct {
	const char *name;
	clockid_t id;
	__u32 flags;
	bool stops;
} clocks[] = {
	{ "CLOCK_MONOTONIC", CLOCK_MONOTONIC, 0, true },
	{ "CLOCK_BOOTTIME", CLOCK_BOOTTIME, 0, false },
	{ "CLOCK_REALTIME", CLOCK_REALTIME, 0, true },
	{ "CLOCK_TAI", CLOCK_TAI, 0, true },
	{ "absolute, CLOCK_MONOTONIC", CLOCK_MONOTONIC, EVNOTIFY_ABSTIME, true },
	{ "absolute, CLOCK_BOOTTIME", CLOCK_BOOTTIME, EVNOTIFY_ABSTIME, false },
	{ "absolute, CLOCK_REALTIME", CLOCK_REALTIME, EVNOTIFY_ABSTIME, false },
	{ "absolute, CLOCK_TAI", CLOCK_TAI, EVNOTIFY_ABSTIME, false },
};

/* What is pending on a clock, in every mode */
struct pending {
	int fd, read_fd, eventfd;
	__u64 start, awake;
	struct waiter waiter;
	struct reader reader;
};

static void before_suspend(struct __test_metadata *_metadata, struct pending *p, clockid_t clock,
			   __u32 flags)
{
	__u64 now = now_ns(clock);
	struct evnotify_request once = pending_in(DELAY + (flags ? now : 0), 0), periodic, signal;

	p->fd = open_device(_metadata, O_RDWR);
	p->read_fd = open_device(_metadata, O_RDWR);
	p->eventfd = eventfd(0, EFD_CLOEXEC);
	once.clockid = clock;
	once.flags = flags;
	signal = once;
	signal.mode = EVNOTIFY_MODE_EVENTFD;
	signal.eventfd = p->eventfd;
	periodic = once;
	periodic.period_ns = NSEC_PER_SEC / 10;

	p->start = now;
	ASSERT_EQ(0, arm(p->read_fd, &once));
	ASSERT_EQ(0, arm(p->fd, &signal));
	ASSERT_EQ(0, arm(p->fd, &periodic));
	ASSERT_EQ(0, waiter_start(&p->waiter, p->fd, once));
	ASSERT_TRUE(waiter_blocked(&p->waiter));
	ASSERT_TRUE(reader_start(&p->reader, p->read_fd));
}

/* Ends it all, whatever has expired. */
static void give_up(struct pending *p)
{
	cancel_all(p->fd);
	cancel_all(p->read_fd);
	waiter_join(&p->waiter);
	pthread_join(p->reader.thread, NULL);
	close(p->fd);
	close(p->read_fd);
	close(p->eventfd);
}

static void after_suspend(struct __test_metadata *_metadata, struct pending *p, clockid_t clock,
			  bool stops)
{
	struct evnotify_event event;
	long long late, gone;

	/* nothing interrupted those who block */
	EXPECT_EQ(0, waiter_join(&p->waiter));
	event = p->waiter.wait.event;
	EXPECT_EXPIRED(&event, p->start + DELAY, clock);
	EXPECT_EQ(1, event.count);
	pthread_join(p->reader.thread, NULL);
	EXPECT_EQ(1, p->reader.ret);
	EXPECT_EXPIRED(&p->reader.event, p->start + DELAY, clock);
	EXPECT_EQ(1, p->reader.event.count);
	EXPECT_TRUE(readable(p->eventfd, PATIENCE_MS));
	EXPECT_EQ(1, eventfd_take(p->eventfd));

	late = event.expired_ns - event.due_ns;
	gone = p->awake - event.expired_ns;
	TH_LOG("expired %lld ms late, %lld ms before processes ran again",
	       late / (long long)NSEC_PER_MSEC, gone / (long long)NSEC_PER_MSEC);
	ASSERT_EQ(0, read_events(p->fd, &event, 1));
	EXPECT_EXPIRED(&event, p->start + DELAY, clock);
	if (stops) {
		EXPECT_GT((long long)LATE_NS, late);
	} else {
		EXPECT_LT(0, gone);
		/* What the period missed is in its first record. */
		EXPECT_LT(1, event.count);
	}

	EXPECT_EQ(1, cancel_all(p->fd));
	EXPECT_TRUE(balanced(counters(p->fd)));
	EXPECT_TRUE(balanced(counters(p->read_fd)));
	close(p->fd);
	close(p->read_fd);
	close(p->eventfd);
}

/* The time of an event of a source, too, is on the clock of who gets it. */
static void events_after_suspend(struct __test_metadata *_metadata)
{
	int sim = open_sim(_metadata), fd = sim_new(sim, 0, NULL);
	struct evnotify_request req = event_request(0, 0);
	struct evnotify_event event;
	__u64 before;
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (clocks[i].flags)
			continue;
		req.clockid = clocks[i].id;
		before = now_ns(clocks[i].id);
		ASSERT_EQ(0, arm(fd, &req));
		ASSERT_EQ(1, sim_raise(sim, 1, i));
		ASSERT_EQ(0, read_events(fd, &event, 1));
		EXPECT_EVENT(&event, i, 0);
		/* a little is for rounding */
		EXPECT_LE(before, event.expired_ns + NSEC_PER_USEC);
		EXPECT_LE(event.completed_ns, now_ns(clocks[i].id));
	}
	close(sim);
	close(fd);
}

/* How far CLOCK_BOOTTIME is ahead: the time that the machine was suspended. */
static long long suspended_ns(void)
{
	return now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC);
}

TEST(pending_requests_keep_to_their_clocks)
{
	struct pending pending[ARRAY_SIZE(clocks)];
	const char *strict = getenv("EVNOTIFY_STRICT");
	int ret, attempts = 3;
	long long asleep;
	size_t i;

	if (!can_suspend() && !(strict && !strcmp(strict, "1")))
		SKIP(return, "this machine cannot suspend to memory and wake up by itself");
	for (;;) {
		for (i = 0; i < ARRAY_SIZE(clocks); i++)
			before_suspend(_metadata, &pending[i], clocks[i].id, clocks[i].flags);
		asleep = suspended_ns();
		ret = suspend();
		for (i = 0; i < ARRAY_SIZE(clocks); i++)
			pending[i].awake = now_ns(clocks[i].id);
		asleep = suspended_ns() - asleep;
		if (ret != -EBUSY || !--attempts)
			break;
		TH_LOG("woken up before it slept; once more");
		for (i = 0; i < ARRAY_SIZE(clocks); i++)
			give_up(&pending[i]);
	}
	ASSERT_EQ(0, ret)
		TH_LOG("cannot suspend: %s", strerror(-ret));
	TH_LOG("asleep for %lld ms", asleep / (long long)NSEC_PER_MSEC);
	/* or the delays ended while it was awake */
	ASSERT_LT((long long)DELAY, asleep);

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		TH_LOG("%s", clocks[i].name);
		after_suspend(_metadata, &pending[i], clocks[i].id, clocks[i].stops);
	}
	events_after_suspend(_metadata);
}

TEST_HARNESS_MAIN
