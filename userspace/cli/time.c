// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define DIGITS	"0123456789"

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "", NSEC_PER_SEC },
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC },
	{ "m", 60 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ "d", 86400 * NSEC_PER_SEC },
};

/* Appends digits to @number; false: there are too many. */
static bool add_digits(uint64_t *number, const char *digits, const char *end)
{
	for (; digits < end; digits++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, *digits - '0', number))
			return false;
	return true;
}

/* So many of 10^@digits parts of a unit, in nanoseconds; false: it is no integer. */
static bool add_fraction(uint64_t *ns, uint64_t parts, ptrdiff_t digits, uint64_t unit_ns)
{
	uint64_t scale = 1;

	for (; digits > 0 && unit_ns % 10 == 0; digits--)
		unit_ns /= 10;
	while (digits--)
		if (__builtin_mul_overflow(scale, 10, &scale))
			return false;
	if (__builtin_mul_overflow(parts, unit_ns, &parts) || parts % scale)
		return false;
	*ns += parts / scale;	/* less than one unit: the caller has room for it */
	return true;
}

/*
 * A time is digits, perhaps with a point, and perhaps a unit; seconds without one,
 * as sleep(1) has it. Integers throughout, so that what is asked for is what is
 * armed.
 *
 * Returns NULL, or what is wrong with it.
 */
const char *parse_time(const char *text, uint64_t *ns)
{
	const char *fraction;
	const char *end;
	const char *unit;
	uint64_t unit_ns = 0;
	uint64_t parts = 0;
	uint64_t sum = 0;

	fraction = text + strspn(text, DIGITS);
	end = fraction;
	unit = fraction;
	if (*unit == '.') {
		fraction++;
		unit = fraction + strspn(fraction, DIGITS);
		for (end = unit; end > fraction && end[-1] == '0'; end--)
			;
	}
	if (unit == text || (unit == text + 1 && *text == '.'))
		return "is not a time (like 1.5, 250ms, 100us, 5000ns, 2m; seconds without a unit)";
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(unit, units[i].name) == 0)
			unit_ns = units[i].ns;
	if (!unit_ns)
		return "is not a time: its unit is none of ns, us, ms, s, m, h, d";

	/* The kernel's limit is about 292 years; a unit more is no overflow yet. */
	if (!add_digits(&sum, text, text + strspn(text, DIGITS)) ||
	    __builtin_mul_overflow(sum, unit_ns, &sum) || sum > INT64_MAX)
		return "is too long a time";
	if (!add_digits(&parts, fraction, end) ||
	    !add_fraction(&sum, parts, end - fraction, unit_ns))
		return "is finer than a nanosecond";
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

/* A time as parse_time() takes it, in the largest unit of which it is at least one. */
void format_time(uint64_t ns, char *buf, size_t size)
{
	static const struct {
		const char *name;
		uint64_t ns;
		int digits;
	} shown[] = {
		{ "s", NSEC_PER_SEC, 9 },
		{ "ms", NSEC_PER_MSEC, 6 },
		{ "us", 1000, 3 },
		{ "ns", 1, 0 },
	};
	char fraction[16];
	size_t i = 0;
	size_t len;

	while (ns < shown[i].ns && i + 1 < ARRAY_SIZE(shown))
		i++;
	len = (size_t)snprintf(fraction, sizeof(fraction), ".%0*" PRIu64, shown[i].digits,
			       ns % shown[i].ns);
	while (len && (fraction[len - 1] == '0' || fraction[len - 1] == '.'))
		fraction[--len] = '\0';
	snprintf(buf, size, "%" PRIu64 "%s%s", ns / shown[i].ns, fraction, shown[i].name);
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
