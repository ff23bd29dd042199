// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sources: requests that wait for events which a driver raises. The driver is evnotify-sim, which
 * raises what the test writes, from a hard interrupt. Each open file gets each event once, at its
 * own pace; what it gets adds up to what was raised. Also for 32 bits.
 */
#define NO_INSTANCE
#include "source.h"

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

/* Whatever waits in it is dropped, and takes nothing from the others. */
TEST_F(source, a_file_is_closed_while_requests_wait)
{
	struct evnotify_request reqs[] = {
		event_request(1, 0), event_request(2, EVNOTIFY_REPEAT), event_request(3, 0),
	};
	struct evnotify_event event;
	int other = open_source(self->name, 0);

	ASSERT_LE(0, other);
	reqs[2].due_ns = FAR_NS;
	ASSERT_EQ(3, arm_many(other, reqs, 3));
	ASSERT_EQ(0, arm(self->fd, &reqs[0]));
	EXPECT_COUNTERS(other, 3, 0, 0, 3, 0);
	EXPECT_EQ(0, close(other));
	ASSERT_EQ(1, sim_raise(self->sim, 1, 6));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EVENT(&event, 6, 0);
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

TEST_HARNESS_MAIN
