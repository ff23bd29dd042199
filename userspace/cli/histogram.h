/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - how often a time was how long, and its percentiles
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Log-linear: each power of two is cut into so many parts, so that what is read off
 * is less than a part in 128 too large; below 256 ns it is exact. What is longer than
 * the last bucket has, 68 seconds, counts there.
 */
#define HISTOGRAM_BITS		7
#define HISTOGRAM_MAX_BITS	36
#define HISTOGRAM_BUCKETS	((HISTOGRAM_MAX_BITS - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
	uint64_t samples;
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	uint64_t counts[HISTOGRAM_BUCKETS];
};

/* The percentiles that are told everywhere. */
extern const struct percentile {
	const char *name;	/* of the member in JSON */
	const char *title;
	double part;
} percentiles[];

#define NR_PERCENTILES	4

void histogram_add(struct histogram *h, uint64_t ns);
/* The largest time that counts in this bucket. */
uint64_t histogram_limit(size_t bucket);
/*
 * A time that this part of the samples, such as 0.99, does not exceed: by nearest
 * rank, and at most the maximum. 0 without samples.
 */
uint64_t histogram_at(const struct histogram *h, double part);

/* What lies between the time at which something is due and the program that hears of it. */
enum stage {
	STAGE_INTERRUPT,	/* due -> interrupt */
	STAGE_TASKLET,		/* interrupt -> tasklet, which makes the record readable */
	STAGE_USER,		/* tasklet -> the program runs again */
	NR_STAGES,
};

extern const struct stage_name {
	const char *name;
	const char *title;
} stage_names[NR_STAGES];

struct delays {
	struct histogram total;
	struct histogram stages[NR_STAGES];
};

/*
 * The times of one completion, in order; 0 where one is not known. The total is the
 * sum of the stages, and without a due time it begins with the interrupt.
 */
void delays_add(struct delays *delays, uint64_t due_ns, uint64_t expired_ns,
		uint64_t completed_ns, uint64_t seen_ns);

/* Text: a column for each percentile and the maximum, and a bar of BAR_WIDTH signs. */
#define BAR_WIDTH	24

/* Rows on a scale that has room for all of them. */
struct histogram_row {
	const char *name;
	const struct histogram *h;
};

void histogram_print_table(const char *what, const struct histogram_row *rows, size_t n);
/* What a time is, without a sign: "41.2us". */
void histogram_format(uint64_t ns, char *buf, size_t size);

/* JSON: the members of an object, without its braces. */
void histogram_print_json(const struct histogram *h);

#endif /* HISTOGRAM_H */
