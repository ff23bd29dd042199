// SPDX-License-Identifier: GPL-2.0-only
/*
 * When each request and instance took its latest step. Sorted by instance, then
 * id, so that one comparison finds any request of an instance.
 */
#include <search.h>
#include <stdlib.h>

#include "trace.h"

static void *subjects;

static int compare_instances(const void *a, const void *b)
{
	const struct trace_subject *x = a;
	const struct trace_subject *y = b;

	return (x->instance > y->instance) - (x->instance < y->instance);
}

static int compare(const void *a, const void *b)
{
	const struct trace_subject *x = a;
	const struct trace_subject *y = b;
	int order = compare_instances(a, b);

	return order ? order : (x->id > y->id) - (x->id < y->id);
}

/* Finds or makes it. */
struct trace_subject *trace_subject(uint64_t instance, uint64_t id)
{
	struct trace_subject *new = calloc(1, sizeof(*new));
	struct trace_subject **found;

	if (!new)
		abort();
	new->instance = instance;
	new->id = id;
	found = tsearch(new, &subjects, compare);
	if (!found)
		abort();
	if (*found != new)
		free(new);
	return *found;
}

static void forget(struct trace_subject *subject)
{
	tdelete(subject, &subjects, compare);
	free(subject);
}

void trace_forget_request(uint64_t instance, uint64_t id)
{
	forget(trace_subject(instance, id));
}

void trace_forget_instance(uint64_t instance)
{
	struct trace_subject key = { .instance = instance };
	struct trace_subject **found;

	while ((found = tfind(&key, &subjects, compare_instances)))
		forget(*found);
}

static void *instances;

static void keep_instance(void *node)
{
	struct trace_subject *subject = node;

	subject->last_ns = 0;
	if (subject->id)
		free(subject);
	else if (!tsearch(subject, &instances, compare))
		abort();
}

/* Forgets all but the instances, and when those took their latest step. */
void trace_forget_requests(void)
{
	tdestroy(subjects, keep_instance);
	subjects = instances;
	instances = NULL;
}
