/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench - what the parts of the benchmark share
 *
 * A method is one way to be told that a time has come.  The harness in bench.c
 * treats all alike: it gives a method n due times, lets them pass, collects n
 * completions and insists on every single one.
 */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "paths.h"

/* Requests that a batch holds, where a method has batches. */
#define BATCH	64

#define NSEC_PER_SEC	1000000000ULL

/**
 * struct method - one way to be told
 * @name: of the row
 * @open: make ready for @n requests
 * @arm: request @n completions at @due (CLOCK_MONOTONIC); the i-th is
 *	number i
 * @reap: collect what has completed, at most @n; returns how many; never blocks
 * @check: of what reap() collected, how many different requests there were
 * @arm_ids: arm() in a way that allows cancel(); NULL: arm() does
 * @cancel: cancel the @n requests whose numbers are in @which; all must be
 *	pending
 * @told: a request that was cancelled completes too: reap() collects it
 * @update: give the @n requests whose numbers are in @which the times @due
 * @repeat: request @n completions at @first and each @period after it; false:
 *	this kernel cannot
 * @close: drop everything, pending requests too
 * @supported: does this kernel have it? NULL: each has
 * @most: requests at most, where a measurement of more would take too long;
 *	0: any number
 */
struct method {
	const char *name;
	void (*open)(unsigned int n);
	void (*arm)(const uint64_t *due, unsigned int n);
	unsigned int (*reap)(unsigned int n);
	unsigned int (*check)(unsigned int n);
	void (*arm_ids)(const uint64_t *due, unsigned int n);
	void (*cancel)(const unsigned int *which, unsigned int n);
	bool told;
	void (*update)(const unsigned int *which, const uint64_t *due, unsigned int n);
	bool (*repeat)(unsigned int n, uint64_t first, uint64_t period);
	void (*close)(void);
	bool (*supported)(void);
	unsigned int most;
};

extern const struct method evnotify_64, evnotify_1, evnotify_eventfd, evnotify_each,
	evnotify_each_et, evnotify_files, literal_port;
extern const struct method timerfd_epoll, timerfd_et, timerfd_uring, uring, uring_defer,
	posix_timer, bpf_timer, user_heap;

/* The most requests that a run arms, at least 1000; buffers have that size. */
extern unsigned int max_n;
extern const char *device;

/* Of module/samples/event.c, which the VM of bench.sh has loaded. */
#define LITERAL_PORT	"/dev/evnotify-event"

/* A figure is the median of its samples. */
struct samples {
	double values[1000];
	unsigned int nr;
};

/* util.c */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *buffer(size_t count, size_t size);
unsigned int distinct(const void *first, size_t stride, unsigned int n);
int cmp_u64(const void *a, const void *b);
uint64_t random_u64(void);
void choose(unsigned int *which, unsigned int nr, unsigned int n);
void result(const char *figure, const char *method, unsigned int n, const char *order,
	    double value, double low, double high);
void sample(struct samples *s, double value);
void summary(const char *figure, const char *method, unsigned int n, const char *order,
	     struct samples *s);
void calibrate(void);
double stolen_until(uint64_t end);
pthread_t thread(void *(*run)(void *), void *arg);
double stolen_while(uint64_t from_ns, uint64_t until_ns, void (*run)(void *), void *arg);
void sleep_until(uint64_t ns);
void settle(void);
void stay(void);

/* each.c: a descriptor for each request, in each_fds, and one epoll for all */
extern int *each_fds;
void each_open(unsigned int n, uint32_t events, int (*make)(void));
unsigned int each_reap(unsigned int n, size_t record);
unsigned int each_check(unsigned int n);
void each_close(void);

/* bpf.c */
int bpf_ring(void);

/* paths.c; the last one has no name */
extern const struct path paths[];

/* latency.c, raise.c, irqoff.c, cpus.c */
void measure_latency(const char *only);
void measure_raise(void);
void measure_irqs_off(void);
void measure_cpus(void);

/*
 * The clock of all measurements.  Under QEMU's -icount a tick of the TSC is
 * an instruction; on metal, ticks_per_ns makes it nanoseconds.
 */
extern double ticks_per_ns;
/* The part of its time that a process loses to ticks and the like. */
extern double idle_load;

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static inline uint64_t ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return now_ns();
#endif
}

/*
 * Tells the profiling plugin which phase begins, by a call to an address that
 * it knows: MARKS + (set * NR_PHASES + phase) * MARK_STEP.
 */
#define MARKS		0x65760000
#define MARK_STEP	16
#define MARK_SETS	8
enum phase { OTHER, ARM, FIRE, REAP, CANCEL, CLOSE, LATENCY, NR_PHASES };
extern bool profiling;
extern bool warming_up;	/* what is done now is not measured: marks do not count */
void mark(enum phase phase, unsigned int requests);
void mark_as(unsigned int set);
void print_marked(void);

#endif /* BENCH_H */
