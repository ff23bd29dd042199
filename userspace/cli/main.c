// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - notified by the kernel, from the command line
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const struct command *const commands[] = {
	&cmd_watch, &cmd_info, &cmd_list, &cmd_sim, &cmd_record, &cmd_trace, &cmd_latency,
	&cmd_doctor,
};

static const char more_help[] =
"\n"
"Further commands:\n"
"  evnotify watch       every mode, clock and kind of due time, as lines or JSON\n"
"  evnotify info        what the module is and allows\n"
"  evnotify list        the sources of events, drivers' and others\n"
"  evnotify sim         a source that raises events as you wish, to test with\n"
"  evnotify record      the events of a source, for 'evnotify sim' to replay\n"
"  evnotify trace       the life of requests, from the tracepoints\n"
"  evnotify latency     what each way of being told costs on this machine\n"
"  evnotify doctor      what keeps the device from working here, and what mends it\n"
"  evnotify help CMD    the options of a command; so does -h after it\n"
"  evnotify --version   also -v, -V\n"
"\n"
EXIT_STATUS_HELP;

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* @word is there where a command should be. */
int unknown_command(const char *word)
{
	if (find_command(word))
		fail(EXIT_USAGE, "the command '%s' has to be the first word", word);
	else
		fail(EXIT_USAGE, "unknown command '%s'", word);
	return bad_usage(&cmd_event);
}

static int help(const struct command *cmd)
{
	fputs(cmd->help, stdout);
	if (cmd == &cmd_event)
		fputs(more_help, stdout);
	return flush_output();
}

static int help_on(const char *name)
{
	const struct command *cmd = name ? find_command(name) : &cmd_event;

	return cmd ? help(cmd) : unknown_command(name);
}

static int version(void)
{
	printf("evnotify %s\n", evn_version_string());
	return flush_output();
}

/* An option that every command has, which ends it, or one that this one has not. */
int other_option(const struct command *cmd, int c)
{
	switch (c) {
	case 'h':
		exit(help(cmd));
	case 'v':
	case 'V':
		exit(version());
	default:
		return bad_usage(cmd);
	}
}

/* So that no file of ours becomes the standard input or output of this run. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *cmd;

	open_standard_fds();
	if (argc < 2) {
		fail(EXIT_USAGE, "nothing to do");
		return bad_usage(&cmd_event);
	}
	if (strcmp(argv[1], "help") == 0)
		return help_on(argc > 2 && *argv[2] != '-' ? argv[2] : NULL);
	cmd = find_command(argv[1]);
	if (!cmd)
		return cmd_event.run(argc, argv);
	/* getopt(3) names the program in its messages by this. */
	argv[1] = "evnotify";
	return cmd->run(argc - 1, argv + 1);
}
