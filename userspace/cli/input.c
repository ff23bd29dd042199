// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ends a run. Keys and signals both come through descriptors, so that one
 * poll(2) waits for them and for completions, without a race between the two.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"

enum { FD_STDIN, FD_SIGNALS };

static struct termios saved_termios;
static bool termios_changed;

static void restore_terminal(void)
{
	if (termios_changed)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_termios);
	termios_changed = false;
}

/* Single keys, unseen. Ctrl-C and Ctrl-Z keep their meaning. */
static void take_keys(void)
{
	struct termios keys;

	if (tcgetattr(STDIN_FILENO, &saved_termios) < 0)
		return;
	keys = saved_termios;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	atexit(restore_terminal);
	termios_changed = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

static int stdin_to_poll(enum input_stdin use)
{
	if (!isatty(STDIN_FILENO))
		return use == INPUT_BYTES ? STDIN_FILENO : -1;
	/* In the background the terminal is another's: touching it would stop us. */
	if (tcgetpgrp(STDIN_FILENO) != getpgrp())
		return -1;
	take_keys();
	return STDIN_FILENO;
}

int input_open(struct input *input, enum input_stdin use)
{
	sigset_t set;
	int fd;

	memset(input, 0, sizeof(*input));
	/* A reader that went away must not keep us from tidying up. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return fail(EXIT_FAILED, "cannot watch for signals: %s", strerror(errno));
	input->fds[FD_SIGNALS] = (struct pollfd){ .fd = fd, .events = POLLIN };
	input->fds[FD_STDIN] = (struct pollfd){ .fd = stdin_to_poll(use), .events = POLLIN };
	return EXIT_OK;
}

/* Did a key or a signal come? */
static bool must_stop(struct input *input)
{
	struct signalfd_siginfo info;
	char key;

	if (read(input->fds[FD_SIGNALS].fd, &info, sizeof(info)) == sizeof(info)) {
		input->signal = (int)info.ssi_signo;
		return true;
	}
	if (input->fds[FD_STDIN].fd < 0 || !input->fds[FD_STDIN].revents)
		return false;
	if (read(STDIN_FILENO, &key, 1) == 1)
		return true;
	input->eof = true;
	input->fds[FD_STDIN].fd = -1;
	return false;
}

/*
 * Blocks until a descriptor of @fds is ready. The first INPUT_FDS entries are
 * for the input, the caller's follow. Returns whether the run must end.
 */
bool input_wait(struct input *input, struct pollfd *fds, unsigned int n)
{
	memcpy(fds, input->fds, sizeof(input->fds));
	if (poll(fds, n, -1) < 0)
		for (unsigned int i = 0; i < n; i++)
			fds[i].revents = 0;
	memcpy(input->fds, fds, sizeof(input->fds));
	return must_stop(input);
}

/* Puts the terminal back; a signal that was held ends the command now. */
int input_close(struct input *input, int status)
{
	sigset_t set;

	restore_terminal();
	close(input->fds[FD_SIGNALS].fd);
	if (input->signal) {
		fflush(stdout);
		signal(input->signal, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, input->signal);
		raise(input->signal);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	return status;
}
