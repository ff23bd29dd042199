// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify info: what the module is and allows.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The source of an open file: its name, "" if it has none, and what it ever raised. */
struct source {
	char name[64];
	uint64_t raised;
};

static void learn_source(struct evn *evn, struct source *source)
{
	char path[128];
	char raised[32];
	char *text;
	size_t len;
	char *at;

	*source = (struct source){ 0 };
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", evn_fd(evn));
	text = read_all(path, &len);
	if (len) {
		text[len - 1] = '\0';
		at = strstr(text, "\nsource:\t");
		if (at)
			sscanf(at, " source: %63s", source->name);
	}
	free(text);
	snprintf(path, sizeof(path), SOURCES "/%s/raised", source->name);
	read_line(path, raised, sizeof(raised));
	source->raised = strtoull(raised, NULL, 10);
}

static void print_names(uint64_t mask, const struct name *names, bool json)
{
	const char *quote = json ? "\"" : "";
	const char *before = "";

	for (; names->name; names++) {
		if (!(mask & 1ULL << names->value))
			continue;
		printf("%s%s%s%s", before, quote, names->name, quote);
		before = json ? "," : ", ";
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

static void print_text(const char *device, const struct evnotify_info *info, const char *version,
		       const struct source *source)
{
	printf("device        %s\n", device);
	if (*source->name)
		printf("source        %s, raised %" PRIu64 " events\n", source->name,
		       source->raised);
	printf("module        %s, interface version %u\n", version, info->abi_version);
	printf("command       %s, interface version %u\n", evn_version_string(),
	       EVNOTIFY_ABI_VERSION);
	printf("features      ");
	print_names(info->features, feature_names, false);
	printf("\nmodes         ");
	print_names(info->modes, mode_names, false);
	printf("\n");
	print_clocks(info->clocks, false);
	printf("min_period    %" PRIu64 " ns\n", (uint64_t)info->min_period_ns);
	printf("max_requests  %u for each instance\n", info->max_requests);
}

static void print_json(const char *device, const struct evnotify_info *info, const char *version,
		       const struct source *source)
{
	printf("{\"device\":");
	print_json_string(device);
	printf(",\"module_version\":\"%s\",\"abi_version\":%u", version, info->abi_version);
	printf(",\"command_version\":\"%s\",\"command_abi_version\":%u", evn_version_string(),
	       EVNOTIFY_ABI_VERSION);
	if (*source->name)
		printf(",\"source\":\"%s\",\"raised\":%" PRIu64, source->name, source->raised);
	else
		printf(",\"source\":null,\"raised\":null");
	printf(",\"features\":[");
	print_names(info->features, feature_names, true);
	printf("],\"modes\":[");
	print_names(info->modes, mode_names, true);
	printf("],\"clocks_now_ns\":{");
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
	struct source source;
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
	learn_source(evn, &source);
	evn_close(evn);
	snprintf(version, sizeof(version), "%u.%u.%u", info.module_version >> 16,
		 info.module_version >> 8 & 0xff, info.module_version & 0xff);
	if (json)
		print_json(device, &info, version, &source);
	else
		print_text(device, &info, version, &source);
	return flush_output();
}

const struct command cmd_info = {
	.name = "info",
	.run = run,
	.help =
"Usage: evnotify info [OPTION]...\n"
"\n"
"Shows what the module is and allows: versions, features, modes, clocks, limits;\n"
"and the source of the device, if it has one.\n"
"\n"
"  -j, --json           one JSON object\n"
"  -d, --device PATH    the device node (default " DEVICE_PATH ")\n",
};
