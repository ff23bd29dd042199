/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * evnotify - sources that play what a process writes: user ABI of
 * /dev/evnotify-sim
 *
 * Whoever opens /dev/evnotify-sim may make one source, by NEW, and raise events
 * in it, by write(), from a hard interrupt, at given times.  The source goes when
 * the file is closed, as hardware that is pulled out.  See evnotify-sim(4).
 */
#ifndef _UAPI_LINUX_EVNOTIFY_SIM_H
#define _UAPI_LINUX_EVNOTIFY_SIM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Steps that one write() may have. */
#define EVNOTIFY_SIM_MAX_STEPS	4096

/**
 * struct evnotify_sim_new - a source of one's own, 64 bytes
 * @flags: O_CLOEXEC and O_NONBLOCK, or 0: for @fd
 * @fd: set by the call: an open file of the source, as open() of its node gives it
 * @name: set by the call: the name of its node, in /dev; ends with a 0
 * @__reserved: must be 0
 */
struct evnotify_sim_new {
	__u32 flags;
	__s32 fd;
	char name[32];
	__aligned_u64 __reserved[3];
};

/**
 * struct evnotify_sim_step - one event to raise, 16 bytes
 * @delay_ns: nanoseconds after the step before, of the first one after the
 *	beginning of the call; at most 2^51 - 1
 * @data: what the event carries
 *
 * What write() takes an array of.
 */
struct evnotify_sim_step {
	__aligned_u64 delay_ns;
	__aligned_u64 data;
};

/* Make a source; EBUSY if this file has one. */
#define EVNOTIFY_SIM_IOC_NEW \
	_IOWR(0xED, 0x0f, struct evnotify_sim_new)

#endif /* _UAPI_LINUX_EVNOTIFY_SIM_H */
