// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify list: the sources that there are.
 */
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <libgen.h>
#include <unistd.h>

#include "cli.h"

struct source {
	char node[PATH_MAX];
	char raised[32];
	bool exists;	/* the node does */
	bool access;	/* the caller may open it */
	char device[PATH_MAX];	/* that the events come from; "" if there is none */
	char driver[PATH_MAX];
};

/* The name that a link leads to; "" if there is none. */
static void read_link_name(const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	target[MAX(len, 0)] = '\0';
	snprintf(buf, size, "%s", len > 0 ? basename(target) : "");
}

/* @dir is its directory in sysfs. A source that goes meanwhile has raised nothing. */
static void learn(struct source *source, char *dir)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/raised", dir);
	read_line(path, source->raised, sizeof(source->raised));
	snprintf(path, sizeof(path), "%s/device", dir);
	read_link_name(path, source->device, sizeof(source->device));
	snprintf(path, sizeof(path), "%s/device/driver", dir);
	read_link_name(path, source->driver, sizeof(source->driver));
	snprintf(source->node, sizeof(source->node), "/dev/%s", basename(dir));
	source->exists = exists(source->node);
	source->access = faccessat(AT_FDCWD, source->node, R_OK | W_OK, AT_EACCESS) == 0;
}

static void print_text(const struct source *source)
{
	printf("%-24s  %10s  %-6s  %-16s  %s\n", source->node,
	       *source->raised ? source->raised : "-",
	       source->access ? "yes" : source->exists ? "no" : "-",
	       *source->device ? source->device : "-", *source->driver ? source->driver : "-");
}

static void print_json(const struct source *source)
{
	printf("{\"node\":");
	print_json_string(source->node);
	printf(",\"raised\":%s,\"access\":%s", *source->raised ? source->raised : "null",
	       source->access ? "true" : "false");
	print_json_member("device", source->device);
	print_json_member("driver", source->driver);
	printf("}\n");
}

static int list(bool json)
{
	glob_t found = { 0 };

	if (!exists(SOURCES)) {
		fail(EXIT_NO_DEVICE, "there are no sources: no module that knows them is loaded");
		hint_doctor(DEVICE_PATH);
		return EXIT_NO_DEVICE;
	}
	glob(SOURCES "/*", 0, NULL, &found);
	if (!found.gl_pathc)
		notice("there are no sources; 'evnotify sim' makes one to test with");
	else if (!json)
		printf("%-24s  %10s  %-6s  %-16s  %s\n", "NODE", "RAISED", "ACCESS", "DEVICE",
		       "DRIVER");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct source source;

		learn(&source, found.gl_pathv[i]);
		if (json)
			print_json(&source);
		else
			print_text(&source);
	}
	globfree(&found);
	return flush_output();
}

static int run(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'j' },
		COMMON_LONG_OPTIONS,
	};
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "j" COMMON_OPTIONS, longopts, NULL)) >= 0) {
		if (c == 'j')
			json = true;
		else
			return other_option(&cmd_list, c);
	}
	if (optind < argc)
		return bad_argument(&cmd_list, argv[optind]);
	return list(json);
}

const struct command cmd_list = {
	.name = "list",
	.run = run,
	.help =
"Usage: evnotify list [OPTION]...\n"
"\n"
"Lists the sources: the node of each, how many events it has raised, whether you\n"
"may open it, the device that the events come from, and its driver.\n"
"\n"
"  -j, --json           one JSON object per line\n",
};
