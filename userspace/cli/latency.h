/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify latency: what its files share
 */
#ifndef LATENCY_H
#define LATENCY_H

#include <pthread.h>

#include "cli.h"
#include "histogram.h"
#include "paths.h"

enum kind {
	KIND_TIMER,	/* a request of the device */
	KIND_SOURCE,	/* an event of a source */
	KIND_BASELINE,	/* without the module */
};

extern const char *const kind_names[];

/* One time that somebody was told; on CLOCK_MONOTONIC, 0 where it is not known. */
struct latency_sample {
	uint64_t due_ns;
	uint64_t expired_ns;
	uint64_t completed_ns;
	uint64_t seen_ns;
};

/* A path under measurement. */
struct latency_path {
	struct path path;
	enum kind kind;
	bool has_record;	/* an event record says when its stages were */
	bool is_chosen;
	/* Results, under the lock. */
	struct delays delays;
	uint64_t missed;	/* told when the next was due already, or later */
	uint64_t early;
	struct latency_sample worst;
};

/* Ends with a path without a name. */
extern struct latency_path latency_paths[];

enum load {
	LOAD_NONE,
	LOAD_CPU,	/* a thread on each CPU that never sleeps */
	LOAD_TIMERS,	/* so many expirations a second, of other requests */
	LOAD_STALL,	/* the CPU is taken away for so long, a tenth of the time */
};

struct threshold {
	const struct latency_path *path;
	uint64_t limit_ns;
};

struct latency {
	const char *device;
	const char *source;		/* node, or NULL */
	bool is_sim;			/* the source is ours, and raises what we want */
	uint64_t period_ns;
	uint64_t jitter_ns;
	uint64_t samples;		/* of each path */
	uint64_t span_ns;		/* at most; UINT64_MAX: without end */
	uint64_t seed;
	int cpu;			/* -1: any */
	int prio;			/* 0: none */
	enum load load;
	const char *load_text;
	uint64_t load_value;
	struct threshold thresholds[64];
	size_t nr_thresholds;
	bool json;
	FILE *raw;			/* each sample, or NULL */
	int plot_fd;			/* gnuplot's standard input, or -1 */
	pid_t plotter;
	const char *plot;

	/* While it runs. */
	char node[64];			/* of our own source */
	int sim_fd;			/* raises its events */
	uint64_t start_ns;
	uint64_t end_ns;
	pthread_mutex_t lock;		/* of the results */
	bool stop;			/* it has to end */
	int done_fd;			/* becomes readable when it has ended */
};

/* latency_measure.c */
int latency_start(struct latency *lab, pthread_t *thread);

/* latency_load.c */
int latency_load(const struct latency *lab);

/* latency_report.c */
void latency_print_table(void);
void latency_print_json(const struct latency *lab, char **argv, time_t start);

/* latency_plot.c */
int latency_plot_open(struct latency *lab);
int latency_plot(struct latency *lab);

/* environment.c: what a latency depends on, as an object of JSON. */
void print_environment(const char *device);

uint64_t random_below(uint64_t *state, uint64_t n);

#endif /* LATENCY_H */
