// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine is suspended to memory while requests are pending, and woken up by its clock.
 * CLOCK_MONOTONIC stands still meanwhile, and so do requests on it; what became due on the
 * other clocks expires as soon as the machine is back. It wants a machine of its own:
 * vm/alone.sh.
 */
#define NO_INSTANCE
#include "evnotify_test.h"

#define STATE	"/sys/power/state"
#define ALARM	"/sys/class/rtc/rtc0/wakealarm"
#define ASLEEP	6	/* seconds until the alarm; it has a resolution of a second */
#define DELAY	(NSEC_PER_SEC * 3 / 2)
/* From the alarm to the moment at which processes run again, on a slow machine */
#define LATE_NS	(5 * NSEC_PER_SEC)

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool can_suspend(void)
{
	char text[64] = "";
	int fd = open(STATE, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strstr(text, "mem") && !access(ALARM, W_OK);
}

/* Asleep for so many nanoseconds: what CLOCK_MONOTONIC missed; 0: it failed */
static long long suspend(void)
{
	long long before = now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC);
	char text[16];

	snprintf(text, sizeof(text), "+%d", ASLEEP);
	if (!put(ALARM, "0") || !put(ALARM, text) || !put(STATE, "mem"))
		return 0;
	return now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC) - before;
}

/* An instance for each clock, and what is pending on it, in every mode */
static const struct {
	const char *name;
	clockid_t id;
	bool stops;
} clocks[] = {
	{ "CLOCK_MONOTONIC", CLOCK_MONOTONIC, true },
	{ "CLOCK_BOOTTIME", CLOCK_BOOTTIME, false },
	{ "CLOCK_REALTIME", CLOCK_REALTIME, false },
	{ "CLOCK_TAI", CLOCK_TAI, false },
};

enum { ONCE, PERIODIC, NR_RECORDS };

struct pending {
	int fd, eventfd;
	__u64 start, awake;
	struct waiter waiter;
};

static void before_suspend(struct __test_metadata *_metadata, struct pending *p, clockid_t clock)
{
	struct evnotify_request once = pending_in(DELAY, ONCE);
	struct evnotify_request periodic = pending_in(DELAY, PERIODIC);
	struct evnotify_request signal;

	p->fd = open_device(_metadata, O_RDWR);
	p->eventfd = eventfd(0, EFD_CLOEXEC);
	signal = eventfd_in(DELAY, p->eventfd);
	once.clockid = clock;
	signal.clockid = clock;
	periodic.clockid = clock;
	periodic.period_ns = NSEC_PER_SEC / 10;

	p->start = now_ns(clock);
	ASSERT_EQ(0, arm(p->fd, &once));
	ASSERT_EQ(0, arm(p->fd, &signal));
	ASSERT_EQ(0, arm(p->fd, &periodic));
	ASSERT_EQ(0, waiter_start(&p->waiter, p->fd, once));
	ASSERT_TRUE(waiter_blocked(&p->waiter));
}

static void after_suspend(struct __test_metadata *_metadata, struct pending *p, clockid_t clock,
			  bool stops)
{
	struct evnotify_event event, first[NR_RECORDS] = {};
	long long late;

	/* nothing interrupted the WAIT */
	EXPECT_EQ(0, waiter_join(&p->waiter));
	event = p->waiter.wait.event;
	EXPECT_EXPIRED(&event, p->start + DELAY, clock);

	while (!first[ONCE].id || !first[PERIODIC].id) {
		ASSERT_EQ(0, read_events(p->fd, &event, 1));
		ASSERT_GT(NR_RECORDS, event.user_data);
		EXPECT_EXPIRED(&event, p->start + DELAY, clock);
		if (!first[event.user_data].id)
			first[event.user_data] = event;
	}
	EXPECT_TRUE(readable(p->eventfd, PATIENCE_MS));
	EXPECT_EQ(1, eventfd_take(p->eventfd));
	EXPECT_EQ(1, first[ONCE].count);

	late = first[ONCE].expired_ns - p->awake;
	TH_LOG("expired %lld ms after processes ran again", late / (long long)NSEC_PER_MSEC);
	EXPECT_GT((long long)LATE_NS, late);
	/* What the period missed is in its first record; on a clock that stood still, nothing. */
	if (!stops)
		EXPECT_LT(1, first[PERIODIC].count);

	EXPECT_EQ(1, cancel_all(p->fd));
	EXPECT_TRUE(balanced(counters(p->fd)));
	close(p->fd);
	close(p->eventfd);
}

TEST(pending_requests_keep_to_their_clocks)
{
	struct pending pending[ARRAY_SIZE(clocks)];
	long long asleep;
	size_t i;

	if (!can_suspend())
		SKIP(return, "this machine cannot suspend to memory and wake up by itself");
	for (i = 0; i < ARRAY_SIZE(clocks); i++)
		before_suspend(_metadata, &pending[i], clocks[i].id);

	asleep = suspend();
	for (i = 0; i < ARRAY_SIZE(clocks); i++)
		pending[i].awake = now_ns(clocks[i].id);
	ASSERT_LT((long long)NSEC_PER_SEC, asleep)
		TH_LOG("the machine was not suspended");
	TH_LOG("asleep for %lld ms", asleep / (long long)NSEC_PER_MSEC);

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		TH_LOG("%s", clocks[i].name);
		after_suspend(_metadata, &pending[i], clocks[i].id, clocks[i].stops);
	}
	/* monotonic: the whole delay was spent awake */
	EXPECT_LE(pending[0].start + DELAY, now_ns(CLOCK_MONOTONIC));
}

TEST_HARNESS_MAIN
