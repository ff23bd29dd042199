// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a program on a source, and is the device: when the program has printed a certain line,
 * it raises the events 42 and 43, and is pulled out.
 *
 *   pull_out LINE PROGRAM [ARGUMENT]...	the node comes as the last argument
 *
 * What the program prints is copied. The status is its own.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/evnotify_sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t run(char **argv, int argc, char *node, FILE **output)
{
	char **words = calloc((size_t)argc + 2, sizeof(*words));
	int pipes[2];
	pid_t child;

	if (!words || pipe2(pipes, O_CLOEXEC) < 0)
		err(125, "pipe");
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	words[argc] = node;
	child = fork();
	if (child < 0)
		err(125, "fork");
	if (!child) {
		dup2(pipes[1], STDOUT_FILENO);
		execvp(words[0], words);
		err(127, "%s", words[0]);
	}
	close(pipes[1]);
	*output = fdopen(pipes[0], "r");
	free(words);
	return child;
}

int main(int argc, char **argv)
{
	const struct evnotify_sim_step steps[] = { { .data = 42 }, { .data = 43 } };
	struct evnotify_sim_new new = { .flags = O_CLOEXEC };
	int sim = open("/dev/evnotify-sim", O_WRONLY | O_CLOEXEC);
	char node[64], line[256];
	FILE *output;
	pid_t child;
	int status;

	if (argc < 3)
		errx(125, "usage: pull_out LINE PROGRAM [ARGUMENT]...");
	if (sim < 0 || ioctl(sim, EVNOTIFY_SIM_IOC_NEW, &new) < 0)
		err(125, "/dev/evnotify-sim");
	close(new.fd);
	snprintf(node, sizeof(node), "/dev/%s", new.name);
	child = run(argv + 2, argc - 2, node, &output);
	alarm(120);	/* a program that waits for ever is a failure, not a hang */
	while (fgets(line, sizeof(line), output)) {
		fputs(line, stdout);
		fflush(stdout);
		line[strcspn(line, "\n")] = '\0';
		if (sim < 0 || strcmp(line, argv[1]) != 0)
			continue;
		if (write(sim, steps, sizeof(steps)) != sizeof(steps))
			err(125, "write");
		close(sim);
		sim = -1;
	}
	if (waitpid(child, &status, 0) < 0)
		err(125, "waitpid");
	if (WIFSIGNALED(status))
		errx(125, "%s: %s", argv[2], strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status);
}
