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
	int pid;			/* of the thread */
	int tgid;			/* of its process; 0: not known */
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
bool trace_parse_gap(const char *text, int *cpu, uint64_t *lost);
const char *trace_arg(const struct trace_line *line, const char *key);
uint64_t trace_number(const struct trace_line *line, const char *key);

/* What is remembered of a request, or, with id 0, of an instance. */
struct trace_subject {
	uint64_t instance;
	uint64_t id;
	uint64_t last_ns;	/* time of its latest step; 0: none */
	size_t last_step;	/* which that was */
	bool used;		/* of an instance: by the process that is asked for */
	bool expired;		/* in the hands of the DPC */
	bool updated;		/* has times at which it has not expired yet */
};

struct trace_subject *trace_subject(uint64_t instance, uint64_t id);
void trace_forget_request(uint64_t instance, uint64_t id);
void trace_forget_instance(uint64_t instance);
void trace_forget_requests(void);

#endif /* TRACE_H */
