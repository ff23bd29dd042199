// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "", NSEC_PER_SEC },
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000000 },
	{ "s", NSEC_PER_SEC },
};

/*
 * A time is digits, perhaps a point and digits, perhaps a unit; seconds without
 * one. Integers throughout, so that what is asked for is what is armed.
 *
 * Returns NULL, or what is wrong with it.
 */
const char *parse_time(const char *text, uint64_t *ns)
{
	const char *whole = text;
	const char *fraction = "";
	uint64_t unit_ns = 0;
	uint64_t digit_ns;
	uint64_t sum = 0;
	const char *p = text;

	while (isdigit((unsigned char)*p))
		p++;
	if (p == whole)
		return "is not a time (like 1.5s, 250ms, 100us, 5000ns; seconds without a unit)";
	if (*p == '.' && isdigit((unsigned char)p[1])) {
		fraction = ++p;
		while (isdigit((unsigned char)*p))
			p++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(p, units[i].name) == 0)
			unit_ns = units[i].ns;
	if (!unit_ns)
		return "is not a time: its unit is none of ns, us, ms, s";

	for (; isdigit((unsigned char)*whole); whole++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, *whole - '0', &sum))
			return "is too long a time";
	if (__builtin_mul_overflow(sum, unit_ns, &sum))
		return "is too long a time";

	for (digit_ns = unit_ns; isdigit((unsigned char)*fraction); fraction++) {
		digit_ns /= 10;
		if (!digit_ns && *fraction != '0')
			return "is finer than a nanosecond";
		if (__builtin_add_overflow(sum, (uint64_t)(*fraction - '0') * digit_ns, &sum))
			return "is too long a time";
	}
	/* The kernel's limit, about 292 years. */
	if (sum > INT64_MAX)
		return "is too long a time";
	*ns = sum;
	return NULL;
}

/* A plain number from 1 to @max. Returns NULL, or what is wrong with it. */
const char *parse_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t sum = 0;

	if (!*text)
		return "is not a number";
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return "is not a number";
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, *text - '0', &sum) || sum > max)
			return "is too large";
	}
	if (!sum)
		return "must be at least 1";
	*number = sum;
	return NULL;
}

/* A span in the unit that shows it best, with its sign: "+41.2us". */
void format_span(int64_t ns, char *buf, size_t size)
{
	double span = (double)ns;

	if (llabs(ns) < 1000)
		snprintf(buf, size, "%+" PRId64 "ns", ns);
	else if (llabs(ns) < 1000000)
		snprintf(buf, size, "%+.1fus", span / 1e3);
	else if (llabs(ns) < (int64_t)NSEC_PER_SEC)
		snprintf(buf, size, "%+.2fms", span / 1e6);
	else
		snprintf(buf, size, "%+.3fs", span / 1e9);
}

uint64_t now_ns(int clockid)
{
	struct timespec now;

	clock_gettime(clockid, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}
