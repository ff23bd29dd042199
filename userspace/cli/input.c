// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ends a run, or stops it. Keys, signals and the end of the reader all come
 * through descriptors, so that one poll(2) waits for them and for completions,
 * without a race between them. As signals are blocked, output waits in poll(2),
 * too, until it can be written.
 */
#include <errno.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"

/* No signal says that the shell has brought a running command to the front. */
#define FOREGROUND_POLL_MS	200

enum { FD_STDIN, FD_SIGNALS, FD_STDOUT };

static struct input *current;

static struct termios saved_termios;
static bool saved;
static bool taken;

static bool is_foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* In the background the terminal is another's: touching it would stop us. */
static void restore_terminal(void)
{
	if (taken && is_foreground())
		tcsetattr(STDIN_FILENO, TCSANOW, &saved_termios);
	taken = false;
}

/* Single keys, unseen. Ctrl-C and Ctrl-Z keep their meaning. */
static void take_terminal(void)
{
	struct termios keys;

	if (tcgetattr(STDIN_FILENO, &keys) < 0)
		return;
	/* After SIGSTOP it may still be as it was taken: that is nothing to go back to. */
	if (!saved || (keys.c_lflag & (ICANON | ECHO)))
		saved_termios = keys;
	if (!saved)
		atexit(restore_terminal);
	saved = true;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	taken = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

/* Whose is the terminal now? The shell may have changed that, and its modes. */
static void attend_terminal(struct input *input)
{
	bool ours = is_foreground();

	if (ours)
		take_terminal();
	else
		taken = false;
	input->fds[FD_STDIN].fd = ours ? STDIN_FILENO : -1;
	input->fds[FD_STDIN].revents = 0;	/* a key from before may be the shell's */
}

/*
 * Signals that end or stop a process by default, and SIGCONT. Faults are not
 * among them, nor are SIGTTIN and SIGTTOU: they come before the terminal is
 * touched. What whoever started us ignores, as nohup(1) does, stays ignored.
 */
static void choose_signals(sigset_t *set)
{
	static const int others[] = {
		SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP,
		SIGCHLD, SIGURG, SIGWINCH, SIGTTIN, SIGTTOU,
	};
	struct sigaction action;

	sigfillset(set);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		sigdelset(set, others[i]);
	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigdelset(set, i);
}

/* Does to this process what the signal does by default. */
static void deliver(int signal_number)
{
	sigset_t set;

	signal(signal_number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	raise(signal_number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Returns when the command is continued, or could not be stopped. */
static void stop(struct input *input, int signal_number)
{
	sigset_t set;

	restore_terminal();
	deliver(signal_number);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (input->is_terminal)
		attend_terminal(input);
}

/* Did a signal come that ends the run? */
static bool take_signal(struct input *input)
{
	struct signalfd_siginfo info;

	if (read(input->fds[FD_SIGNALS].fd, &info, sizeof(info)) != sizeof(info))
		return false;
	switch (info.ssi_signo) {
	case SIGTSTP:
		stop(input, SIGTSTP);
		return false;
	case SIGCONT:
		if (input->is_terminal)
			attend_terminal(input);
		return false;
	default:
		input->signal = (int)info.ssi_signo;
		input->is_shared = info.ssi_code == SI_KERNEL;
		return true;
	}
}

/* Did a key come? */
static bool take_key(struct input *input)
{
	char key;

	if (read(STDIN_FILENO, &key, 1) == 1)
		return true;
	input->eof = true;
	input->is_terminal = false;
	input->fds[FD_STDIN].fd = -1;
	return false;
}

static bool must_stop(struct input *input)
{
	bool is_away, reads_stdin;

	if (take_signal(input))
		return true;
	is_away = input->is_terminal && !is_foreground();
	reads_stdin = input->fds[FD_STDIN].fd >= 0;
	if (input->fds[FD_STDOUT].revents) {
		input->signal = SIGPIPE;
		return true;
	}
	if (input->deadline_ns && now_ns(CLOCK_MONOTONIC) >= input->deadline_ns)
		return true;
	if (input->is_terminal && is_away == reads_stdin)
		attend_terminal(input);
	else if (reads_stdin && input->fds[FD_STDIN].revents)
		return take_key(input);
	return false;
}

/* How long poll(2) may sleep, in milliseconds. */
static int timeout(const struct input *input)
{
	bool in_background = input->is_terminal && input->fds[FD_STDIN].fd < 0;
	uint64_t ms = in_background ? FOREGROUND_POLL_MS : INT_MAX;
	uint64_t now;

	if (input->deadline_ns) {
		now = now_ns(CLOCK_MONOTONIC);
		ms = MIN(ms, now < input->deadline_ns ?
			 (input->deadline_ns - now) / NSEC_PER_MSEC + 1 : 0);
	}
	return ms < INT_MAX ? (int)ms : -1;
}

/* Waits until there is room for output; false: the run has ended, and there is none. */
static bool await_output(struct input *input)
{
	struct pollfd *out = &input->fds[FD_STDOUT];
	bool ready;

	do {
		out->events = POLLOUT;
		if (poll(input->fds, INPUT_FDS, input->ended ? 0 : timeout(input)) < 0)
			for (int i = 0; i < INPUT_FDS; i++)
				input->fds[i].revents = 0;
		ready = out->revents;
		out->events = 0;
		out->revents = 0;
		if (!ready && !input->ended)
			input->ended = must_stop(input);
		else if (!ready)
			return false;
	} while (!ready);
	return true;
}

/* All of it, or it is an error: glibc takes less for one. */
static ssize_t write_output(void *cookie, const char *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	(void)cookie;
	while (done < size) {
		if (current && !await_output(current)) {
			errno = EINTR;
			break;
		}
		/* What a pipe that is ready takes at once. */
		n = write(STDOUT_FILENO, buf + done, MIN(size - done, (size_t)PIPE_BUF));
		if (n < 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static void divert_output(void)
{
	FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_output });

	if (!file)
		abort();
	fflush(stdout);
	if (isatty(STDOUT_FILENO))
		setlinebuf(file);
	stdout = file;
}

int input_open(struct input *input, enum input_stdin use)
{
	sigset_t set;
	int fd;

	memset(input, 0, sizeof(*input));
	/* A reader that went away must not keep us from tidying up. */
	signal(SIGPIPE, SIG_IGN);
	choose_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return fail(EXIT_FAILED, "cannot watch for signals: %s", strerror(errno));
	input->fds[FD_SIGNALS] = (struct pollfd){ .fd = fd, .events = POLLIN };
	input->fds[FD_STDOUT] = (struct pollfd){ .fd = STDOUT_FILENO };
	input->fds[FD_STDIN] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (use == INPUT_NONE)
		input->fds[FD_STDOUT].fd = -1;
	else if (!isatty(STDIN_FILENO))
		input->fds[FD_STDIN].fd = use == INPUT_BYTES ? STDIN_FILENO : -1;
	else
		input->is_terminal = tcgetpgrp(STDIN_FILENO) >= 0;
	if (input->is_terminal)
		attend_terminal(input);
	current = input;
	divert_output();
	return EXIT_OK;
}

/*
 * Blocks until a descriptor of @fds is ready, or for a while. The first INPUT_FDS
 * entries are for the input, the caller's follow. Returns whether the run must end.
 */
bool input_wait(struct input *input, struct pollfd *fds, unsigned int n)
{
	memcpy(fds, input->fds, sizeof(input->fds));
	if (poll(fds, n, timeout(input)) < 0)
		for (unsigned int i = 0; i < n; i++)
			fds[i].revents = 0;
	memcpy(input->fds, fds, sizeof(input->fds));
	input->ended |= must_stop(input);
	return input->ended;
}

/* Puts the terminal back; a signal that was held ends the command now. */
int input_close(struct input *input, int status)
{
	restore_terminal();
	if (fflush(stdout))
		__fpurge(stdout);	/* or exit(3) would wait for the reader */
	current = NULL;
	close(input->fds[FD_SIGNALS].fd);
	if (input->signal)
		deliver(input->signal);
	return status;
}
