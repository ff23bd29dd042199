// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times as people write them.
 */
#include <string.h>

#include "cli.h"
#include "tap.h"

static const struct {
	const char *text;
	uint64_t ns;
} good[] = {
	{ "0", 0 },
	{ "1", 1000000000 },
	{ "1s", 1000000000 },
	{ "0.5", 500000000 },
	{ "1.000000001s", 1000000001 },
	{ "1.0000000010", 1000000001 },
	{ "250ms", 250000000 },
	{ "0.25ms", 250000 },
	{ "100us", 100000 },
	{ "1.5us", 1500 },
	{ "5000ns", 5000 },
	{ "7.0ns", 7 },
	{ "007", 7000000000 },
	{ ".5", 500000000 },
	{ "5.", 5000000000 },
	{ ".5ms", 500000 },
	{ "5.us", 5000 },
	{ "0.", 0 },
	{ ".0", 0 },
	{ "2m", 120000000000 },
	{ "1.5h", 5400000000000 },
	{ "0.25d", 21600000000000 },
	{ ".00000000005m", 3 },
	{ "0.000000000005h", 18 },
	{ "0.0000000000000000000000", 0 },
	{ "106751.9d", INT64_C(9223364160000000000) },
	{ "9223372036.854775807", INT64_MAX },
	{ "9223372036854775807ns", INT64_MAX },
};

static const struct {
	const char *text;
	const char *why;
} bad[] = {
	{ "", "not a time" },
	{ "s", "not a time" },
	{ "-1", "not a time" },
	{ "+1", "not a time" },
	{ " 1", "not a time" },
	{ ".", "not a time" },
	{ ".s", "not a time" },
	{ "..5", "not a time" },
	{ "1..", "unit" },
	{ "1 ", "unit" },
	{ "1 s", "unit" },
	{ "1S", "unit" },
	{ "1M", "unit" },
	{ "1sm", "unit" },
	{ "1e3", "unit" },
	{ "0x10", "unit" },
	{ "1.5.5", "unit" },
	{ "1,5", "unit" },
	{ "0.0000000001", "finer" },
	{ "0.5ns", "finer" },
	{ "0.000000000001h", "finer" },
	{ "0.0000000000000000000000000001d", "finer" },
	{ "0.00000000000000000001", "finer" },
	{ "106752d", "too long" },
	{ "106751.99999d", "too long" },
	{ "9223372036.854775808", "too long" },
	{ "9223372036854775808ns", "too long" },
	{ "18446744073709551616ns", "too long" },
	{ "18446744073709551616", "too long" },
	{ "99999999999999999999999999", "too long" },
	{ "18446744073.709551617", "too long" },
};

static const struct {
	int64_t ns;
	const char *text;
} spans[] = {
	{ 0, "+0ns" },
	{ 999, "+999ns" },
	{ -999, "-999ns" },
	{ 1000, "+1.0us" },
	{ 41234, "+41.2us" },
	{ 1234567, "+1.23ms" },
	{ -1234567, "-1.23ms" },
	{ 1500000000, "+1.500s" },
};

static const struct {
	uint64_t ns;
	const char *text;
} times[] = {
	{ 0, "0ns" },
	{ 1, "1ns" },
	{ 999, "999ns" },
	{ 1000, "1us" },
	{ 1500, "1.5us" },
	{ 250000000, "250ms" },
	{ 1000000000, "1s" },
	{ 1000000001, "1.000000001s" },
	{ 60000000000, "60s" },
};

static const struct {
	const char *text;
	const char *why;	/* NULL: good */
} numbers[] = {
	{ "1", NULL },
	{ "100", NULL },
	{ "0", "at least 1" },
	{ "101", "too large" },
	{ "18446744073709551617", "too large" },
	{ "", "not a number" },
	{ "-1", "not a number" },
	{ "1x", "not a number" },
};

static void point(bool ok, const char *what, const char *text)
{
	char name[128];

	snprintf(name, sizeof(name), "%s '%s'", what, text);
	check(ok, name);
}

int main(void)
{
	const char *error;
	uint64_t number;
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		number = UINT64_MAX;
		error = parse_time(good[i].text, &number);
		point(!error && number == good[i].ns, "the time", good[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		number = 42;
		error = parse_time(bad[i].text, &number);
		point(error && strstr(error, bad[i].why) && number == 42, "no time:", bad[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		format_span(spans[i].ns, buf, sizeof(buf));
		point(strcmp(buf, spans[i].text) == 0, "the span", spans[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		format_time(times[i].ns, buf, sizeof(buf));
		point(strcmp(buf, times[i].text) == 0, "the time is shown as", times[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		error = parse_number(numbers[i].text, 100, &number);
		point(numbers[i].why ? error && strstr(error, numbers[i].why) : !error,
		      "the number", numbers[i].text);
	}
	return tap_done();
}
