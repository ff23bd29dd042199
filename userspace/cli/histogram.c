// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "histogram.h"

/* Below a whole sample: what a product of doubles may be too large by. */
#define ROUNDING	0.000001

const struct percentile percentiles[NR_PERCENTILES] = {
	{ "p50_ns", "P50", 0.5 },
	{ "p90_ns", "P90", 0.9 },
	{ "p99_ns", "P99", 0.99 },
	{ "p99_9_ns", "P99.9", 0.999 },
};

const struct stage_name stage_names[NR_STAGES] = {
	{ "interrupt", "due->interrupt" },
	{ "tasklet", "interrupt->tasklet" },
	{ "user", "tasklet->user" },
};

static size_t bucket_of(uint64_t ns)
{
	unsigned int shift = 0;

	if (ns >> HISTOGRAM_MAX_BITS)
		return HISTOGRAM_BUCKETS - 1;
	while (ns >> (shift + HISTOGRAM_BITS + 1))
		shift++;
	return ((size_t)shift << HISTOGRAM_BITS) + (size_t)(ns >> shift);
}

uint64_t histogram_limit(size_t bucket)
{
	size_t shift = bucket >> HISTOGRAM_BITS;

	shift -= shift > 0;
	return ((bucket - (shift << HISTOGRAM_BITS) + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	h->min_ns = h->samples ? MIN(h->min_ns, ns) : ns;
	h->max_ns = MAX(h->max_ns, ns);
	h->samples++;
	h->sum_ns += ns;
	h->counts[bucket_of(ns)]++;
}

uint64_t histogram_at(const struct histogram *h, double part)
{
	uint64_t rank = MAX((uint64_t)ceil(part * (double)h->samples - ROUNDING), UINT64_C(1));
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return i < HISTOGRAM_BUCKETS - 1 ? MIN(histogram_limit(i), h->max_ns) :
							   h->max_ns;
	}
	return 0;
}

void delays_add(struct delays *delays, uint64_t due_ns, uint64_t expired_ns,
		uint64_t completed_ns, uint64_t seen_ns)
{
	histogram_add(&delays->total, seen_ns - (due_ns ? due_ns : expired_ns));
	if (!expired_ns)
		return;
	if (due_ns)
		histogram_add(&delays->stages[STAGE_INTERRUPT], expired_ns - due_ns);
	histogram_add(&delays->stages[STAGE_TASKLET], completed_ns - expired_ns);
	histogram_add(&delays->stages[STAGE_USER], seen_ns - completed_ns);
}

void histogram_format(uint64_t ns, char *buf, size_t size)
{
	char span[32];

	format_span((int64_t)ns, span, sizeof(span));
	snprintf(buf, size, "%s", span + 1);
}

/* Text. */

static void print_heading(const char *what)
{
	printf("%-22s %7s", what, "SAMPLES");
	for (size_t i = 0; i < NR_PERCENTILES; i++)
		printf(" %8s", percentiles[i].title);
	printf(" %8s", "MAX");
}

static void print_time(uint64_t ns)
{
	char text[32];

	histogram_format(ns, text, sizeof(text));
	printf(" %8s", text);
}

static bool has_blocks(void)
{
	static int known;

	if (!known) {
		setlocale(LC_CTYPE, "");
		known = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? 1 : -1;
	}
	return known > 0;
}

/* How much of a scale from @low_ns to @high_ns, by logarithms, lies below @ns. */
static double place(uint64_t ns, uint64_t low_ns, uint64_t high_ns)
{
	double low = log((double)MAX(low_ns, UINT64_C(1)));
	double span = log((double)MAX(high_ns, UINT64_C(1))) - low;

	return span > 0 ? (log((double)MAX(ns, UINT64_C(1))) - low) / span : 0;
}

/* The height of a sign is the part of the samples that lie there: none is blank. */
static void print_bar(const struct histogram *h, uint64_t low_ns, uint64_t high_ns)
{
	static const char *const blocks[] = {
		" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"
	};
	static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
	const char *const *signs = has_blocks() ? blocks : ascii;
	uint64_t counts[BAR_WIDTH] = { 0 };
	uint64_t highest = 1;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		double at;
		size_t column;

		if (!h->counts[i])
			continue;
		at = place(MIN(histogram_limit(i), h->max_ns), low_ns, high_ns) * BAR_WIDTH;
		column = at < 0 ? 0 : MIN((size_t)at, (size_t)(BAR_WIDTH - 1));
		counts[column] += h->counts[i];
		highest = MAX(highest, counts[column]);
	}
	for (size_t i = 0; i < BAR_WIDTH; i++) {
		size_t level = (size_t)((counts[i] * (ARRAY_SIZE(blocks) - 1)) / highest);

		/* A single one is seen, too. */
		fputs(signs[counts[i] ? MAX(level, (size_t)1) : 0], stdout);
	}
}

static void print_row(const char *name, const struct histogram *h, uint64_t low_ns,
		      uint64_t high_ns)
{
	printf("%-22s %7" PRIu64, name, h->samples);
	for (size_t i = 0; i < NR_PERCENTILES + 1; i++) {
		if (!h->samples)
			printf(" %8s", "-");
		else if (i < NR_PERCENTILES)
			print_time(histogram_at(h, percentiles[i].part));
		else
			print_time(h->max_ns);
	}
	printf("  ");
	print_bar(h, low_ns, high_ns);
}

/* Where the bars begin and end. */
static void print_scale(uint64_t low_ns, uint64_t high_ns)
{
	char low[32], high[32];

	histogram_format(low_ns, low, sizeof(low));
	histogram_format(high_ns, high, sizeof(high));
	printf("  %s%*s", low, (int)(BAR_WIDTH - strlen(low)), high);
}

void histogram_print_table(const char *what, const struct histogram_row *rows, size_t n)
{
	uint64_t low_ns = UINT64_MAX, high_ns = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rows[i].h->samples)
			continue;
		low_ns = MIN(low_ns, rows[i].h->min_ns);
		high_ns = MAX(high_ns, rows[i].h->max_ns);
	}
	if (!high_ns)
		low_ns = 0;
	print_heading(what);
	print_scale(low_ns, high_ns);
	for (size_t i = 0; i < n; i++) {
		putchar('\n');
		print_row(rows[i].name, rows[i].h, low_ns, high_ns);
	}
	putchar('\n');
}

/* JSON. */

static void print_member(const char *name, bool known, uint64_t number)
{
	if (known)
		printf(",\"%s\":%" PRIu64, name, number);
	else
		printf(",\"%s\":null", name);
}

void histogram_print_json(const struct histogram *h)
{
	bool known = h->samples;
	const char *comma = "";

	printf("\"samples\":%" PRIu64 ",\"sum_ns\":%" PRIu64, h->samples, h->sum_ns);
	print_member("min_ns", known, h->min_ns);
	for (size_t i = 0; i < NR_PERCENTILES; i++)
		print_member(percentiles[i].name, known, histogram_at(h, percentiles[i].part));
	print_member("max_ns", known, h->max_ns);
	printf(",\"histogram\":[");
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!h->counts[i])
			continue;
		printf("%s[%" PRIu64 ",%" PRIu64 "]", comma,
		       i < HISTOGRAM_BUCKETS - 1 ? MIN(histogram_limit(i), h->max_ns) : h->max_ns,
		       h->counts[i]);
		comma = ",";
	}
	printf("]");
}
