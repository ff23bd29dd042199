// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - signal eventfds and wake readers, within the budget of a CPU
 *
 * How long eventfd_signal() and the wake-up of an instance take is up to
 * processes: each epoll file and each entry of a poll() that waits makes them
 * longer.  So a CPU has a budget for what its tasklets take, which all instances
 * share.  While it is used up, signals and wake-ups go to a work item, in which
 * users take turns: there the scheduler shares the CPU out.  Everything else
 * stays in the tasklet.
 *
 * One eventfd_signal() cannot be divided, whatever it takes.
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

/* What the tasklets of a CPU may use at once, and the share that comes back. */
#define EVNOTIFY_BUDGET_NS	(2 * NSEC_PER_MSEC)
#define EVNOTIFY_BUDGET_SHARE	4
/*
 * Reading the clock for each run would cost a lone signal one percent.  So one
 * run in eight is measured, on average, and stands for those that were not:
 * which one, a process cannot foresee.  A run in which the tick changes is
 * always noticed, and stands for itself.
 */
#define EVNOTIFY_MAX_UNMEASURED	15

/**
 * struct evnotify_budget - what the tasklets of a CPU have left
 * @left_ns: how long they may still run; below 0 after a long run
 * @time: local_clock() when that was right
 * @weight: runs that the next measured one stands for
 *
 * Written by tasklets of this CPU only, as is evnotify_unmeasured.
 */
struct evnotify_budget {
	s64 left_ns;
	u64 time;
	u8 weight;
};

static DEFINE_PER_CPU(struct evnotify_budget, evnotify_budget);

/* Runs until the next one that is measured. */
DEFINE_PER_CPU(u8, evnotify_unmeasured);

/**
 * evnotify_budget_measure - a run of a tasklet begins that is measured
 * @over: set if the budget of this CPU is used up
 *
 * Context: tasklet.
 * Return: when it began.
 */
u64 evnotify_budget_measure(bool *over)
{
	struct evnotify_budget *b = this_cpu_ptr(&evnotify_budget);
	u64 now = local_clock();

	b->left_ns = min_t(s64, EVNOTIFY_BUDGET_NS, b->left_ns +
			   (s64)(now - b->time) / EVNOTIFY_BUDGET_SHARE);
	b->time = now;
	*over = b->left_ns <= 0;
	return now;
}

/**
 * evnotify_budget_spend - a run of a tasklet ends that counts
 * @began: when it began, or 0 if it is not measured
 * @ticks: ticks in it
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
 * evnotify_wake_waiters - tell those who read or poll of event records
 * @inst: the instance
 * @records: how many, at least 1: as many exclusive waiters are woken
 *
 * Context: tasklet or process, inst->lock not held.
 */
void evnotify_wake_waiters(struct evnotify_instance *inst, unsigned int records)
{
	__wake_up(&inst->wait, TASK_NORMAL, records,
		  poll_to_key(EPOLLIN | EPOLLRDNORM));
	if (READ_ONCE(inst->fasync))
		kill_fasync(&inst->fasync, SIGIO, POLL_IN);
}

static void evnotify_queue_turn(struct evnotify_instance *inst)
{
	lockdep_assert_held(&inst->lock);
	if (!inst->closing)
		evnotify_user_queue(inst);
}

/**
 * evnotify_defer - leave the signal of a request to the work item
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
 * evnotify_defer_wake - leave a wake-up to the work item
 * @inst: the instance
 * @records: as for evnotify_wake_waiters()
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
 * evnotify_signal_add - enter a record into a batch for evnotify_signal()
 * @inst: the instance
 * @batch: the batch
 * @req: a record on no list
 *
 * Context: inst->lock held.
 */
void evnotify_signal_add(struct evnotify_instance *inst,
			 struct evnotify_fifo *batch,
			 struct evnotify_record *req)
{
	req->list = EVNOTIFY_SIGNALLING;
	evnotify_fifo_push(batch, req);
	/* Nobody else would see the time. */
	if (trace_evnotify_complete_enabled()) {
		req->completed = evnotify_now(req->clock);
		trace_evnotify_complete(inst, req);
	}
}

/*
 * Say whose eventfd is signalled from here on, and tell a CANCEL that has waited
 * for the one before.  The barrier: whoever cancels a request writes its state,
 * and then looks at inst->signalling; we do both the other way round.
 *
 *	CANCEL					the signaller
 *	req->state = EVNOTIFY_CANCELLED		inst->signalling = req
 *	smp_mb()				smp_mb()
 *	inst->signalling == req?		req->state == EVNOTIFY_CANCELLED?
 *	yes: wait until it is not		yes: do not signal
 *
 * At least one of the two sees what the other has written.
 */
static __always_inline void
evnotify_signalling(struct evnotify_instance *inst, struct evnotify_record *req)
{
	/* The barrier is also that of waitqueue_active(). */
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

/* Whoever signalled for this instance is done: go on with what is left. */
static void evnotify_signal_end(struct evnotify_instance *inst)
{
	lockdep_assert_held(&inst->lock);
	WRITE_ONCE(inst->signaller, EVNOTIFY_NOBODY);
	if (inst->flushing)
		wake_up(&inst->signalled);
	else if (inst->nr_deferred)
		evnotify_queue_turn(inst);
	if (inst->expired.head)
		tasklet_schedule(&inst->dpc);
}

/**
 * evnotify_signal - signal the eventfds of a batch, once each
 * @inst: the instance; inst->signaller says who the caller is
 * @batch: records that evnotify_signal_add() entered
 *
 * A record comes back to the list that it was taken from, at its end, if it
 * counts more expirations: so an eventfd counts them all, and yet no step is
 * longer than another.  When the tick changes, the tasklet and the work item
 * stop: what is left of the batch comes back to the front.
 *
 * Context: tasklet or process, inst->lock not held.
 * Return: true if a request that has completed is still owed signals.
 */
bool evnotify_signal(struct evnotify_instance *inst, struct evnotify_fifo *batch)
{
	const u8 signaller = inst->signaller;
	const bool tasklet = signaller == EVNOTIFY_TASKLET;
	struct evnotify_fifo *from = tasklet ? &inst->expired : &inst->deferred;
	const u8 list = tasklet ? EVNOTIFY_EXPIRED : EVNOTIFY_DEFERRED;
	struct evnotify_record *req, *next, *rest = NULL;
	unsigned long tick = jiffies;
	bool owed = false;

	for (req = batch->head; req; req = req->next) {
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
	for (req = batch->head; req != rest; req = next) {
		next = req->next;
		/* evnotify_pool_destroy() drops it. */
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
		batch->tail->next = from->head;
		if (!from->head)
			from->tail = batch->tail;
		from->head = rest;
	}
	if (signaller != EVNOTIFY_FLUSH)
		evnotify_signal_end(inst);
	evnotify_check(inst);
	spin_unlock_irq(&inst->lock);
	return owed;
}

/* Take up to a batch of deferred records, to signal them. */
static struct evnotify_fifo evnotify_take_deferred(struct evnotify_instance *inst,
						   unsigned int n)
{
	struct evnotify_fifo batch = {};
	struct evnotify_record *req;

	lockdep_assert_held(&inst->lock);
	for (n = min(n, EVNOTIFY_BATCH); n; n--) {
		req = evnotify_fifo_pop(&inst->deferred);
		if (!req)
			break;
		inst->nr_deferred--;
		evnotify_signal_add(inst, &batch, req);
	}
	return batch;
}

/**
 * evnotify_signal_deferred - do what the tasklet had no time for
 * @inst: the instance, whose turn it is: for a tick, a signal and a wake-up at
 *	most, and then it is the others' turn
 *
 * Context: process.
 */
void evnotify_signal_deferred(struct evnotify_instance *inst)
{
	struct evnotify_fifo batch;
	unsigned int wakes;

	spin_lock_irq(&inst->lock);
	wakes = inst->wakes;
	inst->wakes = 0;
	spin_unlock_irq(&inst->lock);
	if (wakes)
		evnotify_wake(inst, wakes);

	spin_lock_irq(&inst->lock);
	/* If somebody signals now, that one asks for a turn for what is left. */
	if (inst->signaller == EVNOTIFY_NOBODY && !inst->flushing &&
	    inst->nr_deferred) {
		inst->signaller = EVNOTIFY_WORK;
		batch = evnotify_take_deferred(inst, EVNOTIFY_BATCH);
		spin_unlock_irq(&inst->lock);
		evnotify_signal(inst, &batch);
	} else {
		spin_unlock_irq(&inst->lock);
	}
}

/**
 * evnotify_flush - let nothing that has expired be under way any more
 * @inst: the instance
 *
 * The barrier of a CANCEL of all: when it returns, what had expired when it was
 * called is readable or signalled.  It does that work itself, for as long as it
 * takes, and what expires meanwhile neither delays it nor is hurried.
 *
 * Context: process.
 */
void evnotify_flush(struct evnotify_instance *inst)
{
	struct evnotify_fifo batch;
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
	/* Who is killed has nobody to promise anything to. */
	for (left = inst->nr_deferred; left && !fatal_signal_pending(current); ) {
		batch = evnotify_take_deferred(inst, left);
		left -= min(left, EVNOTIFY_BATCH);
		spin_unlock_irq(&inst->lock);
		again = evnotify_signal(inst, &batch);
		spin_lock_irq(&inst->lock);
		/* Those who are owed more stand at the end of the list now. */
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
