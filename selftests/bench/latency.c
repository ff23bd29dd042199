// SPDX-License-Identifier: GPL-2.0-only
/* bench - what one request costs that somebody waits for, by each way to wait */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define SAMPLES		300
#define DELAY_NS	200000
#define WARM_UP		5	/* the first few find cold caches */
#define TURN_NS		100000
#define TURNS		150
#define PERIOD_NS	1000000
#define PERIODS		50
#define THREADS		64
#define STAGGER_NS	20000	/* between the due times of two threads */
#define ROUNDS		15
#define LOOPS		3	/* the kernel may clear up after what was measured before */

static void request(const struct path *path, struct waiter *w, uint64_t due, uint64_t period)
{
	if (path->request)
		path->request(w, due, period);
}

/* From the due time to the return of the call, and to the event record. */
static void measure_late(const struct path *path)
{
	static uint64_t late[SAMPLES];
	static struct samples stamp;
	struct waiter w = WAITER(device);
	uint64_t due;
	int i;

	path->open(&w);
	for (i = -WARM_UP; i < SAMPLES; i++) {
		warming_up = i < 0;
		/* not always at the same point of a tick of the timer's hardware */
		due = now_ns() + DELAY_NS + random_u64() % 1000;
		request(path, &w, due, 0);
		mark(LATENCY, 1);
		path->wait(&w, due);
		mark(OTHER, 0);
		if (i >= 0)
			late[i] = now_ns() - due;
		if (i >= 0 && w.call.event.completed_ns)
			sample(&stamp, w.call.event.completed_ns - due);
		usleep(100);
	}
	path->close(&w);
	qsort(late, SAMPLES, sizeof(*late), cmp_u64);
	result("latency", path->name, 1, "-", late[SAMPLES / 2], late[0], late[SAMPLES * 99 / 100]);
	if (stamp.nr)
		summary("stamp", path->name, 1, "-", &stamp);
}

/* --- what a loop takes from the CPU, going to sleep and waking up included --------------- */

struct loop {
	const struct path *path;
	uint64_t first, step;
	unsigned int turns;
	bool repeat;	/* one request with a period, not a request for each turn */
};

static void run_loop(void *arg)
{
	const struct loop *loop = arg;
	struct waiter w = WAITER(device);
	uint64_t due = loop->first;
	unsigned int i;

	loop->path->open(&w);
	if (loop->repeat)
		request(loop->path, &w, due, loop->step);
	for (i = 0; i < loop->turns; i++, due += loop->step) {
		if (!loop->repeat)
			request(loop->path, &w, due, 0);
		loop->path->wait(&w, due);
	}
	loop->path->close(&w);
}

static void *run_thread(void *arg)
{
	run_loop(arg);
	return NULL;
}

/* Threads side by side, the due times of each behind those of the one before. */
static void run_threads(void *arg)
{
	pthread_t threads[THREADS];
	struct loop loops[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		loops[i] = *(struct loop *)arg;
		loops[i].first += i * STAGGER_NS;
		threads[i] = thread(run_thread, &loops[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* The first turn, and what comes after the last, are not in the window. */
static void measure_loop(const char *figure, const struct path *path, uint64_t step,
			 unsigned int turns, unsigned int threads, bool repeat)
{
	struct loop loop = { .path = path, .step = step, .turns = turns + 2, .repeat = repeat };
	static struct samples s;
	uint64_t from;
	int i;

	for (i = 0; i < LOOPS; i++) {
		settle();
		loop.first = now_ns() + 20000000;
		from = loop.first + step - step / 4;
		sample(&s, stolen_while(from, from + turns * step,
					threads == 1 ? run_loop : run_threads, &loop) /
			   (turns * threads));
	}
	summary(figure, path->name, threads, "-", &s);
}

static bool wanted(const struct path *path, const char *only)
{
	return !strncmp(path->name, only, strlen(only)) &&
	       (!path->supported || path->supported());
}

void measure_latency(const char *only)
{
	const struct path *path;

	/* while there is one thread: with more, each call that may block costs more */
	for (path = paths; path->name; path++)
		if (wanted(path, only)) {
			progress("%s", path->name);
			measure_late(path);
		}
	for (path = paths; path->name && !profiling; path++)
		if (wanted(path, only)) {
			progress("%s, in a loop", path->name);
			measure_loop("turn", path, TURN_NS, TURNS, 1, false);
			measure_loop("1 kHz", path, PERIOD_NS, PERIODS, 1, !path->once);
			if (!path->alone)
				measure_loop("threads", path, THREADS * STAGGER_NS, ROUNDS,
					     THREADS, false);
		}
}
