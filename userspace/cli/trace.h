/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify trace: what its files share
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAX_ARGS	16

/* A line of ftrace's text, split in place. */
struct trace_line {
	const char *comm;
	int pid;
	int cpu;
	uint64_t time_ns;
	const char *event;		/* without the prefix "evnotify_" */
	unsigned int nargs;
	struct {
		const char *key;
		const char *value;	/* "" for a bare word */
	} args[TRACE_MAX_ARGS];
};

bool trace_parse(char *text, struct trace_line *line);
const char *trace_arg(const struct trace_line *line, const char *key);
uint64_t trace_number(const struct trace_line *line, const char *key);

/* What is remembered of a request, or, with id 0, of an instance. */
struct trace_subject {
	uint64_t instance;
	uint64_t id;
	uint64_t last_ns;	/* time of its latest step; 0: none */
	int owner;		/* of an instance: who uses it; 0: not known yet */
};

struct trace_subject *trace_subject(uint64_t instance, uint64_t id);
void trace_forget_request(uint64_t instance, uint64_t id);
void trace_forget_instance(uint64_t instance);

#endif /* TRACE_H */
