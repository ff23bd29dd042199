// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify doctor: what keeps the device from working here, and what mends it.
 */
#include <getopt.h>

#include "doctor.h"

static const char *const state_names[] = {
	[STATE_OK] = "ok",
	[STATE_NOTE] = "note",
	[STATE_PROBLEM] = "problem",
};

static void print_text(const char *name, const struct finding *finding)
{
	printf("%-8s  %-10s  %s\n", state_names[finding->state], name, finding->what);
	if (*finding->why)
		printf("%20s  why:  %s\n", "", finding->why);
	if (*finding->mend)
		printf("%20s  mend: %s\n", "", finding->mend);
	if (*finding->hint)
		printf("%20s  hint: %s\n", "", finding->hint);
}

static void print_json(const char *name, const struct finding *finding)
{
	printf("{\"examined\":\"%s\",\"state\":\"%s\"", name, state_names[finding->state]);
	print_json_member("what", finding->what);
	print_json_member("why", finding->why);
	print_json_member("mend", finding->mend);
	print_json_member("hint", finding->hint);
	printf("}\n");
}

static int examine_all(const char *device, bool json)
{
	const struct examination *examination;
	struct system system;
	struct finding cause;
	int ret;

	learn_system(&system, device);
	for (examination = examinations; examination->name; examination++) {
		struct finding finding = { .state = STATE_OK };

		examination->examine(&system, &finding);
		if (json)
			print_json(examination->name, &finding);
		else
			print_text(examination->name, &finding);
		if (!system.cause && finding.state == STATE_PROBLEM) {
			cause = finding;
			system.cause = &cause;
		}
		/* Nothing that comes then could be looked at. */
		if (system.files_error)
			break;
	}
	ret = flush_output();
	if (ret)
		return ret;
	return system.cause ? cause.status : EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		COMMON_LONG_OPTIONS,
	};
	const char *device = DEVICE_PATH;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "d:j" COMMON_OPTIONS, longopts, NULL)) >= 0) {
		if (c == 'd')
			device = optarg;
		else if (c == 'j')
			json = true;
		else
			return other_option(&cmd_doctor, c);
	}
	if (optind < argc)
		return bad_argument(&cmd_doctor, argv[optind]);
	return examine_all(device, json);
}

const struct command cmd_doctor = {
	.name = "doctor",
	.run = run,
	.help =
"Usage: evnotify doctor [OPTION]...\n"
"\n"
"Finds out what keeps the device from working here: what it is, why, the command\n"
"that mends it, to be pasted into a shell, and a hint: where, when, what else.\n"
"Changes nothing. The status is that of the first problem.\n"
"\n"
"  -j, --json           one JSON object per line\n"
"  -d, --device PATH    the device node (default " DEVICE_PATH ")\n",
};
