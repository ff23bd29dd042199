/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - a model of sources, for Spin: an event, from its driver to read()
 *
 * evnotify.pml beside it is about the life of a request that waits for a time;
 * this is about what is different for one that waits for an event.  The rules
 * are the same: an inline or proctype whose name begins with evnotify_ models
 * the function of that name in the module, and whoever changes that function
 * changes the model with it.
 *
 * raise() takes no inst->lock, so what is done under that is several steps here:
 * it comes between any two that look at what it changes, or change what it looks
 * at.  What is done under src->lock is one step.
 *
 * What is left out, and why that hides nothing (each function of source.c and listen.c is
 * named here or below: model.sh looks):
 *  - Other files that have the source open: raise() schedules their tasklets,
 *    too, and none changes anything that another looks at.
 *  - What evnotify.pml shows: that a timer is set, and set back, for whatever is
 *    due; batches, and records that are used again; that a CANCEL waits for a
 *    signal, and what a WAIT does that comes again.  Signals and wake-ups in
 *    process context, which come later.  Here a batch is one record, and each
 *    record has one request.  Time does not pass: what has a time is due at once,
 *    but its interrupt may come at any moment from then on.
 *  - What a request says, and what a record, poll() and fdinfo tell of it:
 *    evnotify_source_has_timeout(), evnotify_source_time(),
 *    evnotify_source_poll(), evnotify_source_raised().
 *  - What a driver registers, and its node: evnotify_source_register(),
 *    evnotify_source_name_ok(), evnotify_source_set_name(),
 *    evnotify_source_name(), evnotify_source_of(), evnotify_source_open(),
 *    evnotify_source_release(), evnotify_sources_init(), evnotify_sources_exit().
 *    Opening a file, by evnotify_source_attach(): it is open from the start.  It
 *    has a reference to the source until its end, by evnotify_source_put().
 *
 * What the assertions say:
 *  1. Exactly once: the counts that requests were given add up to what the file
 *     has taken, and the process is told of them all.  The data is that of the
 *     latest of these events; the others are lost only if the ring was overrun.
 *  2. No event is kept while a request waits for it for ever.
 *  3. Who has waited longest gets the next event.
 *  4. A timeout that is past does not beat an event that was raised before it was
 *     found.
 *  5. Each request ends once; if the source goes, each does.
 *  6. Before read() says ENODEV, and poll() HUP, there is a record of all that
 *     has waited; and whoever reads or polls is told in the end.
 *  7. Nothing outlives the file.
 *
 * Which threads there are and what they do is chosen by -D, see below.
 * Mutations (-DMUT_...): each breaks one rule, and must be caught.
 */

/* Requests, events, the ring, what the tasklet takes in a step */
#ifndef SUBMITS
#define SUBMITS 2
#endif
#ifndef WAITS
#define WAITS 0			/* one at most */
#endif
#define NREC (SUBMITS + WAITS)
#ifndef EVENTS
#define EVENTS 3
#endif
#ifndef RING
#define RING 2
#endif
#ifndef STEP
#define STEP 2
#endif

/* What may be armed: for an event, also with a timeout, for many, for a time */
#ifndef ONCES
#define ONCES 0
#endif
#ifndef TIMEDS
#define TIMEDS 0
#endif
#ifndef REPEATS
#define REPEATS 0
#endif
#ifndef EVENTFDS
#define EVENTFDS 0
#endif
#ifndef EVENTFD_REPEATS
#define EVENTFD_REPEATS 0
#endif
#ifndef TIMERS
#define TIMERS 0
#endif

/* Does the source go?  Threads that cancel, read, poll */
#ifndef UNPLUG
#define UNPLUG 0
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef POLLERS
#define POLLERS 0
#endif

/* enum evnotify_list */
#define NO_LIST		0
#define FREE		1
#define EXPIRED		2
#define SIGNALLING	3
#define READY		4
#define HELD		5

/* enum evnotify_state; queued is in line or in tree */
#define EXPIRES_NO_MORE	0
#define CANCELLED	1
#define TIMED_OUT	2
#define GONE		3
#define QUEUED		4
#define WAITING		5
#define WAITING_TIMED	6
#define UNREAD		7

#define NONE		NREC

typedef record {
	byte state;
	byte list;
	byte remaining;
	byte count;
	byte data;
	bit source;
	bit repeat;
	bit eventfd;		/* its mode */
	bit wait;
};

/* struct evnotify_source */
byte raised;
byte ring[RING];
bit src_gone;
bit listening = 1;		/* the file is in the list of listeners */

/* struct evnotify_instance */
bit locked;			/* inst->lock */
record req[NREC];
chan waiting = [NREC] of { byte };
chan expired = [NREC] of { byte };
chan ready = [NREC] of { byte };
byte seen, nr_unread_repeats, pending, completing;
bit gone, closing;
chan sleepers = [2] of { byte };	/* inst->wait, who reads */
bit polling;				/* who polls there, for HUP */

/* Its queue and hrtimer */
bit backlog;
bit timer_queued, timer_running;

/* Its tasklet */
bit dpc_sched;			/* TASKLET_STATE_SCHED */
bit dpc_queued;			/* in the list of a CPU */
bit dpc_running;		/* TASKLET_STATE_RUN */

/* What only the assertions know */
bit g_dead;			/* release() has returned */
byte g_refs;			/* calls that hold the file */
byte g_over;			/* readers that were told ENODEV */
bit g_armed[NREC];
bit g_ended[NREC];		/* not pending any more */
bit g_final[NREC];		/* the process has the last record */
byte g_taken[NREC];		/* events that it was given */
byte g_told[NREC];		/* of these, those the process was told of */
byte g_owed[NREC], g_signals[NREC];
chan g_line = [NREC] of { byte };	/* who has waited longest */

/* Used within one d_step only */
hidden byte x, n, f;

/* --- the kernel around us ----------------------------------------------- */

inline tasklet_schedule()
{
	if
	:: !dpc_sched -> dpc_sched = 1; dpc_queued = 1; assert(!g_dead)
	:: else
	fi
}

/* --- under inst->lock ---------------------------------------------------- */

#define evnotify_is_pending(r)	(req[r].state >= QUEUED)
#define is_waiting(r)	(req[r].state == WAITING || req[r].state == WAITING_TIMED)

/* The end of a step under the lock */
inline unlock()
{
	x = 0; n = 0; f = 0;
	do
	:: x < NREC ->
		f = f + evnotify_is_pending(x);
		n = n + (req[x].state == UNREAD);
		assert(closing || is_waiting(x) == (waiting??[eval(x)] -> 1 : 0));
		assert(g_armed[x] == g_ended[x] + evnotify_is_pending(x));
		x++
	:: else -> break
	od;
	assert(closing || f == pending && n == nr_unread_repeats);
	assert(closing || completing >= len(expired));
	x = 0; n = 0; f = 0;
	do
	:: x < NREC -> n = n + g_taken[x]; x++
	:: else -> break
	od;
	assert(n == seen);
	x = 0; n = 0;
	locked = 0
}

inline evnotify_queue_first()
{
	f = 0;
	do
	:: f < NREC && (closing || req[f].state != QUEUED &&
				   req[f].state != WAITING_TIMED) -> f++
	:: else -> break
	od
}

inline evnotify_timer_start()
{
	evnotify_queue_first();
	timer_queued = timer_queued || f != NONE;
	f = 0
}

/* The request ends: it is pending no more */
inline ended(r)
{
	assert(!g_ended[r]);
	g_ended[r] = 1;
	pending--
}

/* evnotify_source_leave() is what is not about records that wait to be read. */
inline evnotify_source_remove(r)
{
	if
	:: req[r].state == UNREAD -> nr_unread_repeats--
	:: else ->
		waiting??eval(r);
		g_line??eval(r)
	fi
}

inline evnotify_queue_remove(r)
{
	if
	:: req[r].state > QUEUED -> evnotify_source_remove(r)
	:: else
	fi;
	req[r].state = EXPIRES_NO_MORE
}

/* evnotify_make_ready(), or held for a WAIT */
inline evnotify_complete(r, records)
{
	assert(req[r].list == NO_LIST);
	if
	:: req[r].wait -> req[r].list = HELD
	:: else ->
		req[r].list = READY;
		ready!r;
		records++
	fi
}

inline evnotify_expired(r)
{
	if
	:: req[r].list == NO_LIST ->
		req[r].list = EXPIRED;
		completing++;
		expired!r
	:: else
	fi
}

/* Let @r wait for the next event.  @found: there is something for it already. */
inline evnotify_source_wait(r, found)
{
#ifdef MUT_LOOK_WITHOUT_LOCK
	/* Then the CPU may look before others see what it has stored. */
	d_step { found = src_gone || raised != seen };
#endif
	d_step { waiting!r; g_line!r };
#ifdef MUT_WAIT_WITHOUT_LOOK
	found = 0
#elif !defined(MUT_LOOK_WITHOUT_LOCK)
	d_step { found = src_gone || raised != seen }
#endif
}

/* @count events, of which the latest came with @data; 0: there is none */
inline evnotify_source_next(count, data, src_is_gone)
{
	count = raised - seen;
#ifndef MUT_OVERRUN_IS_NOT_COUNTED
	count = (count > RING -> count - RING + 1 : (count -> 1 : 0));
#else
	count = (count -> 1 : 0);
#endif
	src_is_gone = src_gone;
	seen = seen + count;
	data = (count -> ring[(seen - 1) % RING] : 0);
	assert(!count || data == seen);
	/* What is lost was not in the ring any more. */
	assert(count <= 1 || raised - seen == RING - 1)
}

/*
 * @r leaves the line, or goes to its end: then the line may be empty for a moment,
 * in which raise() takes it that nobody waits.
 */
inline evnotify_source_give(r, count, data)
{
	d_step {
		assert(g_line?[eval(r)]);
		more = req[r].repeat;
		if
		:: req[r].remaining ->
			req[r].remaining = (count < req[r].remaining -> req[r].remaining - count : 0);
			more = req[r].remaining > 0
		:: else
		fi;
		g_taken[r] = g_taken[r] + count;
		g_owed[r] = g_owed[r] + (req[r].repeat -> count : 1)
	};
	if
#ifdef MUT_REPEAT_STAYS_FIRST
	:: more && req[r].eventfd -> d_step {
		g_line?_; g_line!r;
#else
	:: more && req[r].eventfd ->
		d_step { waiting??eval(r); g_line??eval(r) };
		d_step { waiting!r; g_line!r;
#endif
		req[r].count = req[r].count + count;
		evnotify_expired(r)
	   }
#ifdef MUT_REPEAT_STAYS_IN_LINE
	/* As a periodic one: what is unread is overrun. */
	:: more && !req[r].eventfd -> d_step {
		waiting??eval(r); waiting!r; g_line??eval(r); g_line!r;
		req[r].count = count;
		evnotify_expired(r)
	   }
	:: !more -> d_step {
#else
	:: !(more && req[r].eventfd) -> d_step {
#endif
		evnotify_queue_remove(r);
		if
		:: more -> req[r].state = UNREAD; nr_unread_repeats++
		:: else -> ended(r)
		fi;
		req[r].count = (!req[r].eventfd -> count :
				(req[r].repeat -> req[r].count + count : 1));
		evnotify_expired(r)
	   }
	fi
}

inline evnotify_source_give_up(r)
{
	d_step {
		evnotify_queue_remove(r);
		ended(r);
		req[r].state = GONE;
		evnotify_expired(r)
	}
}

inline evnotify_source_take()
{
	do
	:: left && len(waiting) ->
		d_step {
			waiting?<r>;
			left--;
			evnotify_source_next(count, data, src_is_gone)
		};
		if
		:: count -> evnotify_source_give(r, count, data)
		:: !count && src_is_gone -> evnotify_source_give_up(r)
		:: else -> break
		fi
	:: left && !len(waiting) -> break
	:: !left ->
#ifndef MUT_STEP_WITHOUT_TASKLET
		d_step { tasklet_schedule() };
#endif
		break
	od;
	skip;				/* Spin: no jump to a d_step */
	d_step { r = 0; left = 0; count = 0; data = 0; src_is_gone = 0; more = 0 }
}

inline evnotify_source_behind(behind)
{
	d_step { behind = (raised != seen) }
}

inline evnotify_time_out(r)
{
	/* Nothing that was raised before we came to it is left. */
	assert(seen >= before);
#ifdef MUT_TIMEOUT_STAYS_IN_LINE
	req[r].state = EXPIRES_NO_MORE;
#else
	evnotify_queue_remove(r);
#endif
	ended(r);
	req[r].state = TIMED_OUT;
	evnotify_expired(r)
}

/* All that is due: evnotify_expire_req() for a timer */
inline evnotify_expire(r)
{
	do
	:: d_step { evnotify_queue_first(); r = f; f = 0; before = raised };
	   if
	   :: r == NONE -> break
	   :: r != NONE && req[r].state == WAITING_TIMED ->
#ifdef MUT_TIMEOUT_BEFORE_EVENT
		skip;
#else
		evnotify_source_behind(behind);
		if
		:: behind -> break
		:: else
		fi;
#endif
		d_step { evnotify_time_out(r) }
	   :: r != NONE && req[r].state == QUEUED ->
		d_step {
			evnotify_queue_remove(r);
			ended(r);
			evnotify_expired(r)
		}
	   fi
	od;
	skip;
	d_step { behind = 0; before = 0; r = 0 }
}

/* All who have waited are told, or will be by who reads, and looks again. */
inline evnotify_source_told(records)
{
	if
#ifdef MUT_GONE_BEFORE_RING_IS_EMPTY
	:: !src_gone || nr_unread_repeats || len(expired)
#elif defined(MUT_GONE_BEFORE_RECORDS)
	:: !src_gone || len(waiting) || nr_unread_repeats
#elif defined(MUT_GONE_BEFORE_REPEATS)
	:: !src_gone || len(waiting) || len(expired)
#else
	:: !src_gone || len(waiting) || nr_unread_repeats || len(expired)
#endif
	:: else ->
		if
		:: gone -> records = records + (!pending && !completing)
		:: else -> gone = 1; records++
		fi
	fi;
	x = 0;
	do
	:: gone && !closing && x < NREC ->
		assert(!g_armed[x] || !req[x].source || g_ended[x] &&
		       (req[x].eventfd || g_final[x] || req[x].list >= READY));
		x++
	:: else -> break
	od;
	x = 0
}

/* --- not under the lock -------------------------------------------------- */

/* evnotify_wake_others(): all of them, if the source is gone */
inline evnotify_wake(records)
{
	d_step {
#ifdef MUT_GONE_WAKES_ONE
		polling = polling && !gone;
#else
		if
		:: gone -> records = 2; polling = 0
		:: else
		fi;
#endif
		do
		:: records && len(sleepers) -> sleepers?_; records--
		:: else -> break
		od;
		records = 0
	}
}

/* It runs at once; here, it may. */
inline evnotify_source_kick()
{
	d_step { tasklet_schedule() }
}

/* A request has ended, and not in the tasklet */
inline evnotify_source_ended()
{
	if
	:: src_gone -> evnotify_source_kick()
	:: else
	fi
}

/* --- callbacks ----------------------------------------------------------- */

proctype evnotify_interrupt()
{
	byte r, before;
	bit behind;

end:	do
	:: d_step {
		timer_queued && !locked ->
		timer_queued = 0;
		timer_running = 1;
		locked = 1;
		assert(!g_dead)
	   };
	   evnotify_expire(r);
	   d_step {
		assert(!g_dead);
		evnotify_queue_first();
		backlog = (f != NONE);
		f = 0;
		if
		:: len(expired) || backlog -> tasklet_schedule()
		:: else
		fi;
		timer_running = 0;
		unlock()
	   }
	od
}

/* One record: evnotify_signal_add() for an eventfd */
inline evnotify_complete_batch()
{
	if
	:: len(expired) ->
		expired?x;
		req[x].list = NO_LIST;
		if
		:: !req[x].eventfd -> completing--; evnotify_complete(x, records)
#ifdef MUT_OWED_IS_DROPPED
		:: req[x].eventfd && (req[x].state == CANCELLED || req[x].state == GONE) ->
#else
		:: req[x].eventfd && (req[x].state == CANCELLED || !req[x].count) ->
#endif
			completing--;
			req[x].list = FREE
		:: else -> req[x].list = SIGNALLING; cur = x
		fi;
		x = 0
	:: else
	fi
}

/* That a CANCEL waits for it, and nobody else signals: see evnotify.pml */
inline evnotify_signal()
{
	d_step {
		if
		:: req[cur].state != CANCELLED ->
			assert(!g_dead);
			g_signals[cur] = g_signals[cur] + 1;
			assert(g_signals[cur] <= g_owed[cur])
		:: else
		fi
	};
	d_step {
		!locked ->
		if
		:: closing
		:: else ->
			req[cur].count--;
			req[cur].list = NO_LIST;
			if
			:: req[cur].count && req[cur].state != CANCELLED ->
				req[cur].list = EXPIRED;
				expired!cur
			:: else ->
				completing--;
				req[cur].list = (evnotify_is_pending(cur) -> NO_LIST : FREE)
			fi
		fi;
		if				/* evnotify_signal_end() */
#ifdef MUT_SIGNALS_END_UNTOLD
		:: len(expired) -> tasklet_schedule()
#else
		:: len(expired) || gone && !completing -> tasklet_schedule()
#endif
		:: else
		fi;
		cur = NONE;
		dpc_running = 0;
		unlock()
	}
}

proctype evnotify_dpc()
{
	byte r, left, count, data, before, records, cur = NONE;
	bit more, src_is_gone, behind;

end:	do
	:: d_step {
		dpc_queued && !dpc_running && !locked ->
		dpc_queued = 0;
		dpc_running = 1;
		dpc_sched = 0;
		locked = 1;
		left = STEP;
		assert(!g_dead)
	   };
	   evnotify_source_take();
	   if				/* evnotify_expire_backlog() */
	   :: backlog ->
		evnotify_expire(r);
		d_step {
			evnotify_queue_first();
			backlog = (f != NONE);
			f = 0
		}
	   :: else
	   fi;
	   d_step {
		assert(!g_dead);
		evnotify_complete_batch();
		if
		:: len(expired) || backlog -> tasklet_schedule()
		:: else
		fi;
		evnotify_source_told(records);
		dpc_running = records || cur != NONE;
		unlock()
	   };
	   if
	   :: records ->
		evnotify_wake(records);
		dpc_running = (cur != NONE)
	   :: else
	   fi;
	   if
	   :: cur != NONE -> evnotify_signal()
	   :: else
	   fi
	od
}

/* --- the driver ---------------------------------------------------------- */

inline evnotify_source_raise()
{
	d_step {
		ring[raised % RING] = raised + 1;
		raised++;
		if
		:: listening && len(waiting) -> tasklet_schedule()
		:: else
		fi
	}
}

inline evnotify_source_unregister()
{
	d_step {
		src_gone = 1;
#ifndef MUT_UNREGISTER_TELLS_NOBODY
		if
		:: listening -> tasklet_schedule()
		:: else
		fi
#endif
	}
}

/* Its interrupt, at any time, and its end */
proctype driver()
{
	do
	:: raised < EVENTS -> evnotify_source_raise()
	:: UNPLUG -> evnotify_source_unregister(); break
	:: !UNPLUG -> break
	od
}

/* --- the process --------------------------------------------------------- */

/* ENODEV? */
inline evnotify_source_check(no)
{
	no = src_gone && raised == seen
}

#define SPEC(a_source, a_repeat, an_eventfd) \
	req[r].source = a_source; req[r].repeat = a_repeat; req[r].eventfd = an_eventfd

/* Arms one of the kinds that may be, in record @r; or not: then that stays free. */
inline evnotify_submit_one(r, for_wait)
{
	atomic {
		if
		:: ONCES -> SPEC(1, 0, 0); timed = 0
		:: TIMEDS -> SPEC(1, 0, 0); timed = 1
		:: REPEATS && !for_wait -> SPEC(1, 1, 0); timed = 0
		:: EVENTFDS && !for_wait -> SPEC(1, 0, 1); timed = 0
		:: EVENTFD_REPEATS && !for_wait -> SPEC(1, 1, 1); timed = 0
		:: TIMERS -> SPEC(0, 0, 0); timed = 1
		fi;
		if
		:: req[r].repeat -> req[r].remaining = 2
		:: true
		fi
	};
	d_step {
		!locked ->
		locked = 1;
		no = 0;
		if
		:: req[r].source -> evnotify_source_check(no)
		:: else
		fi;
		if
		:: no ->
			/* What it was given is told. */
			assert(seen == raised);
			req[r].source = 0; req[r].repeat = 0; req[r].eventfd = 0;
			req[r].remaining = 0;
			unlock()
		:: else ->
			req[r].list = NO_LIST;
			req[r].wait = for_wait;
			g_armed[r] = 1;
			pending++
		fi
	};
	if
	:: no
	:: !no && !req[r].source ->
		d_step {
			req[r].state = QUEUED;
			evnotify_timer_start();
			unlock()
		}
	:: !no && req[r].source ->	/* evnotify_source_arm() */
		d_step {		/* evnotify_queue_insert_timeout() */
			req[r].state = (timed -> WAITING_TIMED : WAITING);
			gone = 0
		};
		evnotify_source_wait(r, kick);
		d_step {
			evnotify_timer_start();
			unlock()
		};
		if
		:: kick -> evnotify_source_kick()
		:: else
		fi
	fi;
	d_step { kick = 0; timed = 0; no = 0 }
}

/* REGISTER and write(), of one request after the other */
proctype evnotify_submit()
{
	byte r;
	bit no, timed, kick;

	do
	:: r < SUBMITS -> evnotify_submit_one(r, 0); r++
	:: else -> break
	od;
	g_refs--
}

inline evnotify_cancel_pending(r)
{
	evnotify_queue_remove(r);
	ended(r);
	req[r].state = CANCELLED
}

inline evnotify_cancel_req(r, records)
{
	evnotify_cancel_pending(r);
	if
	:: req[r].list == NO_LIST && !req[r].eventfd -> evnotify_complete(r, records)
	:: req[r].list == NO_LIST && req[r].eventfd -> req[r].list = FREE
	:: else
	fi
}

inline evnotify_cancel_one(r)
{
	d_step {
		!locked ->
		if
		:: evnotify_is_pending(r) -> evnotify_cancel_req(r, records)
		:: else
		fi;
		unlock()
	};
	if
	:: records -> evnotify_wake(records)
	:: else
	fi;
#ifndef MUT_CANCEL_TELLS_NO_END
	evnotify_source_ended()
#endif
}

/* CANCEL, of all one by one, or not */
proctype canceller()
{
	byte r, records;

	do
	:: r < NREC ->
		if
		:: evnotify_cancel_one(r)
		:: true
		fi;
		r++
	:: else -> break
	od;
	g_refs--
}

/* One record; then its request may wait again: evnotify_source_again() */
inline evnotify_take_batch()
{
	d_step {
		!locked ->
		locked = 1;
		f = NONE;
		if
		:: len(ready) ->
			ready?f;
			assert(req[f].list == READY && !g_final[f]);
			g_told[f] = g_told[f] + req[f].count;
			req[f].count = 0;
			g_final[f] = !evnotify_is_pending(f);
			req[f].list = (g_final[f] -> FREE : NO_LIST)
		:: else
		fi;
		r = f;
		f = 0;
		again = 0;
		if
		:: r != NONE && req[r].state == UNREAD ->
			again = 1;
			req[r].state = WAITING;
			nr_unread_repeats--
		:: else
		fi
	};
	if
	:: again ->
#ifdef MUT_AGAIN_WITHOUT_KICK
		evnotify_source_wait(r, kick);
		kick = 0
#else
		evnotify_source_wait(r, kick)
#endif
	:: else
	fi;
	d_step { r = 0; again = 0; unlock() };
	if
	:: kick -> kick = 0; evnotify_source_kick()
	:: else
	fi
}

/* evnotify_source_told_over() is the part under the lock. */
inline evnotify_source_over()
{
#ifdef MUT_GONE_BEFORE_READY
	d_step { over = gone; all_are_told() }
#else
	if
	:: gone ->
		d_step {
			!locked ->
			over = gone && !pending && !completing && !len(ready);
			all_are_told()
		}
	:: else
	fi
#endif
}

/* If @over: the process has all records that there will be. */
inline all_are_told()
{
	x = 0;
	do
	:: over && x < NREC ->
		assert(!g_armed[x] || g_ended[x] &&
		       (!req[x].eventfd -> g_final[x] || req[x].wait :
			req[x].state == CANCELLED || g_signals[x] == g_owed[x]));
		x++
	:: else -> break
	od;
	x = 0
}

inline evnotify_sleep()
{
	sleepers!me;			/* prepare_to_wait_exclusive() */
	if
	:: len(ready)
	:: else ->
		evnotify_source_over();
		if
		:: over -> over = 0
		:: else ->
end:			!(sleepers??[eval(me)])
		fi
	fi;
	d_step {			/* finish_wait() */
		if
		:: sleepers??[eval(me)] -> sleepers??eval(me)
		:: else
		fi
	}
}

/* read() of one record after the other; after ENODEV, when another was armed */
proctype evnotify_do_read(byte me)
{
	byte r, records;
	bit again, kick, over, slept;

	do
	:: len(ready) ->
		evnotify_take_batch();
		if
		:: slept && len(ready) -> records = 1; evnotify_wake(records)
		:: else
		fi;
		slept = 0
	:: else ->
		evnotify_source_over();
		if
		:: over ->
			d_step { g_over++; over = 0; slept = 0 };
end2:			d_step { len(ready) || !gone -> g_over-- }
		:: else -> slept = 1; evnotify_sleep()
		fi
	od
}

#if POLLERS
/* poll() with events = 0: HUP alone wakes it. */
proctype poller()
{
	polling = 1;
	if
	:: gone -> polling = 0
	:: else
	fi;
end:	!polling
}
#endif

#if WAITS
/* WAIT, which may be killed */
proctype evnotify_ioctl_wait()
{
	bit no, timed, kick;

	evnotify_submit_one(SUBMITS, 1);
	if
	:: g_armed[SUBMITS] ->
		if
		:: d_step {
			!locked && req[SUBMITS].list == HELD ->
			assert(g_ended[SUBMITS]);
			g_told[SUBMITS] = req[SUBMITS].count;
			g_final[SUBMITS] = 1;
			req[SUBMITS].list = FREE;
			unlock()
		   }
		:: d_step {
			!locked && evnotify_is_pending(SUBMITS) ->	/* evnotify_drop() */
			evnotify_cancel_pending(SUBMITS);
			req[SUBMITS].list = FREE;
			g_final[SUBMITS] = 1;
			unlock()
		   };
#ifndef MUT_DEATH_TELLS_NO_END
		   evnotify_source_ended()
#endif
		fi
	:: else
	fi;
	g_refs--
}
#endif

/* --- the end ------------------------------------------------------------- */

inline evnotify_source_unlist()
{
	listening = 0
}

inline evnotify_source_detach()
{
	evnotify_source_unlist()
}

/* release(): all calls have returned */
proctype evnotify_instance_destroy()
{
	g_refs == 0;
	d_step {
		!locked ->
		closing = 1;
		pending = 0;
		nr_unread_repeats = 0;
		completing = 0;
		backlog = 0;
		do
		:: len(waiting) -> waiting?_
		:: else -> break
		od;
		do
		:: len(expired) -> expired?_
		:: else -> break
		od
	};
#ifndef MUT_DETACH_LATE
	evnotify_source_detach();
#endif
	d_step { !timer_running -> timer_queued = 0 };	/* hrtimer_cancel() */
	atomic { !dpc_sched -> dpc_sched = 1 };		/* tasklet_kill() */
	!dpc_running;
	dpc_sched = 0;
#ifdef MUT_DETACH_LATE
	evnotify_source_detach();
#endif
	g_dead = 1
}

/* When nothing can move any more, nothing may be left to do. */
proctype account()
{
	byte r;

	timeout ->
	assert(!locked && !dpc_queued && !dpc_running && !timer_running);
#ifdef RELEASE
	assert(g_dead && !timer_queued);
#else
	assert(g_refs == 0 && !backlog);
	assert(!completing && !len(ready) && !nr_unread_repeats);
	assert(!len(waiting) || !src_gone && raised == seen);
	do
	:: r < NREC ->
		assert(!evnotify_is_pending(r) || req[r].state == WAITING);
		if
		:: !req[r].eventfd ->
			assert(g_final[r] == g_ended[r]);
			assert(g_told[r] == g_taken[r])
		:: else ->
			assert(g_signals[r] == g_owed[r] || req[r].state == CANCELLED)
		fi;
		r++
	:: else -> break
	od;
	assert(!src_gone || gone && !pending && g_over == READERS && !polling)
#endif
}

init {
	atomic {
		f = 0;
		do
		:: f < NREC -> req[f].list = FREE; f++
		:: else -> break
		od;
		f = 0;
		run evnotify_interrupt();
		run evnotify_dpc();
		run driver();
		g_refs = (SUBMITS > 0) + WAITS + CANCELS;
#if SUBMITS
		run evnotify_submit();
#endif
#if WAITS
		run evnotify_ioctl_wait();
#endif
#if CANCELS
		run canceller();
#endif
#if READERS > 0
		run evnotify_do_read(0);
#endif
#if READERS > 1
		run evnotify_do_read(1);
#endif
#if POLLERS
		run poller();
#endif
#ifdef RELEASE
		run evnotify_instance_destroy();
#endif
		run account()
	}
}
