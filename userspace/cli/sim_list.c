// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a sim raises, and when. A list is made up step by step from its seed, or is
 * read from a file, one step a line:
 *
 *	+5ms 0x2a	5 milliseconds after the step before, data 42
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define BLANKS	" \t\n"

/* What a number is drawn for: so an option more leaves what the others do as it is. */
enum draw { DRAW_JITTER, DRAW_LATE, DRAW_DROP, DRAW_DUPLICATE, DRAW_DATA };

/* The finisher of splitmix64: each bit of @x changes half of the result. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The @n-th number that is drawn for this: the same on any machine. */
static uint64_t draw(const struct sim_list *list, enum draw what, uint64_t n)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

	return mix(mix(mix(list->seed) + golden * (what + 1)) + golden * (n + 1));
}

static bool happens(const struct sim_list *list, enum draw what, uint64_t n, uint32_t of_a_million)
{
	return draw(list, what, n) % MILLION < of_a_million;
}

/* When the @n-th burst comes, of which none comes before the one before. */
static uint64_t burst_time(const struct sim_list *list, uint64_t n)
{
	uint64_t time_ns = (n + 1) * list->every_ns;
	uint64_t off_ns = draw(list, DRAW_JITTER, n) % (2 * list->jitter_ns + 1);

	time_ns += off_ns;
	time_ns -= MIN(time_ns, list->jitter_ns);
	if (happens(list, DRAW_LATE, n, list->late))
		time_ns += list->late_ns;
	return MAX(time_ns, list->time_ns);
}

static uint64_t data_of(const struct sim_list *list, uint64_t n)
{
	switch (list->data) {
	case SIM_RANDOM:
		return draw(list, DRAW_DATA, n);
	case SIM_CONSTANT:
		return list->constant;
	default:
		return n + 1;
	}
}

static void make_step(struct sim_list *list, struct evnotify_sim_step *step)
{
	uint64_t n;

	if (list->again) {
		list->again = false;
		*step = (struct evnotify_sim_step){ .data = list->again_data };
		return;
	}
	do
		n = list->next++;
	while (happens(list, DRAW_DROP, n, list->drop));
	step->delay_ns = MIN(burst_time(list, n / list->burst) - list->time_ns, SIM_MAX_DELAY);
	step->data = data_of(list, n);
	list->again = happens(list, DRAW_DUPLICATE, n, list->duplicate);
	list->again_data = step->data;
}

/* The next step; false: there is none. */
bool sim_next(struct sim_list *list, struct evnotify_sim_step *step)
{
	if (list->raised == list->events || (list->steps && list->next == list->n))
		return false;
	if (list->steps)
		*step = list->steps[list->next++];
	else
		make_step(list, step);
	list->time_ns += step->delay_ns;
	list->raised++;
	return list->time_ns <= list->span_ns;
}

void sim_print_step(uint64_t delay_ns, uint64_t data)
{
	char delay[32];

	format_time(delay_ns, delay, sizeof(delay));
	printf("+%s %#" PRIx64 "\n", delay, data);
}

/* A number, also in hexadecimal. Returns NULL, or what is wrong with it. */
const char *sim_parse_data(const char *text, uint64_t *data)
{
	char *end;

	if (*text < '0' || *text > '9')
		return "is not a number (like 42 or 0x2a)";
	errno = 0;
	*data = strtoull(text, &end, 0);
	if (*end)
		return "is not a number (like 42 or 0x2a)";
	return errno ? "is too large" : NULL;
}

/* A percentage below 100. Returns NULL, or what is wrong with it. */
const char *sim_parse_percent(const char *text, uint32_t *of_a_million)
{
	static const char form[] = "is not a percentage (like 1% or 0.05%)";
	const char *sign = strchr(text, '%');
	char number[32] = "";
	const char *error;
	uint64_t ns;

	if (!sign || sign[1] || sign == text || sign - text > 16)
		return form;
	memcpy(number, text, (size_t)(sign - text));
	if (number[strspn(number, "0123456789.")])
		return form;
	/* A percent is 10,000 of a million: seconds of 10,000 parts. */
	error = parse_time(number, &ns);
	if (error || ns % (NSEC_PER_SEC / 10000))
		return error ? form : "is finer than 0.0001%";
	if (ns >= 100 * NSEC_PER_SEC)
		return "is not below 100%";
	*of_a_million = (uint32_t)(ns / (NSEC_PER_SEC / 10000));
	return NULL;
}

/* Takes a line of a file apart. Returns NULL, or what is wrong with it. */
static const char *parse_step(char *line, struct evnotify_sim_step *step)
{
	char *delay = strtok(line, BLANKS);
	char *data = strtok(NULL, BLANKS);
	const char *error;
	uint64_t number;

	if (*delay != '+' || !data || strtok(NULL, BLANKS))
		return "is not a step (like +5ms 0x2a)";
	error = parse_time(delay + 1, &number);
	if (error)
		return error;
	if (number > SIM_MAX_DELAY)
		return "is too long a time: 26 days at most";
	step->delay_ns = number;
	error = sim_parse_data(data, &number);
	step->data = number;
	return error;
}

static int read_steps(struct sim_list *list, FILE *file, const char *name)
{
	unsigned int number = 0;
	size_t line_size = 0;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &line_size, file) > 0) {
		const char *error;
		char shown[64];

		number++;
		line[strcspn(line, "#\n")] = '\0';
		if (!line[strspn(line, BLANKS)])
			continue;
		if (list->n == room) {
			room = room ? 2 * room : EVNOTIFY_SIM_MAX_STEPS;
			list->steps = reallocarray(list->steps, room, sizeof(*list->steps));
			if (!list->steps)
				return fail(EXIT_FAILED, "cannot hold the steps: %s",
					    strerror(errno));
		}
		snprintf(shown, sizeof(shown), "%s", line);
		error = parse_step(line, &list->steps[list->n++]);
		if (error)
			return fail(EXIT_FAILED, "%s, line %u: '%s' %s", name, number, shown,
				    error);
	}
	free(line);
	if (ferror(file))
		return fail(EXIT_FAILED, "cannot read %s: %s", name, strerror(errno));
	if (!list->n) {
		fail(EXIT_FAILED, "%s has no step", name);
		hint("evnotify record DEVICE >FILE, or evnotify sim --events 100 --print >FILE");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

/* "-" is standard input. */
int sim_read_file(struct sim_list *list, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	int status;

	if (!file)
		return fail(EXIT_FAILED, "cannot open %s: %s", name, strerror(errno));
	status = read_steps(list, file, name);
	if (!is_stdin)
		fclose(file);
	return status;
}
