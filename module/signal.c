// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - signal eventfds and wake readers, within the budget of a CPU
 *
 * How long eventfd_signal() and the wake-up of an instance take is up to
 * processes: each epoll file and each poll() that waits makes them longer.  So
 * the tasklets of a CPU, those of all instances, share a budget of time.  While
 * it is used up, signals and wake-ups are left to a work item, in which users
 * take turns: there the scheduler shares out the CPU.  Everything else a
 * tasklet does has a bound, and stays in the tasklet.
 *
 * One eventfd_signal() cannot be divided, however long it takes.
 */
#include <linux/compiler.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>

#include "evnotify.h"
#include "trace.h"

/* The most that the budget can be; of time, one part in so many is added. */
#define EVNOTIFY_BUDGET_NS	(2 * NSEC_PER_MSEC)
#define EVNOTIFY_BUDGET_SHARE	4
/*
 * To read the clock in each run of a tasklet would make a lone signal one
 * percent slower.  So one run in eight is measured, on average, and counts for
 * those before it that were not; a process cannot foresee which.  A run in
 * which jiffies changes counts by itself, measured or not.
 */
#define EVNOTIFY_MAX_UNMEASURED	15

/**
 * struct evnotify_budget - the time that the tasklets of a CPU may still take
 * @left_ns: that time; below 0 after a long run
 * @time: local_clock() when @left_ns was last added to
 * @weight: runs that the next measured one counts for
 *
 * Written by tasklets of this CPU only, as is evnotify_unmeasured.
 */
struct evnotify_budget {
	s64 left_ns;
	u64 time;
	u8 weight;
};

static DEFINE_PER_CPU(struct evnotify_budget, evnotify_budget);

/* Runs of tasklets until the next one that is measured. */
DEFINE_PER_CPU(u8, evnotify_unmeasured);

/**
 * evnotify_budget_measure - begin a run of a tasklet that is measured
 *
 * Context: tasklet.
 * Return: when it began.
 */
u64 evnotify_budget_measure(void)
{
	struct evnotify_budget *b = this_cpu_ptr(&evnotify_budget);
	u64 now = local_clock();

	b->left_ns = min_t(s64, EVNOTIFY_BUDGET_NS, b->left_ns +
			   (s64)(now - b->time) / EVNOTIFY_BUDGET_SHARE);
	b->time = now;
	return now;
}

/**
 * evnotify_budget_is_over - is the budget of this CPU used up?
 *
 * Context: tasklet, in a run that is measured.
 * Return: true if so.
 */
bool evnotify_budget_is_over(void)
{
	return this_cpu_read(evnotify_budget.left_ns) <= 0;
}

/**
 * evnotify_budget_spend - end a run of a tasklet, and take it off the budget
 * @began: when it began, or 0 if it is not measured
 * @ticks: how often jiffies changed in it
 *
 * Context: tasklet.
 */
void evnotify_budget_spend(u64 began, unsigned long ticks)
{
	struct evnotify_budget *b = this_cpu_ptr(&evnotify_budget);
	u8 unmeasured;
	u64 now;

	if (!began) {
		b->left_ns -= (s64)ticks * TICK_NSEC;
		if (b->left_ns <= 0)
			this_cpu_write(evnotify_unmeasured, 0);
		return;
	}
	now = local_clock();
	b->left_ns -= (s64)(now - began) * (ticks ? 1 : b->weight);
	unmeasured = b->left_ns > 0 ? now % (EVNOTIFY_MAX_UNMEASURED + 1) : 0;
	this_cpu_write(evnotify_unmeasured, unmeasured);
	b->weight = unmeasured + 1;
}

/**
 * evnotify_wake_others - wake those who read, poll or are sent SIGIO
 * @inst: the instance
 * @records: as for evnotify_wake()
 *
 * What evnotify_wake() does not do: SIGIO, and to tell that the source is gone.
 *
 * Context: tasklet or process, inst->lock not held.
 */
void evnotify_wake_others(struct evnotify_instance *inst, unsigned int records)
{
	__poll_t events = EPOLLIN | EPOLLRDNORM;
	const bool gone = READ_ONCE(inst->gone);

	/* Everybody learns that the source is gone: 0 is all exclusive waiters. */
	if (gone) {
		events |= EPOLLHUP | EPOLLERR;
		records = 0;
	}
	__wake_up(&inst->wait, TASK_NORMAL, records, poll_to_key(events));
	if (READ_ONCE(inst->fasync))
		kill_fasync(&inst->fasync, SIGIO, gone ? POLL_HUP : POLL_IN);
}

/* Have the work item call evnotify_signal_deferred(). */
static void evnotify_queue_turn(struct evnotify_instance *inst)
{
	lockdep_assert_held(&inst->lock);
	if (!inst->closing)
		evnotify_user_queue(inst);
}

/**
 * evnotify_defer - leave the signal of a request to process context
 * @inst: the instance
 * @req: a record on no list
 *
 * Context: inst->lock held.
 */
void evnotify_defer(struct evnotify_instance *inst, struct evnotify_record *req)
{
	req->list = EVNOTIFY_DEFERRED;
	evnotify_fifo_push(&inst->deferred, req);
	inst->nr_deferred++;
	evnotify_queue_turn(inst);
}

/**
 * evnotify_defer_wake - leave a wake-up to process context
 * @inst: the instance
 * @records: as for evnotify_wake()
 *
 * Context: tasklet, inst->lock not held.
 */
void evnotify_defer_wake(struct evnotify_instance *inst, unsigned int records)
{
	spin_lock_irq(&inst->lock);
	inst->wakes += records;
	evnotify_queue_turn(inst);
	spin_unlock_irq(&inst->lock);
}

/**
 * evnotify_signal_add - let evnotify_signal() signal the eventfd of a request
 * @inst: the instance
 * @req: a record on no list
 *
 * Context: inst->lock held.
 */
void evnotify_signal_add(struct evnotify_instance *inst,
			 struct evnotify_record *req)
{
	req->list = EVNOTIFY_SIGNALLING;
	evnotify_fifo_push(&inst->batch, req);
	/* Nothing but the trace shows when a signal was given. */
	if (trace_evnotify_complete_enabled()) {
		req->completed = evnotify_now(req->clock);
		trace_evnotify_complete(inst, req);
	}
}

/*
 * Say whose eventfd is signalled from here on: that of @req, or nobody's.  When
 * a CANCEL returns, no signal of its request follows.  So one that finds the
 * record in a batch, EVNOTIFY_SIGNALLING, waits if its signal is under way, and
 * if it is not, the signaller leaves it out:
 *
 *	CANCEL					the signaller
 *	req->state = EVNOTIFY_CANCELLED		inst->signalling = req
 *	smp_mb()				smp_mb()
 *	inst->signalling == req?		req->state == CANCELLED?
 *	yes: wait until it is not		yes: do not signal
 *
 * At least one of the two sees what the other has written.  And a CANCEL that
 * waits is woken:
 *
 *	CANCEL					the signaller
 *	enters inst->signalled			inst->signalling = another, NULL
 *	smp_mb(), in wait_event()		smp_mb()
 *	inst->signalling == req?		inst->signalled empty?
 *	yes: sleep				no: wake_up_all()
 */
static __always_inline void
evnotify_signalling(struct evnotify_instance *inst, struct evnotify_record *req)
{
	/* The barrier of both pictures on the right. */
	smp_store_mb(inst->signalling, req);
	/* See evnotify_signal_wait(). */
	if (waitqueue_active(&inst->signalled))
		wake_up_all(&inst->signalled);
}

/**
 * evnotify_signal_wait - wait for the end of a signal that may be under way
 * @inst: the instance
 * @req: a record that was being signalled when it was cancelled
 *
 * Context: process, inst->lock not held.
 */
void evnotify_signal_wait(struct evnotify_instance *inst,
			  const struct evnotify_record *req)
{
	smp_mb();	/* see evnotify_signalling() */
	wait_event(inst->signalled, READ_ONCE(inst->signalling) != req);
}

/* The signaller of an instance ends: see to it that others do what is left. */
static void evnotify_signal_end(struct evnotify_instance *inst)
{
	lockdep_assert_held(&inst->lock);
	WRITE_ONCE(inst->signaller, EVNOTIFY_NOBODY);
	if (inst->flushing)
		wake_up(&inst->signalled);
	else if (inst->nr_deferred)
		evnotify_queue_turn(inst);
	/* It also tells those who wait for the end of a file whose source is gone. */
	if (inst->expired.head || (unlikely(inst->gone) && !inst->completing))
		tasklet_schedule(&inst->dpc);
}

/**
 * evnotify_signal - signal the eventfds of inst->batch, once each
 * @inst: the instance; inst->signaller says who the caller is
 *
 * A request is signalled once, even if it counts several expirations.  For the
 * others its record goes back to the end of the list that it was taken from: so
 * an eventfd is signalled for each, and each batch takes as long as another.
 *
 * What it counts is taken off after the signal, since a periodic request may
 * expire meanwhile:
 *
 *	evnotify_signal()			evnotify_interrupt()
 *	eventfd_signal(req->eventfd)
 *						req->count++: 2
 *						req->list is not NO_LIST: it
 *						is on its way, leave it there
 *	spin_lock_irq(&inst->lock)
 *	--req->count: 1, back on the list
 *
 * When jiffies changes, the tasklet and the work item stop after the signal
 * they are at; the rest of the batch goes back to the front of the list.
 *
 * Context: tasklet or process, inst->lock not held.
 * Return: true if more signals are due for a request that has expired for the
 * last time.
 */
bool evnotify_signal(struct evnotify_instance *inst)
{
	const u8 signaller = inst->signaller;
	const bool tasklet = signaller == EVNOTIFY_TASKLET;
	struct evnotify_fifo *from = tasklet ? &inst->expired : &inst->deferred;
	const u8 list = tasklet ? EVNOTIFY_EXPIRED : EVNOTIFY_DEFERRED;
	struct evnotify_record *req, *next, *rest = NULL;
	unsigned long tick = jiffies;
	bool owed = false;

	for (req = inst->batch.head; req; req = req->next) {
		evnotify_signalling(inst, req);
		if (READ_ONCE(req->state) != EVNOTIFY_CANCELLED)
			eventfd_signal(req->eventfd);
		if (!tasklet)
			cond_resched();
		if (time_after(jiffies, tick) && signaller != EVNOTIFY_FLUSH) {
			rest = req->next;
			break;
		}
	}
	evnotify_signalling(inst, NULL);

	spin_lock_irq(&inst->lock);
	for (req = inst->batch.head; req != rest; req = next) {
		next = req->next;
		/* evnotify_pool_destroy() puts the eventfd. */
		if (inst->closing)
			continue;
		req->count--;
		if (req->state == EVNOTIFY_PARKED)
			evnotify_unpark(inst, req);
		if (req->count && req->state != EVNOTIFY_CANCELLED) {
			owed |= !evnotify_is_pending(req);
			req->list = list;
			evnotify_fifo_push(from, req);
			inst->nr_deferred += !tasklet;
			continue;
		}
		inst->completing--;
		req->list = EVNOTIFY_NO_LIST;
		if (!evnotify_is_pending(req)) {
			eventfd_ctx_put(req->eventfd);
			evnotify_pool_give(inst, req);
		}
	}
	if (rest && !inst->closing) {
		for (req = rest; req; req = req->next) {
			req->list = list;
			inst->nr_deferred += !tasklet;
		}
		inst->batch.tail->next = from->head;
		if (!from->head)
			from->tail = inst->batch.tail;
		from->head = rest;
	}
	inst->batch.head = NULL;
	if (signaller != EVNOTIFY_FLUSH)
		evnotify_signal_end(inst);
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	return owed;
}

/* Put up to @n deferred records into inst->batch, to signal them. */
static void evnotify_take_deferred(struct evnotify_instance *inst,
				   unsigned int n)
{
	struct evnotify_record *req;

	lockdep_assert_held(&inst->lock);
	for (n = min(n, EVNOTIFY_BATCH); n; n--) {
		req = evnotify_fifo_pop(&inst->deferred);
		if (!req)
			break;
		inst->nr_deferred--;
		evnotify_signal_add(inst, req);
	}
}

/**
 * evnotify_signal_deferred - signal and wake what the tasklet has deferred
 * @inst: the instance, whose turn it is
 *
 * A turn takes a tick, or one wake-up and one signal if they take longer.
 *
 * Context: process.
 */
void evnotify_signal_deferred(struct evnotify_instance *inst)
{
	unsigned int wakes;

	spin_lock_irq(&inst->lock);
	wakes = inst->wakes;
	inst->wakes = 0;
	spin_unlock_irq(&inst->lock);
	if (wakes)
		evnotify_wake(inst, wakes);

	spin_lock_irq(&inst->lock);
	/* A signaller that is at work asks for another turn when it ends. */
	if (inst->signaller == EVNOTIFY_NOBODY && !inst->flushing &&
	    inst->nr_deferred) {
		inst->signaller = EVNOTIFY_WORK;
		evnotify_take_deferred(inst, EVNOTIFY_BATCH);
		spin_unlock_irq(&inst->lock);
		evnotify_signal(inst);
	} else {
		spin_unlock_irq(&inst->lock);
	}
}

/**
 * evnotify_flush - complete and signal what has expired before the call
 * @inst: the instance
 *
 * A CANCEL of all ends with this: when it returns, requests that had expired
 * when it was called are readable or signalled.  It lets the signaller finish
 * its batch, and then does the work of tasklet and work item itself.  The lists
 * are worked off from the front, for as many records as were there at the
 * start: requests that expire meanwhile do not delay it.
 *
 * Context: process.
 */
void evnotify_flush(struct evnotify_instance *inst)
{
	unsigned int left, records;
	bool again;

	mutex_lock(&inst->flush);
	spin_lock_irq(&inst->lock);
	inst->flushing = true;
	while (inst->signaller != EVNOTIFY_NOBODY) {
		spin_unlock_irq(&inst->lock);
		wait_event(inst->signalled,
			   READ_ONCE(inst->signaller) == EVNOTIFY_NOBODY);
		spin_lock_irq(&inst->lock);
	}
	inst->signaller = EVNOTIFY_FLUSH;
	records = inst->wakes;
	inst->wakes = 0;

	for (left = inst->completing; left && inst->expired.head;
	     left -= min(left, EVNOTIFY_BATCH)) {
		records += evnotify_complete_expired(inst);
		spin_unlock_irq(&inst->lock);
		if (records)
			evnotify_wake(inst, records);
		records = 0;
		cond_resched();
		spin_lock_irq(&inst->lock);
	}
	/* A thread that is killed does not return from the call. */
	for (left = inst->nr_deferred; left && !fatal_signal_pending(current); ) {
		evnotify_take_deferred(inst, left);
		left -= min(left, EVNOTIFY_BATCH);
		spin_unlock_irq(&inst->lock);
		again = evnotify_signal(inst);
		spin_lock_irq(&inst->lock);
		/* One that is due more signals is now the last of the list. */
		if (again)
			left = inst->nr_deferred;
	}
	inst->flushing = false;
	evnotify_signal_end(inst);
	spin_unlock_irq(&inst->lock);
	if (records)
		evnotify_wake(inst, records);
	mutex_unlock(&inst->flush);
}
