// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify watch: every mode, clock and kind of due time; one line per event.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "histogram.h"

static const struct watch_mode {
	const char *name;
	uint32_t mode;
	int (*run)(struct run *run);
} modes[] = {
	{ "pending", EVNOTIFY_MODE_PENDING, run_pending },
	{ "wait", EVNOTIFY_MODE_PENDING, run_wait },
	{ "eventfd", EVNOTIFY_MODE_EVENTFD, run_eventfd },
};

struct options {
	const char *device;
	const struct watch_mode *mode;
	bool after;
	bool at;
	bool timed;	/* timers are asked for, whatever the device */
	uint64_t due_ns;
	uint64_t step_ns;
	uint64_t period_ns;
	uint64_t count;
	uint64_t requests;
	uint64_t events;
	uint64_t span_ns;
	int clockid;
	bool json;
	bool quiet;
	bool hist;
};

static int parse_mode(struct options *opt, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(name, modes[i].name) == 0) {
			opt->mode = &modes[i];
			return EXIT_OK;
		}
	}
	return bad_value("--mode", name, "is none of pending, wait, eventfd");
}

static int parse_clock(struct options *opt, const char *name)
{
	const struct name *clock = find_name(clock_names, name);

	if (!clock)
		return bad_value("--clock", name, "is none of monotonic, boottime, realtime, tai");
	opt->clockid = clock->value;
	return EXIT_OK;
}

static int parse_option(struct options *opt, int c)
{
	const char *error = NULL;
	const char *name = NULL;

	switch (c) {
	case 'm':
		return parse_mode(opt, optarg);
	case 'c':
		return parse_clock(opt, optarg);
	case 'a':
		name = "--after";
		opt->after = true;
		error = parse_time(optarg, &opt->due_ns);
		break;
	case 'A':
		name = "--at";
		opt->at = true;
		error = parse_time(optarg, &opt->due_ns);
		break;
	case 's':
		name = "--step";
		error = parse_time(optarg, &opt->step_ns);
		break;
	case 'p':
		name = "--period";
		error = parse_time(optarg, &opt->period_ns);
		if (!error && !opt->period_ns)
			error = "is too short: a period is more than 0";
		break;
	case 'n':
		name = "--count";
		error = parse_number(optarg, UINT32_MAX, &opt->count);
		break;
	case 'r':
		name = "--requests";
		error = parse_number(optarg, 1 << 20, &opt->requests);
		break;
	case 'e':
		name = "--events";
		error = parse_number(optarg, UINT32_MAX, &opt->events);
		break;
	case 'f':
		name = "--for";
		error = parse_time(optarg, &opt->span_ns);
		break;
	case 'q':
		opt->quiet = true;
		break;
	case 'H':
		opt->hist = true;
		break;
	case 'd':
		opt->device = optarg;
		break;
	case 'j':
		opt->json = true;
		break;
	default:
		return other_option(&cmd_watch, c);
	}
	return error ? bad_value(name, optarg, error) : EXIT_OK;
}

static int conflict(const char *what)
{
	fail(EXIT_USAGE, "%s", what);
	return bad_usage(&cmd_watch);
}

static int parse(struct options *opt, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "after", required_argument, NULL, 'a' },
		{ "at", required_argument, NULL, 'A' },
		{ "step", required_argument, NULL, 's' },
		{ "clock", required_argument, NULL, 'c' },
		{ "period", required_argument, NULL, 'p' },
		{ "count", required_argument, NULL, 'n' },
		{ "requests", required_argument, NULL, 'r' },
		{ "events", required_argument, NULL, 'e' },
		{ "for", required_argument, NULL, 'f' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "hist", no_argument, NULL, 'H' },
		{ "device", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		COMMON_LONG_OPTIONS,
	};
	int ret;
	int c;

	while ((c = getopt_long(argc, argv, "m:a:A:s:c:p:n:r:e:f:qd:j" COMMON_OPTIONS,
				longopts, NULL)) >= 0) {
		ret = parse_option(opt, c);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return bad_argument(&cmd_watch, argv[optind]);
	if (opt->after && opt->at)
		return conflict("--after and --at exclude each other");
	if (opt->count && !opt->period_ns)
		return conflict("--count needs --period");
	if (opt->period_ns && opt->mode->run == run_wait)
		return conflict("--mode wait takes no --period: a wait ends with one completion");
	if (opt->hist && opt->quiet)
		return conflict("--hist and --quiet exclude each other");
	opt->timed = opt->after || opt->at || opt->step_ns || opt->period_ns;
	if (!opt->after && !opt->at)
		opt->due_ns = opt->period_ns ? opt->period_ns : NSEC_PER_SEC;
	return EXIT_OK;
}

static int make_requests(const struct options *opt, struct evnotify_request *reqs)
{
	for (uint64_t i = 0; i < opt->requests; i++) {
		uint64_t due_ns;

		if (__builtin_mul_overflow(i, opt->step_ns, &due_ns) ||
		    __builtin_add_overflow(due_ns, opt->due_ns, &due_ns) || due_ns > INT64_MAX)
			return fail(EXIT_USAGE, "request %llu would be due too late (--step)",
				    (unsigned long long)i + 1);
		reqs[i] = (struct evnotify_request){
			.user_data = i + 1,
			.due_ns = due_ns,
			.period_ns = opt->period_ns,
			.mode = opt->mode->mode,
			.flags = opt->at ? EVNOTIFY_ABSTIME : 0,
			.clockid = opt->clockid,
			.count = (uint32_t)opt->count,
		};
	}
	return EXIT_OK;
}

/* A wait ends with one event; the others take each. */
static void wait_for_source(const struct run *run, bool once)
{
	for (unsigned int i = 0; i < run->n; i++) {
		run->reqs[i].due_ns = 0;
		run->reqs[i].flags = EVNOTIFY_SOURCE | (once ? 0 : EVNOTIFY_REPEAT);
	}
}

/* Where the time of all events went. */
static int print_delays(const struct delays *delays, bool json)
{
	struct histogram_row rows[NR_STAGES + 1] = { { "total", &delays->total } };

	for (size_t i = 0; i < NR_STAGES; i++)
		rows[i + 1] = (struct histogram_row){
			json ? stage_names[i].name : stage_names[i].title, &delays->stages[i],
		};
	if (!json)
		histogram_print_table("STAGE", rows, ARRAY_SIZE(rows));
	for (size_t i = 0; json && i < ARRAY_SIZE(rows); i++) {
		printf("{\"stage\":\"%s\",", rows[i].name);
		histogram_print_json(rows[i].h);
		printf("}\n");
	}
	return flush_output();
}

static int watch(const struct options *opt, struct evnotify_request *reqs)
{
	struct run run = {
		.reqs = reqs,
		.n = (unsigned int)opt->requests,
		.json = opt->json,
		.announce = !opt->quiet,
		.quiet = opt->quiet,
		.span_ns = opt->span_ns,
		.events = opt->events,
	};
	static struct delays delays;
	struct evnotify_info info;
	struct input input;
	int ret;

	if (opt->hist)
		run.delays = &delays;
	ret = device_open(opt->device, O_NONBLOCK, &run.evn, &info);
	if (ret)
		return ret;
	if (info.features & EVNOTIFY_FEATURE_HAS_SOURCE && !opt->timed)
		wait_for_source(&run, opt->mode->run == run_wait);
	run.input = &input;
	ret = input_open(&input, INPUT_KEYS);
	if (!ret) {
		ret = opt->mode->run(&run);
		if (ret == RUN_STOPPED)
			ret = EXIT_OK;
		if (!ret && opt->hist)
			ret = print_delays(&delays, opt->json);
		ret = input_close(&input, ret);
	}
	evn_close(run.evn);
	return ret;
}

static int run(int argc, char **argv)
{
	struct options opt = {
		.device = DEVICE_PATH,
		.mode = &modes[0],
		.requests = 1,
		.events = UINT64_MAX,
		.span_ns = UINT64_MAX,
		.clockid = CLOCK_MONOTONIC,
	};
	struct evnotify_request *reqs;
	int ret;

	ret = parse(&opt, argc, argv);
	if (ret)
		return ret;
	reqs = calloc((size_t)opt.requests, sizeof(*reqs));
	if (!reqs)
		return fail(EXIT_FAILED, "cannot hold the requests: %s", strerror(errno));
	ret = make_requests(&opt, reqs);
	if (!ret)
		ret = watch(&opt, reqs);
	free(reqs);
	return ret;
}

const struct command cmd_watch = {
	.name = "watch",
	.run = run,
	.help =
"Usage: evnotify watch [OPTION]...\n"
"\n"
"Arms requests and prints a line for each event: when it was due, how long after\n"
"that it expired (interrupt), completed (tasklet) and was seen (by this program).\n"
"Says on standard error when the requests are armed. Ends when every one has\n"
"completed; a key or a signal cancels the rest.\n"
"On a device with a source, the requests wait for its events, each of them for one\n"
"with mode wait, otherwise until the source goes; for times, with -a, -A, -s or -p.\n"
"\n"
"  -m, --mode MODE      pending (default): the device becomes readable\n"
"                       wait: a thread for each request blocks in the device\n"
"                       eventfd: an eventfd for each request is signalled; it\n"
"                       carries no times, so only due and seen are shown\n"
"  -a, --after TIME     due so long from now (default: the period, or 1s)\n"
"  -A, --at TIME        due at this time of the clock\n"
"  -s, --step TIME      each further request is due so much later (default 0)\n"
"  -c, --clock CLOCK    monotonic (default), boottime, realtime or tai\n"
"  -p, --period TIME    expire again and again (not with mode wait)\n"
"  -n, --count N        end each periodic request after N expirations\n"
"  -r, --requests N     arm N requests at once (default 1)\n"
"  -e, --events N       end after N events; what is cancelled then is not shown\n"
"  -f, --for TIME       end so long after the requests were armed\n"
"      --hist           no lines: at the end, percentiles and a histogram of the\n"
"                       times between these steps, of all events\n"
"  -q, --quiet          say nothing but what has failed\n"
"  -j, --json           one JSON object per line; times in nanoseconds\n"
"  -d, --device PATH    the device node (default " DEVICE_PATH ")\n"
"\n"
"TIME is a number and a unit: ns, us, ms, s, m, h or d; seconds without one.\n",
};
