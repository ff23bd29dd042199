// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two sources raise events on two CPUs, from hard interrupts, against all that processes do with
 * them meanwhile: arm, cancel, read, wait, open and close; and then they go, amid all of it. Of
 * each file it is known afterwards what became of each event: one record had it, or it was lost
 * and counted, and nothing else; and each request ended once.
 *
 * EVNOTIFY_RACE_MS: how long (1000); EVNOTIFY_SEED: repeat a run.
 */
#include <sched.h>
#include <stdatomic.h>

#define NO_INSTANCE
#include "evnotify_test.h"

#define SOURCES		2
#define MOST_EVENTS	(1 << 20)	/* of a source in a round */
#define MOST_REQUESTS	(1 << 20)	/* of a file in a round */
#define MOST_BURST	600		/* more than a source keeps */
#define MOST_PENDING	500		/* of a file */
#define ROUND_NS	(200 * NSEC_PER_MSEC)

/* An open file of a source, and what it has told */
struct station {
	int fd;
	int efd;		/* of requests that repeat and are never cancelled; or -1 */
	pthread_mutex_t lock;	/* what follows */
	unsigned char *event;	/* how often each was told or lost */
	unsigned char *ended;	/* how often each request was */
	__u64 told;		/* the sum of all counts */
	__u64 lost;
	__u64 signals;
	__u64 finals;		/* records after which none comes for the request */
	atomic_uint armed;
	atomic_ullong latest;	/* id, for whoever cancels */
	atomic_bool drained;	/* its source is gone and everything is taken */
};

struct source {
	int number;		/* also of its CPU */
	int sim;
	char name[NAME_SIZE];
	struct station stations[2];
	atomic_uint raised;
	atomic_bool stop;
	unsigned int seed;
	int failed;		/* a line of this file where something unexpected happened */
};

#define CHECK(condition) do {					\
	if (!(condition) && !s->failed)				\
		s->failed = __LINE__;				\
} while (0)

/* Raised by number: the n-th event carries n. */
static void *raise_main(void *arg)
{
	struct evnotify_sim_step steps[MOST_BURST] = {};
	struct source *s = arg;
	unsigned int n, i, first, seed = s->seed;
	cpu_set_t set;
	ssize_t ret;

	CPU_ZERO(&set);
	CPU_SET(s->number % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (!s->stop && s->raised < MOST_EVENTS - MOST_BURST) {
		first = s->raised;
		n = rand_r(&seed) % 4 ? 1 + rand_r(&seed) % 20 : 1 + rand_r(&seed) % MOST_BURST;
		for (i = 0; i < n; i++) {
			steps[i].data = first + i;
			steps[i].delay_ns = rand_r(&seed) % 8 ? 0 : rand_r(&seed) % 100000;
		}
		ret = write(s->sim, steps, n * sizeof(*steps));
		CHECK(ret == (ssize_t)(n * sizeof(*steps)));
		s->raised += n;
	}
	/* while others arm, cancel and read */
	close(s->sim);
	return NULL;
}

/* What a record says is entered. */
static void enter(struct source *s, struct station *t, const struct evnotify_event *e)
{
	__u64 i;

	pthread_mutex_lock(&t->lock);
	CHECK(!e->status || e->status == -ETIME || e->status == -ECANCELED ||
	      e->status == -ENODEV);
	CHECK(!!(e->flags & EVNOTIFY_EVENT_DATA) == !!e->count);
	CHECK(e->count ? e->lost == e->count - 1 : !e->lost);
	CHECK(!e->count || !e->status || e->status == -ECANCELED);
	CHECK(e->expired_ns <= e->completed_ns);
	CHECK(e->user_data < MOST_REQUESTS);
	if (e->count) {
		CHECK(e->data < MOST_EVENTS && e->count <= e->data + 1);
		for (i = 0; i < e->count && i <= e->data && e->data < MOST_EVENTS; i++)
			t->event[e->data - i]++;
	}
	t->told += e->count;
	t->lost += e->lost;
	if (!(e->flags & EVNOTIFY_EVENT_MORE) && e->user_data < MOST_REQUESTS) {
		t->ended[e->user_data]++;
		t->finals++;
	}
	pthread_mutex_unlock(&t->lock);
}

static void arm_some(struct source *s, struct station *t, unsigned int *seed)
{
	struct evnotify_request reqs[16];
	unsigned int n = 1 + rand_r(seed) % 16, first, i;
	int ret;

	first = atomic_fetch_add(&t->armed, n);
	for (i = 0; i < n; i++) {
		reqs[i] = event_request(first + i, 0);
		switch (rand_r(seed) % 8) {
		case 0:
			reqs[i].due_ns = rand_r(seed) % 1000000;
			break;
		case 1:
			reqs[i].flags |= EVNOTIFY_ABSTIME;
			break;
		case 2:
			/* until it is cancelled, where all are now and then */
			reqs[i].flags |= EVNOTIFY_REPEAT;
			reqs[i].count = t->efd < 0 ? 0 : 1;
			break;
		case 3:
			reqs[i].flags |= EVNOTIFY_REPEAT;
			reqs[i].count = 1 + rand_r(seed) % 50;
			break;
		}
	}
	ret = arm_many(t->fd, reqs, n);
	CHECK(ret > 0 || ret == -ENODEV);
	if (ret == -ENODEV)
		t->drained = true;
	/* of those that were not armed there is nothing to come */
	pthread_mutex_lock(&t->lock);
	for (i = ret > 0 ? ret : 0; i < n; i++) {
		t->ended[first + i]++;
		t->finals++;
	}
	pthread_mutex_unlock(&t->lock);
	if (ret > 0)
		t->latest = reqs[rand_r(seed) % ret].id;
}

struct job {
	struct source *source;
	struct station *station;
	unsigned int seed;
};

/* Until nothing is left to take, also of what the source kept when it went */
static void *arm_main(void *arg)
{
	struct job *j = arg;
	struct station *t = j->station;

	while (!t->drained && t->armed < MOST_REQUESTS - 64) {
		if (t->armed - t->finals < MOST_PENDING)
			arm_some(j->source, t, &j->seed);
		else
			sched_yield();
	}
	return NULL;
}

static void *read_main(void *arg)
{
	struct evnotify_event events[64];
	struct job *j = arg;
	struct source *s = j->source;
	struct station *t = j->station;
	int n, i;

	for (;;) {
		n = read_some(t->fd, events, 1 + rand_r(&j->seed) % 64);
		if (n == -ENODEV && t->drained)
			return NULL;
		CHECK(n > 0 || n == -ENODEV);
		for (i = 0; i < n; i++)
			enter(s, t, &events[i]);
		/* a second reader, in effect: with poll() */
		if (rand_r(&j->seed) % 4 == 0)
			readable(t->fd, 1);
	}
}

static void *cancel_main(void *arg)
{
	struct job *j = arg;
	struct source *s = j->source;
	struct station *t = j->station;
	long ret;

	while (!t->drained) {
		if (rand_r(&j->seed) % 64) {
			ret = cancel(t->fd, t->latest);
			CHECK(!ret || ret == -EALREADY || ret == -ENOENT);
		} else if (t->efd < 0) {
			CHECK(cancel_all(t->fd) >= 0);
		}
		sched_yield();
	}
	return NULL;
}

static void *wait_main(void *arg)
{
	struct job *j = arg;
	struct source *s = j->source;
	struct station *t = j->station;
	struct evnotify_wait wait;
	int ret;

	while (!t->drained && t->armed < MOST_REQUESTS - 64) {
		wait.request = event_request(atomic_fetch_add(&t->armed, 1), 0);
		if (rand_r(&j->seed) % 2)
			wait.request.due_ns = rand_r(&j->seed) % 1000000;
		ret = call(t->fd, EVNOTIFY_IOC_WAIT, &wait);
		CHECK(!ret || ret == -ENODEV);
		if (!ret) {
			CHECK(!(wait.event.flags & EVNOTIFY_EVENT_MORE));
			enter(s, t, &wait.event);
			continue;
		}
		pthread_mutex_lock(&t->lock);
		t->ended[wait.request.user_data]++;
		t->finals++;
		pthread_mutex_unlock(&t->lock);
		t->drained = true;
	}
	return NULL;
}

/* Files that come and go with requests that wait, in every mode, until there is no source. */
static void *open_main(void *arg)
{
	struct job *j = arg;
	struct source *s = j->source;
	int efd = eventfd(0, EFD_NONBLOCK), fd, n;
	struct evnotify_request reqs[4];
	struct evnotify_event event;
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", s->name);
	for (;;) {
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0) {
			CHECK(errno == ENOENT || errno == ENODEV || errno == ENXIO);
			break;
		}
		reqs[0] = event_request(0, EVNOTIFY_REPEAT);
		reqs[1] = event_to_eventfd(efd, EVNOTIFY_REPEAT);
		reqs[2] = event_request(0, 0);
		reqs[2].due_ns = rand_r(&j->seed) % 100000;
		reqs[3] = event_to_eventfd(efd, 0);
		n = arm_many(fd, reqs, 1 + rand_r(&j->seed) % 4);
		CHECK(n > 0 || n == -ENODEV);
		if (rand_r(&j->seed) % 2)
			readable(fd, 1);
		if (rand_r(&j->seed) % 2)
			read_some(fd, &event, 1);
		close(fd);
	}
	close(efd);
	return NULL;
}

static void station_init(struct station *t, int fd, int efd)
{
	t->fd = fd;
	t->efd = efd;
	t->event = calloc(1, MOST_EVENTS);
	t->ended = calloc(1, MOST_REQUESTS);
	pthread_mutex_init(&t->lock, NULL);
}

/* The sums, and each event and each request for itself. */
static void station_check(struct __test_metadata *_metadata, struct source *s, struct station *t,
			  bool each)
{
	struct source_counters c = source_counters(t->fd);
	struct counters counts = counters(t->fd);
	unsigned int i, wrong = 0;

	EXPECT_EQ(s->raised, c.raised);
	EXPECT_EQ(c.raised, c.taken);
	EXPECT_EQ(c.taken, t->told + t->signals);
	EXPECT_TRUE(balanced(counts));
	EXPECT_EQ(0, counts.pending);
	EXPECT_EQ(0, counts.unread);
	EXPECT_EQ(0, counts.completing);
	if (each) {
		EXPECT_EQ(c.lost, t->lost);
		for (i = 0; i < s->raised; i++)
			wrong += t->event[i] != 1;
	} else {
		EXPECT_LE(t->lost, c.lost);
		for (i = 0; i < s->raised; i++)
			wrong += t->event[i] > 1;
	}
	EXPECT_EQ(0, wrong)
		TH_LOG("events that were not told once");
	for (wrong = 0, i = 0; i < t->armed; i++)
		wrong += t->ended[i] != 1;
	EXPECT_EQ(0, wrong)
		TH_LOG("requests that did not end once");
}

static void round_of(struct __test_metadata *_metadata, struct source *sources, unsigned int seed)
{
	static const struct {
		void *(*main)(void *job);
		int station;
	} jobs[] = {
		{ arm_main, 0 }, { arm_main, 1 }, { read_main, 0 }, { read_main, 1 },
		{ read_main, 0 }, { cancel_main, 0 }, { cancel_main, 1 }, { wait_main, 0 },
		{ wait_main, 1 }, { open_main, 0 },
	};
	pthread_t raisers[SOURCES], threads[SOURCES][ARRAY_SIZE(jobs)];
	struct job arguments[SOURCES][ARRAY_SIZE(jobs)];
	struct evnotify_request reqs[2];
	struct source *s;
	unsigned int i, k;
	char path[64];

	for (i = 0; i < SOURCES; i++) {
		s = &sources[i];
		memset(s, 0, sizeof(*s));
		s->number = i;
		s->seed = seed + i;
		s->sim = open_sim(_metadata);
		station_init(&s->stations[0], sim_new(s->sim, 0, s->name), -1);
		snprintf(path, sizeof(path), "/dev/%s", s->name);
		station_init(&s->stations[1], open(path, O_RDWR | O_CLOEXEC),
			     eventfd(0, EFD_NONBLOCK));
		ASSERT_LE(0, s->stations[0].fd);
		ASSERT_LE(0, s->stations[1].fd);
		for (k = 0; k < 2; k++)
			reqs[k] = event_to_eventfd(s->stations[1].efd, EVNOTIFY_REPEAT);
		ASSERT_EQ(2, arm_many(s->stations[1].fd, reqs, 2));
		ASSERT_EQ(0, pthread_create(&raisers[i], NULL, raise_main, s));
		for (k = 0; k < ARRAY_SIZE(jobs); k++) {
			arguments[i][k] = (struct job){
				s, &s->stations[jobs[k].station], seed + 16 * i + k,
			};
			ASSERT_EQ(0, pthread_create(&threads[i][k], NULL, jobs[k].main,
						    &arguments[i][k]));
		}
	}
	usleep(ROUND_NS / 1000);
	for (i = 0; i < SOURCES; i++)
		sources[i].stop = true;
	for (i = 0; i < SOURCES; i++) {
		s = &sources[i];
		pthread_join(raisers[i], NULL);
		for (k = 0; k < ARRAY_SIZE(jobs); k++)
			pthread_join(threads[i][k], NULL);
		s->stations[1].signals = eventfd_take(s->stations[1].efd);
		EXPECT_EQ(0, s->failed)
			TH_LOG("source %u: line %d", i, s->failed);
		station_check(_metadata, s, &s->stations[0], true);
		station_check(_metadata, s, &s->stations[1], false);
		ksft_print_msg("%u raised, %u and %u requests, %llu and %llu events lost\n",
			       s->raised, s->stations[0].armed, s->stations[1].armed,
			       (unsigned long long)source_counters(s->stations[0].fd).lost,
			       (unsigned long long)source_counters(s->stations[1].fd).lost);
		for (k = 0; k < 2; k++) {
			close(s->stations[k].fd);
			free(s->stations[k].event);
			free(s->stations[k].ended);
		}
		close(s->stations[1].efd);
	}
}

TEST(each_event_is_told_once)
{
	const char *ms = getenv("EVNOTIFY_RACE_MS"), *given = getenv("EVNOTIFY_SEED");
	__u64 end = now_ns(CLOCK_MONOTONIC) + (ms ? strtoull(ms, NULL, 0) : 1000) * NSEC_PER_MSEC;
	unsigned int seed = given ? strtoul(given, NULL, 0) : (unsigned int)now_ns(CLOCK_REALTIME);
	static struct source sources[SOURCES];

	printf("# EVNOTIFY_SEED=%u\n", seed);
	fflush(stdout);
	do {
		round_of(_metadata, sources, seed++);
	} while (now_ns(CLOCK_MONOTONIC) < end && !*patience_lost);
}

TEST_HARNESS_MAIN
