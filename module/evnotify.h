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
 *     | evnotify_submit()
 *   pending: in the queue of a clock, or ---.
 *   waiting for an event of a source        |
 *     | evnotify_expire_req() or            | evnotify_cancel_req()
 *     | evnotify_source_take()              |
 *   expired: on inst->expired               |
 *     | evnotify_complete_batch()           |
 *     |-------------------------------------'
 *     |
 *     |-- PENDING, of REGISTER or write():
 *     |   ready: on inst->ready
 *     |     | evnotify_take_batch(), for read()
 *     |   free
 *     |
 *     |-- PENDING, of a WAIT:
 *     |   held
 *     |     | evnotify_wait_end()
 *     |   free; ready if the event could not be written to the process
 *     |
 *     |-- EVENTFD, expired:
 *     |     |-- deferred: on inst->deferred, if the CPU's budget is used up
 *     |     |     | evnotify_take_deferred()
 *     |   signalling
 *     |     | evnotify_signal()
 *     |   free; expired or deferred again if more signals are due
 *     |
 *     '-- EVENTFD, cancelled:
 *         free
 *
 * The tasklet calls evnotify_complete_batch(); a CANCEL of all does so in its
 * place.  What is deferred is signalled in process context: by a work item, or
 * by a CANCEL of all.
 *
 * A WAIT that a signal or a freezer interrupts leaves its request behind, and
 * may come again with its id.  If the thread is killed, evnotify_drop() ends
 * the request.
 *
 *   pending, and a WAIT blocks on it
 *     | interrupted         ^
 *     v                     | evnotify_wait_resume()
 *   pending, left behind ---'
 *     | evnotify_complete()
 *   held, left behind
 *     |-- evnotify_wait_resume(): goes on as if nothing had interrupted it
 *     | evnotify_let_go(), called by a CANCEL
 *   on inst->let_go
 *     |-- evnotify_wait_resume(): learns how the request ended
 *     |-- evnotify_pool_grow(): no other record is free
 *   free
 *
 * A periodic request stays pending while its record goes round, and so does one
 * that waits for each event of a source.  Whether a
 * request is pending (@state) and which list its record is on (@list) are
 * therefore two facts.  Whoever takes a request out of its queue for good, with
 * the lock held, decides how it ends: there is no other arbitration.
 *
 * Locks, in the order in which they nest:
 *
 *   1. inst->growing (mutex): one thread at a time allocates records.
 *      inst->flush (mutex): one CANCEL of all at a time.
 *   2. inst->lock (spinlock, taken in interrupt context): all fields of the
 *      instance, its queues and its records, where nothing else is said.
 *   3. The lock of an evnotify_source, see source.h.
 *   4. The lock of an evnotify_user, and what complete(), wake_up() of
 *      inst->signalled and the hrtimer functions take.
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
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <asm/page.h>

struct eventfd_ctx;
struct evnotify_source;
struct evnotify_user;
struct file;
struct inode;
struct iov_iter;
struct kiocb;
struct workqueue_struct;

/*
 * Interrupts are off while inst->lock is held.  So nothing is done under it for
 * more than a bounded number of requests, chosen so that it takes no more than
 * 6,000 instructions on Linux 6.12.
 */
/* Requests that the tasklet takes from the queues, and that it completes. */
#define EVNOTIFY_BATCH		48
/* Event records that read() copies. */
#define EVNOTIFY_READ_BATCH	64
/* Requests that the timer interrupt takes from its queue. */
#define EVNOTIFY_IRQ_BATCH	32
/* Requests that are armed, or that CANCEL of all looks at. */
#define EVNOTIFY_STEP		12

/*
 * An eventfd is signalled once for each expiration, but no more than so often
 * for those that a request counts while it is not signalled: a clock that jumps
 * by a year must not keep the tasklet busy for hours.
 */
#define EVNOTIFY_MAX_SIGNALS	65535ULL

/*
 * Faults in a row after which memory of a process counts as missing, though it could
 * be written to each time: another thread may unmap it between the fault and the
 * copy, over and over.
 */
#define EVNOTIFY_MAX_FAULTS	100

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
/* Chunk 0 is in the instance itself: few requests need no other memory. */
#define EVNOTIFY_FIRST_REQS	8
/* More chunks than these are listed in an array that is allocated. */
#define EVNOTIFY_FIRST_CHUNKS	8

/* Longest name that a driver may give to a source. */
#define EVNOTIFY_MAX_SOURCE_NAME	32
/* Room for the name of its node, in /dev: a prefix, that name and a number. */
#define EVNOTIFY_SOURCE_NAME_SIZE	48

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
	EVNOTIFY_TIMED_OUT,	/* before an event of its source */
	EVNOTIFY_GONE,		/* its source is */
	EVNOTIFY_IN_LINE,	/* pending, in queue->line */
	EVNOTIFY_IN_TREE,	/* pending, in queue->tree */
	EVNOTIFY_PARKED,	/* pending, in no queue: evnotify_unpark() */
	EVNOTIFY_WAITING,	/* pending, in inst->waiting: for an event */
	EVNOTIFY_WAITING_TIMED,	/* the same, and in queue->tree: for its timeout */
	EVNOTIFY_UNREAD,	/* pending, waits again when its record is read */
};

/* Where a record is. */
enum evnotify_list {
	EVNOTIFY_NO_LIST,
	EVNOTIFY_FREE,		/* inst->free */
	EVNOTIFY_EXPIRED,	/* inst->expired: the tasklet completes it */
	EVNOTIFY_DEFERRED,	/* inst->deferred: to be signalled in process */
	EVNOTIFY_SIGNALLING,	/* inst->batch: inst->signaller signals it */
	EVNOTIFY_READY,		/* inst->ready: read() takes it from there */
	EVNOTIFY_HELD,		/* complete, for the WAIT that armed it */
	EVNOTIFY_LET_GO,	/* inst->let_go: held, until it is needed */
};

/* For whom a request completes. */
enum evnotify_for_wait {
	EVNOTIFY_FOR_READ,
	EVNOTIFY_FOR_WAIT,
	EVNOTIFY_FOR_NOBODY,	/* for a WAIT that may not come any more */
};

/*
 * Who signals the eventfds of an instance: never two at a time.  From
 * EVNOTIFY_WORK on it is in process context.
 */
enum evnotify_signaller {
	EVNOTIFY_NOBODY,
	EVNOTIFY_TASKLET,
	EVNOTIFY_WORK,		/* the work item */
	EVNOTIFY_FLUSH,		/* a CANCEL of all */
};

/**
 * struct evnotify_record - the record of a request
 * @link: in its queue while @state is EVNOTIFY_IN_LINE
 * @node: in its queue while @state is EVNOTIFY_IN_TREE or EVNOTIFY_WAITING_TIMED
 * @next: in the list that @list names
 * @id: serial number and place, of the latest request; before the first, the
 *	place alone
 * @user_data: the process's own
 * @event_due: when the latest expiration was due, on @clock
 * @data: what the latest event of the source carried, in its place
 * @lost: how many events before that were lost
 * @waiting: in inst->waiting, while @state is EVNOTIFY_WAITING or
 *	EVNOTIFY_WAITING_TIMED
 * @expired: when it was found due, on @clock
 * @completed: when the process could see it, on @clock
 * @seq: number of the event record in the instance
 * @due: when it expires next, on the clock of @queue; of a request that waits for
 *	an event: its timeout, or 0
 * @period: nanoseconds between expirations, 0: it expires once
 * @eventfd: EVNOTIFY_MODE_EVENTFD: what to signal; a reference
 * @waiter: completed when the request is, for the thread that blocks on it in
 *	WAIT; NULL if none does
 * @count: expirations or events that no event record and no signal has passed on yet
 * @remaining: expirations until a periodic request has completed, or events until one
 *	that repeats has, 0: no end
 * @clock: enum evnotify_clock, the clock that the process gave
 * @queue: enum evnotify_clock, of the queue in which it is while pending: that
 *	of CLOCK_MONOTONIC for a relative time on a clock that can be set
 * @mode: EVNOTIFY_MODE_*
 * @source: EVNOTIFY_SOURCE and EVNOTIFY_REPEAT, as they were passed in; 0: a timer
 * @wait: enum evnotify_for_wait; not 0 if a WAIT armed it
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
	union {
		struct {
			ktime_t event_due;
			u64 period;
		};
		struct {
			u64 data;
			u64 lost;
		};
		struct hlist_node waiting;
	};
	ktime_t expired;
	ktime_t completed;
	u64 seq;
	ktime_t due;
	union {
		struct eventfd_ctx *eventfd;
		struct completion *waiter;
	};
	u32 count;
	u32 remaining;
	u8 clock;
	u8 queue;
	u8 mode;
	u8 source;
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
 * struct evnotify_line - a list to which records are appended, and that they leave
 *	from anywhere
 * @first: the node of the first record, or NULL
 * @tail: where the node of the next one goes: @first, or what follows the last
 *
 * An hlist that knows its tail; queue.h has the functions.  list_add_tail() and
 * list_del() check the neighbours in the kernels of distributions: that takes 20
 * instructions each.
 */
struct evnotify_line {
	struct hlist_node *first;
	struct hlist_node **tail;
};

/**
 * struct evnotify_queue - the pending requests of a clock, and their timer
 * @inst: the instance that it belongs to
 * @timer: the simulated hardware; runs whenever a request is in the queue,
 *	except while inst->backlog names this queue
 * @line: requests that came in the order of their due times, see queue.h
 * @tree: requests that came out of order, by due time
 * @clock: enum evnotify_clock
 */
struct evnotify_queue {
	struct evnotify_instance *inst;
	struct hrtimer timer;
	struct evnotify_line line;
	struct rb_root_cached tree;
	unsigned int clock;
};

/**
 * struct evnotify_instance - an open file
 *
 * @lock: see the top of this file
 * @limit: how many records there may be; constant
 * @number: names the instance in the trace and in fdinfo; constant
 * @user: as whose it is counted; constant
 *
 * @queues: pending requests, by clock
 * @backlog: queues in which the interrupt left requests that are due, or whose
 *	timer it left to be started, to the tasklet: a bit each
 * @dpc: the tasklet
 * @expired: records that the tasklet has to complete, or to signal
 * @completing: records on @expired or @deferred, or being signalled
 *
 * @source: whose events it gets, or NULL; constant
 * @listener: in the list of those whom @source tells; under the lock of @source
 * @waiting: requests that wait for an event, the one that has waited longest first;
 *	also looked at without @lock, see source.h
 * @nr_unread_repeats: requests that will wait again once their record is read
 * @first_seen: events that @source had raised before; constant
 * @seen: events of @source that were raised before or that requests have taken, lost
 *	ones included
 * @lost: of these, those that were lost
 * @gone: @source is gone, and all who waited for its events have been told; also
 *	read without @lock
 *
 * @armed: requests that were ever armed
 * @completed: of these, those that have expired for the last time
 * @cancelled: of these, those that were cancelled
 * @pending: of these, those that will expire; at every moment @armed is the sum
 *	of the other three
 *
 * @ready: event records, for read()
 * @unread: records on @ready
 * @seq: number of the latest event record
 * @wait: threads that read or poll; has a lock of its own
 * @fasync: processes that are sent SIGIO; owned by fasync_helper()
 *
 * @signaller: enum evnotify_signaller
 * @batch: records that the signaller has to signal; it alone uses this, also
 *	without @lock
 * @signalling: the record whose eventfd is signalled right now, or NULL;
 *	written by the signaller only, without @lock
 * @signalled: threads that wait for @signalling or @signaller to change; has a
 *	lock of its own
 * @deferred: records whose eventfds are to be signalled in process context
 * @nr_deferred: how many they are
 * @wakes: event records that readers are to be woken for in process context
 * @turn: in the list of instances of @user that want a turn of the work item;
 *	under the lock of @user
 * @flush: held by the CANCEL of all that has set @flushing
 * @flushing: a CANCEL of all waits to be, or is, the signaller: nobody else
 *	begins to signal
 * @closing: the last reference to the file has gone: signal no eventfd again
 *
 * @free: unused records
 * @let_go: records that are used when no others are free: until then, a WAIT
 *	may come again and ask how its request ended
 * @serial: serial number of the latest id
 * @eventfds: a record may hold an eventfd
 * @nr_reqs: records that there are
 * @growing: held while a chunk is added
 * @chunks: records by chunk number
 * @nr_chunks: how many there are
 * @max_chunks: how many @chunks has room for
 * @first_chunks: what @chunks is at first
 * @first: chunk 0
 */
struct evnotify_instance {
	spinlock_t lock;	/* everything but what says otherwise */
	u32 limit;
	u32 number;
	struct evnotify_user *user;

	/* -- from the timer to the tasklet: timer.c, complete.c -- */
	struct evnotify_queue queues[EVNOTIFY_NR_CLOCKS];
	u8 backlog;
	struct tasklet_struct dpc;
	struct evnotify_fifo expired;
	u32 completing;

	/* -- events of a source: listen.c -- */
	struct evnotify_source *source;
	struct list_head listener;
	struct evnotify_line waiting;
	u32 nr_unread_repeats;
	u64 first_seen;
	u64 seen;
	u64 lost;
	bool gone;

	/* -- exactly once: for fdinfo and evnotify_check() -- */
	u64 armed;
	u64 completed;
	u64 cancelled;
	u32 pending;

	/* -- event records and who waits for them: read.c, poll() -- */
	u32 unread;
	struct evnotify_fifo ready;
	u64 seq;
	wait_queue_head_t wait;
	struct fasync_struct *fasync;

	/* -- eventfds, and what is left to process context: signal.c -- */
	u8 signaller;
	struct evnotify_fifo batch;
	bool flushing;
	bool closing;
	struct evnotify_record *signalling;
	wait_queue_head_t signalled;
	struct evnotify_fifo deferred;
	u32 nr_deferred;
	u32 wakes;
	struct list_head turn;
	struct mutex flush;	/* one CANCEL of all at a time */

	/* -- records: pool.c -- */
	struct evnotify_record *free;
	struct evnotify_fifo let_go;
	u64 serial;
	bool eventfds;
	u32 nr_reqs;
	struct mutex growing;	/* one thread at a time adds a chunk */
	struct evnotify_record **chunks;
	u32 nr_chunks;
	u32 max_chunks;
	struct evnotify_record *first_chunks[EVNOTIFY_FIRST_CHUNKS];
	struct evnotify_record first[EVNOTIFY_FIRST_REQS];
};

/**
 * struct evnotify_input - the requests that a call passes in
 * @uptr: the next of them, in memory of the process
 * @from: or, if this is not NULL, what write_iter() was given in place of @uptr
 * @waiter: of a WAIT: see struct evnotify_record; or NULL
 * @req: set to the latest record that was armed
 * @gfp: GFP_KERNEL, or GFP_NOWAIT if the caller must not sleep
 * @ids: write the ids back to @uptr
 * @id_failed: set if it was the id that could not be written
 * @start: queues whose timer has to be started, a bit each
 * @kick: the tasklet has to be scheduled: an event is there already
 */
struct evnotify_input {
	struct evnotify_request __user *uptr;
	struct iov_iter *from;
	struct completion *waiter;
	struct evnotify_record *req;
	gfp_t gfp;
	bool ids;
	bool id_failed;
	bool kick;
	u8 start;
};

/* main.c: parameters; the work item of all users */
extern unsigned int evnotify_max_requests;
extern unsigned int evnotify_min_period_ns;
extern unsigned int evnotify_max_user_instances;
extern unsigned int evnotify_max_user_requests;
extern struct workqueue_struct *evnotify_workqueue;

/* file.c: what a file descriptor can do */
extern const struct file_operations evnotify_fops;
struct file *evnotify_open_anon(struct evnotify_source *src, const char *name,
				unsigned int flags);

/* instance.c: made at open, ended after the last close */
struct evnotify_instance *
evnotify_instance_create(struct evnotify_source *src);
void evnotify_instance_destroy(struct evnotify_instance *inst);
#ifdef CONFIG_EVNOTIFY_DEBUG
void evnotify_check(struct evnotify_instance *inst);
#else
static inline void evnotify_check(struct evnotify_instance *inst)
{
}
#endif

/* request.c: arm, update */
ssize_t evnotify_submit(struct evnotify_instance *inst,
			struct evnotify_input *input, size_t count);
int evnotify_update_times(struct evnotify_instance *inst,
			  const struct evnotify_update *args);

/* source.c: what other drivers call */
struct evnotify_source *evnotify_source_of(struct inode *inode);
int evnotify_sources_init(void);
void evnotify_sources_exit(void);

/* listen.c: requests wait for the events of a source */
int evnotify_source_check(struct evnotify_instance *inst,
			  const struct evnotify_request *request, bool wait);
void evnotify_source_arm(struct evnotify_instance *inst,
			 struct evnotify_record *req,
			 const struct evnotify_request *request,
			 struct evnotify_input *input);
bool evnotify_source_again(struct evnotify_instance *inst,
			   struct evnotify_record *req);
void evnotify_source_kick(struct evnotify_instance *inst);
void evnotify_source_remove(struct evnotify_queue *q,
			    struct evnotify_record *req, u8 state);
bool evnotify_source_behind(struct evnotify_instance *inst);
void evnotify_source_take(struct evnotify_instance *inst);
unsigned int evnotify_source_told(struct evnotify_instance *inst);
void evnotify_source_ended(struct evnotify_instance *inst);
bool evnotify_source_told_over(struct evnotify_instance *inst);
__poll_t evnotify_source_poll(struct evnotify_instance *inst);
u64 evnotify_source_raised(struct evnotify_instance *inst);
int evnotify_source_attach(struct evnotify_instance *inst,
			   struct evnotify_source *src);
void evnotify_source_detach(struct evnotify_instance *inst);
void evnotify_source_put(struct evnotify_source *src);

/* timer.c: what stands for a device */
ktime_t evnotify_on_clock(const struct evnotify_record *req, ktime_t time);
void evnotify_timer_init(struct evnotify_queue *q,
			 struct evnotify_instance *inst, unsigned int clock);
void evnotify_timer_start(struct evnotify_queue *q,
			  const struct evnotify_record *first);
void evnotify_expire_backlog(struct evnotify_instance *inst);
void evnotify_unpark(struct evnotify_instance *inst,
		     struct evnotify_record *req);

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
			struct evnotify_record *req, struct completion *done);
struct evnotify_record *evnotify_wait_resume(struct evnotify_instance *inst,
					     u64 id, struct completion *done,
					     struct evnotify_event *event);
int evnotify_wait_end(struct evnotify_instance *inst,
		      struct evnotify_record *req,
		      struct evnotify_event __user *to);

/* read.c: read() */
ssize_t evnotify_read(struct file *file, char __user *buf, size_t size,
		      loff_t *pos);
ssize_t evnotify_read_iter(struct kiocb *iocb, struct iov_iter *to);
void evnotify_fill(struct evnotify_event *event,
		   const struct evnotify_record *req);
bool evnotify_fill_nofault(struct evnotify_event __user *to,
			   const struct evnotify_record *req);
bool evnotify_fault_in_event(struct evnotify_event __user *uptr,
			     struct iov_iter *to);

/* signal.c: eventfds and wake-ups, within the budget of a CPU */
u64 evnotify_budget_measure(void);
bool evnotify_budget_is_over(void);
void evnotify_budget_spend(u64 began, unsigned long ticks);
void evnotify_defer(struct evnotify_instance *inst,
		    struct evnotify_record *req);
void evnotify_defer_wake(struct evnotify_instance *inst, unsigned int records);
void evnotify_signal_add(struct evnotify_instance *inst,
			 struct evnotify_record *req);
bool evnotify_signal(struct evnotify_instance *inst);
void evnotify_signal_wait(struct evnotify_instance *inst,
			  const struct evnotify_record *req);
void evnotify_signal_deferred(struct evnotify_instance *inst);
void evnotify_flush(struct evnotify_instance *inst);
void evnotify_wake_others(struct evnotify_instance *inst, unsigned int records);
DECLARE_PER_CPU(u8, evnotify_unmeasured);

/* user.c: how many instances and requests a user has, and whose turn it is */
struct evnotify_user *evnotify_user_get(void);
void evnotify_user_put(struct evnotify_user *user);
int evnotify_user_charge(struct evnotify_user *user, unsigned int nr);
void evnotify_user_uncharge(struct evnotify_user *user, unsigned int nr);
void evnotify_user_queue(struct evnotify_instance *inst);
void evnotify_user_dequeue(struct evnotify_instance *inst);

/* pool.c: the records */
void evnotify_pool_init(struct evnotify_instance *inst);
void evnotify_pool_destroy(struct evnotify_instance *inst);
int evnotify_pool_grow(struct evnotify_instance *inst, gfp_t gfp);
struct evnotify_record *evnotify_lookup(struct evnotify_instance *inst, u64 id);

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

/* True if the caller's time namespace adds anything to host time, on any clock. */
static inline bool evnotify_clocks_shifted(void)
{
#ifdef CONFIG_TIME_NS
	const struct timens_offsets *ns = &current->nsproxy->time_ns->offsets;

	return ns->monotonic.tv_sec | ns->monotonic.tv_nsec |
	       ns->boottime.tv_sec | ns->boottime.tv_nsec;
#else
	return false;
#endif
}

/*
 * What it adds on a clock, in nanoseconds.  Only clocks that start at boot have
 * an offset.
 */
static inline s64 evnotify_offset(unsigned int clock)
{
#ifdef CONFIG_TIME_NS
	const struct timens_offsets *ns = &current->nsproxy->time_ns->offsets;

	if (clock == EVNOTIFY_MONOTONIC)
		return timespec64_to_ns(&ns->monotonic);
	if (clock == EVNOTIFY_BOOTTIME)
		return timespec64_to_ns(&ns->boottime);
#endif
	return 0;
}

/* Host time, on a clock. */
static inline ktime_t evnotify_now(unsigned int clock)
{
	if (clock == EVNOTIFY_MONOTONIC)
		return ktime_get();
	if (clock == EVNOTIFY_BOOTTIME)
		return ktime_get_boottime();
	return clock == EVNOTIFY_REALTIME ? ktime_get_real() :
					    ktime_get_clocktai();
}

/* True while @req will expire: it is in the queue of a clock, or parked. */
static inline bool evnotify_is_pending(const struct evnotify_record *req)
{
	return req->state >= EVNOTIFY_IN_LINE;
}

/* The status of the event record of @req. */
static inline s32 evnotify_status(const struct evnotify_record *req)
{
	switch (req->state) {
	case EVNOTIFY_CANCELLED:
		return -ECANCELED;
	case EVNOTIFY_TIMED_OUT:
		return -ETIME;
	case EVNOTIFY_GONE:
		return -ENODEV;
	default:
		return 0;
	}
}

/*
 * A tasklet begins to run.  Returns what evnotify_budget_end() has to be passed;
 * if that is 0, the budget of this CPU is not used up.
 */
static inline u64 evnotify_budget_begin(void)
{
	if (likely(this_cpu_read(evnotify_unmeasured))) {
		this_cpu_dec(evnotify_unmeasured);
		return 0;
	}
	return evnotify_budget_measure();
}

/* The tasklet ends; it began when jiffies was @tick. */
static inline void evnotify_budget_end(u64 began, unsigned long tick)
{
	if (began || time_after(jiffies, tick))
		evnotify_budget_spend(began, jiffies - tick);
}

/*
 * True if somebody reads, polls or is sent SIGIO.  To be asked after a record
 * has become ready:
 *
 *	read(), poll(), O_ASYNC			who completes a request
 *	enter inst->wait or inst->fasync	inst->ready.head = req
 *	smp_mb()				smp_mb()
 *	inst->ready.head?			inst->wait, inst->fasync?
 *
 * At least one of the two sees what the other has written: no record is ready
 * while everybody sleeps.  The barrier on the left is in evnotify_sleep(),
 * evnotify_poll() and evnotify_fasync(), that on the right in wq_has_sleeper().
 */
static inline bool evnotify_has_waiters(struct evnotify_instance *inst)
{
	return wq_has_sleeper(&inst->wait) || READ_ONCE(inst->fasync);
}

/*
 * Is there nothing more to read, ever?  Timers go on when the source is gone, and
 * eventfds get what they are owed.
 */
static inline bool evnotify_source_over(struct evnotify_instance *inst)
{
	return unlikely(READ_ONCE(inst->gone)) && evnotify_source_told_over(inst);
}

/*
 * Wake readers for @records new event records: as many of those who wait
 * exclusively.  inst->lock is not held.
 */
static inline void evnotify_wake(struct evnotify_instance *inst,
				 unsigned int records)
{
	if (!evnotify_has_waiters(inst))
		return;
	if (unlikely(READ_ONCE(inst->gone) || READ_ONCE(inst->fasync)))
		evnotify_wake_others(inst, records);
	else
		__wake_up(&inst->wait, TASK_NORMAL, records,
			  poll_to_key(EPOLLIN | EPOLLRDNORM));
}

/* True while eventfds of this instance are signalled in process context. */
static inline bool
evnotify_signals_in_process(const struct evnotify_instance *inst)
{
	return inst->nr_deferred || inst->signaller >= EVNOTIFY_WORK;
}

/* Free a record that is not pending and on no list; inst->lock is held. */
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

/* @req has expired: the tasklet completes it, if that is not to come already. */
static inline void evnotify_expired(struct evnotify_instance *inst,
				    struct evnotify_record *req)
{
	if (req->list == EVNOTIFY_NO_LIST) {
		req->list = EVNOTIFY_EXPIRED;
		inst->completing++;
		evnotify_fifo_push(&inst->expired, req);
	} else if (req->list == EVNOTIFY_READY) {
		/* An overrun: the record is unread, and counts one more. */
		req->completed = req->expired;
	}
}

#endif /* EVNOTIFY_H */
