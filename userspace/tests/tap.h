/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP for the programs in this directory: check() is one test point.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_points;
static int tap_failures;

/* One test point; returns @ok. errno is kept for the caller's own message. */
static inline bool check(bool ok, const char *what)
{
	int saved_errno = errno;

	printf("%sok %d - %s\n", ok ? "" : "not ", ++tap_points, what);
	if (!ok) {
		tap_failures++;
		printf("# errno at that point: %d\n", saved_errno);
	}
	errno = saved_errno;
	return ok;
}

/* The plan comes last, so that a program that dies early is seen to. */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_points);
	return tap_failures ? 1 : 0;
}

#endif /* TAP_H */
