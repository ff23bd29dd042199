// SPDX-License-Identifier: GPL-2.0-only
/*
 * tty STEP... -- COMMAND...: a command on a terminal of its own, under a shell with
 * job control that takes these steps. Ends with 0 if each came out as it says. What
 * the command writes goes to standard output.
 *
 *   behind     (first) starts the command in the background
 *   taken      the command has the terminal give single keys, unseen
 *   given      the terminal is as it was at first
 *   type       presses a key
 *   signal=N   sends a signal to the command
 *   stopped    the command has stopped
 *   front      gives the terminal to the command, as "fg" does
 *   back       takes it, and has it as it was at first, as a shell does
 *   idle       lets half a second pass, in which the command must not end
 *   killed=N   the command has ended by this signal
 *   ended=N    the command has ended with this status
 *
 * A step that waits fails after a minute.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define TRY_US		10000
#define TRIES		(60 * 1000000 / TRY_US)
#define IDLE_TRIES	(500000 / TRY_US)

static struct termios at_first;
static const char *slave;
static int master;
static pid_t job;
static int status;	/* of the command, once it has changed */

/* As a shell does: every signal as it is by default, and a process group. */
static void start(char **command, bool in_front)
{
	int report[2];
	char go;

	if (pipe(report) < 0)
		err(1, "pipe");
	job = fork();
	if (job < 0)
		err(1, "fork");
	if (!job) {
		close(report[1]);
		setpgid(0, 0);
		/* until the terminal is ours */
		if (read(report[0], &go, 1) != 1)
			_exit(1);
		close(report[0]);
		for (int i = 1; i < NSIG; i++)
			signal(i, SIG_DFL);
		execvp(command[0], command);
		err(1, "%s", command[0]);
	}
	setpgid(job, job);
	if (in_front)
		tcsetpgrp(STDIN_FILENO, job);
	if (write(report[1], "g", 1) != 1)
		err(1, "pipe");
	close(report[0]);
	close(report[1]);
}

static bool is_taken(void)
{
	struct termios now;

	tcgetattr(STDIN_FILENO, &now);
	return !(now.c_lflag & (ICANON | ECHO));
}

static bool is_given(void)
{
	struct termios now;

	tcgetattr(STDIN_FILENO, &now);
	return now.c_lflag == at_first.c_lflag;
}

static bool has_changed(void)
{
	return waitpid(job, &status, WNOHANG | WUNTRACED) == job;
}

static bool await(bool (*what)(void))
{
	for (int i = 0; i < TRIES; i++) {
		if (what())
			return true;
		usleep(TRY_US);
	}
	return false;
}

static bool idle(void)
{
	for (int i = 0; i < IDLE_TRIES; i++) {
		if (has_changed())
			return false;
		usleep(TRY_US);
	}
	return true;
}

static bool take_step(const char *step)
{
	const char *value = strchr(step, '=');
	int number = value ? atoi(value + 1) : 0;

	if (strcmp(step, "taken") == 0)
		return await(is_taken);
	if (strcmp(step, "given") == 0)
		return is_given();
	if (strcmp(step, "type") == 0)
		return write(master, "k", 1) == 1;
	if (strncmp(step, "signal=", 7) == 0)
		return kill(job, number) == 0;
	if (strcmp(step, "stopped") == 0)
		return await(has_changed) && WIFSTOPPED(status);
	if (strcmp(step, "front") == 0)
		return tcsetpgrp(STDIN_FILENO, job) == 0;
	if (strcmp(step, "back") == 0)
		return tcsetpgrp(STDIN_FILENO, getpgrp()) == 0 &&
		       tcsetattr(STDIN_FILENO, TCSANOW, &at_first) == 0;
	if (strcmp(step, "idle") == 0)
		return idle();
	if (strncmp(step, "killed=", 7) == 0)
		return await(has_changed) && WIFSIGNALED(status) && WTERMSIG(status) == number;
	if (strncmp(step, "ended=", 6) == 0)
		return await(has_changed) && WIFEXITED(status) && WEXITSTATUS(status) == number;
	errx(2, "'%s' is not a step", step);
}

static int shell(char **steps, int n, char **command)
{
	bool behind = n && strcmp(steps[0], "behind") == 0;
	int log = dup(STDERR_FILENO);

	setsid();
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		if (open(slave, O_RDWR) != fd)
			return 1;
	}
	ioctl(STDIN_FILENO, TIOCSCTTY, 0);
	/* A shell changes the terminal from the background, too. */
	signal(SIGTTOU, SIG_IGN);
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(log, F_SETFD, FD_CLOEXEC);
	tcgetattr(STDIN_FILENO, &at_first);
	start(command, !behind);
	for (int i = behind; i < n; i++) {
		if (take_step(steps[i]))
			continue;
		dprintf(log, "step %d, %s: no; status of the command: %#x\n", i + 1, steps[i],
			status);
		kill(job, SIGKILL);
		return 1;
	}
	return 0;
}

/* Passes on what is written to the terminal until nobody has it open any more. */
static void pass_on(void)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(master, buf, sizeof(buf))) > 0)
		if (write(STDOUT_FILENO, buf, (size_t)n) < 0)
			return;
}

int main(int argc, char **argv)
{
	int n = 0;
	pid_t pid;

	while (n + 1 < argc && strcmp(argv[n + 1], "--"))
		n++;
	if (n + 2 >= argc)
		errx(2, "usage: tty STEP... -- COMMAND...");
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		err(1, "no terminal");
	slave = ptsname(master);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid)
		_exit(shell(argv + 1, n, argv + n + 2));
	pass_on();
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		errx(1, "the shell died");
	return WEXITSTATUS(status);
}
