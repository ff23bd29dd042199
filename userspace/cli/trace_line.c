// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the text of ftrace, as in the files trace and trace_pipe, and of
 * "trace-cmd report":
 *
 *   evnotify-168     [001] d..1.     6.973935: evnotify_arm: instance=1 id=5 ...
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "trace.h"

#define EVENT_MARK	": evnotify_"
#define BLANKS		"\n\t "

/* Cuts @text before its trailing blanks. */
static void trim_end(char *text)
{
	char *end = text + strlen(text);

	while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n'))
		*--end = '\0';
}

/* "  comm-pid  (tgid)": the comm may hold blanks and dashes itself. */
static bool parse_task(char *text, struct trace_line *line)
{
	char *dash;

	text += strspn(text, " \t");
	trim_end(text);
	line->tgid = 0;
	if (*text && text[strlen(text) - 1] == ')' && strrchr(text, '(')) {
		line->tgid = atoi(strrchr(text, '(') + 1);	/* or "(-------)" */
		*strrchr(text, '(') = '\0';
		trim_end(text);
	}
	dash = strrchr(text, '-');
	if (!dash)
		return false;
	*dash = '\0';
	line->comm = text;
	line->pid = atoi(dash + 1);
	return true;
}

/* Splits "[cpu] flags time" at its blanks; the time comes last. */
static bool parse_place(char *text, struct trace_line *line)
{
	char *time;

	trim_end(text);
	line->cpu = atoi(text + 1);
	time = strrchr(text, ' ');
	return time && !parse_time(time + 1, &line->time_ns);
}

static void parse_args(char *text, struct trace_line *line)
{
	char *save;
	char *word;
	char *equals;

	line->nargs = 0;
	for (word = strtok_r(text, BLANKS, &save); word && line->nargs < TRACE_MAX_ARGS;
	     word = strtok_r(NULL, BLANKS, &save)) {
		equals = strchr(word, '=');
		if (equals)
			*equals++ = '\0';
		line->args[line->nargs].key = word;
		line->args[line->nargs++].value = equals ? equals : "";
	}
}

/* Splits @text in place; false if it is no event of evnotify. */
bool trace_parse(char *text, struct trace_line *line)
{
	char *event = strstr(text, EVENT_MARK);
	char *args;
	char *cpu;

	if (!event)
		return false;
	*event = '\0';
	event += strlen(EVENT_MARK);
	args = strchr(event, ':');
	/* The last bracket before the event: the comm may hold one, too. */
	cpu = strrchr(text, '[');
	if (!args || !cpu || cpu == text)
		return false;
	*args++ = '\0';
	cpu[-1] = '\0';
	line->event = event;
	parse_args(args, line);
	return parse_place(cpu, line) && parse_task(text, line);
}

/*
 * Events that were lost: "CPU:1 [LOST 3 EVENTS]" in ftrace's text, "CPU:1 [3 EVENTS
 * DROPPED]" in trace-cmd's. How many, or 0: the text does not say.
 */
bool trace_parse_gap(const char *text, int *cpu, uint64_t *lost)
{
	const char *what = strchr(text, '[');

	if (!what || sscanf(text, "CPU:%d [", cpu) != 1 || !strstr(what, "EVENTS"))
		return false;
	*lost = strtoull(what + strcspn(what, "0123456789"), NULL, 10);
	return true;
}

/* The value of an argument, "" for a bare word; NULL if there is none. */
const char *trace_arg(const struct trace_line *line, const char *key)
{
	for (unsigned int i = 0; i < line->nargs; i++)
		if (strcmp(line->args[i].key, key) == 0)
			return line->args[i].value;
	return NULL;
}

uint64_t trace_number(const struct trace_line *line, const char *key)
{
	const char *value = trace_arg(line, key);

	return value ? strtoull(value, NULL, 10) : 0;
}
