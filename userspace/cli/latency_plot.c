// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two pictures in one, by gnuplot: how long each path takes at which percentile, and
 * where that time goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "latency.h"

#define STEPS_A_DECADE	10

extern char **environ;

/*
 * Starts gnuplot, which waits for what to do: that there is none, or that the file
 * cannot be written, is known before anything is measured.
 */
int latency_plot_open(struct latency *lab)
{
	char *const words[] = { "gnuplot", "-", NULL };
	posix_spawn_file_actions_t actions;
	int fds[2];
	int error;
	int fd;

	fd = open(lab->plot, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(EXIT_FAILED, "cannot write %s: %s", lab->plot, strerror(errno));
	close(fd);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(EXIT_FAILED, "cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	error = posix_spawnp(&lab->plotter, words[0], &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[0]);
	lab->plot_fd = fds[1];
	if (!error)
		return EXIT_OK;
	fail(EXIT_FAILED, "cannot run gnuplot, which --plot needs: %s", strerror(error));
	hint("sudo apt install gnuplot-nox");
	return EXIT_FAILED;
}

static bool is_plotted(const struct latency_path *p)
{
	return p->is_chosen && p->delays.total.samples;
}

/* The part that is slower is the x axis, so that each percentile has as much room. */
static void print_curves(FILE *out)
{
	const char *comma = "";
	unsigned int n = 0;

	for (const struct latency_path *p = latency_paths; p->path.name; p++) {
		if (!is_plotted(p))
			continue;
		fprintf(out, "$curve%u << EOD\n", n++);
		for (int i = 0; i <= STEPS_A_DECADE * log10((double)p->delays.total.samples); i++) {
			double slower = pow(10, -(double)i / STEPS_A_DECADE);

			fprintf(out, "%g %g\n", 1 / slower,
				(double)histogram_at(&p->delays.total, 1 - slower) / 1000);
		}
		fprintf(out, "EOD\n");
	}
	fprintf(out,
		"set title 'How long it takes at most, for so many of the samples'\n"
		"set ylabel 'microseconds'\n"
		"set logscale xy\n"
		"set grid\n"
		"set key outside below maxcols 4\n"
		"set xtics ('0' 1, '50 %%%%' 2, '90 %%%%' 10, '99 %%%%' 100, \\\n"
		"'99.9 %%%%' 1000, '99.99 %%%%' 10000, '99.999 %%%%' 100000)\n"
		"plot ");
	n = 0;
	for (const struct latency_path *p = latency_paths; p->path.name; p++) {
		if (!is_plotted(p))
			continue;
		fprintf(out, "%s$curve%u with lines lw 2 lc %u dt %d title '%s'", comma, n,
			n % 8 + 1, p->kind == KIND_BASELINE ? 2 : 1, p->path.name);
		comma = ", ";
		n++;
	}
	fprintf(out, "\n");
}

/* Half of the samples took no longer in that stage. */
static void print_bars(FILE *out)
{
	fprintf(out, "$bars << EOD\n");
	for (const struct latency_path *p = latency_paths; p->path.name; p++) {
		if (!is_plotted(p))
			continue;
		fprintf(out, "\"%s\"", p->path.name);
		for (size_t i = 0; i < NR_STAGES; i++)
			fprintf(out, " %g", p->has_record ?
				(double)histogram_at(&p->delays.stages[i], 0.5) / 1000 : 0);
		fprintf(out, " %g\n",
			p->has_record ? 0 : (double)histogram_at(&p->delays.total, 0.5) / 1000);
	}
	fprintf(out,
		"EOD\n"
		"unset logscale\n"
		"set title 'Where it goes: the median of each stage'\n"
		"set style data histograms\n"
		"set style histogram rowstacked\n"
		"set style fill solid 0.8 noborder\n"
		"set boxwidth 0.7\n"
		"set yrange [0:*]\n"
		"unset grid\n"
		"set grid ytics\n"
		"set xtics rotate by -50 autojustify\n"
		"set xtics autofreq\n"
		"plot $bars using 2:xtic(1) lc rgb '#4477aa' title 'due to interrupt', \\\n"
		"'' using 3 lc rgb '#66ccee' title 'interrupt to tasklet', \\\n"
		"'' using 4 lc rgb '#ee6677' title 'tasklet to user', \\\n"
		"'' using 5 lc rgb '#bbbbbb' title 'not known apart'\n");
}

/* A name within quotes of gnuplot. */
static void print_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

int latency_plot(struct latency *lab)
{
	FILE *out = fdopen(lab->plot_fd, "w");
	int status = -1;

	if (!out)
		abort();
	fprintf(out, "set terminal svg size 1200,560 font 'sans,13' background 'white'\nset output ");
	print_quoted(out, lab->plot);
	fprintf(out, "\nset multiplot layout 1,2\n");
	print_curves(out);
	print_bars(out);
	fprintf(out, "unset multiplot\nunset output\n");
	if (fclose(out) || waitpid(lab->plotter, &status, 0) < 0 || status)
		return fail(EXIT_FAILED, "gnuplot has not made %s", lab->plot);
	return EXIT_OK;
}
