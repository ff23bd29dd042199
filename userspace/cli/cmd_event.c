// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify DELAY 0|1: what event.exe of the origin did.
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
		{ NULL, 0, NULL, 0 },
	};
	const char *error;
	int c;

	while ((c = getopt_long(argc, argv, "n:d:", longopts, NULL)) >= 0) {
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
			return bad_usage(&cmd_event);
		}
	}
	if (argc - optind != 2) {
		fail(EXIT_USAGE, "needs a delay in seconds and 0 (pending request) or 1 (event)");
		return bad_usage(&cmd_event);
	}
	error = parse_time(argv[optind], &opt->delay_ns);
	if (error)
		return bad_value("DELAY", argv[optind], error);
	if (strcmp(argv[optind + 1], "0") && strcmp(argv[optind + 1], "1"))
		return bad_value("the mode", argv[optind + 1],
				 "is neither 0 (pending request) nor 1 (event)");
	opt->eventfd = argv[optind + 1][0] == '1';
	return EXIT_OK;
}

static int rounds(const struct options *opt, struct evn *evn, struct input *input)
{
	struct evnotify_request req = { .clockid = CLOCK_MONOTONIC };
	struct run run = { .evn = evn, .input = input, .reqs = &req, .n = 1 };
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
	struct evn *evn;
	int ret;

	ret = device_open(opt->device, 0, &evn, &info);
	if (ret)
		return ret;
	printf("%s, module %u.%u.%u: %s every %g s%s\n", opt->device,
	       info.module_version >> 16, info.module_version >> 8 & 0xff,
	       info.module_version & 0xff, opt->eventfd ? "an event" : "a pending request",
	       (double)opt->delay_ns / (double)NSEC_PER_SEC,
	       isatty(STDIN_FILENO) ? "; a key ends it" : "");
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
"Arms a request that is due after DELAY seconds, waits until it completes,\n"
"reports it, and begins again, until a key is pressed.\n"
"  DELAY  seconds, fractions allowed; or with a unit: 250ms, 100us, 5000ns\n"
"  0      a pending request: a system call blocks until it completes\n"
"  1      an event: an eventfd is signalled\n"
"\n"
"The module is loaded if the device is absent, and then unloaded at the end.\n"
"If standard input is not a terminal, a byte ends the command at once, and its\n"
"end ends the command after the current round.\n"
"\n"
"  -n, --count N        end after N rounds; the end of standard input is ignored\n"
"  -d, --device PATH    the device node (default " DEVICE_PATH ")\n"
"      --module FILE    the module to load: a .ko file (default: the one that is\n"
"                       installed for the running kernel)\n",
};
