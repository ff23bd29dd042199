// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void message(const char *prefix, const char *fmt, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "evnotify: %s", prefix);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

/* Says what failed and why; returns @status, so that a caller can return it. */
int fail(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message("", fmt, args);
	va_end(args);
	return status;
}

/* Says what is not a failure, but must not get among the output. */
void notice(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message("", fmt, args);
	va_end(args);
}

/* Says what to do about it. */
void hint(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message("hint: ", fmt, args);
	va_end(args);
}

int bad_usage(const struct command *cmd)
{
	if (*cmd->name)
		hint("evnotify help %s", cmd->name);
	else
		hint("evnotify --help");
	return EXIT_USAGE;
}

/* For a command that takes options only. */
int bad_argument(const struct command *cmd, const char *word)
{
	fail(EXIT_USAGE, "takes options only, not '%s'", word);
	return bad_usage(cmd);
}

int bad_value(const char *option, const char *value, const char *why)
{
	return fail(EXIT_USAGE, "%s: '%s' %s", option, value, why);
}

/* Output that was lost is a failure: a full disk, a closed descriptor. */
int flush_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_OK;
	return fail(EXIT_FAILED, "cannot write the output: %s", strerror(errno));
}
