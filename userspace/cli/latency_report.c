// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "latency.h"

const char *const kind_names[] = { "timer", "source", "baseline" };

/* Text. */

static void print_stage(const struct histogram *h)
{
	char half[32], most[32];

	if (!h->samples) {
		printf("  %18s", "-");
		return;
	}
	histogram_format(histogram_at(h, 0.5), half, sizeof(half));
	histogram_format(histogram_at(h, 0.99), most, sizeof(most));
	printf("  %9s %8s", half, most);
}

/* Where it went, of those that know. */
static void print_stages(void)
{
	bool any = false;

	for (const struct latency_path *p = latency_paths; p->path.name; p++)
		any |= p->is_chosen && p->has_record;
	if (!any)
		return;
	printf("%-22s", "STAGES: P50, P99");
	for (size_t i = 0; i < NR_STAGES; i++)
		printf("  %18s", stage_names[i].title);
	putchar('\n');
	for (const struct latency_path *p = latency_paths; p->path.name; p++) {
		if (!p->is_chosen || !p->has_record)
			continue;
		printf("%-22s", p->path.name);
		for (size_t i = 0; i < NR_STAGES; i++)
			print_stage(&p->delays.stages[i]);
		putchar('\n');
	}
}

void latency_print_table(void)
{
	struct histogram_row rows[64];
	size_t n = 0;

	for (const struct latency_path *p = latency_paths; p->path.name; p++)
		if (p->is_chosen)
			rows[n++] = (struct histogram_row){ p->path.name, &p->delays.total };
	histogram_print_table("PATH", rows, n);
	print_stages();
}

/* JSON. */

static void print_worst(const struct latency_sample *s)
{
	printf(",\"worst\":{");
	if (s->due_ns)
		printf("\"due_ns\":%" PRIu64, s->due_ns);
	else
		printf("\"due_ns\":null");
	if (s->expired_ns)
		printf(",\"expired_ns\":%" PRIu64 ",\"completed_ns\":%" PRIu64, s->expired_ns,
		       s->completed_ns);
	else
		printf(",\"expired_ns\":null,\"completed_ns\":null");
	printf(",\"seen_ns\":%" PRIu64 "}", s->seen_ns);
}

static void print_path(const struct latency_path *p)
{
	printf("{\"name\":\"%s\",\"kind\":\"%s\",\"missed\":%" PRIu64 ",\"early\":%" PRIu64
	       ",\"total\":{", p->path.name, kind_names[p->kind], p->missed, p->early);
	histogram_print_json(&p->delays.total);
	printf("},\"stages\":");
	if (p->has_record) {
		for (size_t i = 0; i < NR_STAGES; i++) {
			printf("%s\"%s\":{", i ? "," : "{", stage_names[i].name);
			histogram_print_json(&p->delays.stages[i]);
			printf("}");
		}
		printf("}");
	} else {
		printf("null");
	}
	if (p->delays.total.samples)
		print_worst(&p->worst);
	else
		printf(",\"worst\":null");
	printf("}");
}

static void print_threshold(const struct threshold *t)
{
	const struct histogram *h = &t->path->delays.total;
	uint64_t value = histogram_at(h, 0.99);

	printf("{\"path\":\"%s\",\"percentile\":\"p99\",\"limit_ns\":%" PRIu64 ",\"value_ns\":",
	       t->path->path.name, t->limit_ns);
	if (h->samples)
		printf("%" PRIu64, value);
	else
		printf("null");
	printf(",\"verdict\":\"%s\"}", h->samples && value <= t->limit_ns ? "pass" : "fail");
}

/* What the clock that all is measured with costs itself. */
static uint64_t clock_call_ns(void)
{
	enum { CALLS = 1000 };
	uint64_t from = now_ns(CLOCK_MONOTONIC);

	for (int i = 0; i < CALLS; i++)
		now_ns(CLOCK_MONOTONIC);
	return (now_ns(CLOCK_MONOTONIC) - from) / CALLS;
}

static void print_string_or_null(const char *text)
{
	if (text)
		print_json_string(text);
	else
		printf("null");
}

static void print_settings(const struct latency *lab)
{
	printf("\"settings\":{\"device\":");
	print_json_string(lab->device);
	printf(",\"source\":");
	print_string_or_null(lab->source);
	printf(",\"period_ns\":%" PRIu64 ",\"jitter_ns\":%" PRIu64 ",\"samples\":%" PRIu64
	       ",\"seed\":%" PRIu64 ",\"cpu\":", lab->period_ns, lab->jitter_ns, lab->samples,
	       lab->seed);
	if (lab->cpu >= 0)
		printf("%d", lab->cpu);
	else
		printf("null");
	printf(",\"prio\":%d,\"load\":", lab->prio);
	print_string_or_null(lab->load_text);
	printf(",\"clock_call_ns\":%" PRIu64 "}", clock_call_ns());
}

void latency_print_json(const struct latency *lab, char **argv, time_t start)
{
	const char *comma = "";
	struct tm tm;
	char text[32];

	gmtime_r(&start, &tm);
	strftime(text, sizeof(text), "%FT%TZ", &tm);
	printf("{\"schema\":\"evnotify-latency/1\",\"version\":\"%s\",\"start\":\"%s\",\"duration_ns\":%"
	       PRIu64 ",\"command\":[\"evnotify\",\"latency\"", evn_version_string(), text,
	       lab->end_ns - lab->start_ns);
	while (*++argv) {
		printf(",");
		print_json_string(*argv);
	}
	printf("],\n");
	print_environment(lab->device);
	printf(",\n");
	print_settings(lab);
	printf(",\n\"paths\":[");
	for (const struct latency_path *p = latency_paths; p->path.name; p++) {
		if (!p->is_chosen)
			continue;
		printf("%s\n", comma);
		print_path(p);
		comma = ",";
	}
	printf("\n],\"thresholds\":[");
	comma = "";
	for (size_t i = 0; i < lab->nr_thresholds; i++) {
		printf("%s\n", comma);
		print_threshold(&lab->thresholds[i]);
		comma = ",";
	}
	printf("]}\n");
}
