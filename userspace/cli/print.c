// SPDX-License-Identifier: GPL-2.0-only
/*
 * One event, one line. A time that the mode does not know is 0 in the record:
 * an eventfd carries no times, a cancelled request did not expire.
 */
#include <errno.h>
#include <inttypes.h>

#include "cli.h"

static void print_step(const char *name, uint64_t from_ns, uint64_t to_ns)
{
	char span[32] = "-";

	if (to_ns)
		format_span((int64_t)(to_ns - from_ns), span, sizeof(span));
	printf("  %s %-8s", name, span);
}

static void print_line(const struct evnotify_event *ev, uint64_t seen_ns)
{
	char span[32];

	printf("request %-3" PRIu64 " due %" PRIu64 ".%09" PRIu64,
	       (uint64_t)ev->user_data, (uint64_t)ev->due_ns / NSEC_PER_SEC,
	       (uint64_t)ev->due_ns % NSEC_PER_SEC);
	if (ev->status == -ECANCELED) {
		printf("  cancelled");
	} else {
		print_step("expired", ev->due_ns, ev->expired_ns);
		print_step("completed", ev->expired_ns, ev->completed_ns);
		format_span((int64_t)(seen_ns - (ev->completed_ns ? ev->completed_ns : ev->due_ns)),
			    span, sizeof(span));
		printf("  seen %s", span);
	}
	if (ev->count > 1)
		printf("  %" PRIu64 " expirations", (uint64_t)ev->count);
	if (ev->flags & EVNOTIFY_EVENT_MORE)
		printf("  more to come");
	putchar('\n');
}

/* A member that is null unless @known. */
static void print_json_number(const char *key, bool known, uint64_t number)
{
	if (known)
		printf(",\"%s\":%" PRId64, key, (int64_t)number);
	else
		printf(",\"%s\":null", key);
}

static void print_json(const struct evnotify_event *ev, const char *mode, int clockid,
		       uint64_t seen_ns)
{
	printf("{\"request\":%" PRIu64 ",\"id\":%" PRIu64 ",\"mode\":\"%s\",\"clock\":\"%s\"",
	       (uint64_t)ev->user_data, (uint64_t)ev->id, mode, name_of(clock_names, clockid));
	print_json_number("seq", ev->seq, ev->seq);
	printf(",\"status\":\"%s\",\"count\":%" PRIu64 ",\"more\":%s",
	       ev->status == -ECANCELED ? "cancelled" : "completed", (uint64_t)ev->count,
	       ev->flags & EVNOTIFY_EVENT_MORE ? "true" : "false");
	printf(",\"due_ns\":%" PRIu64, (uint64_t)ev->due_ns);
	print_json_number("expired_ns", ev->expired_ns, ev->expired_ns);
	print_json_number("completed_ns", ev->completed_ns, ev->completed_ns);
	print_json_number("seen_ns", true, seen_ns);
	print_json_number("due_to_expired_ns", ev->expired_ns, ev->expired_ns - ev->due_ns);
	print_json_number("expired_to_completed_ns", ev->expired_ns,
			  ev->completed_ns - ev->expired_ns);
	print_json_number("completed_to_seen_ns", ev->completed_ns, seen_ns - ev->completed_ns);
	printf("}\n");
}

void print_event(const struct evnotify_event *ev, const char *mode, int clockid,
		 uint64_t seen_ns, bool json)
{
	if (json)
		print_json(ev, mode, clockid, seen_ns);
	else
		print_line(ev, seen_ns);
}
