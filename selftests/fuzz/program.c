// SPDX-License-Identifier: GPL-2.0-only
/* evnotify fuzzer - a sequence of calls: its text form, its mutation */
#include <asm/ioctls.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* --- what there is to call, with what --------------------------------------------------- */

#define REQUEST_ARGS A_DUE, A_BASE, A_PERIOD, A_MODE, A_FLAGS, A_CLOCK, A_EVENTFD, A_LIMIT, \
		     A_RESERVED, A_SOURCE

static const struct {
	const char *name;
	int weight;
	uint8_t args[24];	/* ends with 0, which is A_THREAD: every call has that */
} ops[NR_OPS] = {
	[OP_OPEN] = { "open", 4, { A_FD, A_KIND, A_FAIL } },
	[OP_EVENTFD] = { "eventfd", 4, { A_FD, A_KIND } },
	[OP_CLOSE] = { "close", 4, { A_FD } },
	[OP_DUP] = { "dup", 2, { A_FD, A_TO } },
	[OP_INFO] = { "info", 1, { A_FD, A_PLACE, A_FAIL } },
	[OP_REGISTER] = { "register", 16, { A_FD, A_PLACE, A_ARRAY, A_COUNT, A_N, A_AT,
					    REQUEST_ARGS, A_KIND, A_FAIL } },
	[OP_WAIT] = { "wait", 10, { A_FD, A_PLACE, A_N, REQUEST_ARGS } },
	[OP_CANCEL] = { "cancel", 12, { A_FD, A_PLACE, A_ID, A_XOR, A_FLAGS, A_RESERVED,
					A_FAIL } },
	[OP_UPDATE] = { "update", 12, { A_FD, A_PLACE, A_ID, A_XOR, A_DUE, A_BASE, A_PERIOD,
					A_FLAGS, A_LIMIT, A_RESERVED, A_FAIL } },
	[OP_WRITE] = { "write", 8, { A_FD, A_ARRAY, A_COUNT, A_N, A_AT, A_SPLIT, A_NOWAIT,
				     REQUEST_ARGS, A_FAIL } },
	[OP_READ] = { "read", 10, { A_FD, A_ARRAY, A_LEN, A_SPLIT, A_NOWAIT, A_FAIL } },
	[OP_POLL] = { "poll", 8, { A_FD, A_USEC, A_EVENTS } },
	[OP_FCNTL] = { "fcntl", 3, { A_FD, A_KIND } },
	[OP_FIONREAD] = { "fionread", 2, { A_FD, A_PLACE } },
	[OP_FDINFO] = { "fdinfo", 1, { A_FD } },
	[OP_IOCTL] = { "ioctl", 2, { A_FD, A_CMD, A_PLACE } },
	[OP_SIGNAL] = { "signal", 3, { A_TO } },
	[OP_SETTIME] = { "settime", 1, { A_DUE } },
	[OP_FORK] = { "fork", 1, { A_N } },
	[OP_SIM] = { "sim", 4, { A_FD, A_PLACE, A_NOWAIT, A_KIND, A_RESERVED, A_FAIL } },
	[OP_REOPEN] = { "reopen", 2, { A_FD, A_TO, A_KIND, A_FAIL } },
	[OP_RAISE] = { "raise", 10, { A_FD, A_ARRAY, A_LEN, A_AT, A_DUE, A_FAIL } },
	[OP_UNPLUG] = { "unplug", 3, { A_FD } },
};

#define VALUES(...) (const uint64_t[]){ __VA_ARGS__ }, \
		    ARRAY_SIZE(((const uint64_t[]){ __VA_ARGS__ }))
#define MAX64	INT64_MAX
/* BATCH: the largest of the module's, see fuzz.sh. */
_Static_assert(MAX_ARRAY > BATCH, "no call makes the module go on after a batch");
/* As fuzz.sh loads the module: shorter ones would keep an emulated machine busy. */
#define MIN_PERIOD_NS	1000000

/* Of each argument the values worth a try; the first ones, @usual, are those of good calls. */
static const struct {
	const char *name;
	int usual;
	const uint64_t *values;
	int nr_values;
} args[NR_ARGS] = {
	[A_THREAD] = { "thread", 3, VALUES(0, 1, 2) },
	[A_FAIL] = { "fail", 1, VALUES(0, 1, 2, 3, 4, 5, 6, 7) },
	[A_FD] = { "fd", 2, VALUES(0, 1, 2, 3, 4, 5, 6, 7) },
	[A_TO] = { "to", 3, VALUES(1, 2, 0, 3, 4) },
	[A_PLACE] = { "place", 3, VALUES(0, 1, 0, 2, 3, 4, 5, 16, 23, 47, 80) },
	[A_ARRAY] = { "array", 3, VALUES(0, 1, 0, 2, 3, 4, 5, 16, 23, 47, 80, 2100) },
	[A_COUNT] = { "more", 1, VALUES(0, 1, 2, 63, -1, -2, -64, 0xffffffff, 1000) },
	[A_N] = { "n", 5, VALUES(1, 2, 3, 8, 10, 0, 9, 32, 33, 64, 65, MAX_ARRAY) },
	[A_AT] = { "at", 2, VALUES(0, AT_ALL, 1, 2, 8, 9, 31, 32, 63, 64) },
	[A_DUE] = { "due", 7, VALUES(0, 0, 1, 100000, 500000, 2000000, 3600000000000, 1000,
				     MAX64 - 1, MAX64, MAX64 + 1ULL, UINT64_MAX) },
	[A_BASE] = { "base", 2, VALUES(0, 1) },
	[A_PERIOD] = { "period", 5, VALUES(0, 0, 0, MIN_PERIOD_NS, 2 * MIN_PERIOD_NS,
					   MIN_PERIOD_NS - 1, 1, 3600000000000, MAX64,
					   MAX64 + 1ULL, UINT64_MAX) },
	[A_MODE] = { "mode", 3, VALUES(EVNOTIFY_MODE_PENDING, EVNOTIFY_MODE_PENDING,
				       EVNOTIFY_MODE_EVENTFD, 2, 0x80000001, 0x100) },
	[A_FLAGS] = { "flags", 2, VALUES(0, 1, 2, 3, 0x80000000, 0x100) },
	[A_SOURCE] = { "source", 4, VALUES(0, 1, 1, 3, 2) },
	[A_CLOCK] = { "clock", 4, VALUES(1, 7, 0, 11, 2, 3, 4, 5, 8, 9, 10, 12, 0xffffffff, 257) },
	[A_EVENTFD] = { "eventfd", 4, VALUES(0, 1, 2, 3, 4, 0xffffffff, 0x7fffffff, 1000, 50) },
	[A_LIMIT] = { "limit", 4, VALUES(0, 0, 1, 3, 2, 0xffffffff, 0x80000000) },
	[A_RESERVED] = { "reserved", 1, VALUES(0, 1, 2, 3, 4) },
	[A_ID] = { "id", 6, VALUES(1, 2, 3, ID_OF_WAIT + 1, ID_OF_WAIT + 2, 0, 4, 5, 6, 7, 8, 12,
				   20, 33, 65, ID_OF_WAIT) },
	[A_XOR] = { "xor", 1, VALUES(0, 1, 7, 32, 63, 64, 1 << 20, 1 << 21, 3 << 21, 1ULL << 40,
				     1ULL << 63, UINT64_MAX) },
	[A_LEN] = { "len", 4, VALUES(64, 128, 640, 4096, 100, 63, 1, 65, 8, 0, 1 << 20, 704,
				     33 * 64, 65 * 64, 8192) },
	[A_SPLIT] = { "split", 1, VALUES(0, 1, 64, 63, 32, 100, 33 * 64, 4095) },
	[A_NOWAIT] = { "nowait", 2, VALUES(0, 1) },
	[A_USEC] = { "usec", 4, VALUES(0, 300, 1000, 3000) },
	[A_EVENTS] = { "events", 2, VALUES(POLLIN, POLLIN | POLLOUT, POLLOUT, 0, 0xffff) },
	[A_CMD] = { "cmd", 8, VALUES(_IO(0xed, 0), _IOR(0xed, 0, char), _IO(0xed, 5),
				     _IOWR(0xed, 3, struct evnotify_update),
				     _IOW(0xed, 3, struct evnotify_cancel), _IO(0xed, 255),
				     _IOWR(0xec, 3, struct evnotify_cancel), 0,
				     0xffffffff, TCGETS, FIONBIO, FIOASYNC) },
	[A_KIND] = { "kind", 1, VALUES(0, 1, 2, 3) },
};

const char *op_name(enum op op)
{
	return ops[op].name;
}

/* --- text: one call per line, arguments that are 0 left out, an empty line at the end --- */

static char *print_arg(char *to, const struct call *call, int arg)
{
	uint64_t value = call->arg[arg];

	if (!value)
		return to;
	return to + sprintf(to, value < 1ULL << 40 ? " %s=%llu" : " %s=%#llx", args[arg].name,
			    (unsigned long long)value);
}

void program_print(const struct program *program, char *text)
{
	int i, k;

	for (i = 0; i < program->length; i++) {
		const struct call *call = &program->calls[i];

		text += sprintf(text, "%s", ops[call->op].name);
		text = print_arg(text, call, A_THREAD);
		for (k = 0; ops[call->op].args[k]; k++)
			text = print_arg(text, call, ops[call->op].args[k]);
		*text++ = '\n';
	}
	strcpy(text, "\n");
}

static bool has_arg(enum op op, int arg)
{
	return !arg || memchr(ops[op].args, arg, sizeof(ops[op].args));
}

static void parse_call(struct call *call, char *line)
{
	char *save, *word = strtok_r(line, " \t", &save);
	int op, arg;

	memset(call, 0, sizeof(*call));
	for (op = 0; op < NR_OPS && strcmp(ops[op].name, word); op++)
		;
	if (op == NR_OPS)
		die("there is no call '%s'", word);
	call->op = op;
	while ((word = strtok_r(NULL, " \t", &save))) {
		char *value = strchr(word, '='), *end;

		if (!value)
			die("'%s' is not of the form argument=number", word);
		*value++ = '\0';
		for (arg = 0; arg < NR_ARGS && strcmp(args[arg].name, word); arg++)
			;
		if (arg == NR_ARGS || !has_arg(op, arg))
			die("%s has no argument '%s'", ops[op].name, word);
		call->arg[arg] = strtoull(value, &end, 0);
		if (end == value || *end)
			die("%s: '%s' is not a number", ops[op].name, value);
	}
}

bool program_parse(struct program *program, const char **text)
{
	char line[512];

	program->length = 0;
	while (**text) {
		size_t length = strcspn(*text, "\n");
		const char *start = *text;

		*text += length + ((*text)[length] == '\n');
		if (*start == '#')
			continue;
		if (!length && program->length)
			return true;
		if (!length)
			continue;
		if (length >= sizeof(line) || program->length == MAX_CALLS)
			die("a line or a sequence is too long: %.40s", start);
		snprintf(line, sizeof(line), "%.*s", (int)length, start);
		parse_call(&program->calls[program->length++], line);
	}
	return program->length;
}

/* --- mutation ------------------------------------------------------------------------- */

uint64_t random_state;

static uint64_t random64(void)
{
	/* xorshift64* */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

uint64_t random_below(uint64_t limit)
{
	return (random64() >> 16) % limit;
}

static uint64_t random_value(int arg, int percent_usual)
{
	uint64_t value;

	if (random_below(100) < percent_usual)
		return args[arg].values[random_below(args[arg].usual)];
	value = args[arg].values[random_below(args[arg].nr_values)];
	/* These are indices or amounts that must stay small. */
	if (arg == A_THREAD || arg == A_USEC || arg == A_N || arg == A_FD || arg == A_TO ||
	    random_below(4))
		return value;
	switch (random_below(4)) {
	case 0:
		return value + 1;
	case 1:
		return value - 1;
	case 2:
		return value ^ 1ULL << random_below(64);
	default:
		return random64() >> random_below(64);
	}
}

static void random_call(struct call *call)
{
	int total = 0, op, k;
	uint64_t choice;

	for (op = 0; op < NR_OPS; op++)
		total += ops[op].weight;
	choice = random_below(total);
	for (op = 0; choice >= ops[op].weight; op++)
		choice -= ops[op].weight;

	memset(call, 0, sizeof(*call));
	call->op = op;
	if (random_below(4) == 0)
		call->arg[A_THREAD] = random_value(A_THREAD, 100);
	for (k = 0; ops[op].args[k]; k++)
		call->arg[ops[op].args[k]] = random_value(ops[op].args[k], 93);
}

static void insert(struct program *program, int at, const struct call *call)
{
	if (program->length == MAX_CALLS)
		return;
	memmove(&program->calls[at + 1], &program->calls[at],
		(program->length - at) * sizeof(*call));
	program->calls[at] = *call;
	program->length++;
}

void program_remove(struct program *program, int call)
{
	program->length--;
	memmove(&program->calls[call], &program->calls[call + 1],
		(program->length - call) * sizeof(struct call));
}

static void mutate_arg(struct call *call)
{
	int nr = 0, arg;

	while (ops[call->op].args[nr])
		nr++;
	arg = random_below(8) ? ops[call->op].args[random_below(nr)] : A_THREAD;
	call->arg[arg] = random_value(arg, 40);
}

void program_mutate(struct program *program, const struct program *other)
{
	int rounds = 1 + random_below(4);
	struct call call;

	while (rounds--) {
		int at = random_below(program->length + 1);

		switch (program->length ? random_below(10) : 0) {
		case 0:
		case 1:
		case 2:
			random_call(&call);
			insert(program, at, &call);
			break;
		case 3:
			if (program->length > 1)
				program_remove(program, at % program->length);
			break;
		case 4:
			call = program->calls[random_below(program->length)];
			insert(program, at, &call);
			break;
		case 5:
			if (other->length)
				insert(program, at, &other->calls[random_below(other->length)]);
			break;
		default:
			mutate_arg(&program->calls[at % program->length]);
			break;
		}
	}
}
