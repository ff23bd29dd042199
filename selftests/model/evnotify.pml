/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - a model of the life of a request, for Spin
 *
 * model.sh checks every interleaving of it.  An inline or proctype
 * whose name begins with evnotify_ models the function of that name in the
 * C files of module/.  What a function does under inst->lock is one
 * d_step here, and what it does outside are steps of their own.  Whoever
 * changes one of these functions changes the model with it.
 *
 * What is left out, and why that hides nothing (each function of the engine is
 * named here or below: model.sh looks):
 *  - Other instances: they share no variable that the model has (model.sh
 *    looks).  What they do share is a choice here: the budget of a CPU, by
 *    evnotify_budget_begin(), evnotify_budget_end(),
 *    evnotify_budget_measure(), evnotify_budget_is_over() and
 *    evnotify_budget_spend(), is used up at any run of the tasklet, or not; a tick comes after any signal, or not; and a turn
 *    in process context, evnotify_user_work(), begins at any time after it was
 *    asked for.
 *  - The other clocks: their queues meet in the lock, in inst->backlog, a bit
 *    each, and in inst->expired, where several requests of one clock meet as
 *    well.  evnotify_now() is the variable now.  A relative request on a clock
 *    that can be set is in the queue of CLOCK_MONOTONIC, by
 *    evnotify_queue_for(): a request like any other there, and one that comes
 *    and goes in its own clock's.  That each step takes the queue which the
 *    record names is looked at in the source (model.sh); in what the process
 *    reads, evnotify_convert() and evnotify_on_clock() write times only.
 *  - Line and tree of a queue, evnotify_line_append() and evnotify_line_remove():
 *    together they are one queue in the order of due times (evnotify_earlier()),
 *    changed under the lock.  All that can be seen
 *    of the two is which of several that are due at the same time is first.
 *    A newcomer is that if the line was empty: then the code starts the timer,
 *    as for an earlier one.  Here it does not, lest that hide a lost start.
 *  - The limit of owed signals: 65535 are too many for a model.
 *  - Several at once under one lock, in evnotify_submit(), evnotify_take_batch() and
 *    evnotify_cancel_all(): it is one after the other, and nobody came between.
 *    The death that ends a batch, or a read(): it leaves what is done as it is.
 *  - How memory is read, checked and brought in, and what an event record
 *    says: evnotify_get_user(), evnotify_get_iter(), evnotify_put_id(),
 *    evnotify_fault_in_request(), evnotify_clock_of(), evnotify_times_init(),
 *    evnotify_times_ok(), evnotify_request_ok(), evnotify_due(),
 *    evnotify_fill().  A call that fails there has changed nothing but
 *    inst->serial, if it was the id that could not be written: then that id is
 *    never seen, and no record has it.
 *  - The chunk by which evnotify_pool_grow() and evnotify_pool_grow_locked()
 *    make a pool grow, evnotify_chunk_usable(), evnotify_pool_add(), and who it
 *    counts for: all records are there from the start.  A chunk comes in one
 *    step under the lock, and CANCEL_ALL reads the serial number and the number
 *    of chunks in one: what a later chunk holds is newer than what it may
 *    cancel, and here it passes over that, record by record.
 *  - The start, when nobody else knows the instance: evnotify_instance_create(),
 *    evnotify_timer_init(), evnotify_queue_clear(), evnotify_line_clear(),
 *    evnotify_pool_init(); and
 *    evnotify_check_fifo(), since a channel cannot be broken.
 *  - Sources, and whatever is done for a file that has one: see source.pml.
 *  - The order in which other CPUs see memory.  Looked at without the lock are
 *    inst->ready.head and inst->wait; inst->signalling, the state of a request
 *    and inst->signalled; and inst->signaller.  Where two threads each write one
 *    and read the other, the barriers are there.
 * Time is a small number that a process of its own moves on.
 *
 * The invariants of the engine are the assertions:
 *  1. Exactly once: g_* counts per request what has happened to it; balance()
 *     holds after each step under the lock, account() whenever nothing can
 *     move any more, so that nothing is lost either.
 *  2. No overflow: the lists have room for as many records as there are.
 *  3. One owner: g_ended says that a request was taken out of the queue for
 *     good; it is set once.  Who frees or signals a record has it in hand, and
 *     inst->signalling says so.
 *  4. Nothing outlives the instance: no callback runs once it is gone.
 *  5. Never early, also if the clock was set back.
 *  6. The interrupt ends, even if the clock was set back.
 *  7. When CANCEL returns, the eventfd of what it cancelled is not signalled any
 *     more.  When CANCEL_ALL returns, that is so of all that had been armed, and
 *     what had expired of that has been told or is readable.
 *  8. A WAIT that comes again ends as its own request did, unless a CANCEL has
 *     let that go and another request needed its place; no reader gets it; and
 *     whoever cancels what a WAIT has left gets the place back.
 *
 * Which threads there are and what they do is chosen by -D, see below.
 * Mutations (-DMUT_...): each breaks one rule, and must be caught.
 */

/* Sizes: records, requests in all, the end of time, batches. */
#ifndef SUBMITS
#define SUBMITS 1
#endif
#ifndef WAITS
#define WAITS 0			/* one at most */
#endif
#define NREQ (SUBMITS + WAITS)
#ifndef NREC
#define NREC NREQ
#endif
#ifndef TIME
#define TIME 1
#endif
#ifndef IRQ_BATCH
#define IRQ_BATCH 1
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef READERS
#define READERS 1
#endif

/* What is armed: PENDING or EVENTFD, one of them periodic */
#ifndef PENDINGS
#define PENDINGS 1
#endif
#ifndef EVENTFDS
#define EVENTFDS 1
#endif
#ifndef PERIODICS
#define PERIODICS 1
#endif

/* Calls of a thread that cancels and updates, which of them, and such threads */
#ifndef OPS
#define OPS 2
#endif
#ifndef CANCELS
#define CANCELS 1
#endif
#ifndef UPDATES
#define UPDATES 1
#endif
#ifndef ALLS
#define ALLS 1
#endif
#ifndef MEDDLERS
#define MEDDLERS (OPS > 0)
#endif

/* May a CPU's budget be used up?  Does a tick come while eventfds are signalled? */
#ifndef OVER
#define OVER 0
#endif
#ifndef TICK
#define TICK 0
#endif

/* CLOCK_REALTIME or CLOCK_TAI */
#if defined(SET_BACK) && !defined(MUT_CLOCK_IS_NEVER_SET_BACK)
#define CAN_BE_SET 1
#else
#define CAN_BE_SET 0
#endif

/* enum evnotify_list */
#define NO_LIST		0
#define FREE		1
#define EXPIRED		2
#define DEFERRED	3
#define SIGNALLING	4
#define READY		5
#define HELD		6
#define LET_GO		7

/* enum evnotify_state; queued is in line or in tree */
#define EXPIRES_NO_MORE	0
#define CANCELLED	1
#define QUEUED		2
#define PARKED		3

/* enum evnotify_for_wait */
#define FOR_READ	0
#define FOR_WAIT	1
#define FOR_NOBODY	2

/* enum evnotify_signaller */
#define NOBODY		0
#define TASKLET		1
#define WORK		2
#define FLUSH		3

#define NONE		NREC

typedef record {
	byte id;		/* 0 while it is free */
	byte state;
	byte due;
	bit period;
	byte left;
	bit eventfd;		/* its mode */
	byte wait;
	bit waiter;
	byte list;
	byte count;
};

/* struct evnotify_instance */
record req[NREC];
chan expired = [NREC] of { byte };
chan deferred = [NREC] of { byte };
chan ready = [NREC] of { byte };
bit let_go[NREC];		/* the list, whose order does not matter */
bit closing;
byte signaller;
bit flushing;
byte signalling = NONE;
byte nr_deferred, wakes, completing;
bit flush;			/* the mutex */
byte armed, completed, cancelled, pending, unread, serial, seq;
chan sleepers = [2] of { byte };	/* inst->wait, all exclusive */
bit waiting[2];			/* on inst->signalled */
bit done;			/* the completion of the WAIT */

/* Its queue and hrtimer */
byte now;			/* the clock */
bit set_back;			/* once, if SET_BACK */
bit backlog;
bit timer_queued, timer_running;
byte timer_expires;
#ifdef MUT_BACKLOG_AT_ITS_TIME
byte q_now;			/* when the interrupt left the backlog */
#endif

/* Its tasklet */
bit dpc_sched;			/* TASKLET_STATE_SCHED */
bit dpc_queued;			/* in the list of a CPU */
bit dpc_running;		/* TASKLET_STATE_RUN */

/* Its turns in process context */
bit turn;			/* it waits for one: user->waiting */
bit serving;			/* it has one: user->serving */

/* What the signaller has to signal: the tasklet, the work item or a CANCEL_ALL */
chan batch = [NREC] of { byte };

/* What only the assertions know */
bit g_dead;			/* release() has returned */
byte g_refs;			/* calls and descriptors that hold the file */
byte g_told_records;		/* event records that the process was given */
byte g_dropped;			/* and those that nobody asked for */
byte g_eventfds;		/* references to eventfds */
byte g_expired[NREQ + 1];	/* expirations, by id */
byte g_told[NREQ + 1];		/* of these, those the process was told of */
bit g_final[NREQ + 1];		/* the last record was told */
bit g_ended[NREQ + 1];		/* taken out of the queue for good */
bit g_void[NREQ + 1];		/* no last record, or nobody who wants it */
bit g_cancel_returned[NREQ + 1];
#if WAITS
bit g_left;			/* the WAIT does not come again */
bit g_let_go;			/* what it left was cancelled */
bit g_reused;			/* and its record has another request */
#endif

/* Used within one d_step only */
hidden byte x, n, f, s, late, left_over, more, what;

/* --- the kernel around us ----------------------------------------------- */

inline tasklet_schedule()
{
	if
	:: !dpc_sched -> dpc_sched = 1; dpc_queued = 1
	:: else
	fi
}

/* wait_event(inst->signalled, condition) of thread @me */
inline wait_event(condition)
{
	do
	:: waiting[me] = 1;		/* prepare_to_wait_event() */
		if
		:: condition -> waiting[me] = 0; break
		:: else -> !waiting[me]
		fi
	od
}

inline wake_up_signalled()
{
	waiting[0] = 0;
	waiting[1] = 0
}

/* --- under inst->lock ---------------------------------------------------- */

#define evnotify_is_pending(r)	(req[r].state >= QUEUED)
#define evnotify_signals_in_process() (nr_deferred || signaller >= WORK)

/* evnotify_check(), and more than it can afford */
inline balance()
{
	assert(armed == completed + cancelled + pending);
	assert(unread == len(ready));
	assert(!closing || empty(expired) && empty(deferred));
	assert(nr_deferred == len(deferred));
	n = 0; late = 0; more = 0; x = 0;
	do
	:: x < NREC ->
		if
		:: evnotify_is_pending(x) && !closing -> n++
		:: else
		fi;
		if
		:: req[x].list == EXPIRED || req[x].list == DEFERRED ||
		   req[x].list == SIGNALLING -> late++
		:: req[x].list == HELD || req[x].list == LET_GO -> more++
		:: else
		fi;
		assert(!evnotify_is_pending(x) ||
		       req[x].list != FREE && req[x].list < HELD);
		assert(req[x].state != PARKED || req[x].list == EXPIRED ||
		       req[x].list == DEFERRED || req[x].list == SIGNALLING);
		x++
	:: else -> break
	od;
	assert(n == pending);
	assert(late == completing || closing);
	assert(seq == g_told_records + g_dropped + unread + more);
	x = 0; n = 0; late = 0; more = 0
}

inline ended(which)
{
	assert(!g_ended[which]);
	g_ended[which] = 1
}

inline evnotify_pool_give(r)
{
	req[r].id = 0;
	req[r].state = EXPIRES_NO_MORE;
	req[r].due = 0;
	req[r].period = 0;
	req[r].left = 0;
	req[r].eventfd = 0;
	req[r].wait = 0;
	req[r].waiter = 0;
	req[r].count = 0;
	req[r].list = FREE
}

inline evnotify_free(r)
{
	assert(req[r].list == NO_LIST);
	assert(!evnotify_is_pending(r));
	g_eventfds = g_eventfds - req[r].eventfd;
	evnotify_pool_give(r)
}

/* The record whose latest id it is, or NONE */
inline evnotify_lookup(r, wanted)
{
	r = 0;
	do
	:: r < NREC && req[r].id != wanted -> r++
	:: else -> break
	od
}

/* The last close empties the queues and leaves the records as they are. */
inline evnotify_queue_first()
{
	f = NONE; x = 0;
	do
	:: x < NREC ->
		if
		:: req[x].state == QUEUED && !closing &&
		   (f == NONE || req[x].due < req[f].due) -> f = x
		:: else
		fi;
		x++
	:: else -> break
	od
}

inline evnotify_timer_start()
{
	evnotify_queue_first();
	if
	:: f == NONE
	/* One that runs out earlier finds nothing due, and is set then. */
	:: f != NONE && timer_queued && timer_expires <= req[f].due
	:: else -> timer_expires = req[f].due; timer_queued = 1
	fi
}

/* Or evnotify_queue_insert_out_of_order(), whatever the order */
inline evnotify_queue_insert(r)
{
	assert(!evnotify_is_pending(r));
	req[r].state = QUEUED
}

/* What follows evnotify_queue_insert(): only a new first one starts the timer. */
inline insert_and_start(r)
{
	evnotify_queue_first();
	n = (f == NONE || req[r].due < req[f].due);
	evnotify_queue_insert(r);
	if
	:: n -> evnotify_timer_start()
	:: else
	fi
}

inline evnotify_queue_remove(r)
{
	req[r].state = EXPIRES_NO_MORE
}

inline evnotify_make_ready(r)
{
	assert(nfull(ready));
	req[r].list = READY;
	ready!r;
	unread++
}

inline evnotify_let_go(r)
{
	if
#ifdef MUT_LETS_GO_OF_A_WAITER
	:: req[r].wait ->
#else
	:: req[r].wait && !req[r].waiter ->
#endif
#if WAITS
		g_let_go = g_let_go || !req[r].waiter;
#endif
		if
#ifndef MUT_HOLDS_WHAT_IS_CANCELLED
		:: req[r].list == EXPIRED -> req[r].wait = FOR_NOBODY
#endif
		:: req[r].list == HELD ->
#ifdef MUT_CANCEL_FREES_LEFT_WAIT
			g_dropped++;
			req[r].list = NO_LIST;
			evnotify_free(r)
#else
			req[r].list = LET_GO;
			let_go[r] = 1
#endif
		:: else
		fi
	:: else
	fi
}

inline evnotify_complete(r, wake)
{
	assert(req[r].list == NO_LIST);
	seq++;
	if
	:: req[r].wait ->
		req[r].list = HELD;
		if
		:: req[r].waiter ->
			assert(!done);
			done = 1
		:: !req[r].waiter && req[r].wait == FOR_NOBODY ->
			evnotify_let_go(r)
		:: else
		fi
	:: else ->
		evnotify_make_ready(r);
		wake++
	fi
}

/* more: it comes back to the queue */
inline evnotify_count(r, time)
{
	n = 1;			/* count of the function */
	more = 0;
	if
	:: req[r].period ->
		n = n + time - req[r].due;
		if
		:: req[r].left ->
			n = (n < req[r].left -> n : req[r].left);
			req[r].left = req[r].left - n;
			more = (req[r].left > 0)
		:: else -> more = 1
		fi
	:: else
	fi;
	req[r].count = req[r].count + n;
	g_expired[req[r].id] = g_expired[req[r].id] + n;
	req[r].due = (more -> req[r].due + n : req[r].due)
}

inline evnotify_expire_req(r, time)
{
	assert(req[r].due <= now);
	evnotify_count(r, time);
#ifdef MUT_COMPLETE_WITHOUT_CLAIM
	/* The WDK sample's way: stays where cancel finds it. */
	req[r].due = (more -> req[r].due : TIME + 1);
	more = 1;
#endif
	if
	:: !more ->
		pending--;
		completed++;
		ended(req[r].id)
	:: more && req[r].eventfd && evnotify_signals_in_process() ->
		req[r].state = PARKED
	:: else -> evnotify_queue_insert(r)
	fi;
	if
	:: req[r].list == NO_LIST ->
		req[r].list = EXPIRED;
		completing++;
		assert(nfull(expired));
		expired!r
	:: else
	fi
}

inline evnotify_unpark(r)
{
#ifndef MUT_PARKED_FOR_EVER
	req[r].state = EXPIRES_NO_MORE;
	if
	:: req[r].due > now ->
#ifdef MUT_UNPARK_WITHOUT_TIMER
		evnotify_queue_insert(r)
#else
		insert_and_start(r)
#endif
	:: else ->
		evnotify_expire_req(r, now);
		evnotify_queue_first();
		if
		:: f == r -> evnotify_timer_start()
		:: else
		fi
	fi
#else
	skip
#endif
}

/* f: the first that is left; left_over: of @batch */
inline evnotify_expire(time, batch)
{
	left_over = batch;
	do
	:: evnotify_queue_first();
		if
		:: f == NONE -> break
		:: else
		fi;
		if
#ifdef MUT_TRUST_THE_TIMER
		:: req[f].due > time && left_over < batch -> break
#else
		:: req[f].due > time -> break
#endif
		:: else
		fi;
		if
		:: left_over == 0 -> break
		:: else -> left_over--
		fi;
		evnotify_queue_remove(f);
		evnotify_expire_req(f, time)
	od
}

inline evnotify_cancel_pending(r)
{
	evnotify_queue_remove(r);
	pending--;
	cancelled++;
	ended(req[r].id);
	req[r].state = CANCELLED
}

inline evnotify_cancel_req(r, wake)
{
	evnotify_cancel_pending(r);
	if
	:: req[r].eventfd -> g_void[req[r].id] = 1
	:: else
	fi;
	if
#ifdef MUT_CANCEL_FREES_SIGNALLING
	:: req[r].list == SIGNALLING ->
		req[r].list = NO_LIST;
		completing--;
		evnotify_free(r)
#endif
	:: req[r].list != NO_LIST
	:: else ->
		if
		:: !req[r].eventfd ->
			evnotify_complete(r, wake);
			evnotify_let_go(r)
		:: else -> evnotify_free(r)
		fi
	fi
}

inline evnotify_drop(r)
{
	evnotify_cancel_pending(r);
	evnotify_free(r)
}

/* Arms a request; NONE: the pool has to grow */
inline evnotify_submit_one(r, spec_eventfd, spec_wait, spec_due, spec_period, spec_left)
{
	d_step {
		/* inst->free has no record of inst->let_go */
		r = 0;
		do
		:: r < NREC && (req[r].list != FREE && req[r].list != LET_GO ||
				let_go[r]) -> r++
		:: else -> break
		od;
		if
		:: r < NREC ->
			if
			:: req[r].list == LET_GO ->
				assert(req[r].wait && !req[r].waiter);
				g_void[req[r].id] = 1;
				g_dropped++;
#if WAITS
				g_reused = 1
#endif
			:: else
			fi;
			serial++;
			g_eventfds = g_eventfds + spec_eventfd;
			req[r].id = serial;
			req[r].state = EXPIRES_NO_MORE;
			req[r].count = 0;
			req[r].eventfd = spec_eventfd;
			req[r].wait = spec_wait;
			req[r].waiter = spec_wait;
			req[r].due = spec_due;
			req[r].period = spec_period;
			req[r].left = spec_left;
			req[r].list = NO_LIST;
			armed++;
			pending++;
			insert_and_start(r)
		:: else
		fi;
		balance()
	}
}

/* The pool is as large as may be: what can be had is what was let go. */
inline evnotify_pool_grow(found)
{
	d_step {
		n = 0; more = 0; x = 0;
		do
		:: x < NREC ->
			n = n || (req[x].list == FREE || req[x].list == LET_GO) && !let_go[x];
			more = more || let_go[x];
			x++
		:: else -> break
		od;
		found = n || more;
		x = 0;
		do
		:: x < NREC -> let_go[x] = let_go[x] && n; x++
		:: else -> break
		od;
		x = 0; n = 0; more = 0
	}
}

/* evnotify_user_queue(), if there is a turn to come */
inline evnotify_queue_turn()
{
	turn = turn || !closing
}

inline evnotify_defer(r)
{
	req[r].list = DEFERRED;
	deferred!r;
	nr_deferred++;
	evnotify_queue_turn()
}

inline evnotify_defer_wake(records)
{
	wakes = wakes + records;
	evnotify_queue_turn()
}

inline evnotify_signal_add(batch, r)
{
	req[r].list = SIGNALLING;
	batch!r
}

inline evnotify_signal_end()
{
	signaller = NOBODY;
	if
	:: flushing -> wake_up_signalled()
#ifndef MUT_NO_OTHER_TURN
	:: !flushing && nr_deferred -> evnotify_queue_turn()
#endif
	:: else
	fi;
	if
#ifndef MUT_REST_WITHOUT_TASKLET
	:: len(expired) -> tasklet_schedule()
#endif
	:: else
	fi
}

/* @in_process: the caller does not signal.  Adds to @records. */
/* evnotify_complete_expired() is the same, with @in_process */
inline evnotify_complete_batch(batch, in_process, records)
{
	left_over = BATCH;
	do
	:: left_over && len(expired) ->
		expired?s;
		assert(req[s].list == EXPIRED);
		req[s].list = NO_LIST;
#ifdef MUT_COMPLETE_WITHOUT_CLAIM
		/* Too late: the lock was let go in between. */
		if
		:: !req[s].period ->
			req[s].state = EXPIRES_NO_MORE;
			pending--;
			completed++;
			ended(req[s].id)
		:: else
		fi;
#endif
		if
		:: !req[s].eventfd ->
			completing--;
			evnotify_complete(s, records)
		:: req[s].eventfd && req[s].state == CANCELLED ->
			completing--;
			evnotify_free(s)
		:: else ->
			if
			:: in_process -> evnotify_defer(s)
			:: else -> evnotify_signal_add(batch, s)
			fi
		fi;
		left_over--
	:: else -> break
	od;
	left_over = 0
}

inline evnotify_take_deferred(batch, most)
{
	left_over = (most < BATCH -> most : BATCH);
	do
	:: left_over && len(deferred) ->
		deferred?s;
		assert(req[s].list == DEFERRED);
		nr_deferred--;
		evnotify_signal_add(batch, s);
		left_over--
	:: else -> break
	od;
	left_over = 0
}

/* --- not under the lock -------------------------------------------------- */

/* Those who are woken leave the wait queue, and look again. */
/* evnotify_wake(), if evnotify_has_waiters() */
inline evnotify_wake(records)
{
	d_step {
		do
		:: records && len(sleepers) -> sleepers?_; records--
		:: else -> break
		od;
		records = 0
	}
}

/*
 * Say whose eventfd is signalled, and wake who waits for the one before: in one
 * step, since who begins to wait between the two sees what was stored.
 */
inline evnotify_signalling(r)
{
	signalling = r;
	wake_up_signalled()
}

/*
 * The two columns of signal.c: here are three steps, and CANCEL takes its own
 * two between any of them.  @i: those of @batch that are left.
 */
inline evnotify_signal(who, batch, from, from_list)
{
	i = len(batch);
	do
	:: i > 0 ->
#ifdef MUT_LOOK_BEFORE_SIGNALLING
		d_step { batch?cur; batch!cur; go = (req[cur].state != CANCELLED) };
		d_step { evnotify_signalling(cur); i-- };
#else
		d_step { batch?cur; batch!cur; evnotify_signalling(cur); i-- };
		d_step { go = (req[cur].state != CANCELLED) };
#endif
#ifdef MUT_SIGNAL_WITHOUT_LOOK
		go = 1;
#endif
		if
		:: go -> d_step {		/* eventfd_signal() */
			assert(!g_dead);
			assert(signalling == cur);
			assert(req[cur].list == SIGNALLING && req[cur].eventfd);
			n = req[cur].id;
			assert(!g_cancel_returned[n]);
			g_told[n] = g_told[n] + 1;
			assert(g_told[n] <= g_expired[n]);
			n = 0;
			go = 0
		   }
		:: else
		fi;
		if
		:: true
		:: TICK && i && who != FLUSH -> break
		fi
	:: else -> break
	od;
	atomic { cur = 0; evnotify_signalling(NONE) };
	d_step {
		assert(!g_dead);
		/* The rest to the end of @batch */
		x = i;
		do
		:: x > 0 -> batch?f; batch!f; x--
		:: else -> break
		od;
		do
		:: len(batch) > i ->
			batch?s;
			assert(req[s].list == SIGNALLING);
			if
#ifndef MUT_SIGNAL_WHEN_CLOSED
			:: closing		/* evnotify_pool_destroy() drops it */
#endif
			:: else ->
				req[s].count--;
				if
				:: req[s].state == PARKED -> evnotify_unpark(s)
				:: else
				fi;
				if
				:: req[s].count && req[s].state != CANCELLED ->
					owed = owed || !evnotify_is_pending(s);
					req[s].list = from_list;
					from!s;
					nr_deferred = nr_deferred + (who != TASKLET)
				:: else ->
					completing--;
					req[s].list = NO_LIST;
					if
					:: evnotify_is_pending(s)
					:: else ->
						assert(g_void[req[s].id] ||
						       g_told[req[s].id] == g_expired[req[s].id]);
						g_final[req[s].id] = 1;
						evnotify_free(s)
					fi
				fi
			fi
		:: else -> break
		od;
		if
#ifdef MUT_REST_IS_LOST
		:: i ->
			do
			:: len(batch) -> batch?_
			:: else -> break
			od
#endif
		:: i && closing ->
			do
			:: len(batch) -> batch?_
			:: else -> break
			od
		:: i && !closing ->
			x = 0;
			do
			:: x < i ->
				batch?s;
				batch!s;
				req[s].list = from_list;
				nr_deferred = nr_deferred + (who != TASKLET);
				x++
			:: else -> break
			od;
			do
			:: len(from) -> from?s; batch!s
			:: else -> break
			od;
			do
			:: len(batch) -> batch?s; from!s
			:: else -> break
			od
		:: else
		fi;
		i = 0;
		if
		:: who != FLUSH ->
			evnotify_signal_end();
			owed = 0
		:: else
		fi;
		balance();
		if
		:: who == TASKLET -> dpc_running = 0
		:: else
		fi
	}
}

inline evnotify_signal_wait(r)
{
	wait_event(signalling != r)
}

/* --- callbacks ----------------------------------------------------------- */

/*
 * With what the core does before and after, in one step each.  It reads the
 * clock once, and calls for as long as the timer's time has come by that.
 */
proctype evnotify_interrupt()
{
	bit restart;
	byte core_now;

end:	do
	:: d_step {
		timer_queued && timer_expires <= now ->
		core_now = now;
		timer_queued = 0;
		timer_running = 1;
		assert(!g_dead)
	   };
	   do
	   :: d_step {
		timer_running ->
		assert(!g_dead);
		evnotify_expire(now, IRQ_BATCH);
		if
		:: f != NONE && (req[f].due <= now || CAN_BE_SET) -> backlog = 1
		:: else -> backlog = 0
		fi;
#ifdef MUT_BACKLOG_AT_ITS_TIME
		q_now = (backlog -> now : 0);
#endif
		if
		:: len(expired) || backlog -> tasklet_schedule()
		:: else
		fi;
		if
		:: backlog || f == NONE
		:: else ->
			if
#ifndef MUT_TOUCH_QUEUED_TIMER
			:: timer_queued -> evnotify_timer_start()
#endif
			:: else ->
				assert(!timer_queued);
				timer_expires = req[f].due;
				restart = 1
			fi
		fi;
		/* Else the core would call again, and so on. */
		assert(!restart || timer_expires > core_now);
		balance()
	      };
	      d_step {
		assert(!g_dead);
		timer_queued = timer_queued || restart;
		restart = 0;
		timer_running = timer_queued && timer_expires <= core_now;
		timer_queued = timer_queued && !timer_running;
		core_now = (timer_running -> core_now : 0)
	      }
	   :: else -> break
	   od
	od
}

inline evnotify_expire_backlog()
{
#ifdef MUT_BACKLOG_AT_ITS_TIME
	late = q_now;
#else
	late = now;
#endif
	evnotify_expire(late, BATCH);
	if
	:: f != NONE && req[f].due <= late
	:: else ->
		backlog = 0;
#ifndef MUT_BACKLOG_WITHOUT_TIMER
		evnotify_timer_start()
#endif
	fi
}

proctype evnotify_dpc()
{
	byte records, i, cur;
	bit over, in_process, go, owed;

end:	do
	:: atomic {
		d_step {
			dpc_queued && !dpc_running ->	/* tasklet_action() */
			dpc_queued = 0;
			dpc_running = 1;
			dpc_sched = 0;
			assert(!g_dead)
		};
		if
		:: over = 0
#if OVER
		:: over = 1
#endif
		fi
	   };
	   d_step {
		assert(!g_dead);
		if
		:: backlog -> evnotify_expire_backlog()
		:: else
		fi;
#ifdef MUT_TWO_SIGNALLERS
		in_process = over || flushing;
#elif defined(MUT_TASKLET_HEEDS_NO_FLUSH)
		in_process = over || nr_deferred || signaller == WORK;
#else
		in_process = over || flushing || evnotify_signals_in_process();
#endif
		evnotify_complete_batch(batch, in_process, records);
		if
		:: !in_process && len(batch) -> signaller = TASKLET
		:: else
		fi;
		if
		:: over && records ->
			evnotify_defer_wake(records);
			records = 0
		:: else
		fi;
		over = 0;
		in_process = 0;
		if
		:: len(expired) || backlog -> tasklet_schedule()
		:: else
		fi;
		balance();
		dpc_running = records || signaller == TASKLET
	   };
	   if
	   :: records ->
#ifndef MUT_DPC_DOES_NOT_WAKE
		evnotify_wake(records);
#endif
		records = 0;
		dpc_running = (signaller == TASKLET)
	   :: else
	   fi;
	   if
	   :: signaller == TASKLET ->
		evnotify_signal(TASKLET, batch, expired, EXPIRED)
	   :: else
	   fi
	od
}

/* evnotify_user_work(): a turn, evnotify_signal_deferred() */
proctype evnotify_user_work()
{
	byte records, i, cur;
	bit go, owed;

end:	do
	:: d_step {
		turn ->
		turn = 0;
		serving = 1;
		assert(!g_dead)
	   };

	   /* evnotify_signal_deferred() */
	   d_step {
		assert(!g_dead);
#ifndef MUT_TURN_WITHOUT_WAKE
		records = wakes;
#endif
		wakes = 0
	   };
	   if
	   :: records -> evnotify_wake(records)
	   :: else
	   fi;
	   d_step {
		assert(!g_dead);
		if
#ifdef MUT_WORK_HEEDS_NO_SIGNALLER
		:: nr_deferred ->
#else
		:: signaller == NOBODY && !flushing && nr_deferred ->
#endif
			signaller = WORK;
			evnotify_take_deferred(batch, BATCH)
		:: else
		fi;
		balance()
	   };
	   if
	   :: signaller == WORK ->
		evnotify_signal(WORK, batch, deferred, DEFERRED)
	   :: else
	   fi;
	   d_step { assert(!g_dead); serving = 0 }
	od
}

proctype clock()
{
	do
	:: now < TIME -> now++
#ifdef SET_BACK
	:: d_step { now > 0 && !set_back -> now--; set_back = 1 }
#endif
	:: now == TIME -> break
	od
}

/* --- the process --------------------------------------------------------- */

/* REGISTER and write(): evnotify_submit() of @times requests, one by one */
proctype evnotify_submit(byte times; bool pendings, eventfds, periodics)
{
	byte r, due, left;
	bit eventfd, period, found;

	do
	:: times > 0 ->
		atomic {
			times--;
			if
			:: pendings -> eventfd = 0
			:: eventfds -> eventfd = 1; eventfds = pendings == 0
			fi;
			if
			:: due = 0
			:: due = 1
			:: periodics -> period = 1; periodics = 0
			:: periodics -> period = 1; left = 2; periodics = 0
			fi;
			evnotify_submit_one(r, eventfd, 0, due, period, left)
		};
		do
		:: r == NONE ->
			evnotify_pool_grow(found);
			if
			:: found -> found = 0
			:: else -> break
			fi;
			evnotify_submit_one(r, eventfd, 0, due, period, left)
		:: else -> break
		od;
		atomic { r = 0; eventfd = 0; period = 0; left = 0; due = 0 }
	:: else -> break
	od;
	g_refs--
}

/* CANCEL */
inline evnotify_cancel_one(which)
{
	d_step {
		evnotify_lookup(r, which);
		won = 0;
		own = NONE;
		if
		:: r == NONE
		:: r < NREC && evnotify_is_pending(r) ->
			won = 1;
#ifndef MUT_CANCEL_DOES_NOT_WAIT
			own = (req[r].list == SIGNALLING -> r : NONE);
#endif
			evnotify_cancel_req(r, records)
		:: else -> evnotify_let_go(r)
		fi;
		if
		:: won && own == NONE -> g_cancel_returned[which] = 1
		:: else
		fi;
		r = 0;
		won = 0;
		balance()
	};
	if
	:: records -> evnotify_wake(records)
	:: else
	fi;
	if
	:: own != NONE ->
		evnotify_signal_wait(own);
		g_cancel_returned[which] = 1
	:: else
	fi;
	own = 0
}

/* The rest of a CANCEL_ALL; left: records that it goes through */
inline evnotify_flush()
{
	atomic { !flush -> flush = 1; flushing = 1 };
	do
	:: d_step {
#ifdef MUT_FLUSH_DOES_NOT_WAIT
		true ->
#else
		signaller == NOBODY ->
#endif
		signaller = FLUSH;
		records = wakes;
		wakes = 0;
		left = completing
	   };
	   break
	:: else -> wait_event(signaller == NOBODY)
	od;
	do
	:: d_step {
		left && len(expired) ->
		evnotify_complete_batch(batch, 1, records);
		left = (left < BATCH -> 0 : left - BATCH);
		balance()
	   };
	   if
	   :: records -> evnotify_wake(records)
	   :: else
	   fi
	:: else -> break
	od;
	left = nr_deferred;
	do
	:: left ->
		d_step {
			evnotify_take_deferred(batch, left);
			left = (left < BATCH -> 0 : left - BATCH);
			balance()
		};
		evnotify_signal(FLUSH, batch, deferred, DEFERRED);
		d_step {
#ifndef MUT_FLUSH_OWES
			left = (owed -> nr_deferred : left);
#endif
			owed = 0
		}
	:: else -> break
	od;
	skip;				/* Spin: no jump to a d_step */
	d_step {
		flushing = 0;
		evnotify_signal_end();
		balance()
	};
	if
	:: records -> evnotify_wake(records)
	:: else
	fi;
	flush = 0			/* mutex_unlock() */
}

/* What may be under way when CANCEL_ALL returns: nothing up to @newest */
inline nothing_follows(newest)
{
	d_step {
		x = 0;
		do
		:: x < NREC ->
			assert(!req[x].id || req[x].id > newest ||
			       !evnotify_is_pending(x) &&
			       (req[x].list >= READY || req[x].list == FREE));
			x++
		:: else -> break
		od;
		x = 1;
		do
		:: x <= newest ->
			assert(g_ended[x]);
			g_cancel_returned[x] = 1;
			x++
		:: else -> break
		od;
		x = 0
	}
}

/* CANCEL_ALL, with a chunk for each record */
inline evnotify_cancel_all()
{
	id = serial;
	do
	:: r < NREC ->
		d_step {
			if
			:: !req[r].id || req[r].id > id
			:: else ->
				if
				:: evnotify_is_pending(r) ->
					evnotify_cancel_req(r, records)
				:: else -> evnotify_let_go(r)
				fi
			fi;
			r++;
			balance()
		};
		if
		:: records -> evnotify_wake(records)
		:: else
		fi
	:: else -> break
	od;
	r = 0;
#ifndef MUT_CANCEL_ALL_WITHOUT_FLUSH
	evnotify_flush();
#endif
	nothing_follows(id)
}

inline evnotify_update_times(which, new_due, new_period)
{
	d_step {
		evnotify_lookup(r, which);
		if
		:: r < NREC && req[r].state == PARKED -> evnotify_unpark(r)
		:: else
		fi;
		if
		:: r < NREC && evnotify_is_pending(r) &&
		   !(new_period && req[r].wait) ->
			evnotify_queue_remove(r);
			req[r].due = new_due;
			req[r].period = new_period;
			req[r].left = 0;
			insert_and_start(r)
		:: else
		fi;
		r = 0;
		balance()
	}
}

/* A thread that knows, or guesses, every id */
proctype meddler(byte me, times)
{
	byte r, id, own, records, left, i, cur;
	bit won, go, owed;

	do
	:: times > 0 ->
		times--;
		if
		:: CANCELS || UPDATES ->
			if
			:: id = 1
#if NREQ > 1
			:: id = 2
#endif
			fi;
			if
			:: CANCELS -> evnotify_cancel_one(id)
			:: UPDATES -> evnotify_update_times(id, 0, 0)
			:: UPDATES -> evnotify_update_times(id, 2, 1)
			fi
		:: ALLS -> evnotify_cancel_all()
		fi;
		id = 0
	:: else -> break
	od;
	g_refs--
}

/* One record; more are as many calls.  With a page fault it does nothing. */
inline evnotify_take_batch()
{
	d_step {
		if
		:: len(ready) ->
			ready?<f>;
			ev_count = req[f].count;
			ev_more = evnotify_is_pending(f)
		:: else
		fi;
#ifdef MUT_COPY_WITHOUT_LOCK
		balance()
	};
	d_step {
#endif
		if
		:: len(ready) ->
			ready?f;
			assert(req[f].list == READY);
			assert(!req[f].wait);
			req[f].list = NO_LIST;
			unread--;
			g_told_records++;
			told = 1;
			n = req[f].id;
			g_told[n] = g_told[n] + ev_count;
			assert(g_told[n] == g_expired[n]);
			assert(!g_final[n]);
			g_final[n] = !ev_more;
			req[f].count = 0;
			if
			:: !evnotify_is_pending(f) ->
				evnotify_pool_give(f)
			:: else
			fi
		:: else
		fi;
		ev_count = 0;
		ev_more = 0;
		balance()
	}
}

inline evnotify_sleep()
{
	sleepers!me;			/* prepare_to_wait_exclusive() */
	if
	:: d_step {
		nempty(ready) ->	/* finish_wait() */
		if
		:: sleepers??[eval(me)] -> sleepers??eval(me)
		:: !(sleepers??[eval(me)])
		fi
	   }
	:: empty(ready) ->
end:		!(sleepers??[eval(me)])
	fi
}

/*
 * read() of one record: it leaves the list in the step in which it is copied.
 * @once: a reader that stops, maybe for want of memory, and wakes another if it
 * has slept and leaves a record, as evnotify_take_ready() tells it.
 */
proctype evnotify_do_read(byte me; bool once)
{
	byte ev_count, records;
	bit ev_more, told, slept;

again:	if
	:: nempty(ready)
	:: empty(ready) -> slept = once; evnotify_sleep()
	fi;
	if
	:: once && len(ready) -> told = 1	/* -EFAULT */
	:: true -> evnotify_take_batch()
	fi;
	if
	:: once && told
	:: else -> told = 0; goto again
	fi;
#ifndef MUT_READER_WAKES_NOBODY
	if
	:: slept && len(ready) -> records = 1; evnotify_wake(records)
	:: else
	fi;
#endif
	d_step { told = 0; slept = 0 }
}

#if WAITS

/* The process gets the event of a WAIT, by evnotify_fill() */
inline tell(r)
{
	g_told_records++;
	g_told[id] = g_told[id] + req[r].count;
	assert(req[r].id == id && !evnotify_is_pending(r));
	assert(g_told[id] == g_expired[id]);
	assert((req[r].state == CANCELLED) == !g_expired[id]);
	assert(!g_final[id]);
	g_final[id] = 1
}

/* what: 0 there is none, 1 it blocks on r, 2 it is told */
inline evnotify_wait_resume(which)
{
	evnotify_lookup(r, which);
	what = 0;
	if
	:: r == NONE || !req[r].wait || req[r].waiter
#ifdef MUT_WAIT_ARMS_ANEW
	:: r != NONE && req[r].wait && !req[r].waiter && !evnotify_is_pending(r)
#endif
	:: else ->
		if
		:: req[r].list == LET_GO ->
			what = 2;
			if
			:: efault -> g_dropped++; g_void[which] = 1
			:: else -> tell(r)
			fi;
#ifdef MUT_LET_GO_TOLD_TWICE
			g_told_records--
#else
			evnotify_pool_give(r)
#endif
		:: else ->
			what = 1;
			req[r].waiter = 1;
			req[r].wait = FOR_WAIT;
			if
			:: req[r].list == HELD -> assert(!done); done = 1
			:: else
			fi
		fi
	fi
}

/*
 * WAIT, which may be interrupted at any moment: by what ends with the same call
 * again, by a handler after which the process does not come again, or by death.
 */
proctype evnotify_ioctl_wait(byte me)
{
	byte r, id, own, records;
	bit won, eintr, efault;

	atomic {
		if
		:: id = 0
		:: id = 1
		fi;
		evnotify_submit_one(r, 0, 1, id, 0, 0);
		id = (r < NREC -> req[r].id : 0)
	};
	if
	:: r == NONE -> goto out
	:: else
	fi;

	/* evnotify_wait_block() */
	do
	:: done -> done = 0; break
	:: d_step {
		!done || done ->	/* interrupted */
		if
#ifdef MUT_EINTR_ALTHOUGH_CLAIMED
		:: true ->
#else
		:: evnotify_is_pending(r) ->
#endif
#ifndef MUT_WAITER_STAYS
			req[r].waiter = 0;
#endif
			r = 0;
			eintr = 1
		:: else
		fi;
		balance()
	   };
	   if
	   :: eintr
	   :: else -> done -> done = 0; break
	   fi;
	   eintr = 0;
	   if
	   :: efault = 0
	   :: efault = 1
	   :: true ->			/* a handler has run, and that was it */
		d_step { g_void[id] = 1; g_left = 1 };
		if
		:: true
		:: evnotify_cancel_one(id)
		fi;
		goto out
	   fi;
	   d_step {
		evnotify_wait_resume(id);
		/* Else it arms another, as the first time. */
		assert(what || g_reused);
		eintr = (what != 1);
		what = 0
	   };
	   if
	   :: eintr -> goto again
	   :: else -> efault = 0
	   fi
	:: d_step {
		evnotify_is_pending(r) ->	/* death */
		req[r].waiter = 0;
#ifndef MUT_DEATH_LEAVES_IT
		req[r].wait = FOR_READ;
		evnotify_drop(r);
#endif
		g_void[id] = 1;
		balance()
	   };
	   goto out
	od;
	atomic {
		assert(req[r].id == id && !evnotify_is_pending(r));
		assert(req[r].list == HELD && req[r].wait)
	};

	/* evnotify_wait_end(), after the event has been copied out, or not */
	if
	:: d_step {
		tell(r);
		req[r].list = NO_LIST;
		evnotify_free(r);
		balance()
	   }
	:: d_step {
		req[r].wait = FOR_READ;
		req[r].waiter = 0;
		evnotify_make_ready(r);
		balance()
	   };
	   records = 1;
	   evnotify_wake(records)
	fi;
again:	skip;
	d_step {
		/* With the old id: that is none of a WAIT any more. */
		evnotify_wait_resume(id);
		assert(!what);
		balance()
	};
out:	g_refs--;
	d_step { r = 0; id = 0; eintr = 0; efault = 0 }
}

#endif

/* --- the end ------------------------------------------------------------- */

inline hrtimer_cancel()
{
	atomic { !timer_running -> timer_queued = 0 }
}

inline tasklet_kill()
{
	atomic { !dpc_sched -> dpc_sched = 1 };
	!dpc_running;
	dpc_sched = 0
}

inline evnotify_user_dequeue()
{
	turn = 0;
#ifndef MUT_DESTROY_AMID_A_TURN
	!serving
#endif
}

inline evnotify_pool_destroy()
{
	x = 0;
	do
	:: x < NREC ->
		if
#ifdef MUT_DROP_PENDING_ONLY
		:: evnotify_is_pending(x) && req[x].eventfd -> g_eventfds--
#else
		:: req[x].list != FREE && req[x].eventfd -> g_eventfds--
#endif
		:: else
		fi;
		x++
	:: else -> break
	od
}

/* release(): all calls have returned, all descriptors are closed */
proctype evnotify_instance_destroy()
{
	g_refs == 0;
	d_step {
		closing = 1;		/* and the queues are empty */
		cancelled = cancelled + pending;
		pending = 0;
		do
		:: len(expired) -> expired?_
		:: else -> break
		od;
		do
		:: len(deferred) -> deferred?_
		:: else -> break
		od;
		nr_deferred = 0;
		completing = 0;
		backlog = 0;
		balance()
	};
	hrtimer_cancel();
	tasklet_kill();
	evnotify_user_dequeue();
	d_step {
		evnotify_pool_destroy();
		g_dead = 1		/* kfree() */
	}
}

/* When nothing can move any more, nothing may be left to do. */
proctype account()
{
	byte id;

	timeout ->
	assert(!dpc_queued && !dpc_running && !timer_running);
	assert(!turn && !serving && signaller == NOBODY && signalling == NONE);
#ifdef RELEASE
	assert(g_dead && !timer_queued && !g_eventfds);
#else
	assert(g_refs == 0);
	assert(now == TIME && !backlog && !wakes && !flushing && !flush);
	assert(empty(expired) && empty(deferred) && empty(ready));
	d_step {
		evnotify_queue_first();
		assert(f == NONE || timer_queued && timer_expires <= req[f].due)
	};
	id = 0;
	do
	:: id < NREC ->
		assert(req[id].state != PARKED);
		assert(!evnotify_is_pending(id) || req[id].due > now);
		assert(req[id].list == FREE || req[id].list == NO_LIST ||
		       req[id].list == HELD || req[id].list == LET_GO);
#if WAITS
		/* Of a WAIT that does not come again, and that nobody cancelled */
		assert(!req[id].wait || g_left);
		assert(req[id].list != HELD || !g_let_go);
#endif
		id++
	:: else -> break
	od;
	id = 1;
	do
	:: id <= NREQ ->
		assert(g_void[id] || g_told[id] == g_expired[id]);
		assert(g_void[id] || g_final[id] == g_ended[id]);
		id++
	:: else -> break
	od
#endif
}

init {
	atomic {
		f = 0;
		do
		:: f < NREC -> req[f].list = FREE; f++
		:: else -> break
		od;
		run clock();
		run evnotify_interrupt();
		run evnotify_dpc();
		run evnotify_user_work();
		g_refs = (SUBMITS > 0) + WAITS + MEDDLERS;
#if SUBMITS
		run evnotify_submit(SUBMITS, PENDINGS, EVENTFDS, PERIODICS);
#endif
#if WAITS
		run evnotify_ioctl_wait(1);
#endif
#if MEDDLERS
		run meddler(0, OPS);
#endif
#if MEDDLERS > 1
		run meddler(1, OPS);
#endif
#if READERS > 0
		run evnotify_do_read(0, READERS > 1);
#endif
#if READERS > 1
		run evnotify_do_read(1, 0);
#endif
#ifdef RELEASE
		run evnotify_instance_destroy();
#endif
		run account()
	}
}
