// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify DELAY 0|1: what event.exe of the WDK sample does.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

struct options {
	const char *device;
	const char *module;
	uint64_t delay_ns;
	uint64_t rounds;	/* 0: until a key is pressed */
	bool eventfd;
};

static int parse(struct options *opt, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "device", required_argument, NULL, 'd' },
		{ "module", required_argument, NULL, 'M' },
		COMMON_LONG_OPTIONS,
	};
	const char *error;
	int c;

	while ((c = getopt_long(argc, argv, "n:d:" COMMON_OPTIONS, longopts, NULL)) >= 0) {
		switch (c) {
		case 'n':
			error = parse_number(optarg, UINT32_MAX, &opt->rounds);
			if (error)
				return bad_value("--count", optarg, error);
			break;
		case 'd':
			opt->device = optarg;
			break;
		case 'M':
			opt->module = optarg;
			break;
		default:
			return other_option(&cmd_event, c);
		}
	}
	if (optind < argc && !strchr("0123456789.+-", *argv[optind]))
		return unknown_command(argv[optind]);
	if (argc - optind != 2) {
		fail(EXIT_USAGE, "needs a delay in seconds and 0 (pending) or 1 (eventfd)");
		return bad_usage(&cmd_event);
	}
	error = parse_time(argv[optind], &opt->delay_ns);
	if (error)
		return bad_value("DELAY", argv[optind], error);
	if (strcmp(argv[optind + 1], "0") && strcmp(argv[optind + 1], "1"))
		return bad_value("the mode", argv[optind + 1],
				 "is neither 0 (pending) nor 1 (eventfd)");
	opt->eventfd = argv[optind + 1][0] == '1';
	return EXIT_OK;
}

static int rounds(const struct options *opt, struct evn *evn, struct input *input)
{
	struct evnotify_request req = { .clockid = CLOCK_MONOTONIC };
	struct run run = {
		.evn = evn,
		.input = input,
		.reqs = &req,
		.n = 1,
		.span_ns = UINT64_MAX,
		.events = UINT64_MAX,
	};
	uint64_t round = 0;
	int ret;

	do {
		req = (struct evnotify_request){
			.user_data = ++round,
			.mode = opt->eventfd ? EVNOTIFY_MODE_EVENTFD : EVNOTIFY_MODE_PENDING,
			.clockid = CLOCK_MONOTONIC,
			.due_ns = opt->delay_ns,
		};
		ret = opt->eventfd ? run_eventfd(&run) : run_wait(&run);
	} while (!ret && (opt->rounds ? round < opt->rounds : !input->eof));
	return ret;
}

static int use_device(const struct options *opt, struct input *input)
{
	struct evnotify_info info;
	char period[32];
	struct evn *evn;
	int ret;

	ret = device_open(opt->device, 0, &evn, &info);
	if (ret)
		return ret;
	format_time(opt->delay_ns, period, sizeof(period));
	printf("%s, module %u.%u.%u: mode %s, %s%s%s\n", opt->device,
	       info.module_version >> 16, info.module_version >> 8 & 0xff,
	       info.module_version & 0xff, opt->eventfd ? "eventfd" : "pending",
	       opt->delay_ns ? "a request every " : "one request after another",
	       opt->delay_ns ? period : "", isatty(STDIN_FILENO) ? "; a key ends it" : "");
	fflush(stdout);
	ret = rounds(opt, evn, input);
	evn_close(evn);
	return ret == RUN_STOPPED ? EXIT_OK : ret;
}

static int run(int argc, char **argv)
{
	struct options opt = { .device = DEVICE_PATH };
	struct module module = { 0 };
	struct input input;
	int ret;

	ret = parse(&opt, argc, argv);
	if (ret)
		return ret;
	ret = input_open(&input, INPUT_BYTES);
	if (ret)
		return ret;
	if (access(opt.device, F_OK) < 0 && errno == ENOENT)
		ret = module_load(&module, opt.module, opt.device);
	if (!ret)
		ret = use_device(&opt, &input);
	module_unload(&module);
	return input_close(&input, ret);
}

const struct command cmd_event = {
	.name = "",
	.run = run,
	.help =
"Usage: evnotify [OPTION]... DELAY 0|1\n"
"\n"
"Arms a request that is due after DELAY, waits until it completes, reports it,\n"
"and begins again, until a key is pressed.\n"
"  DELAY  seconds, fractions allowed; or with a unit: 250ms, 100us, 5000ns, 2m\n"
"  0      mode pending: a system call blocks until the request completes\n"
"  1      mode eventfd: an eventfd is signalled\n"
"\n"
"The command loads the module if the device is absent, and unloads it at the end.\n"
"If standard input is not a terminal, the first byte of it ends the command at\n"
"once, and its end ends the command after the current round.\n"
"\n"
"  -n, --count N        end after N rounds; the end of standard input is ignored\n"
"  -d, --device PATH    the device node (default " DEVICE_PATH ")\n"
"      --module FILE    the module to load: a .ko file (default: the one that is\n"
"                       installed for the running kernel)\n",
};
