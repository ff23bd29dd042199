/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the oracles have in common: a program is a struct with its seed, the state of its random
 * numbers, the number of its step and whether it went wrong.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "evnotify_test.h"

#define MAX_REQS	128
#define STEPS		400
#define MAX_RECORDS	(MAX_REQS * STEPS)

#define wrong(p, ...) do {							\
	printf("# seed %u, step %d: ", (p)->seed, (p)->step);		\
	printf(__VA_ARGS__);						\
	printf("\n");							\
	(p)->wrong = true;						\
} while (0)

/* xorshift64*: the same sequence everywhere */
static inline __u64 pick_from(__u64 *random, __u64 below)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return (*random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

#define pick(p, below)	pick_from(&(p)->random, below)

#endif
