// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify info: what the module is and allows.
 */
#include <getopt.h>
#include <inttypes.h>

#include "cli.h"

static void print_names(const char *separator, uint64_t mask, const struct name *names)
{
	const char *before = "";

	for (; names->name; names++) {
		if (!(mask & 1ULL << names->value))
			continue;
		printf("%s%s", before, names->name);
		before = separator;
	}
}

static void print_clocks(uint64_t mask, bool json)
{
	const char *before = "";

	for (const struct name *clock = clock_names; clock->name; clock++) {
		uint64_t ns = now_ns(clock->value);

		if (!(mask & 1ULL << clock->value))
			continue;
		if (json)
			printf("%s\"%s\":%" PRIu64, before, clock->name, ns);
		else
			printf("clock         %-10s now %" PRIu64 ".%09" PRIu64 " s\n", clock->name,
			       ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);
		before = ",";
	}
}

static void print_text(const char *device, const struct evnotify_info *info, const char *version)
{
	bool checked = info->features & EVNOTIFY_FEATURE_CHECKED;

	printf("device        %s\n", device);
	printf("module        %s, interface version %u%s\n", version, info->abi_version,
	       checked ? ", checked build" : "");
	printf("command       %s, interface version %u\n", evn_version_string(),
	       EVNOTIFY_ABI_VERSION);
	printf("modes         ");
	print_names(", ", info->modes, mode_names);
	printf("\n");
	print_clocks(info->clocks, false);
	printf("min_period    %" PRIu64 " ns\n", (uint64_t)info->min_period_ns);
	printf("max_requests  %u for each instance\n", info->max_requests);
}

static void print_json(const char *device, const struct evnotify_info *info, const char *version)
{
	printf("{\"device\":");
	print_json_string(device);
	printf(",\"module_version\":\"%s\",\"abi_version\":%u", version, info->abi_version);
	printf(",\"command_version\":\"%s\",\"command_abi_version\":%u", evn_version_string(),
	       EVNOTIFY_ABI_VERSION);
	printf(",\"checked\":%s,\"modes\":[\"",
	       info->features & EVNOTIFY_FEATURE_CHECKED ? "true" : "false");
	print_names("\",\"", info->modes, mode_names);
	printf("\"],\"clocks_now_ns\":{");
	print_clocks(info->clocks, true);
	printf("},\"min_period_ns\":%" PRIu64 ",\"max_requests\":%u}\n",
	       (uint64_t)info->min_period_ns, info->max_requests);
}

static int run(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		COMMON_LONG_OPTIONS,
	};
	const char *device = DEVICE_PATH;
	struct evnotify_info info;
	bool json = false;
	char version[32];
	struct evn *evn;
	int ret;
	int c;

	while ((c = getopt_long(argc, argv, "d:j" COMMON_OPTIONS, longopts, NULL)) >= 0) {
		if (c == 'd')
			device = optarg;
		else if (c == 'j')
			json = true;
		else
			return other_option(&cmd_info, c);
	}
	if (optind < argc)
		return bad_argument(&cmd_info, argv[optind]);
	ret = device_open(device, 0, &evn, &info);
	if (ret)
		return ret;
	evn_close(evn);
	snprintf(version, sizeof(version), "%u.%u.%u", info.module_version >> 16,
		 info.module_version >> 8 & 0xff, info.module_version & 0xff);
	if (json)
		print_json(device, &info, version);
	else
		print_text(device, &info, version);
	return flush_output();
}

const struct command cmd_info = {
	.name = "info",
	.run = run,
	.help =
"Usage: evnotify info [OPTION]...\n"
"\n"
"Shows what the module is and allows: versions, modes, clocks and limits.\n"
"\n"
"  -j, --json           one JSON object\n"
"  -d, --device PATH    the device node (default " DEVICE_PATH ")\n",
};
