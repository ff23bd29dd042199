// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - an instance: made when the device is opened, and ended when the
 * last reference to that open file has gone
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "evnotify.h"
#include "queue.h"
#include "trace.h"

static atomic_t evnotify_instances;

#ifdef CONFIG_EVNOTIFY_DEBUG
static void evnotify_check_fifo(const struct evnotify_fifo *fifo)
{
	WARN_ON_ONCE(fifo->head && fifo->tail->next);
}

/**
 * evnotify_check - assert what must hold after each step: the checked build
 * @inst: the instance
 *
 * Context: inst->lock held.
 */
void evnotify_check(struct evnotify_instance *inst)
{
	struct evnotify_queue *q;
	bool empty = true;

	lockdep_assert_held(&inst->lock);
	for (q = inst->queues; q < inst->queues + EVNOTIFY_NR_CLOCKS; q++) {
		WARN_ON_ONCE(rb_first_cached(&q->tree) !=
			     rb_first(&q->tree.rb_root));
		WARN_ON_ONCE(*q->line.tail);
		empty &= !q->line.first && RB_EMPTY_ROOT(&q->tree.rb_root);
	}
	WARN_ON_ONCE(*inst->waiting.tail);
	empty &= !inst->waiting.first && !inst->nr_unread_repeats;
	/* A request that is parked is pending, too. */
	WARN_ON_ONCE(!empty && !inst->pending);
	WARN_ON_ONCE(inst->armed != inst->completed + inst->cancelled +
				    inst->pending);
	WARN_ON_ONCE(inst->pending > inst->nr_reqs ||
		     inst->unread > inst->nr_reqs);
	WARN_ON_ONCE(inst->nr_reqs > inst->limit);
	WARN_ON_ONCE(!inst->unread != !inst->ready.head);
	evnotify_check_fifo(&inst->expired);
	evnotify_check_fifo(&inst->ready);
	evnotify_check_fifo(&inst->deferred);
	WARN_ON_ONCE(!inst->nr_deferred != !inst->deferred.head);
	WARN_ON_ONCE(inst->completing < inst->nr_deferred ||
		     inst->completing > inst->nr_reqs);
}
#endif

/**
 * evnotify_instance_create - make an instance for the current user
 * @src: whose events it gets, or NULL
 *
 * Context: process.
 * Return: the instance, for evnotify_instance_destroy(); or an error of
 * evnotify_user_get() or evnotify_source_attach(), or ERR_PTR(-ENOMEM).
 */
struct evnotify_instance *
evnotify_instance_create(struct evnotify_source *src)
{
	struct evnotify_user *user = evnotify_user_get();
	struct evnotify_instance *inst;
	unsigned int clock;
	int ret;

	if (IS_ERR(user))
		return ERR_CAST(user);
	inst = kzalloc_obj(*inst, GFP_KERNEL_ACCOUNT);
	if (!inst) {
		evnotify_user_put(user);
		return ERR_PTR(-ENOMEM);
	}
	inst->user = user;
	inst->limit = READ_ONCE(evnotify_max_requests);
	inst->number = atomic_inc_return(&evnotify_instances);
	spin_lock_init(&inst->lock);
	tasklet_setup(&inst->dpc, evnotify_dpc);
	INIT_LIST_HEAD(&inst->turn);
	mutex_init(&inst->flush);
	init_waitqueue_head(&inst->signalled);
	init_waitqueue_head(&inst->wait);
	evnotify_line_clear(&inst->waiting);
	/*
	 * Serial numbers wrap soon in the checked build, so that it is tested.
	 */
	if (IS_ENABLED(CONFIG_EVNOTIFY_DEBUG))
		inst->serial = -8 * EVNOTIFY_SERIAL_STEP;
	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++)
		evnotify_timer_init(&inst->queues[clock], inst, clock);
	evnotify_pool_init(inst);
	trace_evnotify_open(inst);
	ret = src ? evnotify_source_attach(inst, src) : 0;
	if (ret) {
		evnotify_instance_destroy(inst);
		return ERR_PTR(ret);
	}
	return inst;
}

/**
 * evnotify_instance_destroy - stop an instance and free it
 * @inst: the instance; no file refers to it any more
 *
 * What is still pending is cancelled, and nobody is told: nobody is left.
 *
 * Context: process.  When it returns, no callback runs, nor ever will.
 */
void evnotify_instance_destroy(struct evnotify_instance *inst)
{
	unsigned int clock;

	/*
	 * With its queue empty, the interrupt does not start its timer again.
	 */
	spin_lock_irq(&inst->lock);
	inst->closing = true;
	inst->cancelled += inst->pending;
	inst->pending = 0;
	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++)
		evnotify_queue_clear(&inst->queues[clock]);
	evnotify_line_clear(&inst->waiting);
	inst->nr_unread_repeats = 0;
	inst->expired.head = NULL;
	inst->deferred.head = NULL;
	inst->nr_deferred = 0;
	inst->completing = 0;
	inst->backlog = 0;
	spin_unlock_irq(&inst->lock);

	/*
	 * In this order: a source and the timers schedule the tasklet, the tasklet
	 * wants turns.
	 */
	if (inst->source)
		evnotify_source_detach(inst);
	for (clock = 0; clock < EVNOTIFY_NR_CLOCKS; clock++)
		hrtimer_cancel(&inst->queues[clock].timer);
	tasklet_kill(&inst->dpc);
	evnotify_user_dequeue(inst);

	evnotify_pool_destroy(inst);
	if (inst->source)
		evnotify_source_put(inst->source);
	trace_evnotify_release(inst);
	evnotify_user_put(inst->user);
	kfree(inst);
}
