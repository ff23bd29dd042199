/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * evnotify - kernel to user notification: user ABI of /dev/evnotify and of the
 * nodes of sources, /dev/evnotify-NAME0
 *
 * An open file is an instance.  A process arms requests on it; each request
 * expires at its due time, or when its source raises an event, and then completes
 * exactly once, or once per period or event, in the way that its mode names.  See
 * evnotify(4).
 *
 * All structures have the same layout for 32 and 64 bit callers and no
 * implicit padding.  Every field that a call does not use must be zero.
 *
 * It is frozen from version 0.1.0 on.  How it grows: a new fact about a request
 * takes a flag and a reserved field, which are 0 and refused until then, and
 * INFO says so in @features.  A call that needs more than its structure gets a
 * new number.  An event record is full: a larger one would be something that an
 * open file asks for first.
 */
#ifndef _UAPI_LINUX_EVNOTIFY_H
#define _UAPI_LINUX_EVNOTIFY_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The version of this ABI, as INFO reports it. It grows, it never breaks. */
#define EVNOTIFY_ABI_VERSION	1

/* Modes: how the process hears of a completion. */

/* An event record: read() from the device, or returned by WAIT. */
#define EVNOTIFY_MODE_PENDING	0
/*
 * An eventfd of the process is signalled, once for each expiration (of one
 * request, at most 65535 signals are owed at a time).
 */
#define EVNOTIFY_MODE_EVENTFD	1

/* Flags of a request and of an update. */

/*
 * due_ns is a time on the clock, and setting CLOCK_REALTIME moves it. Without
 * the flag, due_ns and periods are times that elapse, and setting a clock
 * changes nothing.
 */
#define EVNOTIFY_ABSTIME	0x1

/* Flags of a request, on a file that has a source. */

/*
 * Wait for the next event of the source; due_ns is a timeout, and none if it is 0
 * without EVNOTIFY_ABSTIME. An event that was raised before, and that no request
 * of this file has taken, is taken at once.
 */
#define EVNOTIFY_SOURCE		0x2
/* With EVNOTIFY_SOURCE: for @count events, or each until it is cancelled. */
#define EVNOTIFY_REPEAT		0x4

/* Flags of an event record. */

/* The request is still armed and will complete again. */
#define EVNOTIFY_EVENT_MORE	0x1
/* It tells of an event of the source: @data in place of @due_ns. */
#define EVNOTIFY_EVENT_DATA	0x2

/* Flags of a cancellation. */

/* Cancel every request that is armed when the call begins. */
#define EVNOTIFY_CANCEL_ALL	0x1

/* Features, as INFO reports them. */

/* The checked build (EVNOTIFY_DEBUG): invariants are asserted at each step. */
#define EVNOTIFY_FEATURE_CHECKED	0x1
/* The module knows sources. */
#define EVNOTIFY_FEATURE_SOURCES	0x2
/* This file has a source. */
#define EVNOTIFY_FEATURE_HAS_SOURCE	0x4

/**
 * struct evnotify_request - what to arm, 64 bytes
 * @user_data: returned unchanged in the event record
 * @due_ns: due time in nanoseconds, at most 2^63 - 1: with EVNOTIFY_ABSTIME on
 *	the clock, and one that has passed is due at once; without it from the
 *	start of the call, elapsed on CLOCK_MONOTONIC (of a request on
 *	CLOCK_BOOTTIME: on CLOCK_BOOTTIME, which counts suspended time)
 * @period_ns: nanoseconds between expirations; 0: the request expires once;
 *	otherwise at least min_period_ns of INFO and at most 2^63 - 1
 * @id: set by REGISTER and WAIT: names the request in CANCEL, UPDATE and in
 *	its event record; unique within the instance, never 0; ignored in the
 *	call, but see struct evnotify_wait
 * @mode: EVNOTIFY_MODE_PENDING or EVNOTIFY_MODE_EVENTFD
 * @flags: EVNOTIFY_ABSTIME, EVNOTIFY_SOURCE, EVNOTIFY_REPEAT, or 0
 * @clockid: CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME or CLOCK_TAI
 * @eventfd: the eventfd to signal in EVNOTIFY_MODE_EVENTFD (0 is a file
 *	descriptor like any other); must be 0 in the other mode
 * @count: expirations after which a periodic request has completed, or events
 *	after which one with EVNOTIFY_REPEAT has; 0: it stays armed until it is
 *	cancelled; must be 0 in any other request
 * @__reserved: must be 0
 *
 * The argument of REGISTER and WAIT, and what write() takes an array of.
 */
struct evnotify_request {
	__aligned_u64 user_data;
	__aligned_u64 due_ns;
	__aligned_u64 period_ns;
	__aligned_u64 id;
	__u32 mode;
	__u32 flags;
	__s32 clockid;
	__s32 eventfd;
	__u32 count;
	__u32 __reserved[3];
};

/**
 * struct evnotify_event - the completion of a PENDING request, 64 bytes
 * @user_data: from the request
 * @id: of the request
 * @due_ns: when the latest expiration that this record counts was due; of a
 *	request that was cancelled before it expired: when it would have been
 * @data: with EVNOTIFY_EVENT_DATA: what the latest event carried
 * @expired_ns: when that expiration was found due, by the timer interrupt or,
 *	in a burst, by the tasklet: never before @due_ns, nor before the call
 *	that armed the request; with EVNOTIFY_EVENT_DATA, when the event was raised,
 *	which may be before that call; 0 if there was none
 * @completed_ns: when the completion became visible to the process
 * @seq: number of the record in its instance, from 1, without gaps
 * @count: expirations or events that this record stands for: more than 1 when a
 *	periodic request expired again before its record was read (an overrun),
 *	or when events were lost; at most 2^32 - 1
 * @lost: of these, those of which nothing but their number is known: events that
 *	the source kept no longer when the request could take them; always 0 for
 *	a timer, at most 2^32 - 1
 * @status: 0; -ECANCELED if the request was cancelled; -ETIME if its timeout came
 *	before an event; -ENODEV if the source is gone
 * @flags: EVNOTIFY_EVENT_MORE, EVNOTIFY_EVENT_DATA, or 0
 *
 * All times are on the clock of the request, as the reader's time namespace
 * sees it; 2^63 - 1 is a time that never comes.  Where due time and expiration
 * were measured on CLOCK_MONOTONIC, both are what the clock of the request said
 * at the expiration, or at the cancellation.  An event is raised on
 * CLOCK_MONOTONIC, and converted by what the clocks say when a request takes it.
 *
 * What read() gives an array of, and what WAIT returns.
 */
struct evnotify_event {
	__aligned_u64 user_data;
	__aligned_u64 id;
	union {
		__aligned_u64 due_ns;
		__aligned_u64 data;
	};
	__aligned_u64 expired_ns;
	__aligned_u64 completed_ns;
	__aligned_u64 seq;
	__u32 count;
	__u32 lost;
	__s32 status;
	__u32 flags;
};

/**
 * struct evnotify_info - what this module is and allows, 64 bytes
 * @abi_version: EVNOTIFY_ABI_VERSION of the module
 * @module_version: version of the module: major << 16 | minor << 8 | patch
 * @features: EVNOTIFY_FEATURE_* bits
 * @modes: bit mask of the modes it knows, 1 << EVNOTIFY_MODE_*
 * @clocks: bit mask of the clocks it knows, 1 << CLOCK_*
 * @min_period_ns: shortest period that it accepts
 * @max_requests: requests that one instance can hold, unread completions
 *	included
 * @__reserved: 0
 */
struct evnotify_info {
	__u32 abi_version;
	__u32 module_version;
	__aligned_u64 features;
	__aligned_u64 modes;
	__aligned_u64 clocks;
	__aligned_u64 min_period_ns;
	__u32 max_requests;
	__u32 __reserved[5];
};

/**
 * struct evnotify_register - arm one request or many, 32 bytes
 * @requests: address of an array of struct evnotify_request, as an integer
 * @count: how many requests it holds, at least 1
 * @taken: set by the call: how many of them, from the first, were armed
 * @__reserved: must be 0
 */
struct evnotify_register {
	__aligned_u64 requests;
	__u32 count;
	__u32 taken;
	__aligned_u64 __reserved[2];
};

/**
 * struct evnotify_wait - arm one request and block until it completes,
 *	128 bytes
 * @request: EVNOTIFY_MODE_PENDING, without a period and EVNOTIFY_REPEAT; its id
 *	is set before the call blocks, so that another thread can cancel or
 *	update it
 * @event: set by the call: the completion
 *
 * What interrupts the call leaves the request armed.  The kernel goes on by
 * itself after a stop, a freeze or a tracer; if a signal handler ran, the call
 * fails with EINTR, and the same call with the same structure goes on: it finds
 * by the id the request that was left, whether it has completed meanwhile or
 * not, and its times are not looked at.  For a new delay instead, set the id to
 * 0, and cancel what was left.  Any other id is ignored.
 */
struct evnotify_wait {
	struct evnotify_request request;
	struct evnotify_event event;
};

/**
 * struct evnotify_cancel - cancel one request or all, 32 bytes
 * @id: the request; must be 0 with EVNOTIFY_CANCEL_ALL
 * @flags: EVNOTIFY_CANCEL_ALL or 0
 * @__pad: must be 0
 * @cancelled: set by the call: how many requests it cancelled
 * @__reserved: must be 0
 */
struct evnotify_cancel {
	__aligned_u64 id;
	__u32 flags;
	__u32 __pad;
	__aligned_u64 cancelled;
	__aligned_u64 __reserved;
};

/**
 * struct evnotify_update - give an armed request new times, 64 bytes
 * @id: the request: a timer, not one with EVNOTIFY_SOURCE
 * @due_ns: as in struct evnotify_request, on the clock of the request
 * @period_ns: as in struct evnotify_request
 * @flags: EVNOTIFY_ABSTIME or 0
 * @count: as in struct evnotify_request, from now on
 * @__reserved: must be 0
 */
struct evnotify_update {
	__aligned_u64 id;
	__aligned_u64 due_ns;
	__aligned_u64 period_ns;
	__u32 flags;
	__u32 count;
	__aligned_u64 __reserved[4];
};

/*
 * The ioctls.  Each returns 0, or -1 with the errno that evnotify(4) lists.
 * Numbers 0xED 00-0F are free in the kernel's list of ioctl numbers.  0x05 is kept
 * for a file that wants some events of its source only; 0x0F is evnotify-sim's.
 */
#define EVNOTIFY_IOC_MAGIC	0xED

/* What the module is and allows. */
#define EVNOTIFY_IOC_INFO \
	_IOR(EVNOTIFY_IOC_MAGIC, 0x00, struct evnotify_info)
/* Arm requests and return at once. A bad request ends the batch before it. */
#define EVNOTIFY_IOC_REGISTER \
	_IOWR(EVNOTIFY_IOC_MAGIC, 0x01, struct evnotify_register)
/* Arm a request, block until it completes, return its completion. */
#define EVNOTIFY_IOC_WAIT \
	_IOWR(EVNOTIFY_IOC_MAGIC, 0x02, struct evnotify_wait)
/* Cancel: 0 if it won, EALREADY if the completion did, ENOENT if no such id. */
#define EVNOTIFY_IOC_CANCEL \
	_IOWR(EVNOTIFY_IOC_MAGIC, 0x03, struct evnotify_cancel)
/* New times for an armed request: outcomes as for CANCEL. */
#define EVNOTIFY_IOC_UPDATE \
	_IOW(EVNOTIFY_IOC_MAGIC, 0x04, struct evnotify_update)

#endif /* _UAPI_LINUX_EVNOTIFY_H */
