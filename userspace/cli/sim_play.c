// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raises the events of a list. A write(2) to the sim blocks until the last of its
 * steps is raised, so a thread of its own makes it, and a signal to that thread
 * interrupts it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sim.h"

#define STOP_AGAIN_MS	10

static void interrupt(int signal_number)
{
	(void)signal_number;
}

/* The next steps of the list, as many as the sim takes at once; 0: there are none. */
static size_t take_steps(struct sim_list *list, struct evnotify_sim_step *steps)
{
	size_t n = 0;

	while (n < EVNOTIFY_SIM_MAX_STEPS && sim_next(list, &steps[n]))
		n++;
	return n;
}

/*
 * The list begins at @due_ns. Each write begins when its first step is due by the list, so that
 * the time between two does not add up; what was late, because we were stopped perhaps, comes at
 * once.
 */
static void play(struct sim_player *player, uint64_t due_ns)
{
	static struct evnotify_sim_step steps[EVNOTIFY_SIM_MAX_STEPS];
	size_t first = 0;
	size_t n = 0;

	while (!__atomic_load_n(&player->stop, __ATOMIC_ACQUIRE)) {
		uint64_t delay_ns, now;
		ssize_t len;

		if (first == n) {
			n = take_steps(player->list, steps);
			first = 0;
			if (!n)
				break;
		}
		delay_ns = steps[first].delay_ns;
		now = now_ns(CLOCK_MONOTONIC);
		steps[first].delay_ns = due_ns + delay_ns - MIN(due_ns + delay_ns, now);
		len = write(player->fd, &steps[first], (n - first) * sizeof(*steps));
		steps[first].delay_ns = delay_ns;
		if (len < 0 && errno != EINTR) {
			player->error = errno;
			break;
		}
		for (; len > 0; len -= (ssize_t)sizeof(*steps)) {
			due_ns += steps[first++].delay_ns;
			player->raised++;
		}
	}
}

/* A device stays for as long as was asked for, whether it has more to raise or not. */
static void stay(const struct sim_player *player, uint64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(until_ns % NSEC_PER_SEC),
	};

	while (!__atomic_load_n(&player->stop, __ATOMIC_ACQUIRE) &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void *player_main(void *arg)
{
	struct sim_player *player = arg;
	const struct sim_list *list = player->list;
	uint64_t begin_ns = now_ns(CLOCK_MONOTONIC);

	play(player, begin_ns);
	if (list->time_ns > list->span_ns && !player->error)
		stay(player, begin_ns + list->span_ns);
	eventfd_write(player->done_fd, 1);
	return NULL;
}

int sim_play(struct sim_player *player)
{
	/* Ignored by default, and never blocked; without SA_RESTART. */
	const struct sigaction action = { .sa_handler = interrupt };
	int error;

	sigaction(SIGURG, &action, NULL);
	error = pthread_create(&player->thread, NULL, player_main, player);
	return error ? fail(EXIT_FAILED, "cannot start a thread: %s", strerror(error)) : EXIT_OK;
}

/* Returns when it has ended. */
void sim_stop(struct sim_player *player)
{
	struct pollfd done = { .fd = player->done_fd, .events = POLLIN };

	__atomic_store_n(&player->stop, true, __ATOMIC_RELEASE);
	/* It may not be in write(2) yet when the signal comes: ask again. */
	while (poll(&done, 1, 0) <= 0) {
		pthread_kill(player->thread, SIGURG);
		poll(&done, 1, STOP_AGAIN_MS);
	}
	pthread_join(player->thread, NULL);
}
