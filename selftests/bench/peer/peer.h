/* SPDX-License-Identifier: GPL-2.0-only */
/* bench - what /dev/bench-peer understands */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PEER_DEVICE		"/dev/bench-peer"
#define PEER_SOURCE_DEVICE	"/dev/evnotify-bench0"

/* How the interrupt reaches the process. */
enum peer_way {
	PEER_COUNT,	/* as uio: a count, which read() gives as 4 bytes */
	PEER_TASKLET,	/* the same, told by a tasklet: the least that evnotify can cost */
	PEER_FIFO,	/* as gpio-v2: records of 48 bytes in a fifo */
	PEER_EVENTFD,	/* an eventfd that the handler signals */
	PEER_SOURCE,	/* an event of PEER_SOURCE_DEVICE, a source of evnotify */
};

struct peer_setup {
	__u32 way;
	__s32 eventfd;
};

/* A record of PEER_FIFO; struct gpio_v2_line_event has its size. */
struct peer_record {
	__aligned_u64 timestamp_ns;
	__u32 seqno;
	__u32 padding[9];
};

/* Once, after open(); then write() of 8 bytes asks for an interrupt at that time. */
#define PEER_SETUP	_IOW('b', 0, struct peer_setup)
/* Raise an event of the source, with interrupts off; gives the cycles that it takes. */
#define PEER_RAISE	_IOR('b', 1, __u64)

#endif /* BENCH_PEER_H */
