// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cli.h"

const struct name mode_names[] = {
	{ "pending", EVNOTIFY_MODE_PENDING },
	{ "eventfd", EVNOTIFY_MODE_EVENTFD },
	{ NULL, 0 },
};

const struct name clock_names[] = {
	{ "monotonic", CLOCK_MONOTONIC },
	{ "boottime", CLOCK_BOOTTIME },
	{ "realtime", CLOCK_REALTIME },
	{ "tai", CLOCK_TAI },
	{ NULL, 0 },
};

/* By the number of their bit. */
const struct name feature_names[] = {
	{ "checked", 0 },
	{ "sources", 1 },
	{ "has_source", 2 },
	{ NULL, 0 },
};

const struct name *find_name(const struct name *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const char *name_of(const struct name *table, int value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return "unknown";
}

void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

/* One that is not the first of its object; null for a text that is empty */
void print_json_member(const char *name, const char *text)
{
	printf(",\"%s\":", name);
	if (*text)
		print_json_string(text);
	else
		printf("null");
}
