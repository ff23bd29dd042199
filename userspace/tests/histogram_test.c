// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a histogram says of samples, against the samples themselves.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "histogram.h"
#include "tap.h"

#define SAMPLES	20000

static struct histogram histogram;
static uint64_t samples[SAMPLES];

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t random_number(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Never less than the sample of that rank, and less than a part in 128 more. */
static bool agrees(size_t n, double part)
{
	size_t rank = (size_t)ceil(part * (double)n);
	uint64_t exact = samples[MAX(rank, (size_t)1) - 1];
	uint64_t told = histogram_at(&histogram, part);

	if (told >= exact && told - exact <= exact / 128)
		return true;
	printf("# of %zu: sample %" PRIu64 ", told %" PRIu64 ", part %g\n", n, exact, told, part);
	return false;
}

/* @n samples of up to so many bits, each length as often as any other. */
static void examine(size_t n, unsigned int bits, const char *what)
{
	static const double parts[] = { 0, 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 };
	uint64_t sum = 0, counted = 0;
	bool ok = true;

	memset(&histogram, 0, sizeof(histogram));
	for (size_t i = 0; i < n; i++) {
		samples[i] = random_number() >> (64 - 1 - random_number() % bits);
		sum += samples[i];
		histogram_add(&histogram, samples[i]);
	}
	qsort(samples, n, sizeof(*samples), compare);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		counted += histogram.counts[i];
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		ok &= agrees(n, parts[i]);
	check(ok && counted == n && histogram.samples == n && histogram.sum_ns == sum &&
	      histogram.min_ns == samples[0] && histogram.max_ns == samples[n - 1], what);
}

/* Each bucket begins where the one before ends. */
static bool covers_all(void)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = i ? histogram_limit(i - 1) + 1 : 0;
		uint64_t high = histogram_limit(i);

		memset(&histogram, 0, sizeof(histogram));
		histogram_add(&histogram, low);
		histogram_add(&histogram, high);
		if (high < low || (high - low) * 128 > low || histogram.counts[i] != 2) {
			printf("# bucket %zu, from %" PRIu64 " to %" PRIu64 "\n", i, low, high);
			return false;
		}
	}
	return true;
}

int main(void)
{
	check(histogram_at(&histogram, 0.5) == 0, "none: 0");
	check(covers_all(), "buckets have no gap and do not overlap, and are narrow");
	check(histogram_limit(HISTOGRAM_BUCKETS - 1) == (UINT64_C(1) << HISTOGRAM_MAX_BITS) - 1,
	      "the last bucket ends with the range");

	memset(&histogram, 0, sizeof(histogram));
	histogram_add(&histogram, UINT64_C(1) << 40);
	check(histogram.counts[HISTOGRAM_BUCKETS - 1] == 1 &&
	      histogram_at(&histogram, 0.99) == UINT64_C(1) << 40,
	      "what is longer than all buckets is in the last, and the maximum is right");

	/* By nearest rank: of 100, the 99th, not the 100th. */
	memset(&histogram, 0, sizeof(histogram));
	for (uint64_t i = 1; i <= 100; i++)
		histogram_add(&histogram, i);
	check(histogram_at(&histogram, 0.5) == 50 && histogram_at(&histogram, 0.99) == 99 &&
	      histogram_at(&histogram, 0.999) == 100, "the percentiles of 1 to 100");

	examine(1, 30, "one sample");
	examine(2, 30, "two samples");
	examine(999, 8, "short ones, which are exact");
	examine(1000, 20, "up to a millisecond");
	examine(SAMPLES, 35, "up to half a minute");
	return tap_done();
}
