// SPDX-License-Identifier: GPL-2.0-only
/* Requests that wait for events, and that are refused: one bad field each. Also for 32 bits. */
#include <limits.h>

#include "source.h"

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
	ASSERT_EQ(1, sim_raise(self->sim, 1, 0));
	EXPECT_REFUSED_BY_ALL(self->fd, variant->req, variant->err,
			      variant->wait_err ?: variant->err);
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

TEST_HARNESS_MAIN
