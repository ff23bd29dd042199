/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - private structures and the rules of locking
 *
 * An open file is an instance.  It owns everything that its requests need:
 * lock, timers, tasklet, lists and the records themselves, so that no
 * instance can see, delay or exhaust another.
 *
 * Life of a request, and the function that moves it on:
 *
 *   free
 *     | evnotify_reserve()     the record is filled in and has its id
 *   reserved
 *     | evnotify_arm()         into the queue of its clock: it is pending
 *   pending ----------------------------.
 *     | evnotify_expire()               | evnotify_cancel_req()
 *   expired, on inst->expired           |
 *     | evnotify_dpc()                  |
 *     |---------------------------------'
 *     |-- PENDING: evnotify_complete() -> ready, or handed to its waiter
 *     |     | evnotify_consume(), evnotify_wait_end()
 *     |-- EVENTFD: signalled
 *     |     | evnotify_settle()
 *   free
 *
 * A periodic request stays pending while its record goes round.  Whether a
 * request is pending (its node is in a queue) and which list its record is on
 * (@list) are therefore two facts.  Whoever takes it out of the queue for
 * good, under the lock, decides how it ends: there is no other arbitration.
 *
 * Locks, in the order in which they nest:
 *
 *   1. inst->readers (mutex): one read() at a time, so that the head of the
 *      ready list stays put while it is copied to the process.
 *   2. inst->lock (spinlock, taken in interrupt context): all other fields of
 *      the instance, its queues and its records, where nothing else is said.
 *      A record that is on no list and not pending belongs to whoever took it
 *      there: the tasklet that signals it or the WAIT that it was handed to.
 *   3. What eventfd_signal(), complete() and the hrtimer functions take.
 *
 * eventfd_signal() and the wake-up of readers run outside inst->lock: how
 * long they take is up to the process.
 */
#ifndef EVNOTIFY_H
#define EVNOTIFY_H

#include <linux/completion.h>
#include <linux/evnotify.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

struct eventfd_ctx;
struct seq_file;

/* Requests that one step handles, in the process and in the tasklet. */
#define EVNOTIFY_BATCH		64
/* Requests that the timer interrupt takes at once. */
#define EVNOTIFY_IRQ_BATCH	32
/* Requests or event records that are copied from or to the process at once. */
#define EVNOTIFY_COPY_BATCH	8

/*
 * Signals that an eventfd is owed at most for one request: a clock that jumps
 * by a year must not keep the tasklet busy for hours.
 */
#define EVNOTIFY_MAX_SIGNALS	65535ULL

/*
 * An id is a serial number above the place of the record: chunk and slot.
 * A serial number comes again after 2^43 requests of the instance, so that a
 * stale id finds nothing.  Serial numbers are kept shifted, and compared by
 * the sign of their difference.
 */
#define EVNOTIFY_SLOT_BITS	6
#define EVNOTIFY_PLACE_BITS	21
#define EVNOTIFY_SERIAL_STEP	(1ULL << EVNOTIFY_PLACE_BITS)
#define EVNOTIFY_PLACE_MASK	(EVNOTIFY_SERIAL_STEP - 1)

/* Records are allocated in chunks of this size. */
#define EVNOTIFY_CHUNK_BYTES	4096
#define EVNOTIFY_CHUNK_REQS	(EVNOTIFY_CHUNK_BYTES / sizeof(struct evnotify_req))
/* Records inside the instance: a file with few requests needs no chunk. */
#define EVNOTIFY_FIRST_REQS	8

/* What max_requests may be at most; EVNOTIFY_PLACE_BITS has room for it. */
#define EVNOTIFY_MAX_REQUESTS	1048576

/* The clocks, as indices of evnotify_instance.queues. */
enum evnotify_clock {
	EVNOTIFY_MONOTONIC,
	EVNOTIFY_BOOTTIME,
	EVNOTIFY_REALTIME,
	EVNOTIFY_TAI,
	EVNOTIFY_NR_CLOCKS,
};

/* The list that a record is on. */
enum evnotify_list {
	EVNOTIFY_NO_LIST,
	EVNOTIFY_FREE,		/* inst->free */
	EVNOTIFY_RESERVED,	/* none: filled in, not armed yet */
	EVNOTIFY_EXPIRED,	/* inst->expired: the tasklet's work */
	EVNOTIFY_SIGNALLING,	/* local to the tasklet */
	EVNOTIFY_READY,		/* inst->ready: read() takes it from there */
};

/**
 * struct evnotify_req - the record of a request
 * @node: in the queue of its clock while the request is pending
 * @next: in the list that @list names
 * @id: serial number and place; of a free record, the place alone
 * @user_data: the process's own
 * @due: when it expires next
 * @period: nanoseconds between expirations, 0: it expires once
 * @eventfd: EVNOTIFY_MODE_EVENTFD: what to signal; a reference
 * @waiter: EVNOTIFY_MODE_PENDING: completed when the request is, in place of
 *	a place in the ready list; NULL if nobody blocks in WAIT
 * @event_due: when the latest expiration was due
 * @expired: when the interrupt found it due
 * @completed: when the process could see it
 * @seq: number of the event record in the instance
 * @count: expirations that the process has not been told of
 * @left: expirations until a periodic request has completed, 0: no end
 * @clock: enum evnotify_clock
 * @mode: EVNOTIFY_MODE_*
 * @list: enum evnotify_list
 * @cancelled: it ended by cancellation
 *
 * It carries its own completion, so that completing a request never needs
 * memory.  All times are host times on the request's clock.
 */
struct evnotify_req {
	struct rb_node node;
	struct evnotify_req *next;
	u64 id;
	u64 user_data;
	ktime_t due;
	u64 period;
	union {
		struct eventfd_ctx *eventfd;
		struct completion *waiter;
	};
	ktime_t event_due;
	ktime_t expired;
	ktime_t completed;
	u64 seq;
	u64 count;
	u32 left;
	u8 clock;
	u8 mode;
	u8 list;
	bool cancelled;
};

/**
 * struct evnotify_fifo - a singly linked first in, first out list
 * @head: first record, or NULL
 * @tail: last record; meaningless while @head is NULL
 */
struct evnotify_fifo {
	struct evnotify_req *head;
	struct evnotify_req *tail;
};

/**
 * struct evnotify_queue - what is pending on one clock
 * @inst: the instance that it belongs to
 * @timer: the simulated hardware; runs whenever @pending has an entry, except
 *	while @backlog is set
 * @pending: requests in the order of their due times
 * @last: the one with the latest due time, or NULL
 * @now: time of the latest interrupt
 * @backlog: that interrupt left requests to the tasklet
 */
struct evnotify_queue {
	struct evnotify_instance *inst;
	struct hrtimer timer;
	struct rb_root_cached pending;
	struct rb_node *last;
	ktime_t now;
	bool backlog;
};

/**
 * struct evnotify_instance - an open file
 * @lock: see the top of this file
 * @dpc: completes what has expired
 * @queues: what is pending, by clock
 * @expired: records that the interrupt took, for the tasklet
 * @ready: event records, for read()
 * @free: unused records
 * @closing: set by evnotify_instance_destroy(): complete nothing any more
 * @armed: requests that were ever armed
 * @completed: of these, those that took their last expiration
 * @cancelled: of these, those that were cancelled
 * @pending: of these, those that are in a queue; at every moment @armed is
 *	the sum of the other three
 * @unread: records on @ready
 * @used: records that are not free
 * @nr_free: records that are
 * @eventfds: records that hold an eventfd
 * @serial: serial number of the latest id
 * @seq: number of the latest event record
 * @limit: how many records may be used; constant
 * @number: names the instance in the trace and in fdinfo; constant
 * @readers: see the top of this file
 * @wait: who reads or polls
 * @fasync: who is sent SIGIO; owned by fasync_helper()
 * @chunks: records by chunk number; has its own lock
 * @first: chunk 0
 */
struct evnotify_instance {
	spinlock_t lock;	/* nests inside readers */
	struct tasklet_struct dpc;
	struct evnotify_queue queues[EVNOTIFY_NR_CLOCKS];
	struct evnotify_fifo expired;
	struct evnotify_fifo ready;
	struct evnotify_req *free;
	bool closing;
	u64 armed;
	u64 completed;
	u64 cancelled;
	u32 pending;
	u32 unread;
	u32 used;
	u32 nr_free;
	u32 eventfds;
	u64 serial;
	u64 seq;
	u32 limit;
	u32 number;
	struct mutex readers;	/* one read() at a time */
	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	struct xarray chunks;
	struct evnotify_req first[EVNOTIFY_FIRST_REQS];
};

/**
 * struct evnotify_spec - a checked request, as the engine takes it
 * @user_data: see struct evnotify_req
 * @due: see struct evnotify_req
 * @period: see struct evnotify_req
 * @eventfd: see struct evnotify_req; the record takes over the reference
 * @waiter: see struct evnotify_req
 * @left: see struct evnotify_req
 * @clock: see struct evnotify_req
 * @mode: see struct evnotify_req
 */
struct evnotify_spec {
	u64 user_data;
	ktime_t due;
	u64 period;
	union {
		struct eventfd_ctx *eventfd;
		struct completion *waiter;
	};
	u32 left;
	u8 clock;
	u8 mode;
};

/* main.c */
extern unsigned int evnotify_max_requests;
extern unsigned int evnotify_min_period_ns;

/* file.c */
extern const struct file_operations evnotify_fops;

/* timer.c: the source of events */
ktime_t evnotify_now(unsigned int clock);
void evnotify_queue_init(struct evnotify_queue *q,
			 struct evnotify_instance *inst, unsigned int clock);
void evnotify_queue_add(struct evnotify_queue *q, struct evnotify_req *req);
void evnotify_queue_remove(struct evnotify_queue *q, struct evnotify_req *req);
void evnotify_expire(struct evnotify_queue *q, unsigned int n);

/* complete.c: from expired to told */
void evnotify_dpc(struct tasklet_struct *dpc);
bool evnotify_complete(struct evnotify_instance *inst,
		       struct evnotify_req *req, ktime_t now);
void evnotify_wake(struct evnotify_instance *inst);
void evnotify_free(struct evnotify_instance *inst, struct evnotify_req *req);
int evnotify_wait(struct evnotify_instance *inst, struct evnotify_req *req,
		  struct evnotify_event *event, const s64 *offsets);
void evnotify_wait_end(struct evnotify_instance *inst,
		       struct evnotify_req *req, bool told);
unsigned int evnotify_peek(struct evnotify_instance *inst,
			   struct evnotify_event *events, unsigned int n,
			   const s64 *offsets);
void evnotify_consume(struct evnotify_instance *inst,
		      const struct evnotify_event *events, unsigned int n);

/* request.c: arm, cancel, update; the instance */
int evnotify_instance_init(struct evnotify_instance *inst);
void evnotify_instance_destroy(struct evnotify_instance *inst);
int evnotify_reserve(struct evnotify_instance *inst,
		     const struct evnotify_spec *specs, unsigned int n,
		     struct evnotify_req **reqs, gfp_t gfp);
void evnotify_unreserve(struct evnotify_instance *inst,
			struct evnotify_req **reqs, unsigned int n);
void evnotify_arm(struct evnotify_instance *inst, struct evnotify_req **reqs,
		  unsigned int n);
int evnotify_cancel(struct evnotify_instance *inst, u64 id);
u64 evnotify_cancel_all(struct evnotify_instance *inst);
int evnotify_clock_of(struct evnotify_instance *inst, u64 id);
int evnotify_update(struct evnotify_instance *inst, u64 id, ktime_t due,
		    u64 period, u32 left);
#ifdef CONFIG_EVNOTIFY_DEBUG
void evnotify_check(struct evnotify_instance *inst);
#else
static inline void evnotify_check(struct evnotify_instance *inst)
{
}
#endif

/* pool.c, the records */
int evnotify_pool_init(struct evnotify_instance *inst);
void evnotify_pool_destroy(struct evnotify_instance *inst);
int evnotify_pool_grow(struct evnotify_instance *inst, gfp_t gfp);
struct evnotify_req *evnotify_pool_take(struct evnotify_instance *inst);
void evnotify_pool_give(struct evnotify_instance *inst,
			struct evnotify_req *req);
struct evnotify_req *evnotify_pool_find(struct evnotify_instance *inst, u64 id);

/* True while @req is in the queue of its clock. */
static inline bool evnotify_is_pending(const struct evnotify_req *req)
{
	return !RB_EMPTY_NODE(&req->node);
}

static inline void evnotify_fifo_push(struct evnotify_fifo *fifo,
				      struct evnotify_req *req)
{
	req->next = NULL;
	if (fifo->head)
		fifo->tail->next = req;
	else
		WRITE_ONCE(fifo->head, req);	/* poll() looks without lock */
	fifo->tail = req;
}

static inline struct evnotify_req *evnotify_fifo_pop(struct evnotify_fifo *fifo)
{
	struct evnotify_req *req = fifo->head;

	if (req) {
		WRITE_ONCE(fifo->head, req->next);
		req->list = EVNOTIFY_NO_LIST;
	}
	return req;
}

#endif /* EVNOTIFY_H */
