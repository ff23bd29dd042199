// SPDX-License-Identifier: GPL-2.0-only
/* bench - time, samples and what else all measurements need */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "bench.h"

double ticks_per_ns, idle_load;
bool profiling, warming_up;

static double ticks_per_turn;

static unsigned int mark_set, marked[NR_PHASES];

void die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void progress(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	/* No interrupts of the serial line in what is measured next. */
	tcdrain(STDERR_FILENO);
	usleep(20000);
}

/* Memory that is there: no page fault in what is measured. */
void *buffer(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		die("no memory for %zu times %zu bytes", count, size);
	return memset(p, 0xff, count * size);
}

/* How many different numbers below n there are among n, one every stride. */
unsigned int distinct(const void *first, size_t stride, unsigned int n)
{
	static unsigned char *seen;
	unsigned int i, found = 0;

	if (!seen)
		seen = buffer(max_n, 1);
	memset(seen, 0, n);
	for (i = 0; i < n; i++) {
		uint64_t number = *(const uint64_t *)((const char *)first + i * stride);

		if (number < n && !seen[number]) {
			seen[number] = 1;
			found++;
		}
	}
	return found;
}

int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void result(const char *figure, const char *method, unsigned int n, const char *order,
	    double value, double low, double high)
{
	printf("%s\t%s\t%u\t%s\t%.1f\t%.1f\t%.1f\n", figure, method, n, order, value, low, high);
}

/*
 * A mark is a call to an address that the plugin knows; see plugin.c. The
 * page holds return instructions.
 */
void mark(enum phase phase, unsigned int requests)
{
	static unsigned char *page;
	unsigned int place = phase;

	if (!profiling || warming_up)
		return;
	marked[phase] += requests;
	if (!page) {
		page = mmap((void *)MARKS, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (page == MAP_FAILED)
			die("mmap: %s", strerror(errno));
		memset(page, 0xc3, 4096);
	}
	if (phase != OTHER)
		place += mark_set * NR_PHASES;
	((void (*)(void))(page + place * MARK_STEP))();
}

/* Mark from now on, as one of the sets that the plugin tells apart. */
void mark_as(unsigned int set)
{
	profiling = true;
	mark_set = set % MARK_SETS;
	mark(OTHER, 0);
}

/* How many requests each phase was about, for profile.awk. */
void print_marked(void)
{
	unsigned int phase;

	for (phase = OTHER + 1; profiling && phase < NR_PHASES; phase++)
		printf("marked\t%u\t%u\n", mark_set * NR_PHASES + phase, marked[phase]);
}

/* --- samples: a figure is the median of its repetitions -------------------------------- */

void sample(struct samples *s, double value)
{
	if (s->nr < sizeof(s->values) / sizeof(*s->values))
		s->values[s->nr++] = value;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct samples *s)
{
	qsort(s->values, s->nr, sizeof(*s->values), cmp_double);
	return s->values[s->nr / 2];
}

void summary(const char *figure, const char *method, unsigned int n, const char *order,
	     struct samples *s)
{
	double middle = median(s);

	result(figure, method, n, order, middle, s->values[0], s->values[s->nr - 1]);
	s->nr = 0;
}

/* --- time ------------------------------------------------------------------------------ */

/* Spin until end; returns the turns. */
static __attribute__((noinline)) uint64_t spin(uint64_t end, uint64_t *stopped)
{
	uint64_t turns = 0, t;

	do {
		turns++;
		t = ticks();
	} while (t < end);
	*stopped = t;
	return turns;
}

/*
 * Ticks that the kernel takes from us until end.  All others go first: a long
 * burst is completed by the thread ksoftirqd, which competes with us.
 */
double stolen_until(uint64_t end)
{
	static const struct sched_param none;
	uint64_t start, stopped, turns;

	if (sched_setscheduler(0, SCHED_IDLE, &none))
		die("sched_setscheduler: %s", strerror(errno));
	start = ticks();
	turns = spin(end, &stopped);
	sched_setscheduler(0, SCHED_OTHER, &none);
	return (stopped - start) - turns * ticks_per_turn;
}

/* A thread with a small stack: all memory is locked. */
pthread_t thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t id;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	errno = pthread_create(&id, &attr, run, arg);
	if (errno)
		die("pthread_create: %s", strerror(errno));
	pthread_attr_destroy(&attr);
	return id;
}

/* A window of a thread that measures what is stolen from it. */
struct window {
	uint64_t from_ns, until_ns;
	double stolen;
};

static void *measure_window(void *arg)
{
	struct window *w = arg;
	uint64_t start, end;

	sleep_until(w->from_ns);
	start = ticks();
	end = start + (w->until_ns - now_ns()) * ticks_per_ns;
	w->stolen = stolen_until(end) - idle_load * (end - start);
	return NULL;
}

/*
 * Ticks that run() and the kernel take from a process of the lowest priority
 * between two times.  What run() does before and after is not in it.
 */
double stolen_while(uint64_t from_ns, uint64_t until_ns, void (*run)(void *), void *arg)
{
	struct window w = { from_ns, until_ns, 0 };
	pthread_t spinning = thread(measure_window, &w);

	run(arg);
	pthread_join(spinning, NULL);
	return w.stolen;
}

void calibrate(void)
{
	uint64_t ns, t, stopped, turns;
	double cost;
	int i;

	ns = now_ns();
	t = ticks();
	usleep(200000);
	ticks_per_ns = (double)(ticks() - t) / (now_ns() - ns);

	/* The shortest is the one without interrupts. */
	ticks_per_turn = 1e9;
	for (i = 0; i < 200; i++) {
		t = ticks();
		turns = spin(t + 100000 * ticks_per_ns, &stopped);
		cost = (double)(stopped - t) / turns;
		if (cost < ticks_per_turn)
			ticks_per_turn = cost;
	}
	idle_load = stolen_until(ticks() + 400000000 * ticks_per_ns) / (400000000 * ticks_per_ns);
}

/* Timers expire on the CPU that armed them: that is where we have to be. */
void stay(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity: %s", strerror(errno));
}

void sleep_until(uint64_t ns)
{
	struct timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/* Let the kernel finish what it has put off: frees of what was closed. */
void settle(void)
{
	usleep(200000);
}

uint64_t random_u64(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* nr different numbers below n, in random order. */
void choose(unsigned int *which, unsigned int nr, unsigned int n)
{
	unsigned int *all = buffer(n, sizeof(*all)), i, j;

	for (i = 0; i < n; i++)
		all[i] = i;
	for (i = 0; i < nr; i++) {
		j = i + random_u64() % (n - i);
		which[i] = all[j];
		all[j] = all[i];
	}
	free(all);
}
