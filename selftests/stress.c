// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many requests, many threads, everything at once: nothing is lost, nothing comes twice,
 * and the counters balance at every moment.
 *
 * EVNOTIFY_RACE_MS: how long the storms last (1000); EVNOTIFY_SEED: repeat a run.
 */
#include <stdatomic.h>

#include "evnotify_test.h"

#define MANY	100000

static __u64 storm_ns(void)
{
	return setting("EVNOTIFY_RACE_MS", 1000) * NSEC_PER_MSEC;
}

/* Arms them all, in as few calls as it takes. */
static int arm_all(int fd, struct evnotify_request *reqs, int count)
{
	int done, n;

	for (done = 0; done < count; done += n) {
		n = arm_many(fd, reqs + done, count - done);
		if (n <= 0)
			return n;
	}
	return 0;
}

/* --- an instant ----------------------------------------------------------------------- */

TEST_F(instance, many_records_due_at_one_instant)
{
	struct evnotify_request *reqs = calloc(MANY, sizeof(*reqs));
	struct evnotify_event *events = calloc(MANY, sizeof(*events));
	char *seen = calloc(MANY, 1);
	__u64 due = now_ns(CLOCK_MONOTONIC) + NSEC_PER_SEC;
	int i;

	ASSERT_TRUE(reqs && events && seen);
	for (i = 0; i < MANY; i++) {
		reqs[i] = pending_in(due, i);
		reqs[i].flags = EVNOTIFY_ABSTIME;
	}
	ASSERT_EQ(0, arm_all(self->fd, reqs, MANY));
	ASSERT_EQ(0, read_events(self->fd, events, MANY));
	for (i = 0; i < MANY; i++) {
		ASSERT_GT(MANY, events[i].user_data);
		ASSERT_EQ(0, seen[events[i].user_data]++);
		ASSERT_EQ(reqs[events[i].user_data].id, events[i].id);
		ASSERT_EQ(i + 1, events[i].seq);
		ASSERT_EQ(1, events[i].count);
		ASSERT_LE(due, events[i].expired_ns);
	}
	EXPECT_COUNTERS(self->fd, MANY, MANY, 0, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

TEST_F(instance, many_signals_due_at_one_instant)
{
	struct evnotify_request *reqs = calloc(MANY, sizeof(*reqs));
	__u64 due = now_ns(CLOCK_MONOTONIC) + NSEC_PER_SEC;
	int efd = eventfd(0, EFD_NONBLOCK), i;

	ASSERT_NE(NULL, reqs);
	for (i = 0; i < MANY; i++) {
		reqs[i] = eventfd_in(due, efd);
		reqs[i].flags = EVNOTIFY_ABSTIME;
	}
	ASSERT_EQ(0, arm_all(self->fd, reqs, MANY));
	for (i = 0; i < MANY; i += eventfd_take(efd))
		ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_LE(due, now_ns(CLOCK_MONOTONIC));
	EXPECT_EQ(MANY, i);
	EXPECT_EQ(0, eventfd_take(efd));
	EXPECT_COUNTERS(self->fd, MANY, MANY, 0, 0, 0);
}

TEST_F(instance, many_are_cancelled_in_one_call)
{
	struct evnotify_request *reqs = calloc(MANY, sizeof(*reqs));
	struct evnotify_event *events = calloc(MANY, sizeof(*events));
	int i;

	ASSERT_TRUE(reqs && events);
	for (i = 0; i < MANY; i++)
		reqs[i] = pending_in(FAR_NS + i % 1000, i);
	ASSERT_EQ(0, arm_all(self->fd, reqs, MANY));
	EXPECT_EQ(MANY, cancel_all(self->fd));
	EXPECT_COUNTERS(self->fd, MANY, 0, MANY, 0, MANY);
	ASSERT_EQ(0, read_events(self->fd, events, MANY));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(-ECANCELED, events[i].status);
		ASSERT_EQ(i + 1, events[i].seq);
	}
	EXPECT_FALSE(readable(self->fd, 0));
}

/* Closed in the middle of it: nothing runs on, which the kernel's own checks would show. */
TEST_F(instance, close_while_many_expire)
{
	struct evnotify_request *reqs = calloc(MANY, sizeof(*reqs));
	int efd = eventfd(0, EFD_NONBLOCK), fd = open_device(_metadata, O_RDWR), i;
	__u64 due = now_ns(CLOCK_MONOTONIC) + NSEC_PER_SEC, value;

	ASSERT_NE(NULL, reqs);
	for (i = 0; i < MANY; i++) {
		reqs[i] = i % 2 ? eventfd_in(due, efd) : pending_in(due, i);
		reqs[i].flags = EVNOTIFY_ABSTIME;
	}
	ASSERT_EQ(0, arm_all(fd, reqs, MANY));
	ASSERT_TRUE(readable(efd, PATIENCE_MS));
	ASSERT_EQ(0, close(fd));
	value = eventfd_take(efd);
	EXPECT_GE(MANY / 2, value);
	ksft_print_msg("%llu of %d signalled before the close\n", value, MANY / 2);

	/* this instance gets all of its own, and the other's eventfd is left alone */
	ASSERT_EQ(1000, arm_many(self->fd, reqs, 1000));
	for (value = 0; value < 500; value += eventfd_take(efd))
		ASSERT_TRUE(readable(efd, PATIENCE_MS));
	EXPECT_EQ(500, value);
	ASSERT_TRUE(UNTIL(counters(self->fd).unread == 500));
	EXPECT_EQ(0, eventfd_take(efd));
}

/* --- threads -------------------------------------------------------------------------- */

#define STORM_IDS	1000000
/* Requests that the threads of a storm keep up. */
#define STORM_SIZE	2000

/* What the threads of a storm share. Requests are named by their user_data. */
struct storm {
	int fd;
	int efd;
	atomic_bool stop;			/* for those who arm, change and audit */
	atomic_ullong give_up_ns;		/* for the readers: the others have gone */
	atomic_bool unbalanced;
	atomic_int next;			/* user_data of the next request */
	atomic_ullong latest;			/* id of the latest request */
	atomic_int records;			/* read */
	atomic_uint cancelled_records;	/* of these */
	atomic_uint cancelled;		/* as the calls say */
	atomic_uint eventfds;		/* requests of that mode */
	atomic_uint bad;		/* what nobody expected */
	atomic_uchar seen[STORM_IDS];
	unsigned int seed;
};

static void *storm_arm(void *arg)
{
	struct storm *s = arg;
	unsigned int seed = s->seed++;
	struct evnotify_request reqs[8];
	struct counters c;
	int i, n;

	while (!s->stop && s->next < STORM_IDS - 100) {
		n = 1 + rand_r(&seed) % 8;
		for (i = 0; i < n; i++) {
			/* some expire, of the others somebody has to think */
			__u64 delay = rand_r(&seed) % 4 ?
				      rand_r(&seed) % 400 * NSEC_PER_USEC : FAR_NS;

			if (rand_r(&seed) % 4) {
				reqs[i] = pending_in(delay, s->next++);
			} else {
				reqs[i] = eventfd_in(delay, s->efd);
				s->eventfds++;
			}
		}
		if (arm_many(s->fd, reqs, n) != n)
			s->bad++;
		s->latest = reqs[n - 1].id;
		do {
			c = counters(s->fd);
		} while (!s->stop && c.pending + c.unread > STORM_SIZE);
	}
	return NULL;
}

/* Cancels and updates what was armed just now, whatever has become of it. */
static void *storm_change(void *arg)
{
	struct storm *s = arg;
	unsigned int seed = s->seed++;
	long ret;

	while (!s->stop) {
		__u64 id = s->latest;

		if (!id)
			continue;
		if (counters(s->fd).pending > STORM_SIZE / 2) {
			ret = cancel_all(s->fd);
			s->cancelled += ret;
			ret = 0;
		} else if (rand_r(&seed) % 2) {
			ret = cancel(s->fd, id);
			s->cancelled += !ret;
		} else {
			ret = update(s->fd, id, rand_r(&seed) % 200 * NSEC_PER_USEC, 0);
		}
		if (ret && ret != -EALREADY)
			s->bad++;
	}
	return NULL;
}

static void *storm_read(void *arg)
{
	struct storm *s = arg;
	struct evnotify_event events[16];
	int i, n;

	for (;;) {
		n = read_some(s->fd, events, 16);
		if (n == -EAGAIN) {
			if (s->give_up_ns && (s->records >= s->next ||
					      now_ns(CLOCK_MONOTONIC) > s->give_up_ns))
				return NULL;
			readable(s->fd, 1);
			continue;
		}
		if (n <= 0) {
			s->bad++;
			return NULL;
		}
		for (i = 0; i < n; i++) {
			if (events[i].user_data >= STORM_IDS)
				s->bad++;
			else
				s->seen[events[i].user_data]++;
			s->cancelled_records += events[i].status == -ECANCELED;
			s->records++;
		}
	}
}

static void *storm_audit(void *arg)
{
	struct storm *s = arg;

	while (!s->stop)
		if (!balanced(counters(s->fd)))
			s->unbalanced = true;
	return NULL;
}

TEST_F_TIMEOUT(instance, a_storm_loses_nothing, 600)
{
	void *(*const roles[])(void *) = {
		storm_read, storm_read, storm_arm, storm_arm, storm_change, storm_audit,
	};
	struct storm *s = calloc(1, sizeof(*s));
	pthread_t threads[ARRAY_SIZE(roles)];
	unsigned int i, signals;
	struct counters c;
	__u64 end, value;

	ASSERT_NE(NULL, s);
	s->fd = self->fd;
	s->efd = eventfd(0, EFD_NONBLOCK);
	s->seed = setting("EVNOTIFY_SEED", now_ns(CLOCK_MONOTONIC));
	ksft_print_msg("EVNOTIFY_SEED=%u\n", s->seed);
	ASSERT_EQ(0, set_nonblock(self->fd));
	end = now_ns(CLOCK_MONOTONIC) + storm_ns();
	for (i = 0; i < ARRAY_SIZE(roles); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, roles[i], s));
	/* on a busy machine it takes longer until some of each mode have been cancelled */
	while (now_ns(CLOCK_MONOTONIC) < end || s->cancelled <= 100)
		usleep(1000);
	s->stop = true;
	for (i = 2; i < ARRAY_SIZE(roles); i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	s->cancelled += cancel_all(self->fd);
	s->give_up_ns = now_ns(CLOCK_MONOTONIC) + PATIENCE_MS * NSEC_PER_MSEC;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));

	EXPECT_FALSE(s->unbalanced);
	EXPECT_EQ(0, s->bad);
	EXPECT_EQ(s->next, s->records);
	for (i = 0; i < STORM_IDS; i++)
		ASSERT_EQ((int)i < s->next, s->seen[i]);
	c = counters(self->fd);
	EXPECT_EQ(s->next + s->eventfds, c.armed);
	EXPECT_EQ(s->cancelled, c.cancelled);
	EXPECT_EQ(0, c.pending);
	EXPECT_EQ(0, c.unread);

	/* what was cancelled and gave no record was to signal the eventfd */
	signals = s->eventfds - (s->cancelled - s->cancelled_records);
	for (value = 0; value < signals; value += eventfd_take(s->efd))
		ASSERT_TRUE(readable(s->efd, PATIENCE_MS));
	EXPECT_EQ(signals, value);
	EXPECT_EQ(0, eventfd_take(s->efd));
	EXPECT_LT(0, s->cancelled_records);
	EXPECT_LT(s->cancelled_records, s->cancelled);
	ksft_print_msg("%d records, %u signals, %u cancelled\n", s->next, signals, s->cancelled);
	free(s);
}

struct two_readers {
	int fd;
	atomic_uint seen[MANY];
	atomic_uint records;
};

#define END	(~0ULL)

/* Blocks in read(), and ends with the first record that says so. */
static void *read_until_end(void *arg)
{
	struct two_readers *r = arg;
	struct evnotify_event event;

	while (read_some(r->fd, &event, 1) == 1 && event.user_data != END) {
		r->seen[event.user_data % MANY]++;
		r->records++;
	}
	return NULL;
}

TEST_F(instance, two_readers_share_a_file)
{
	enum { N = 20000 };
	struct evnotify_request *reqs = calloc(N, sizeof(*reqs)), end = pending_in(0, END);
	struct two_readers *r = calloc(1, sizeof(*r));
	pthread_t threads[2];
	int i;

	ASSERT_TRUE(reqs && r);
	r->fd = self->fd;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_until_end, r));
	for (i = 0; i < N; i++)
		reqs[i] = pending_in(i % 100 * 10 * NSEC_PER_USEC, i);
	ASSERT_EQ(0, arm_all(self->fd, reqs, N));
	ASSERT_TRUE(UNTIL(r->records == N));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, arm(self->fd, &end));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	for (i = 0; i < N; i++)
		ASSERT_EQ(1, r->seen[i]);
	EXPECT_COUNTERS(self->fd, N + 2, N + 2, 0, 0, 0);
}

/* --- isolation ------------------------------------------------------------------------ */

static void *flood(void *arg)
{
	struct storm *s = arg;
	struct evnotify_request reqs[64];
	struct evnotify_event events[64];
	unsigned int i;

	while (!s->stop) {
		for (i = 0; i < 64; i++)
			reqs[i] = pending_in(i % 2 ? 0 : FAR_NS, i);
		arm_many(s->fd, reqs, 64);
		cancel_all(s->fd);
		while (read_some(s->fd, events, 64) > 0)
			;
	}
	return NULL;
}

TEST_F(instance, a_flood_leaves_another_instance_untouched)
{
	enum { COUNT = 50 };
	const __u64 period = 2 * NSEC_PER_MSEC;
	struct storm *s = calloc(1, sizeof(*s));
	struct evnotify_request far = pending_in(FAR_NS, 1);
	struct evnotify_request req = pending_in(period, 2);
	struct evnotify_event event;
	unsigned int sum = 0, seq = 0;
	__u64 first = 0;
	pthread_t thread;

	ASSERT_NE(NULL, s);
	s->fd = open_device(_metadata, O_RDWR | O_NONBLOCK);
	ASSERT_EQ(0, pthread_create(&thread, NULL, flood, s));
	ASSERT_TRUE(UNTIL(counters(s->fd).armed > 1000));

	req.period_ns = period;
	req.count = COUNT;
	ASSERT_EQ(0, arm(self->fd, &far));
	ASSERT_EQ(0, arm(self->fd, &req));
	while (sum < COUNT) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		sum += event.count;
		EXPECT_EQ(req.id, event.id);
		EXPECT_EQ(++seq, event.seq);
		EXPECT_EQ(0, event.status);
		if (!first)
			first = event.due_ns - (sum - 1) * period;
		EXPECT_EQ(first + (sum - 1) * period, event.due_ns);
	}
	s->stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(balanced(counters(s->fd)));
	EXPECT_EQ(0, close(s->fd));
	EXPECT_COUNTERS(self->fd, 2, 1, 0, 1, 0);
	EXPECT_EQ(0, cancel(self->fd, far.id));
}

/* For module.sh: a storm that ends with its process. */
#define TRAFFIC	"--traffic"

static int traffic(void)
{
	void *(*const roles[])(void *) = { storm_read, storm_arm, storm_arm, storm_change };
	struct storm *s = calloc(1, sizeof(*s));
	pthread_t thread;
	unsigned int i;

	s->fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	s->efd = eventfd(0, EFD_NONBLOCK);
	for (i = 0; s->fd >= 0 && i < ARRAY_SIZE(roles); i++)
		pthread_create(&thread, NULL, roles[i], s);
	if (s->fd < 0 || !UNTIL(s->records > 100))
		return KSFT_FAIL;
	puts("ready");
	fflush(stdout);
	pause();
	return KSFT_FAIL;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], TRAFFIC))
		return traffic();
	return test_harness_run(argc, argv);
}
