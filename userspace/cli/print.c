// SPDX-License-Identifier: GPL-2.0-only
/*
 * One event, one line. A time that the mode does not know is 0 in the record:
 * an eventfd carries no times, a cancelled request did not expire. An event of a
 * source has data, and no time at which it was due.
 */
#include <errno.h>
#include <inttypes.h>

#include "cli.h"

/* What became of the request. */
static const char *status_name(const struct evnotify_event *ev)
{
	switch (ev->status) {
	case 0:
		return "completed";
	case -ENODEV:
		return "gone";
	default:
		return "cancelled";
	}
}

static void print_step(const char *name, uint64_t from_ns, uint64_t to_ns)
{
	char span[32] = "-";

	if (to_ns)
		format_span((int64_t)(to_ns - from_ns), span, sizeof(span));
	printf("  %s %-8s", name, span);
}

static void print_moment(const char *name, uint64_t ns)
{
	printf(" %s %" PRIu64 ".%09" PRIu64, name, ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);
}

/* The times of an event that has come, as far as they are known. */
static void print_steps(const struct evnotify_event *ev, bool source, uint64_t seen_ns)
{
	uint64_t from_ns = ev->completed_ns;
	char span[32];

	if (!source) {
		print_step("expired", ev->due_ns, ev->expired_ns);
		from_ns = from_ns ? from_ns : ev->due_ns;
	}
	if (!source || from_ns)
		print_step("completed", ev->expired_ns, ev->completed_ns);
	if (source && !from_ns)
		return;
	format_span((int64_t)(seen_ns - from_ns), span, sizeof(span));
	printf("  seen %s", span);
}

static void print_line(const struct evnotify_event *ev, bool source, uint64_t seen_ns)
{
	printf("request %-3" PRIu64, (uint64_t)ev->user_data);
	if (!source) {
		print_moment("due", ev->due_ns);
	} else if (ev->flags & EVNOTIFY_EVENT_DATA) {
		print_moment("raised", ev->expired_ns);
		printf("  data %#" PRIx64, (uint64_t)ev->data);
	}
	if (ev->status)
		printf("  %s", status_name(ev));
	else
		print_steps(ev, source, seen_ns);
	if (ev->lost)
		printf("  %" PRIu32 " lost", ev->lost);
	else if (ev->count > 1 || (ev->count && source && !(ev->flags & EVNOTIFY_EVENT_DATA)))
		printf("  %" PRIu32 " %s%s", ev->count, source ? "event" : "expiration",
		       ev->count > 1 ? "s" : "");
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
		       bool source, uint64_t seen_ns)
{
	printf("{\"request\":%" PRIu64 ",\"id\":%" PRIu64 ",\"mode\":\"%s\",\"clock\":\"%s\"",
	       (uint64_t)ev->user_data, (uint64_t)ev->id, mode, name_of(clock_names, clockid));
	print_json_number("seq", ev->seq, ev->seq);
	printf(",\"status\":\"%s\",\"count\":%" PRIu32 ",\"lost\":%" PRIu32 ",\"more\":%s",
	       status_name(ev), ev->count, ev->lost,
	       ev->flags & EVNOTIFY_EVENT_MORE ? "true" : "false");
	if (ev->flags & EVNOTIFY_EVENT_DATA)
		printf(",\"data\":%" PRIu64, (uint64_t)ev->data);
	else
		printf(",\"data\":null");
	print_json_number("due_ns", !source, ev->due_ns);
	print_json_number("expired_ns", ev->expired_ns, ev->expired_ns);
	print_json_number("completed_ns", ev->completed_ns, ev->completed_ns);
	print_json_number("seen_ns", true, seen_ns);
	print_json_number("due_to_expired_ns", !source && ev->expired_ns,
			  ev->expired_ns - ev->due_ns);
	print_json_number("expired_to_completed_ns", ev->expired_ns,
			  ev->completed_ns - ev->expired_ns);
	print_json_number("completed_to_seen_ns", ev->completed_ns, seen_ns - ev->completed_ns);
	printf("}\n");
}

void print_event(const struct evnotify_event *ev, const char *mode, int clockid, bool source,
		 uint64_t seen_ns, bool json)
{
	if (json)
		print_json(ev, mode, clockid, source, seen_ns);
	else
		print_line(ev, source, seen_ns);
}
