/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - a model of the life of a request, for Spin
 *
 * selftests/model.sh checks every interleaving of it.  An inline or proctype
 * whose name begins with evnotify_ models the function of that name in the
 * C files beside it.  What a function does under inst->lock is one
 * d_step here, and what it does outside are steps of their own.  Whoever
 * changes one of these functions changes the model with it.
 *
 * What is left out, and why that hides nothing (each function of the engine is
 * named here or below: model.sh looks):
 *  - Other instances: instances share no variable (model.sh looks).
 *  - The other clocks: their queues meet in the lock, in inst->backlog, a bit
 *    each, and in inst->expired, where several requests of one clock meet as
 *    well.  evnotify_now() is the variable now.
 *  - Line and tree of a queue: together they are one queue in the order of due
 *    times (evnotify_earlier()), changed under the lock.  All that can be seen
 *    of the two is which of several that are due at the same time is first.
 *    A newcomer is that if the line was empty: then the code starts the timer,
 *    as for an earlier one.  Here it does not, lest that hide a lost start.
 *  - The limit of owed signals: 65535 are too many for a model.
 *  - Several at once under one lock, in evnotify_submit(), evnotify_read() and
 *    evnotify_cancel_all(): it is one after the other, and nobody came between.
 *    Signals that end a batch or a read(): they leave what is done as it is.
 *  - How memory is read, checked and brought in, and what an event record
 *    says: evnotify_get_user(), evnotify_get_iter(), evnotify_put_id(),
 *    evnotify_fault_in(), evnotify_clock(), evnotify_times_init(),
 *    evnotify_times_ok(), evnotify_request_ok(), evnotify_due(),
 *    evnotify_fill().  A call that fails there has changed nothing but
 *    inst->serial, if it was the id that could not be written: then that id is
 *    never seen, and no record has it.
 *  - A pool that grows, by evnotify_pool_grow(), evnotify_pool_grow_locked(),
 *    evnotify_chunk_usable() and evnotify_pool_add(), and who it counts for:
 *    all records are there from the start.  A chunk comes in one step under the
 *    lock, and CANCEL_ALL reads the serial number and the number of chunks in
 *    one: what a later chunk holds is newer than what it may cancel, and
 *    here it passes over that, record by record.
 *  - The start, when nobody else knows the instance: evnotify_instance_init(),
 *    evnotify_queue_init(), evnotify_pool_init(); and evnotify_check_fifo(),
 *    since a channel cannot be broken.
 *  - The order in which other CPUs see memory: only inst->ready.head and
 *    inst->wait are looked at without the lock, and the barriers are there.
 * Time is a small number that a process of its own moves on.
 *
 * The invariants of the engine are the assertions:
 *  1. Exactly once: g_* counts per request what has happened to it; balance()
 *     holds after each step under the lock, account() whenever nothing can
 *     move any more, so that nothing is lost either.
 *  2. No overflow: the lists have room for as many records as there are.
 *  3. One owner: g_ended says that a request was taken out of the queue for
 *     good; it is set once.  Who frees or signals a record has it in hand.
 *  4. Nothing outlives the instance: no callback runs once it is gone.
 *  5. Never early, also if the clock was set back.
 *  6. The interrupt ends, even if the clock was set back.
 *
 * Which threads there are and what they do is chosen by -D, see below.
 * Mutations (-DMUT_...): each breaks one rule, and must be caught.
 */

/* Sizes: records, requests in all, the end of time, batches. */
#ifndef NREC
#define NREC 2
#endif
#ifndef SUBMITS
#define SUBMITS 1
#endif
#ifndef WAITS
#define WAITS 0
#endif
#define NREQ (SUBMITS + WAITS)
#ifndef TIME
#define TIME 1
#endif
#ifndef OPS
#define OPS 2
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
#define SIGNALLING	3
#define READY		4

#define NONE		NREC

typedef record {
	byte id;		/* 0 while it is free */
	bit pending;
	byte due;
	bit period;
	byte left;
	bit eventfd;		/* its mode */
	bit waiter;
	byte list;
	byte count;
	bit cancelled
};

/* struct evnotify_instance */
record req[NREC];
chan expired = [NREC] of { byte };
chan ready = [NREC] of { byte };
bit closing;
byte armed, completed, cancelled, pending, unread, used, serial, seq;
bit sleeping[2];		/* on inst->wait */
bit done;			/* the completion of the WAIT */

/* Its queue and hrtimer */
byte now;			/* the clock */
bit set_back;			/* once, if SET_BACK */
byte q_now;			/* q->now */
bit backlog;			/* else q_now means nothing, and is 0 here */
bit timer_queued, timer_running;
byte timer_expires;

/* Its tasklet */
bit dpc_sched;			/* TASKLET_STATE_SCHED */
bit dpc_queued;			/* in the list of a CPU */
bit dpc_running;		/* TASKLET_STATE_RUN */
chan signalled = [NREC] of { byte };

/* What only the assertions know */
bit g_dead;			/* release() has returned */
byte g_refs;			/* calls and descriptors that hold the file */
byte g_told_records;		/* event records that the process was given */
byte g_handed;			/* records that belong to a WAIT */
byte g_eventfds;		/* references to eventfds */
byte g_expired[NREQ + 1];	/* expirations, by id */
byte g_told[NREQ + 1];		/* of these, those the process was told of */
bit g_final[NREQ + 1];		/* the last record was told */
bit g_ended[NREQ + 1];		/* taken out of the queue for good */
bit g_void[NREQ + 1];		/* cancelled, signal or eventfd: no last record */
bit g_cancel_returned[NREQ + 1];

/* Used within one d_step only */
hidden byte x, n, f, late, left_over, more;

/* --- the kernel around us ----------------------------------------------- */

inline tasklet_schedule()
{
	if
	:: !dpc_sched -> dpc_sched = 1; dpc_queued = 1
	:: else
	fi
}

/* --- under inst->lock ---------------------------------------------------- */

/* evnotify_check(), and more than it can afford */
inline balance()
{
	assert(armed == completed + cancelled + pending);
	assert(unread == len(ready));
	assert(seq == g_told_records + unread + g_handed);
	assert(!closing || empty(expired));
	n = 0; late = 0; x = 0;
	do
	:: x < NREC ->
		if
		:: req[x].pending && !closing -> n++
		:: else
		fi;
		if
		:: req[x].list != FREE -> late++
		:: else
		fi;
		assert(!req[x].pending || req[x].list != FREE);
		x++
	:: else -> break
	od;
	assert(n == pending);
	assert(late == used)
}

inline ended(which)
{
	assert(!g_ended[which]);
	g_ended[which] = 1
}

inline evnotify_pool_give(r)
{
	req[r].id = 0;
	req[r].due = 0;
	req[r].period = 0;
	req[r].left = 0;
	req[r].eventfd = 0;
	req[r].waiter = 0;
	req[r].count = 0;
	req[r].cancelled = 0;
	req[r].list = FREE;
	used--
}

inline evnotify_free(r)
{
	assert(req[r].list == NO_LIST);
	assert(!req[r].pending);
	g_eventfds = g_eventfds - req[r].eventfd;
	evnotify_pool_give(r)
}

/* The pending request of that id, or NONE */
inline evnotify_find(r, wanted)
{
	r = 0;
	do
	:: r < NREC && req[r].id != wanted -> r++
	:: else -> break
	od;
	if
	:: r < NREC && !req[r].pending -> r = NONE
	:: else
	fi
}

/* The last close empties the queues and leaves the records as they are. */
inline evnotify_queue_first()
{
	f = NONE; x = 0;
	do
	:: x < NREC ->
		if
		:: req[x].pending && !closing &&
		   (f == NONE || req[x].due < req[f].due) -> f = x
		:: else
		fi;
		x++
	:: else -> break
	od
}

inline evnotify_queue_start()
{
	evnotify_queue_first();
	if
	:: f != NONE -> timer_expires = req[f].due; timer_queued = 1
	:: else
	fi
}

/* evnotify_queue_append(), or not */
inline evnotify_queue_insert(r)
{
	assert(!req[r].pending);
	req[r].pending = 1
}

/* Only a new first one touches the timer. */
inline evnotify_queue_add(r)
{
	evnotify_queue_first();
	n = (f == NONE || req[r].due < req[f].due);
	evnotify_queue_insert(r);
	if
	:: n -> evnotify_queue_start()
	:: else
	fi
}

inline evnotify_make_ready(r)
{
	assert(nfull(ready));
	req[r].list = READY;
	ready!r;
	unread++
}

inline evnotify_complete(r, wake)
{
	assert(req[r].list == NO_LIST);
	seq++;
	if
	:: req[r].waiter ->
		g_handed++;
		assert(!done);
		done = 1
	:: else ->
		evnotify_make_ready(r);
		wake = 1
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
		assert(req[f].due <= now);
		req[f].pending = 0;	/* evnotify_queue_remove() */
		evnotify_count(f, time);
#ifdef MUT_COMPLETE_WITHOUT_CLAIM
		/* The WDK sample's way: stays where cancel finds it. */
		req[f].due = (more -> req[f].due : TIME + 1);
		req[f].pending = 1;
#else
		if
		:: more -> evnotify_queue_insert(f)
		:: else ->
			pending--;
			completed++;
			ended(req[f].id)
		fi;
#endif
		if
		:: req[f].list == NO_LIST ->
			req[f].list = EXPIRED;
			assert(nfull(expired));
			expired!f
		:: else
		fi
	od
}

inline evnotify_cancel_pending(r)
{
	req[r].pending = 0;		/* evnotify_queue_remove() */
	pending--;
	cancelled++;
	ended(req[r].id);
	req[r].cancelled = 1
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
		evnotify_free(r)
#endif
	:: req[r].list != NO_LIST
	:: else ->
		if
		:: !req[r].eventfd -> evnotify_complete(r, wake)
		:: else -> evnotify_free(r)
		fi
	fi
}

/* Arms a request; NONE: ENOSPC */
inline evnotify_submit_one(r, spec_eventfd, spec_waiter, spec_due, spec_period, spec_left)
{
	d_step {
		r = 0;
		do
		:: r < NREC && req[r].list != FREE -> r++
		:: else -> break
		od;
		if
		:: r < NREC ->
			used++;
			serial++;
			g_eventfds = g_eventfds + spec_eventfd;
			req[r].id = serial;
			req[r].eventfd = spec_eventfd;
			req[r].waiter = spec_waiter;
			req[r].due = spec_due;
			req[r].period = spec_period;
			req[r].left = spec_left;
			req[r].list = NO_LIST;
			armed++;
			pending++;
			evnotify_queue_add(r)
		:: else
		fi;
		balance()
	}
}

/* --- callbacks ----------------------------------------------------------- */

/* Not under the lock: those who sleep look again. */
inline evnotify_wake(wake)
{
	d_step {
		wake = 0;
		x = 0;
		do
		:: x < 2 -> sleeping[x] = 0; x++
		:: else -> break
		od;
		x = 0
	}
}

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
		q_now = (backlog -> now : 0);
		if
		:: len(expired) || backlog -> tasklet_schedule()
		:: else
		fi;
		if
		:: backlog || f == NONE
		:: else ->
			if
#ifndef MUT_TOUCH_QUEUED_TIMER
			:: timer_queued -> evnotify_queue_start()
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

/* evnotify_signal(): one eventfd_signal(), not under the lock */
inline signal_one()
{
	d_step {
		signalled?x;
		assert(!g_dead);
		assert(req[x].list == SIGNALLING && req[x].eventfd);
		assert(!g_cancel_returned[req[x].id]);
		g_told[req[x].id] = g_told[req[x].id] + 1;
		assert(g_told[req[x].id] <= g_expired[req[x].id]);
		signalled!x
	}
}

/* evnotify_signal(), when it has the lock again */
inline settle()
{
	d_step {
		assert(!g_dead);
		do
		:: nempty(signalled) ->
			signalled?f;
			assert(req[f].list == SIGNALLING);
			req[f].count--;
			if
#ifdef MUT_SIGNAL_WHEN_CLOSED
			:: req[f].count && !req[f].cancelled ->
#else
			:: req[f].count && !req[f].cancelled && !closing ->
#endif
				req[f].list = EXPIRED;
				expired!f;
				tasklet_schedule()
			:: else ->
				req[f].list = NO_LIST;
				if
				:: req[f].pending
				:: else ->
					assert(g_void[req[f].id] || closing ||
					       g_told[req[f].id] == g_expired[req[f].id]);
					g_final[req[f].id] = 1;
					evnotify_free(f)
				fi
			fi
		:: empty(signalled) -> break
		od;
		balance();
		dpc_running = 0
	}
}

inline evnotify_expire_backlog()
{
#ifndef MUT_BACKLOG_AT_ITS_TIME
	q_now = (q_now < now -> q_now : now);
#endif
	evnotify_expire(q_now, BATCH);
	if
	:: f != NONE && req[f].due <= q_now
	:: else ->
		q_now = 0;
		backlog = 0;
#ifndef MUT_BACKLOG_WITHOUT_TIMER
		evnotify_queue_start()
#endif
	fi
}

proctype evnotify_dpc()
{
	bit wake;
	byte i;

end:	do
	:: d_step {
		dpc_queued && !dpc_running ->	/* tasklet_action() */
		dpc_queued = 0;
		dpc_running = 1;
		dpc_sched = 0;
		assert(!g_dead)
	   };
	   d_step {
		assert(!g_dead);
		if
		:: backlog -> evnotify_expire_backlog()
		:: else
		fi;
		i = 0;
		do
		:: i < BATCH && len(expired) ->
			expired?f;
			assert(req[f].list == EXPIRED);
			req[f].list = NO_LIST;
#ifdef MUT_COMPLETE_WITHOUT_CLAIM
			/* Too late: the lock was let go in between. */
			if
			:: !req[f].period ->
				req[f].pending = 0;
				pending--;
				completed++;
				ended(req[f].id)
			:: else
			fi;
#endif
			if
			:: !req[f].eventfd -> evnotify_complete(f, wake)
			:: req[f].eventfd && req[f].cancelled ->
				evnotify_free(f)
			:: else ->
				req[f].list = SIGNALLING;
				signalled!f
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		if
		:: len(expired) || backlog -> tasklet_schedule()
		:: else
		fi;
		balance();
		i = len(signalled);
		dpc_running = wake || i
	   };
	   if
	   :: wake ->
#ifndef MUT_DPC_DOES_NOT_WAKE
		evnotify_wake(wake);
#endif
		wake = 0;
		dpc_running = (i > 0)
	   :: else
	   fi;
	   if
	   :: i > 0 ->
		do
		:: i > 0 -> signal_one(); i--
		:: else -> break
		od;
		settle()
	   :: else
	   fi
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

inline tasklet_unlock_wait()
{
	!dpc_running
}

/* REGISTER and write(): evnotify_submit() of @times requests, one by one */
proctype evnotify_submit(byte times; bool pendings, eventfds, periodics)
{
	byte r, due, left;
	bit eventfd, period;

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
			evnotify_submit_one(r, eventfd, 0, due, period, left);
			r = 0; eventfd = 0; period = 0; left = 0; due = 0
		}
	:: else -> break
	od;
	g_refs--
}

/* CANCEL */
inline evnotify_cancel(which)
{
	d_step {
		evnotify_find(r, which);
		won = (r < NREC);
		signalling = 0;
		if
		:: won ->
			signalling = (req[r].list == SIGNALLING);
#ifdef MUT_CANCEL_DOES_NOT_WAIT
			signalling = 0;
#endif
			evnotify_cancel_req(r, wake)
		:: else
		fi;
		if
		:: won && !signalling -> g_cancel_returned[which] = 1
		:: else
		fi;
		r = 0;
		won = 0;
		balance()
	};
	if
	:: wake -> evnotify_wake(wake)
	:: else
	fi;
	if
	:: signalling ->
		d_step {
			tasklet_unlock_wait();
			g_cancel_returned[which] = 1;
			signalling = 0
		}
	:: else
	fi
}

/* CANCEL_ALL, with a chunk for each record */
inline evnotify_cancel_all()
{
	id = serial;
	r = 0;
	do
	:: r < NREC ->
		d_step {
			if
			:: req[r].pending && req[r].id <= id ->
				mine = mine | (1 << req[r].id);
				evnotify_cancel_req(r, wake)
			:: else
			fi;
			r++;
			balance()
		};
		if
		:: wake -> evnotify_wake(wake)
		:: else
		fi
	:: else -> break
	od;
	r = 1;
	d_step {
#ifndef MUT_CANCEL_ALL_DOES_NOT_WAIT
		tasklet_unlock_wait();
#endif
		do
		:: r <= NREQ ->
			g_cancel_returned[r] = g_cancel_returned[r] || mine & (1 << r);
			r++
		:: else -> break
		od;
		mine = 0;
		r = 0
	}
}

inline evnotify_update(which, new_due, new_period)
{
	d_step {
		evnotify_find(r, which);
		if
		:: r < NREC && !(new_period && req[r].waiter) ->
			req[r].pending = 0;
			req[r].due = new_due;
			req[r].period = new_period;
			req[r].left = 0;
			evnotify_queue_add(r)
		:: else
		fi;
		r = 0;
		balance()
	}
}

/* A thread that knows, or guesses, every id */
proctype meddler(byte times)
{
	byte r, id, mine;
	bit wake, won, signalling;

	do
	:: times > 0 ->
		times--;
		if
		:: id = 1
#if NREQ > 1
		:: id = 2
#endif
		fi;
		if
		:: evnotify_cancel(id)
		:: evnotify_update(id, 0, 0)
		:: evnotify_update(id, 2, 1)
		:: evnotify_cancel_all()
		fi;
		id = 0
	:: else -> break
	od;
	g_refs--
}

/* One record; more are as many calls.  With a page fault it does nothing. */
inline evnotify_read()
{
	d_step {
		if
		:: len(ready) ->
			ready?<f>;
			ev_count = req[f].count;
			ev_more = req[f].pending
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
			:: !req[f].pending ->
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
	sleeping[me] = 1;		/* prepare_to_wait() */
	if
	:: nempty(ready) -> sleeping[me] = 0
	:: empty(ready) ->
end:		!sleeping[me]
	fi
}

/* read(): a record leaves the list in the step in which it is copied */
proctype evnotify_do_read(byte me; bool once)
{
	byte ev_count;
	bit ev_more, told;

again:	if
	:: nempty(ready)
	:: empty(ready) -> evnotify_sleep()
	fi;
	evnotify_read();
	if
	:: once && told -> told = 0
	:: else -> told = 0; goto again
	fi
}

/* WAIT, which a signal may end at any moment */
proctype evnotify_ioctl_wait()
{
	byte r, id;
	bit wake, eintr;

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

	/* evnotify_wait() */
	if
	:: done -> done = 0
	:: true ->
		d_step {
			if
#ifdef MUT_EINTR_ALTHOUGH_CLAIMED
			:: req[r].pending || !done ->
				pending = pending + !req[r].pending;
#else
			:: req[r].pending ->
#endif
				evnotify_cancel_pending(r);
				g_void[id] = 1;
				evnotify_free(r);
				eintr = 1
			:: else
			fi;
			balance()
		};
		if
		:: eintr -> assert(!g_expired[id]); goto out
		:: else -> done -> done = 0
		fi
	fi;
	d_step {
		assert(req[r].id == id && !req[r].pending);
		assert(req[r].list == NO_LIST)
	};

	/* evnotify_wait_end(), after the event has been copied out, or not */
	if
	:: d_step {
		g_handed--;
		g_told_records++;
		g_told[id] = g_told[id] + req[r].count;
		assert(!g_final[id]);
		g_final[id] = 1;
		evnotify_free(r);
		balance()
	   }
	:: d_step {
		g_handed--;
		req[r].waiter = 0;
		evnotify_make_ready(r);
		balance()
	   };
	   evnotify_wake(wake)
	fi;
out:	g_refs--;
	d_step { r = 0; id = 0; eintr = 0 }
}

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

inline evnotify_pool_destroy()
{
	x = 0;
	do
	:: x < NREC ->
		if
#ifdef MUT_DROP_PENDING_ONLY
		:: req[x].pending && req[x].eventfd -> g_eventfds--
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
		:: nempty(expired) -> expired?_
		:: empty(expired) -> break
		od;
		q_now = 0;
		backlog = 0;
		balance()
	};
	hrtimer_cancel();
	tasklet_kill();
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
#ifdef RELEASE
	assert(g_dead && !timer_queued && !g_eventfds);
#else
	assert(g_refs == 0);
	assert(now == TIME && !backlog);
	assert(empty(expired) && empty(ready));
	id = 0;
	do
	:: id < NREC ->
		assert(!req[id].pending || req[id].due > now);
		assert(req[id].list == FREE || req[id].list == NO_LIST);
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
	od;
	assert(seq == g_told_records && !g_handed)
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
		g_refs = (SUBMITS > 0) + WAITS + (OPS > 0);
#if SUBMITS
		run evnotify_submit(SUBMITS, 1, 1, 1);
#endif
#if WAITS
		run evnotify_ioctl_wait();
#endif
#if OPS
		run meddler(OPS);
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
