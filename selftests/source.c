// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sources: requests that wait for events which a driver raises. The driver is evnotify-sim, which
 * raises what the test writes, from a hard interrupt. Each open file gets each event once, at its
 * own pace; what it gets adds up to what was raised. Built for 32 bits as well.
 */
#include <limits.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "evnotify_test.h"

/* Events that a source keeps */
#define RING		256
/* Files that may have a source open */
#define MOST_FILES	64
/* Signals that an eventfd is owed at most */
#define MOST_OWED	65535

/* A source of one's own, and an open file of it */
FIXTURE(source)
{
	int sim;
	int fd;
	char name[NAME_SIZE];
};

FIXTURE_SETUP(source)
{
	self->sim = open_sim(_metadata);
	self->fd = sim_new(self->sim, 0, self->name);
	ASSERT_LE(0, self->fd);
}

/* Whatever a test did with it, its counters balance. */
FIXTURE_TEARDOWN(source)
{
	struct source_counters c = source_counters(self->fd);

	EXPECT_TRUE(balanced(counters(self->fd)));
	EXPECT_LE(c.taken, c.raised);
	EXPECT_LE(c.lost, c.taken);
	close(self->sim);
	EXPECT_EQ(0, close(self->fd));
}

/* Another open file of a source */
static int open_source(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", name);
	return open(path, flags | O_RDWR | O_CLOEXEC);
}

/* So many of the events that were raised have been taken, and all that follows from it is over. */
static bool settled(int fd, unsigned long long taken)
{
	return UNTIL(source_counters(fd).taken == taken && !counters(fd).completing);
}

/* The source goes, as hardware that is pulled out. */
static void unplug(int *sim)
{
	close(*sim);
	*sim = -1;
}

/* Every record that is to come, until the source is gone; how many, or -errno */
static int read_to_the_end(int fd, struct evnotify_event *events, int room)
{
	int n = 0, ret;

	do {
		if (!readable(fd, PATIENCE_MS))
			return -ETIMEDOUT;
		ret = read_some(fd, events + n, room - n);
		n += ret > 0 ? ret : 0;
	} while (ret > 0 && n < room);
	return ret == -ENODEV ? n : ret < 0 ? ret : -EOVERFLOW;
}

/* --- what is refused ------------------------------------------------------------------ */

TEST_F(source, info_says_that_the_file_has_one)
{
	int plain = open_device(_metadata, O_RDWR);
	struct evnotify_info info;

	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));
	EXPECT_TRUE(info.features & EVNOTIFY_FEATURE_SOURCES);
	EXPECT_TRUE(info.features & EVNOTIFY_FEATURE_HAS_SOURCE);
	ASSERT_EQ(0, call(plain, EVNOTIFY_IOC_INFO, &info));
	EXPECT_TRUE(info.features & EVNOTIFY_FEATURE_SOURCES);
	EXPECT_FALSE(info.features & EVNOTIFY_FEATURE_HAS_SOURCE);
	close(plain);
}

/* Descriptors of every process here */
#define EVENTFD_FD	509
#define DEVNULL_FD	510
#define CLOSED_FD	511

FIXTURE(refused)
{
	int sim;
	int fd;
};

FIXTURE_VARIANT(refused)
{
	int err;	/* of REGISTER and write() */
	int wait_err;	/* of WAIT, where it is another */
	struct evnotify_request req;
};

FIXTURE_SETUP(refused)
{
	self->sim = open_sim(_metadata);
	self->fd = sim_new(self->sim, 0, NULL);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(DEVNULL_FD, dup2(open("/dev/null", O_RDWR), DEVNULL_FD));
	ASSERT_EQ(EVENTFD_FD, dup2(eventfd(0, 0), EVENTFD_FD));
	close(CLOSED_FD);
}

/* An event that would satisfy the request is there, and stays. */
FIXTURE_TEARDOWN(refused)
{
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, 1, 0, 0);
	close(self->sim);
	close(self->fd);
}

#pragma GCC diagnostic ignored "-Woverride-init"
#define REQUEST(_flags, ...) ((struct evnotify_request) {				\
	.clockid = CLOCK_MONOTONIC, .flags = EVNOTIFY_SOURCE | (_flags), ##__VA_ARGS__ })
#define EVENTFD_REQUEST(_flags, ...) \
	REQUEST(_flags, .mode = EVNOTIFY_MODE_EVENTFD, .eventfd = EVENTFD_FD, ##__VA_ARGS__)
#define REFUSED(name, err, ...) \
	FIXTURE_VARIANT_ADD(refused, name) { err, 0, __VA_ARGS__ }
#define REPEAT		EVNOTIFY_REPEAT
#define ABSTIME		EVNOTIFY_ABSTIME

REFUSED(repeat_alone, -EINVAL, REQUEST(0, .flags = REPEAT));
REFUSED(repeat_alone_with_a_period, -EINVAL, REQUEST(0, .flags = REPEAT, .period_ns = FAR_NS));
REFUSED(period, -EINVAL, REQUEST(0, .period_ns = FAR_NS));
REFUSED(period_that_repeats, -EINVAL, REQUEST(REPEAT, .period_ns = FAR_NS));
REFUSED(period_of_1, -EINVAL, REQUEST(0, .period_ns = 1));
REFUSED(count_without_repeat, -EINVAL, REQUEST(0, .count = 1));
REFUSED(count_without_repeat_eventfd, -EINVAL, EVENTFD_REQUEST(0, .count = 1));
REFUSED(repeat_with_a_timeout, -EINVAL, REQUEST(REPEAT, .due_ns = FAR_NS));
REFUSED(repeat_with_a_time, -EINVAL, REQUEST(REPEAT | ABSTIME, .due_ns = FAR_NS));
REFUSED(repeat_with_time_0, -EINVAL, REQUEST(REPEAT | ABSTIME));
REFUSED(eventfd_with_a_timeout, -EINVAL, EVENTFD_REQUEST(0, .due_ns = FAR_NS));
REFUSED(eventfd_with_a_time, -EINVAL, EVENTFD_REQUEST(ABSTIME, .due_ns = FAR_NS));
REFUSED(eventfd_with_time_0, -EINVAL, EVENTFD_REQUEST(ABSTIME));
REFUSED(eventfd_that_repeats_with_a_timeout, -EINVAL, EVENTFD_REQUEST(REPEAT, .due_ns = 1));
REFUSED(timeout_too_long, -EINVAL, REQUEST(0, .due_ns = 1ULL << 63));
REFUSED(timeout_all_ones, -EINVAL, REQUEST(0, .due_ns = ~0ULL));
REFUSED(time_too_far, -EINVAL, REQUEST(ABSTIME, .due_ns = 1ULL << 63));
REFUSED(flag_bit_3, -EINVAL, REQUEST(1U << 3));
REFUSED(flag_bit_31, -EINVAL, REQUEST(1U << 31));
REFUSED(flag_bit_3_that_repeats, -EINVAL, REQUEST(REPEAT | 1U << 3));
REFUSED(mode_2, -EINVAL, REQUEST(0, .mode = 2));
REFUSED(mode_2_with_an_eventfd, -EINVAL, EVENTFD_REQUEST(0, .mode = 2));
REFUSED(clock_process_cputime, -EINVAL, REQUEST(0, .clockid = CLOCK_PROCESS_CPUTIME_ID));
REFUSED(clock_12, -EINVAL, REQUEST(0, .clockid = 12));
REFUSED(clock_negative, -EINVAL, REQUEST(0, .clockid = -1));
REFUSED(eventfd_in_pending_mode, -EINVAL, REQUEST(0, .eventfd = EVENTFD_FD));
REFUSED(reserved_0, -EINVAL, REQUEST(0, .__reserved[0] = 1));
REFUSED(reserved_1, -EINVAL, REQUEST(0, .__reserved[1] = 1U << 31));
REFUSED(reserved_2, -EINVAL, REQUEST(REPEAT, .__reserved[2] = 1));

/* WAIT waits for one event, and blocks for no eventfd. */
#define REFUSED_BY_WAIT_TOO(name, err, ...) \
	FIXTURE_VARIANT_ADD(refused, name) { err, -EINVAL, __VA_ARGS__ }

REFUSED_BY_WAIT_TOO(eventfd_closed, -EBADF, EVENTFD_REQUEST(0, .eventfd = CLOSED_FD));
REFUSED_BY_WAIT_TOO(eventfd_negative, -EBADF, EVENTFD_REQUEST(REPEAT, .eventfd = -1));
REFUSED_BY_WAIT_TOO(eventfd_of_another_kind, -EINVAL, EVENTFD_REQUEST(0, .eventfd = DEVNULL_FD));
/* fields come before the eventfd */
REFUSED_BY_WAIT_TOO(all_at_once, -EINVAL,
		    EVENTFD_REQUEST(0, .eventfd = CLOSED_FD, .__reserved[2] = 1));

/* With an event that is there, so that a call which takes the request does not block */
TEST_F(refused, by_all_calls)
{
	struct evnotify_wait wait, wait_before;
	struct evnotify_request req, before;

	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	req = variant->req;
	req.id = 0xcccccccccccccccc;
	before = req;
	EXPECT_EQ(variant->err, arm(self->fd, &req));
	EXPECT_EQ(0, memcmp(&before, &req, sizeof(req)));

	EXPECT_EQ(-1, write(self->fd, &req, sizeof(req)));
	EXPECT_EQ(-variant->err, errno);

	memset(&wait, POISON, sizeof(wait));
	wait.request = req;
	wait_before = wait;
	EXPECT_EQ(variant->wait_err ?: variant->err, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(0, memcmp(&wait_before, &wait, sizeof(wait)));
}

/* What the other calls take */
TEST_F(source, wait_waits_for_one_event)
{
	const struct evnotify_request refused[] = {
		REQUEST(REPEAT), EVENTFD_REQUEST(0), EVENTFD_REQUEST(REPEAT),
	};
	struct evnotify_wait wait = {};
	unsigned int i;

	ASSERT_EQ(EVENTFD_FD, dup2(eventfd(0, 0), EVENTFD_FD));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		wait.request = refused[i];
		EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	}
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
}

/* The data that the cases above start from is good: only the bad field made the error. */
TEST_F(source, good_requests_are_taken)
{
	const struct evnotify_request good[] = {
		REQUEST(0),
		REQUEST(0, .due_ns = INT64_MAX),
		REQUEST(0, .due_ns = FAR_NS, .clockid = CLOCK_BOOTTIME),
		REQUEST(ABSTIME, .due_ns = INT64_MAX, .clockid = CLOCK_REALTIME),
		REQUEST(REPEAT, .clockid = CLOCK_TAI),
		REQUEST(REPEAT, .count = 1),
		REQUEST(REPEAT, .count = UINT_MAX),
		EVENTFD_REQUEST(0),
		EVENTFD_REQUEST(REPEAT),
		EVENTFD_REQUEST(REPEAT, .count = UINT_MAX),
	};
	struct evnotify_request req;
	unsigned int i;

	ASSERT_EQ(EVENTFD_FD, dup2(eventfd(0, 0), EVENTFD_FD));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		req = good[i];
		EXPECT_EQ(0, arm(self->fd, &req))
			TH_LOG("request %u", i);
		EXPECT_EQ((ssize_t)sizeof(req), write(self->fd, &good[i], sizeof(req)));
	}
	EXPECT_COUNTERS(self->fd, 2 * i, 0, 0, 2 * i, 0);
	EXPECT_EQ(2 * i, cancel_all(self->fd));
}

/* Where there is no source: neither the one flag nor both */
TEST_F(instance, a_file_without_one_takes_no_such_request)
{
	const __u32 flags[] = { 0, EVNOTIFY_REPEAT, EVNOTIFY_ABSTIME };
	struct evnotify_wait wait = {};
	struct evnotify_request req;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		req = event_request(0, flags[i]);
		EXPECT_EQ(-EINVAL, arm(self->fd, &req));
		wait.request = req;
		EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	}
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
	EXPECT_EQ(~0ULL, source_counters(self->fd).raised);
}

/* A bad request ends the batch before it. */
TEST_F(source, a_bad_request_ends_the_batch)
{
	struct evnotify_request reqs[] = {
		event_request(1, 0), event_request(2, EVNOTIFY_REPEAT), event_request(3, 0),
		event_request(4, 0),
	};
	struct evnotify_event events[2];

	reqs[2].period_ns = FAR_NS;
	EXPECT_EQ(2, arm_many(self->fd, reqs, 4));
	EXPECT_COUNTERS(self->fd, 2, 0, 0, 2, 0);
	ASSERT_EQ(2, sim_raise(self->sim, 2, 10));
	ASSERT_EQ(0, read_events(self->fd, events, 2));
	EXPECT_EQ(1, events[0].user_data);
	EXPECT_EQ(2, events[1].user_data);
}

TEST_F(source, update_is_for_timers)
{
	struct evnotify_request reqs[] = {
		event_request(1, 0), event_request(2, 0), event_request(3, EVNOTIFY_REPEAT),
		pending_in(FAR_NS, 4),
	};
	struct evnotify_event events[3];
	unsigned int i;

	reqs[1].due_ns = FAR_NS;
	ASSERT_EQ(4, arm_many(self->fd, reqs, 4));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EINVAL, update(self->fd, reqs[i].id, 0, 0));
		EXPECT_EQ(-EINVAL, update(self->fd, reqs[i].id, 1, EVNOTIFY_ABSTIME));
	}
	EXPECT_EQ(-EINVAL, update(self->fd, reqs[3].id, 0, EVNOTIFY_SOURCE));
	EXPECT_EQ(-EINVAL, update(self->fd, reqs[3].id, 0, EVNOTIFY_SOURCE | EVNOTIFY_REPEAT));
	EXPECT_EQ(-EINVAL, update(self->fd, reqs[3].id, 0, EVNOTIFY_REPEAT));
	/* nothing has changed */
	EXPECT_COUNTERS(self->fd, 4, 0, 0, 4, 0);
	ASSERT_EQ(3, sim_raise(self->sim, 3, 0));
	ASSERT_EQ(0, read_events(self->fd, events, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i + 1, events[i].user_data);
		EXPECT_EVENT(&events[i], i, 0);
	}
	EXPECT_EQ(-EALREADY, update(self->fd, reqs[0].id, 0, 0));
	EXPECT_EQ(-EALREADY, update(self->fd, reqs[1].id, 0, 0));
	EXPECT_EQ(0, update(self->fd, reqs[3].id, 0, 0));
	ASSERT_EQ(0, read_events(self->fd, events, 1));
	EXPECT_EQ(4, events[0].user_data);
}

/* --- one event, one request ----------------------------------------------------------- */

TEST_F(source, who_has_waited_longest_takes_the_event)
{
	enum { N = 100 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	__u64 before, last = 0;
	int i;

	for (i = 0; i < N; i++)
		reqs[i] = event_request(i, 0);
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	EXPECT_COUNTERS(self->fd, N, 0, 0, N, 0);
	EXPECT_FALSE(readable(self->fd, 0));
	before = now_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(N, sim_raise(self->sim, N, 1000));
	ASSERT_EQ(0, read_events(self->fd, events, N));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(i, events[i].user_data);
		EXPECT_EQ(reqs[i].id, events[i].id);
		EXPECT_EQ(i + 1, events[i].seq);
		EXPECT_EVENT(&events[i], 1000 + i, 0);
		EXPECT_EQ(EVNOTIFY_EVENT_DATA, events[i].flags);
		EXPECT_LE(before, events[i].expired_ns);
		EXPECT_LE(last, events[i].expired_ns);
		EXPECT_LE(events[i].completed_ns, now_ns(CLOCK_MONOTONIC));
		last = events[i].expired_ns;
	}
	EXPECT_COUNTERS(self->fd, N, N, 0, 0, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, N, N, 0);
	EXPECT_EQ(-EALREADY, cancel(self->fd, reqs[0].id));
}

TEST_F(source, data_has_64_bits)
{
	const __u64 data[] = { 0, 1, 1ULL << 63, ~0ULL, 0x0123456789abcdef };
	struct evnotify_request req;
	struct evnotify_event event;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(data); i++) {
		req = event_request(~0ULL, 0);
		ASSERT_EQ(0, arm(self->fd, &req));
		ASSERT_EQ(1, sim_raise(self->sim, 1, data[i]));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EVENT(&event, data[i], 0);
		EXPECT_EQ(~0ULL, event.user_data);
	}
}

/* Those that nobody waited for: in order, each to the next that waits */
TEST_F(source, events_are_kept)
{
	enum { N = 20 };
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];
	__u64 before = now_ns(CLOCK_MONOTONIC), armed;
	int i;

	ASSERT_EQ(N, sim_raise(self->sim, N, 5));
	/* poll() says nothing before a request is armed */
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_SOURCE_COUNTERS(self->fd, N, 0, 0);
	armed = now_ns(CLOCK_MONOTONIC);
	for (i = 0; i < N; i++)
		reqs[i] = event_request(i, 0);
	ASSERT_EQ(0, arm(self->fd, reqs));
	ASSERT_EQ(0, read_events(self->fd, events, 1));
	EXPECT_EVENT(&events[0], 5, 0);
	ASSERT_EQ(N - 1, arm_many(self->fd, reqs + 1, N - 1));
	ASSERT_EQ(0, read_events(self->fd, events + 1, N - 1));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(i, events[i].user_data);
		EXPECT_EVENT(&events[i], 5 + i, 0);
		/* it says when it was raised, not when it was taken */
		EXPECT_LE(before, events[i].expired_ns);
		EXPECT_GE(armed, events[i].expired_ns);
		EXPECT_LE(armed, events[i].completed_ns);
	}
	EXPECT_SOURCE_COUNTERS(self->fd, N, N, 0);

	/* there is no other: the next waits */
	ASSERT_EQ(0, arm(self->fd, reqs));
	EXPECT_COUNTERS(self->fd, N + 1, N, 0, 1, 0);
	ASSERT_EQ(1, sim_raise(self->sim, 1, 99));
	ASSERT_EQ(0, read_events(self->fd, events, 1));
	EXPECT_EVENT(&events[0], 99, 0);
}

/* More wait than there are events, and then the other way round */
TEST_F(source, requests_and_events_meet)
{
	struct evnotify_request reqs[7];
	struct evnotify_event events[10];
	unsigned int armed = 0, raised = 0, i;

	for (i = 0; i < 7; i++)
		reqs[i] = event_request(i, 0);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(i % 5, sim_raise(self->sim, i % 5, raised));
		raised += i % 5;
		if (i % 7) {
			ASSERT_EQ(i % 7, arm_many(self->fd, reqs, i % 7));
			armed += i % 7;
		}
		while (readable(self->fd, 0))
			ASSERT_LT(0, read_some(self->fd, events, 10));
		ASSERT_TRUE(settled(self->fd, armed < raised ? armed : raised));
	}
	EXPECT_EQ(armed - raised, counters(self->fd).pending);
	EXPECT_EQ(0, source_counters(self->fd).lost);
}

TEST_F(source, what_was_raised_before_it_was_opened_is_not_told)
{
	struct evnotify_request req = event_request(0, 0);
	struct evnotify_event event;
	int fd;

	ASSERT_EQ(3, sim_raise(self->sim, 3, 0));
	fd = open_source(self->name, 0);
	ASSERT_LE(0, fd);
	EXPECT_SOURCE_COUNTERS(fd, 0, 0, 0);
	ASSERT_EQ(0, arm(fd, &req));
	EXPECT_COUNTERS(fd, 1, 0, 0, 1, 0);
	ASSERT_EQ(1, sim_raise(self->sim, 1, 77));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EVENT(&event, 77, 0);
	EXPECT_SOURCE_COUNTERS(fd, 1, 1, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, 4, 0, 0);
	close(fd);
}

TEST_F(source, fdinfo_and_sysfs_tell_what_it_raised)
{
	char path[128], text[1024], line[64] = "";
	FILE *file;

	ASSERT_EQ(7, sim_raise(self->sim, 7, 0));
	ASSERT_LT(0, read_fdinfo(self->fd, text, sizeof(text)));
	snprintf(line, sizeof(line), "\nsource:\t%s\n", self->name);
	EXPECT_NE(NULL, strstr(text, line))
		TH_LOG("%s", text);
	EXPECT_SOURCE_COUNTERS(self->fd, 7, 0, 0);

	snprintf(path, sizeof(path), "/sys/class/evnotify/%s/raised", self->name);
	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	EXPECT_NE(NULL, fgets(line, sizeof(line), file));
	EXPECT_STREQ("7\n", line);
	fclose(file);
	EXPECT_EQ(-1, open(path, O_WRONLY | O_TRUNC));
	unplug(&self->sim);
	EXPECT_EQ(-1, access(path, F_OK));
	/* the file still knows */
	EXPECT_SOURCE_COUNTERS(self->fd, 7, 0, 0);
}

/* --- what is lost --------------------------------------------------------------------- */

/* The source keeps so many; the next record tells of all before them. */
TEST_F(source, what_it_keeps_no_longer_is_counted)
{
	static const unsigned int raised[] = {
		RING - 1, RING, RING + 1, RING + 2, 2 * RING, 5000,
	};
	struct evnotify_request reqs[RING];
	struct evnotify_event events[RING];
	unsigned int i, k, lost, kept;
	__u64 told, all = 0, all_lost = 0;

	for (k = 0; k < RING; k++)
		reqs[k] = event_request(k, 0);
	for (i = 0; i < ARRAY_SIZE(raised); i++) {
		ASSERT_EQ(raised[i], sim_raise(self->sim, raised[i], 0));
		lost = raised[i] > RING ? raised[i] - RING : 0;
		kept = raised[i] - lost;
		ASSERT_EQ(kept, arm_many(self->fd, reqs, kept));
		ASSERT_EQ(0, read_events(self->fd, events, kept));
		EXPECT_EVENT(&events[0], lost, lost);
		for (told = events[0].count, k = 1; k < kept; k++) {
			EXPECT_EVENT(&events[k], lost + k, 0);
			told += events[k].count;
		}
		EXPECT_EQ(raised[i], told);
		all += told;
		all_lost += lost;
		EXPECT_SOURCE_COUNTERS(self->fd, all, all, all_lost);
	}
	EXPECT_EQ(0, counters(self->fd).pending);
}

/* --- requests that repeat ------------------------------------------------------------- */

/* Each event with its data and time, however slowly it is read */
TEST_F(source, a_request_that_repeats_gets_each_event)
{
	enum { N = 200 };
	struct evnotify_request req = event_request(5, EVNOTIFY_REPEAT);
	struct evnotify_event event;
	__u64 last = 0;
	int i;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(N, sim_raise(self->sim, N, 0));
	ASSERT_TRUE(settled(self->fd, 1));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 1);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EVENT(&event, i, 0);
		EXPECT_EQ(EVNOTIFY_EVENT_DATA | EVNOTIFY_EVENT_MORE, event.flags);
		EXPECT_EQ(req.id, event.id);
		EXPECT_EQ(5, event.user_data);
		EXPECT_EQ(i + 1, event.seq);
		EXPECT_LE(last, event.expired_ns);
		last = event.expired_ns;
	}
	/* it waits again */
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, N, N, 0);
	ASSERT_EQ(1, sim_raise(self->sim, 1, N));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, N, 0);
}

TEST_F(source, a_request_that_repeats_is_told_what_it_lost)
{
	struct evnotify_request req = event_request(5, EVNOTIFY_REPEAT);
	struct evnotify_event event;
	int i;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	ASSERT_TRUE(settled(self->fd, 1));
	ASSERT_EQ(RING + 44, sim_raise(self->sim, RING + 44, 1));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 0, 0);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 45, 44);
	for (i = 1; i < RING; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EVENT(&event, 45 + i, 0);
	}
	EXPECT_SOURCE_COUNTERS(self->fd, RING + 45, RING + 45, 44);
	EXPECT_FALSE(readable(self->fd, 0));
}

/* Its limit counts events, also those that were lost. */
TEST_F(source, a_request_repeats_so_often)
{
	struct evnotify_request req = event_request(5, EVNOTIFY_REPEAT);
	struct evnotify_event event;
	int i;

	req.count = 50;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(60, sim_raise(self->sim, 60, 0));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EVENT(&event, i, 0);
		EXPECT_EQ(i < 49, !!(event.flags & EVNOTIFY_EVENT_MORE));
	}
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, 60, 50, 0);
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));

	/* 10 are kept; 55 of 311 get lost, and 5 more make 61 */
	ASSERT_EQ(RING + 45, sim_raise(self->sim, RING + 45, 60));
	req.count = 61;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 50 + 55, 55);
	EXPECT_TRUE(event.flags & EVNOTIFY_EVENT_MORE);
	for (i = 1; i < 6; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EVENT(&event, 105 + i, 0);
		EXPECT_EQ(i < 5, !!(event.flags & EVNOTIFY_EVENT_MORE));
	}
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

TEST_F(source, more_may_be_lost_than_a_request_waits_for)
{
	struct evnotify_request req = event_request(5, EVNOTIFY_REPEAT);
	struct evnotify_event event;

	ASSERT_EQ(RING + 100, sim_raise(self->sim, RING + 100, 0));
	req.count = 7;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 100, 100);
	EXPECT_FALSE(event.flags & EVNOTIFY_EVENT_MORE);
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

/* Its place in the line is behind all others. */
TEST_F(source, a_request_that_repeats_waits_again_behind_others)
{
	struct evnotify_request reqs[] = {
		event_request(1, EVNOTIFY_REPEAT), event_request(2, 0), event_request(3, 0),
		event_request(4, EVNOTIFY_REPEAT),
	};
	static const __u64 order[] = { 1, 2, 3, 4, 1, 4, 1, 4 };
	struct evnotify_event event;
	unsigned int i;

	ASSERT_EQ(4, arm_many(self->fd, reqs, 4));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		ASSERT_EQ(1, sim_raise(self->sim, 1, i));
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(order[i], event.user_data);
		EXPECT_EVENT(&event, i, 0);
	}
}

/* While its record is unread, others may take what comes. */
TEST_F(source, a_request_with_an_unread_record_does_not_wait)
{
	struct evnotify_request reqs[] = {
		event_request(1, EVNOTIFY_REPEAT), event_request(2, 0),
	};
	struct evnotify_event events[3];

	ASSERT_EQ(0, arm(self->fd, &reqs[0]));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	ASSERT_TRUE(settled(self->fd, 1));
	ASSERT_EQ(0, arm(self->fd, &reqs[1]));
	ASSERT_EQ(2, sim_raise(self->sim, 2, 1));
	ASSERT_TRUE(settled(self->fd, 2));
	ASSERT_EQ(2, read_some(self->fd, events, 3));
	EXPECT_EQ(1, events[0].user_data);
	EXPECT_EVENT(&events[0], 0, 0);
	EXPECT_EQ(2, events[1].user_data);
	EXPECT_EVENT(&events[1], 1, 0);
	/* and what nobody took was kept */
	ASSERT_EQ(0, read_events(self->fd, events, 1));
	EXPECT_EQ(1, events[0].user_data);
	EXPECT_EVENT(&events[0], 2, 0);
}

/* --- eventfds ------------------------------------------------------------------------- */

TEST_F(source, an_eventfd_is_signalled_once)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req = event_to_eventfd(efd, 0);

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(2, sim_raise(self->sim, 2, 0));
	ASSERT_TRUE(settled(self->fd, 1));
	EXPECT_EQ(1, eventfd_take(efd));
	EXPECT_EQ(-EALREADY, cancel(self->fd, req.id));

	/* however many were lost */
	ASSERT_EQ(2 * RING, sim_raise(self->sim, 2 * RING, 0));
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(settled(self->fd, RING + 3));
	EXPECT_EQ(1, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, 2 * RING + 2, RING + 3, RING + 1);
	close(efd);
}

TEST_F(source, an_eventfd_counts)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req = event_to_eventfd(efd, EVNOTIFY_REPEAT);

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1000, sim_raise(self->sim, 1000, 0));
	ASSERT_TRUE(settled(self->fd, 1000));
	EXPECT_EQ(1000, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	EXPECT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_EQ(1000, source_counters(self->fd).taken);

	/* lost ones, too; up to its limit, and what is beyond stays */
	ASSERT_EQ(RING + 99, sim_raise(self->sim, RING + 99, 0));
	req.count = 130;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(settled(self->fd, 1130));
	EXPECT_EQ(130, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, 2, 1, 1, 0, 0);
	EXPECT_EQ(1130, source_counters(self->fd).taken);
	close(efd);
}

/* Of one record that stands for more, so many are given; what comes then is counted again. */
TEST_F_TIMEOUT(source, an_eventfd_is_owed_so_many_at_most, 600)
{
	enum { ALL = 70000 };
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req = event_to_eventfd(efd, EVNOTIFY_REPEAT);
	__u64 got;

	ASSERT_EQ(ALL, sim_raise(self->sim, ALL, 0));
	ASSERT_EQ(0, arm(self->fd, &req));
	got = all_signals(self->fd, efd, ALL);
	EXPECT_LE(MOST_OWED, got);
	EXPECT_GT(MOST_OWED + RING, got);
	EXPECT_SOURCE_COUNTERS(self->fd, ALL, ALL, ALL - RING);
	close(efd);
}

/* Two that repeat take turns. */
TEST_F(source, eventfds_share_the_events)
{
	int efds[] = { eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK) };
	struct evnotify_request reqs[] = {
		event_to_eventfd(efds[0], EVNOTIFY_REPEAT),
		event_to_eventfd(efds[1], EVNOTIFY_REPEAT),
	};

	ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
	ASSERT_EQ(101, sim_raise(self->sim, 101, 0));
	ASSERT_TRUE(settled(self->fd, 101));
	EXPECT_EQ(51, eventfd_take(efds[0]));
	EXPECT_EQ(50, eventfd_take(efds[1]));
	close(efds[0]);
	close(efds[1]);
}

/* --- several files -------------------------------------------------------------------- */

TEST_F(source, each_file_gets_each_event)
{
	struct evnotify_request reqs[] = { event_request(1, 0), event_request(2, 0) };
	struct evnotify_event events[2];
	int other = open_source(self->name, 0);

	ASSERT_LE(0, other);
	ASSERT_EQ(2, arm_many(self->fd, reqs, 2));
	ASSERT_EQ(0, arm(other, &reqs[0]));
	ASSERT_EQ(2, sim_raise(self->sim, 2, 70));
	ASSERT_EQ(0, read_events(self->fd, events, 2));
	EXPECT_EVENT(&events[0], 70, 0);
	EXPECT_EVENT(&events[1], 71, 0);
	ASSERT_EQ(0, read_events(other, events, 1));
	EXPECT_EVENT(&events[0], 70, 0);
	/* at its own pace, and its losses are its own */
	ASSERT_EQ(RING, sim_raise(self->sim, RING, 72));
	ASSERT_EQ(0, arm(other, &reqs[0]));
	ASSERT_EQ(0, read_events(other, events, 1));
	EXPECT_EVENT(&events[0], 72, 1);
	ASSERT_EQ(0, arm(self->fd, &reqs[0]));
	ASSERT_EQ(0, read_events(self->fd, events, 1));
	EXPECT_EVENT(&events[0], 72, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, RING + 2, 3, 0);
	EXPECT_SOURCE_COUNTERS(other, RING + 2, 3, 1);
	close(other);
}

TEST_F(source, so_many_files_may_have_it_open)
{
	struct evnotify_request req = event_request(1, 0);
	struct evnotify_event event;
	int fds[MOST_FILES], i;

	/* the first is there already */
	for (i = 1; i < MOST_FILES; i++) {
		fds[i] = open_source(self->name, 0);
		ASSERT_LE(0, fds[i]);
		ASSERT_EQ(0, arm(fds[i], &req));
	}
	EXPECT_EQ(-1, open_source(self->name, 0));
	EXPECT_EQ(EUSERS, errno);
	/* all are told */
	ASSERT_EQ(1, sim_raise(self->sim, 1, 9));
	for (i = 1; i < MOST_FILES; i++) {
		ASSERT_EQ(0, read_events(fds[i], &event, 1));
		EXPECT_EVENT(&event, 9, 0);
	}
	/* whoever closes makes room */
	close(fds[7]);
	fds[7] = open_source(self->name, 0);
	EXPECT_LE(0, fds[7]);
	EXPECT_EQ(-1, open_source(self->name, 0));
	EXPECT_EQ(EUSERS, errno);
	for (i = 1; i < MOST_FILES; i++)
		close(fds[i]);
}

TEST_F(source, two_sources_are_two)
{
	int sim = open_sim(_metadata), fd;
	struct evnotify_request req = event_request(1, 0);
	struct evnotify_event event;
	char name[NAME_SIZE];

	fd = sim_new(sim, 0, name);
	ASSERT_LE(0, fd);
	EXPECT_STRNE(self->name, name);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(1, sim_raise(sim, 1, 3));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EVENT(&event, 3, 0);
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	EXPECT_SOURCE_COUNTERS(self->fd, 0, 0, 0);
	unplug(&sim);
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	close(fd);
}

/* A child has the same file: what it arms, the parent may read. */
TEST_F(source, a_child_shares_the_file)
{
	struct evnotify_request req = event_request(8, 0);
	struct evnotify_event event;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(arm(self->fd, &req) || sim_raise(self->sim, 1, 4) != 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(8, event.user_data);
	EXPECT_EVENT(&event, 4, 0);
	/* neither its end nor its copy of the other file took the source away */
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 5));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 5, 0);
}

/* --- timers on such a file ------------------------------------------------------------ */

TEST_F(source, timers_work_as_on_any_file)
{
	struct evnotify_request reqs[] = {
		pending_in(NSEC_PER_MSEC, 1), event_request(2, 0), pending_in(0, 3),
	};
	struct evnotify_event event;
	__u64 before = now_ns(CLOCK_MONOTONIC);

	ASSERT_EQ(1, sim_raise(self->sim, 1, 6));
	ASSERT_EQ(0, arm(self->fd, &reqs[0]));
	/* it takes no event */
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(1, event.user_data);
	EXPECT_EQ(0, event.flags);
	EXPECT_EXPIRED(&event, before + NSEC_PER_MSEC, CLOCK_MONOTONIC);
	EXPECT_SOURCE_COUNTERS(self->fd, 1, 0, 0);
	ASSERT_EQ(2, arm_many(self->fd, &reqs[1], 2));
	ASSERT_TRUE(UNTIL(counters(self->fd).unread == 2));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(event.flags ? 2 : 3, event.user_data);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(event.flags ? 2 : 3, event.user_data);
}

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

/* --- cancellation --------------------------------------------------------------------- */

TEST_F(source, a_cancelled_request_takes_no_event)
{
	struct evnotify_request reqs[] = {
		event_request(1, 0), event_request(2, 0), event_request(3, 0),
	};
	__u64 before = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;
	int i;

	reqs[1].due_ns = FAR_NS;
	ASSERT_EQ(3, arm_many(self->fd, reqs, 3));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, cancel(self->fd, reqs[i].id));
		ASSERT_EQ(1, read_some(self->fd, &event, 1));
		EXPECT_EQ(reqs[i].id, event.id);
		EXPECT_EQ(-ECANCELED, event.status);
		EXPECT_EQ(0, event.flags);
		EXPECT_EQ(0, event.count);
		EXPECT_EQ(0, event.lost);
		EXPECT_EQ(0, event.expired_ns);
		EXPECT_LE(before, event.completed_ns);
		/* its timeout, where it has one */
		EXPECT_TRUE(i ? event.due_ns >= before + FAR_NS : event.due_ns == 0);
		EXPECT_EQ(-EALREADY, cancel(self->fd, reqs[i].id));
	}
	ASSERT_EQ(1, sim_raise(self->sim, 1, 8));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(3, event.user_data);
	EXPECT_EVENT(&event, 8, 0);
	EXPECT_COUNTERS(self->fd, 3, 1, 2, 0, 0);
	EXPECT_EQ(-EALREADY, cancel(self->fd, reqs[2].id));
}

TEST_F(source, a_request_that_repeats_ends_when_it_is_cancelled)
{
	struct evnotify_request req = event_request(1, EVNOTIFY_REPEAT);
	struct evnotify_event event;

	/* with a record that nobody has read: that one tells of both */
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(3, sim_raise(self->sim, 3, 5));
	ASSERT_TRUE(settled(self->fd, 1));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(EVNOTIFY_EVENT_DATA, event.flags);
	EXPECT_EQ(5, event.data);
	EXPECT_EQ(1, event.count);
	EXPECT_NE(0, event.expired_ns);
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_SOURCE_COUNTERS(self->fd, 3, 1, 0);

	/* with nothing to tell: no stale data */
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 6, 0);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 7, 0);
	ASSERT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	EXPECT_EQ(-ECANCELED, event.status);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(0, event.due_ns);
	EXPECT_EQ(0, event.expired_ns);
	EXPECT_EQ(0, event.count);
	EXPECT_EQ(0, event.lost);
	EXPECT_COUNTERS(self->fd, 2, 0, 2, 0, 0);
	/* neither is in line */
	ASSERT_EQ(1, sim_raise(self->sim, 1, 8));
	EXPECT_SOURCE_COUNTERS(self->fd, 4, 3, 0);
}

TEST_F(source, all_can_be_cancelled)
{
	enum { N = 100 };
	int efd = eventfd(0, EFD_NONBLOCK), i;
	struct evnotify_request reqs[N];
	struct evnotify_event events[N];

	for (i = 0; i < N; i++) {
		reqs[i] = i % 5 == 0 ? event_to_eventfd(efd, 0) :
			  i % 5 == 1 ? event_to_eventfd(efd, EVNOTIFY_REPEAT) :
			  i % 5 == 2 ? event_request(i, EVNOTIFY_REPEAT) :
			  i % 5 == 3 ? pending_in(FAR_NS, i) : event_request(i, 0);
		if (i % 10 == 4)
			reqs[i].due_ns = FAR_NS;
	}
	ASSERT_EQ(N, arm_many(self->fd, reqs, N));
	EXPECT_EQ(N, cancel_all(self->fd));
	EXPECT_EQ(3 * N / 5, read_some(self->fd, events, N));
	EXPECT_COUNTERS(self->fd, N, 0, N, 0, 0);
	ASSERT_EQ(5, sim_raise(self->sim, 5, 0));
	EXPECT_SOURCE_COUNTERS(self->fd, 5, 0, 0);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_EQ(0, cancel_all(self->fd));
	close(efd);
}

/* --- WAIT ----------------------------------------------------------------------------- */

static volatile sig_atomic_t signals;

static void count_signal(int signo)
{
	(void)signo;
	signals++;
}

static bool interrupt(struct waiter *w)
{
	struct sigaction action = { .sa_handler = count_signal };

	sigaction(SIGUSR1, &action, NULL);
	return waiter_blocked(w) && !pthread_kill(w->thread, SIGUSR1) &&
	       waiter_join(w) == -EINTR;
}

TEST_F(source, wait_returns_the_event)
{
	struct evnotify_wait wait = { .request = event_request(2, 0) };
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->fd, event_request(1, 0)));
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	ASSERT_EQ(2, sim_raise(self->sim, 2, 11));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EVENT(&w.wait.event, 11, 0);
	EXPECT_EQ(1, w.wait.event.user_data);
	EXPECT_EQ(w.wait.request.id, w.wait.event.id);
	/* one that was kept */
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EVENT(&wait.event, 12, 0);
	EXPECT_EQ(2, wait.event.seq);
	EXPECT_FALSE(readable(self->fd, 0));
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

TEST_F(source, wait_can_be_cancelled)
{
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->fd, event_request(1, 0)));
	ASSERT_TRUE(waiter_blocked(&w));
	EXPECT_EQ(-EINVAL, update(self->fd, waiter_id(&w), 0, 0));
	EXPECT_EQ(0, cancel(self->fd, waiter_id(&w)));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EQ(-ECANCELED, w.wait.event.status);
	EXPECT_EQ(0, w.wait.event.due_ns);
	EXPECT_EQ(0, w.wait.event.count);
	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	EXPECT_SOURCE_COUNTERS(self->fd, 1, 0, 0);
}

/* Interrupted, it keeps its place in the line; the same call finds what came meanwhile. */
TEST_F(source, wait_goes_on_when_it_was_interrupted)
{
	struct evnotify_request other = event_request(2, 0);
	struct evnotify_event event;
	struct waiter w;
	__u64 id;
	int i;

	ASSERT_EQ(0, waiter_start(&w, self->fd, event_request(1, 0)));
	id = waiter_id(&w);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(interrupt(&w));
		ASSERT_EQ(0, waiter_again(&w));
	}
	ASSERT_TRUE(interrupt(&w));
	ASSERT_EQ(0, arm(self->fd, &other));
	EXPECT_COUNTERS(self->fd, 2, 0, 0, 2, 0);
	ASSERT_EQ(2, sim_raise(self->sim, 2, 50));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(2, event.user_data);
	EXPECT_EVENT(&event, 51, 0);
	ASSERT_EQ(0, waiter_again(&w));
	EXPECT_EQ(0, waiter_join(&w));
	EXPECT_EVENT(&w.wait.event, 50, 0);
	EXPECT_EQ(id, w.wait.event.id);
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

/* Who dies in WAIT leaves no request that would take an event. */
TEST_F(source, a_killed_wait_takes_no_event)
{
	struct evnotify_request req = event_request(2, 0);
	struct evnotify_wait wait = { .request = event_request(1, 0) };
	struct evnotify_event event;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(call(self->fd, EVNOTIFY_IOC_WAIT, &wait) != 0);
	ASSERT_TRUE(UNTIL(counters(self->fd).pending == 1));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 0);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 9));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 9, 0);
}

/* --- the source goes ------------------------------------------------------------------ */

/* poll(): what is said of a source that is gone, and when it is over */
#define GONE	(POLLHUP | POLLERR)
#define OVER	(GONE | POLLIN | POLLRDNORM)

static int polled(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, PATIENCE_MS) == 1 ? pfd.revents : -ETIMEDOUT;
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
	p->revents = epoll_wait(epfd, &event, 1, PATIENCE_MS) == 1 ? (int)event.events :
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
