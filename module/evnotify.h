/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - private structures and the rules of locking
 *
 * An open file is an instance.  It owns everything that its requests need:
 * lock, timers, tasklet, lists and the records themselves, so that no
 * instance can see, delay or exhaust another.  Only how many instances a user
 * has, and records in them, is counted for all of them; see user.c.
 *
 * Life of a request, and the function that moves it on:
 *
 *   free
 *     | evnotify_submit()      filled in, and into a queue
 *   pending ----------------------------.
 *     | evnotify_expire()               | evnotify_cancel_req()
 *   on inst->expired                    |
 *     | evnotify_complete_expired(),    |
 *     | called by the tasklet           |
 *     |---------------------------------'
 *     |-- PENDING: evnotify_complete()
 *     |     |-- on inst->ready
 *     |     |     | evnotify_take_batch()
 *     |     |-- held for the WAIT that armed it
 *     |     |     | evnotify_wait_end(), or evnotify_let_go() if no WAIT comes
 *     |-- EVENTFD:
 *     |     |-- deferred, if the CPU has signalled for too long
 *     |     |     | evnotify_signal_deferred(), in process context
 *     |     |-- being signalled
 *     |     |     | evnotify_signal()
 *   free
 *
 * A periodic request stays pending while its record goes round.  Whether a
 * request is pending (@state) and which list its record is on (@list) are
 * therefore two facts.  Whoever ends its being pending, under the lock, decides
 * how it ends: there is no other arbitration.
 *
 * A WAIT that is interrupted leaves its request as it is: pending, expired or
 * held.  WAIT with its id takes it up again, see evnotify_wait_resume().
 *
 * Locks, in the order in which they nest:
 *
 *   1. inst->growing (mutex): one thread at a time allocates records.
 *   2. inst->lock (spinlock, taken in interrupt context): all fields of the
 *      instance, its queues and its records, where nothing else is said.
 *   3. The lock of an evnotify_user, and what complete(), wake_up() of
 *      inst->signalled and the hrtimer functions take.
 *
 * inst->flush is a mutex that a CANCEL of all holds while it takes inst->lock.
 *
 * eventfd_signal() and the wake-up of readers run outside inst->lock: how
 * long they take is up to the process.  Requests and event records are copied
 * from and to the process under the lock, a few at a time and with page faults
 * disabled: so a request is armed in the step in which the process gets its id,
 * and a record leaves the ready list in the step in which the process gets it.
 */
#ifndef EVNOTIFY_H
#define EVNOTIFY_H

#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/evnotify.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/percpu.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/time_namespace.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <asm/page.h>

struct eventfd_ctx;
struct file;
struct kiocb;
struct evnotify_user;
struct workqueue_struct;
struct iov_iter;

/*
 * Interrupts are off while inst->lock is held, so each step under it has a bound:
 * it takes 6,000 instructions at most, on Linux 6.12.
 *
 * Requests that the tasklet completes in a step, and takes from the queues before.
 */
#define EVNOTIFY_BATCH		48
/* Event records that read() copies in a step. */
#define EVNOTIFY_READ_BATCH	64
/* Requests that the timer interrupt takes. */
#define EVNOTIFY_IRQ_BATCH	32
/* Requests that are armed, or that CANCEL of all goes through, in a step. */
#define EVNOTIFY_STEP		12

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
#define EVNOTIFY_SLOT_BITS	(PAGE_SHIFT + EVNOTIFY_MAX_CHUNK_ORDER - 6)
#define EVNOTIFY_PLACE_BITS	21
#define EVNOTIFY_SERIAL_STEP	BIT_ULL(EVNOTIFY_PLACE_BITS)
#define EVNOTIFY_PLACE_MASK	(EVNOTIFY_SERIAL_STEP - 1)

/*
 * Records are allocated in chunks: of a page, then of two, then of four.  Pages
 * larger than 4 KB need no more than one.
 */
#define EVNOTIFY_MAX_CHUNK_ORDER	(PAGE_SHIFT > 12 ? 0 : 2)
/* Records inside the instance: a file with few requests needs no chunk. */
#define EVNOTIFY_FIRST_REQS	8
/* Chunks that the instance has room to list; more need an array of their own. */
#define EVNOTIFY_FIRST_CHUNKS	8

/* What max_requests may be at most; EVNOTIFY_PLACE_BITS has room for it. */
#define EVNOTIFY_MAX_REQUESTS	1048576
/* What max_user_instances may be at most. */
#define EVNOTIFY_MAX_INSTANCES	1048576
/* What max_user_requests may be at most. */
#define EVNOTIFY_MAX_USER_REQUESTS	1073741824

/*
 * The clocks.  There is a queue for each, evnotify_instance.queues: of requests
 * whose due times are measured on that clock.
 */
enum evnotify_clock {
	EVNOTIFY_MONOTONIC,
	EVNOTIFY_BOOTTIME,
	EVNOTIFY_REALTIME,
	EVNOTIFY_TAI,
	EVNOTIFY_NR_CLOCKS,
};

/* What became of a request; from EVNOTIFY_IN_LINE on it is pending. */
enum evnotify_state {
	EVNOTIFY_EXPIRES_NO_MORE,
	EVNOTIFY_CANCELLED,
	EVNOTIFY_IN_LINE,	/* pending, in queue->line */
	EVNOTIFY_IN_TREE,	/* pending, in queue->tree */
	EVNOTIFY_PARKED,	/* pending, in no queue: see evnotify_expire_req() */
};

/* Where a record is. */
enum evnotify_list {
	EVNOTIFY_NO_LIST,
	EVNOTIFY_FREE,		/* inst->free */
	EVNOTIFY_EXPIRED,	/* inst->expired: the tasklet's work */
	EVNOTIFY_DEFERRED,	/* inst->deferred: to be signalled by turns */
	EVNOTIFY_SIGNALLING,	/* with whom inst->signaller names */
	EVNOTIFY_READY,		/* inst->ready: read() takes it from there */
	EVNOTIFY_HELD,		/* complete, for the WAIT that armed it */
	EVNOTIFY_LET_GO,	/* inst->let_go: as free, and as held */
};

/* Whether a request completes for a WAIT, and not for read(). */
enum evnotify_for_wait {
	EVNOTIFY_FOR_READ,
	EVNOTIFY_FOR_WAIT,
	EVNOTIFY_FOR_NOBODY,	/* one that had been left, and was cancelled */
};

/*
 * Who signals the eventfds of an instance: never two at a time.  From
 * EVNOTIFY_WORK on it is in process context.
 */
enum evnotify_signaller {
	EVNOTIFY_NOBODY,
	EVNOTIFY_TASKLET,
	EVNOTIFY_WORK,		/* a turn in process context */
	EVNOTIFY_FLUSH,		/* a CANCEL of all */
};

/**
 * struct evnotify_record - the record of a request
 * @link: in its queue while @state is EVNOTIFY_IN_LINE
 * @node: in its queue while @state is EVNOTIFY_IN_TREE
 * @next: in the list that @list names
 * @id: serial number and place, of the latest request; before the first, the
 *	place alone
 * @user_data: the process's own
 * @event_due: when the latest expiration was due, on @clock
 * @expired: when it was found due, on @clock
 * @completed: when the process could see it, on @clock
 * @seq: number of the event record in the instance
 * @due: when it expires next, on the clock of @queue
 * @period: nanoseconds between expirations, 0: it expires once
 * @eventfd: EVNOTIFY_MODE_EVENTFD: what to signal; a reference
 * @waiter: of a WAIT's request: completed when the request is; NULL while no
 *	WAIT blocks on it
 * @count: expirations that the process has not been told of
 * @left: expirations until a periodic request has completed, 0: no end
 * @clock: enum evnotify_clock, the clock that the process gave
 * @queue: enum evnotify_clock, of the queue in which it is while pending
 * @mode: EVNOTIFY_MODE_*
 * @wait: enum evnotify_for_wait: not 0 if a WAIT armed it
 * @state: enum evnotify_state
 * @list: enum evnotify_list
 *
 * It carries its own completion, so that completing a request never needs
 * memory.  All times are the host's.
 */
struct evnotify_record {
	union {
		struct hlist_node link;
		struct rb_node node;
	};
	struct evnotify_record *next;
	u64 id;
	u64 user_data;
	ktime_t event_due;
	ktime_t expired;
	ktime_t completed;
	u64 seq;
	ktime_t due;
	u64 period;
	union {
		struct eventfd_ctx *eventfd;
		struct completion *waiter;
	};
	u32 count;
	u32 left;
	u8 clock;
	u8 queue;
	u8 mode;
	u8 wait;
	u8 state;
	u8 list;
};

/**
 * struct evnotify_fifo - a singly linked first in, first out list
 * @head: first record, or NULL
 * @tail: last record; meaningless while @head is NULL
 */
struct evnotify_fifo {
	struct evnotify_record *head;
	struct evnotify_record *tail;
};

/**
 * struct evnotify_queue - what is due by one clock
 * @inst: the instance that it belongs to
 * @timer: the simulated hardware; runs whenever a request is in the queue,
 *	except while inst->backlog names this queue
 * @line: requests that came in the order of their due times: the usual case,
 *	and an append and a pop are all that it costs
 * @last: the last of them, or NULL
 * @tree: the others, by due time
 * @clock: enum evnotify_clock
 */
struct evnotify_queue {
	struct evnotify_instance *inst;
	struct hrtimer timer;
	struct hlist_head line;
	struct evnotify_record *last;
	struct rb_root_cached tree;
	unsigned int clock;
};

/**
 * struct evnotify_instance - an open file
 * @lock: see the top of this file
 * @dpc: completes what has expired
 * @queues: what is pending, by clock
 * @expired: records that the interrupt took, for the tasklet
 * @ready: event records, for read()
 * @free: unused records
 * @let_go: records that are free, but for the WAIT that may still ask what
 *	became of its request; used when no others are free
 * @backlog: queues whose interrupt left requests, or the start of the timer, to
 *	the tasklet, a bit each
 * @closing: set by evnotify_instance_destroy(): signal no eventfd again
 * @signaller: enum evnotify_signaller
 * @flushing: a CANCEL of all waits to be, or is, the signaller: nobody else
 *	begins to signal
 * @deferred: records whose eventfds are to be signalled in process context
 * @nr_deferred: how many they are
 * @wakes: event records of which those who read or poll are to be told there
 * @completing: records on @expired or @deferred, or being signalled
 * @turn: in the list of instances of @user that want a turn in process context;
 *	under the lock of @user
 * @signalling: the record whose eventfd is signalled right now, or NULL;
 *	written by the signaller only, without @lock
 * @signalled: who waits for that to end
 * @flush: held by the CANCEL of all that has set @flushing
 * @armed: requests that were ever armed
 * @completed: of these, those that took their last expiration
 * @cancelled: of these, those that were cancelled
 * @pending: of these, those that are in a queue; at every moment @armed is
 *	the sum of the other three
 * @unread: records on @ready
 * @nr_reqs: records that there are
 * @eventfds: a record may hold an eventfd
 * @serial: serial number of the latest id
 * @seq: number of the latest event record
 * @limit: how many records there may be; constant
 * @number: names the instance in the trace and in fdinfo; constant
 * @user: whose place it takes, and who its records count for; constant
 * @wait: who reads or polls
 * @fasync: who is sent SIGIO; owned by fasync_helper()
 * @growing: held while a chunk is added
 * @chunks: records by chunk number
 * @nr_chunks: how many there are
 * @max_chunks: how many @chunks has room for
 * @first_chunks: what @chunks is at first
 * @first: chunk 0
 */
struct evnotify_instance {
	spinlock_t lock;	/* everything but what says otherwise */
	struct tasklet_struct dpc;
	struct evnotify_queue queues[EVNOTIFY_NR_CLOCKS];
	struct evnotify_fifo expired;
	struct evnotify_fifo ready;
	struct evnotify_record *free;
	struct evnotify_fifo let_go;
	u8 backlog;
	bool closing;
	u8 signaller;
	bool flushing;
	struct evnotify_fifo deferred;
	u32 nr_deferred;
	u32 wakes;
	u32 completing;
	struct list_head turn;
	struct evnotify_record *signalling;
	wait_queue_head_t signalled;
	struct mutex flush;	/* one CANCEL of all at a time */
	u64 armed;
	u64 completed;
	u64 cancelled;
	u32 pending;
	u32 unread;
	u32 nr_reqs;
	bool eventfds;
	u64 serial;
	u64 seq;
	u32 limit;
	u32 number;
	struct evnotify_user *user;
	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	struct mutex growing;	/* see the top of this file */
	struct evnotify_record **chunks;
	u32 nr_chunks;
	u32 max_chunks;
	struct evnotify_record *first_chunks[EVNOTIFY_FIRST_CHUNKS];
	struct evnotify_record first[EVNOTIFY_FIRST_REQS];
};

/**
 * struct evnotify_input - where requests come from
 * @uptr: memory of the process
 * @from: memory of any other kind, in place of @uptr; or NULL
 * @waiter: see struct evnotify_record
 * @req: set to the latest record that was armed
 * @gfp: GFP_KERNEL, or GFP_NOWAIT if the caller must not sleep
 * @ids: write the ids back to @uptr
 * @id_failed: set if it was the id that could not be written
 * @start: queues that have a new first request, a bit each
 */
struct evnotify_input {
	struct evnotify_request __user *uptr;
	struct iov_iter *from;
	struct completion *waiter;
	struct evnotify_record *req;
	gfp_t gfp;
	bool ids;
	bool id_failed;
	u8 start;
};

/* main.c */
extern unsigned int evnotify_max_requests;
extern unsigned int evnotify_min_period_ns;
extern unsigned int evnotify_max_user_instances;
extern struct workqueue_struct *evnotify_workqueue;
extern unsigned int evnotify_max_user_requests;

/* file.c */
extern const struct file_operations evnotify_fops;

/* instance.c */
struct evnotify_instance *evnotify_instance_create(void);
void evnotify_instance_destroy(struct evnotify_instance *inst);
#ifdef CONFIG_EVNOTIFY_DEBUG
void evnotify_check(struct evnotify_instance *inst);
#else
static inline void evnotify_check(struct evnotify_instance *inst)
{
}
#endif

/* timer.c: the source of events */
ktime_t evnotify_now(unsigned int clock);
void evnotify_timer_init(struct evnotify_queue *q,
			 struct evnotify_instance *inst, unsigned int clock);
void evnotify_timer_start(struct evnotify_queue *q);
void evnotify_timer_add(struct evnotify_queue *q, struct evnotify_record *req);
void evnotify_expire_backlog(struct evnotify_instance *inst);
void evnotify_unpark(struct evnotify_instance *inst,
		     struct evnotify_record *req);
ktime_t evnotify_on_clock(const struct evnotify_record *req, ktime_t time);

/* complete.c: the tasklet, cancellation */
void evnotify_dpc(struct tasklet_struct *dpc);
unsigned int evnotify_complete_expired(struct evnotify_instance *inst);
int evnotify_cancel_one(struct evnotify_instance *inst, u64 id);
u64 evnotify_cancel_all(struct evnotify_instance *inst);
void evnotify_drop(struct evnotify_instance *inst, struct evnotify_record *req);
void evnotify_make_ready(struct evnotify_instance *inst,
			 struct evnotify_record *req);
void evnotify_free(struct evnotify_instance *inst, struct evnotify_record *req);

/* wait.c: WAIT */
int evnotify_wait_block(struct evnotify_instance *inst,
			struct evnotify_record *req, struct completion *done,
			struct evnotify_event *event);
struct evnotify_record *evnotify_wait_resume(struct evnotify_instance *inst,
					     u64 id, struct completion *done,
					     struct evnotify_event *event);
void evnotify_wait_end(struct evnotify_instance *inst,
		       struct evnotify_record *req, bool told);

/* read.c: read() */
ssize_t evnotify_read(struct file *file, char __user *buf, size_t size,
		      loff_t *pos);
ssize_t evnotify_read_iter(struct kiocb *iocb, struct iov_iter *to);
void evnotify_fill(struct evnotify_event *event,
		   const struct evnotify_record *req, s64 offset);

/* signal.c: eventfds and wake-ups, within the budget of a CPU */
u64 evnotify_budget_measure(bool *over);
void evnotify_budget_spend(u64 began, unsigned long ticks);
void evnotify_defer(struct evnotify_instance *inst,
		    struct evnotify_record *req);
void evnotify_defer_wake(struct evnotify_instance *inst, unsigned int records);
void evnotify_signal_add(struct evnotify_instance *inst,
			 struct evnotify_fifo *batch,
			 struct evnotify_record *req);
bool evnotify_signal(struct evnotify_instance *inst, struct evnotify_fifo *batch);
void evnotify_signal_wait(struct evnotify_instance *inst,
			  const struct evnotify_record *req);
void evnotify_signal_deferred(struct evnotify_instance *inst);
void evnotify_flush(struct evnotify_instance *inst);
void evnotify_wake_waiters(struct evnotify_instance *inst, unsigned int records);
DECLARE_PER_CPU(u8, evnotify_unmeasured);

/* request.c: arm, update */
ssize_t evnotify_submit(struct evnotify_instance *inst,
			struct evnotify_input *input, size_t count);
int evnotify_update_times(struct evnotify_instance *inst,
			  const struct evnotify_update *args);

/* user.c: how many instances and requests a user has, and whose turn it is */
struct evnotify_user *evnotify_user_get(void);
void evnotify_user_put(struct evnotify_user *user);
int evnotify_user_charge(struct evnotify_user *user, unsigned int nr);
void evnotify_user_uncharge(struct evnotify_user *user, unsigned int nr);
void evnotify_user_queue(struct evnotify_instance *inst);
void evnotify_user_dequeue(struct evnotify_instance *inst);

/* pool.c, the records */
void evnotify_pool_init(struct evnotify_instance *inst);
void evnotify_pool_destroy(struct evnotify_instance *inst);
int evnotify_pool_grow(struct evnotify_instance *inst, gfp_t gfp);
struct evnotify_record *evnotify_lookup(struct evnotify_instance *inst, u64 id);
struct evnotify_record *evnotify_find(struct evnotify_instance *inst, u64 id);

/* The page order of a chunk; chunk 0 is inside the instance. */
static inline unsigned int evnotify_chunk_order(unsigned int chunk)
{
	return min_t(unsigned int, chunk - 1, EVNOTIFY_MAX_CHUNK_ORDER);
}

/* How many records a chunk has. */
static inline unsigned int evnotify_chunk_reqs(unsigned int chunk)
{
	if (!chunk)
		return EVNOTIFY_FIRST_REQS;
	return PAGE_SIZE / sizeof(struct evnotify_record)
		<< evnotify_chunk_order(chunk);
}

/*
 * What the caller's time namespace adds to host time, in nanoseconds by clock.
 * Only clocks that start at boot have an offset.
 */
static inline void evnotify_offsets(s64 *offsets)
{
#ifdef CONFIG_TIME_NS
	const struct timens_offsets *ns = &current->nsproxy->time_ns->offsets;

	offsets[EVNOTIFY_MONOTONIC] = ns->monotonic.tv_sec * NSEC_PER_SEC +
				      ns->monotonic.tv_nsec;
	offsets[EVNOTIFY_BOOTTIME] = ns->boottime.tv_sec * NSEC_PER_SEC +
				     ns->boottime.tv_nsec;
#else
	offsets[EVNOTIFY_MONOTONIC] = 0;
	offsets[EVNOTIFY_BOOTTIME] = 0;
#endif
	offsets[EVNOTIFY_REALTIME] = 0;
	offsets[EVNOTIFY_TAI] = 0;
}

/* True while @req is in the queue of its clock. */
static inline bool evnotify_is_pending(const struct evnotify_record *req)
{
	return req->state >= EVNOTIFY_IN_LINE;
}

/*
 * A run of a tasklet begins.  Sets @over if the budget of this CPU is used up, and
 * returns what evnotify_budget_end() wants.
 */
static inline u64 evnotify_budget_begin(bool *over)
{
	*over = false;
	if (likely(this_cpu_read(evnotify_unmeasured))) {
		this_cpu_dec(evnotify_unmeasured);
		return 0;
	}
	return evnotify_budget_measure(over);
}

/* It ends; it began when jiffies was @tick. */
static inline void evnotify_budget_end(u64 began, unsigned long tick)
{
	if (began || time_after(jiffies, tick))
		evnotify_budget_spend(began, jiffies - tick);
}

/* True if somebody may want to be told of event records. */
static inline bool evnotify_has_waiters(struct evnotify_instance *inst)
{
	/*
	 * Pairs with the barriers in evnotify_poll(), in evnotify_sleep() and, for
	 * inst->fasync, in evnotify_fasync().
	 */
	return wq_has_sleeper(&inst->wait) || READ_ONCE(inst->fasync);
}

/* Tell them of @records new ones; tasklet or process, without inst->lock. */
static inline void evnotify_wake(struct evnotify_instance *inst,
				 unsigned int records)
{
	if (evnotify_has_waiters(inst))
		evnotify_wake_waiters(inst, records);
}

/* True if eventfds of this instance are signalled in process context now. */
static inline bool
evnotify_signals_in_process(const struct evnotify_instance *inst)
{
	return inst->nr_deferred || inst->signaller >= EVNOTIFY_WORK;
}

/*
 * What a clock shows at the host's @time if it is @offset ahead.  A time that
 * never comes stays one; one before the clock began is 0.
 */
static inline u64 evnotify_shift(ktime_t time, s64 offset)
{
	if (!offset || time == KTIME_MAX)
		return time;
	if (offset > 0)
		return min_t(u64, (u64)time + offset, KTIME_MAX);
	return max(time + offset, 0);
}

/* The status of its event record. */
static inline s32 evnotify_status(const struct evnotify_record *req)
{
	return req->state == EVNOTIFY_CANCELLED ? -ECANCELED : 0;
}

/* Give back a record that is not pending and on no list; under inst->lock. */
static inline void evnotify_pool_give(struct evnotify_instance *inst,
				      struct evnotify_record *req)
{
	req->list = EVNOTIFY_FREE;
	req->next = inst->free;
	inst->free = req;
}

static inline void evnotify_fifo_push(struct evnotify_fifo *fifo,
				      struct evnotify_record *req)
{
	req->next = NULL;
	if (fifo->head)
		fifo->tail->next = req;
	else
		WRITE_ONCE(fifo->head, req);	/* poll() looks without lock */
	fifo->tail = req;
}

static inline struct evnotify_record *
evnotify_fifo_pop(struct evnotify_fifo *fifo)
{
	struct evnotify_record *req = fifo->head;

	if (req)
		fifo->head = req->next;
	return req;
}

#endif /* EVNOTIFY_H */
