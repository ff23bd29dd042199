/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify sim: what its files share
 */
#ifndef SIM_H
#define SIM_H

#include <pthread.h>

#include <linux/evnotify_sim.h>

#include "cli.h"

#define SIM_MAX_DELAY	((UINT64_C(1) << 51) - 1)
#define MILLION		UINT32_C(1000000)

enum sim_data {
	SIM_COUNT,	/* the number of the event, from 1 */
	SIM_RANDOM,
	SIM_CONSTANT,
};

/* What to raise, and when: made up from a seed, or read from a file. */
struct sim_list {
	uint64_t seed;
	uint64_t every_ns;
	uint64_t burst;
	uint64_t jitter_ns;
	uint64_t late_ns;
	uint32_t late;		/* of a million bursts */
	uint32_t drop;		/* of a million events, as is the next */
	uint32_t duplicate;
	enum sim_data data;
	uint64_t constant;

	struct evnotify_sim_step *steps;	/* from the file, or NULL */
	size_t n;

	uint64_t span_ns;	/* ends so long after its beginning; UINT64_MAX: never */
	uint64_t events;	/* ends after so many; UINT64_MAX: never */

	/* Where it stands. */
	uint64_t next;		/* event, or step of the file */
	uint64_t raised;
	uint64_t time_ns;	/* since its beginning */
	bool again;		/* the event before comes twice */
	uint64_t again_data;
};

/* sim_list.c */
const char *sim_parse_data(const char *text, uint64_t *data);
const char *sim_parse_percent(const char *text, uint32_t *of_a_million);
int sim_read_file(struct sim_list *list, const char *file);
bool sim_next(struct sim_list *list, struct evnotify_sim_step *step);
void sim_print_step(uint64_t delay_ns, uint64_t data);

/* sim_play.c: raises the events of a list, in a thread. */
struct sim_player {
	int fd;			/* of the sim */
	struct sim_list *list;
	pthread_t thread;
	int done_fd;		/* becomes readable when it has ended */
	bool stop;		/* it has to end */
	uint64_t raised;
	int error;		/* errno, or 0 */
};

int sim_play(struct sim_player *player);
void sim_stop(struct sim_player *player);

#endif /* SIM_H */
