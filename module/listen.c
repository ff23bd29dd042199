// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - an open file listens to a source: requests wait for its events
 *
 * What a source is, and the rules of its locks, are in source.h.
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "evnotify.h"
#include "queue.h"
#include "source.h"
#include "trace.h"

/*
 * Files that may have a source open: raising an event looks at each of them, with
 * interrupts off.
 */
#define EVNOTIFY_MAX_LISTENERS	64

/* False: only an event ends its wait. */
static bool evnotify_source_has_timeout(const struct evnotify_request *request)
{
	return request->due_ns || request->flags & EVNOTIFY_ABSTIME;
}

/**
 * evnotify_source_check - may a request be armed that waits for an event?
 * @inst: the instance
 * @request: what the process passed in, with a flag besides EVNOTIFY_ABSTIME
 * @wait: it came by WAIT
 *
 * Context: inst->lock held.
 * Return: 0; -EINVAL; or -ENODEV if the source is gone and all its events taken.
 */
int evnotify_source_check(struct evnotify_instance *inst,
			  const struct evnotify_request *request, bool wait)
{
	const u32 known = EVNOTIFY_ABSTIME | EVNOTIFY_SOURCE | EVNOTIFY_REPEAT;
	const u32 flags = request->flags;
	const bool timeout = evnotify_source_has_timeout(request);
	struct evnotify_source *src = inst->source;

	if (!src || !(flags & EVNOTIFY_SOURCE) || flags & ~known)
		return -EINVAL;
	if (request->__reserved[0] | request->__reserved[1] |
	    request->__reserved[2])
		return -EINVAL;
	if (request->period_ns || request->due_ns > KTIME_MAX)
		return -EINVAL;
	if (flags & EVNOTIFY_REPEAT ? timeout || wait : !!request->count)
		return -EINVAL;
	if (request->mode == EVNOTIFY_MODE_PENDING) {
		if (request->eventfd)
			return -EINVAL;
	} else if (request->mode != EVNOTIFY_MODE_EVENTFD || wait || timeout) {
		/* An eventfd could not tell a timeout from an event. */
		return -EINVAL;
	}
	return READ_ONCE(src->gone) && !evnotify_source_behind(inst) ? -ENODEV : 0;
}

/* Let @req wait for the next event.  True: there is something for it already. */
static bool evnotify_source_wait(struct evnotify_instance *inst,
				 struct evnotify_record *req)
{
	struct evnotify_source *src = inst->source;
	unsigned long flags;
	bool found;

	lockdep_assert_held(&inst->lock);
	evnotify_line_append(&inst->waiting, &req->waiting);
	flags = evnotify_source_lock(src);
	found = src->gone || src->raised != inst->seen;
	evnotify_source_unlock(src, flags);
	return found;
}

/**
 * evnotify_source_arm - let a request wait for an event
 * @inst: the instance
 * @req: its record; the due time is a timeout
 * @request: what the process passed in
 * @input: told what has to follow
 *
 * Context: inst->lock held.
 */
void evnotify_source_arm(struct evnotify_instance *inst,
			 struct evnotify_record *req,
			 const struct evnotify_request *request,
			 struct evnotify_input *input)
{
	if (evnotify_source_has_timeout(request)) {
		if (evnotify_queue_insert_timeout(&inst->queues[req->queue],
						  req))
			input->start |= BIT(req->queue);
	} else {
		req->state = EVNOTIFY_WAITING;
		req->due = 0;
	}
	/* It may take what is left in the ring of a source that is gone. */
	WRITE_ONCE(inst->gone, false);
	input->kick |= evnotify_source_wait(inst, req);
}

/**
 * evnotify_source_again - let a request wait again whose record has been read
 * @inst: the instance
 * @req: its state is EVNOTIFY_UNREAD
 *
 * Context: inst->lock held.
 * Return: true if the tasklet has to be scheduled.
 */
bool evnotify_source_again(struct evnotify_instance *inst,
			   struct evnotify_record *req)
{
	req->state = EVNOTIFY_WAITING;
	inst->nr_unread_repeats--;
	return evnotify_source_wait(inst, req);
}

/**
 * evnotify_source_kick - schedule the tasklet from a process
 * @inst: the instance
 *
 * It runs at once, not when ksoftirqd comes to it.
 *
 * Context: process, inst->lock not held.
 */
void evnotify_source_kick(struct evnotify_instance *inst)
{
	local_bh_disable();
	tasklet_schedule(&inst->dpc);
	local_bh_enable();
}

/* Take a request that waits, and whose state was @state, out of the line. */
static __always_inline void
evnotify_source_leave(struct evnotify_instance *inst,
		      struct evnotify_record *req, u8 state)
{
	if (state == EVNOTIFY_WAITING_TIMED)
		rb_erase_cached(&req->node, &inst->queues[req->queue].tree);
	evnotify_line_remove(&inst->waiting, &req->waiting);
}

/**
 * evnotify_source_remove - let a pending request wait for no event any more
 * @q: the queue of its timeout
 * @req: the request
 * @state: what its state was
 *
 * Context: inst->lock held.
 */
void evnotify_source_remove(struct evnotify_queue *q,
			    struct evnotify_record *req, u8 state)
{
	lockdep_assert_held(&q->inst->lock);
	if (state == EVNOTIFY_UNREAD) {
		q->inst->nr_unread_repeats--;
		return;
	}
	evnotify_source_leave(q->inst, req, state);
	req->data = 0;
	req->lost = 0;
}

/**
 * evnotify_source_raised - how many events has the source of a file ever raised?
 * @inst: its instance
 *
 * Context: inst->lock held.
 * Return: the number.
 */
u64 evnotify_source_raised(struct evnotify_instance *inst)
{
	struct evnotify_source *src = inst->source;
	unsigned long flags;
	u64 raised;

	lockdep_assert_held(&inst->lock);
	flags = evnotify_source_lock(src);
	raised = src->raised;
	evnotify_source_unlock(src, flags);
	return raised;
}

/**
 * evnotify_source_behind - is there an event that a file has not taken?
 * @inst: its instance
 *
 * Context: inst->lock held.
 * Return: true if so.
 */
bool evnotify_source_behind(struct evnotify_instance *inst)
{
	return evnotify_source_raised(inst) != inst->seen;
}

/*
 * Take the next event.  Returns how many it stands for: more than 1 if those
 * before it are lost; 0: there is none, and @gone says whether more will come.
 */
static __always_inline u32
evnotify_source_next(struct evnotify_instance *inst,
		     struct evnotify_raised *event, bool *gone)
{
	struct evnotify_source *src = inst->source;
	unsigned long flags;
	u32 count = 1;
	u64 behind;

	flags = evnotify_source_lock(src);
	behind = src->raised - inst->seen;
	if (unlikely(!behind)) {
		*gone = src->gone;
		evnotify_source_unlock(src, flags);
		return 0;
	}
	if (unlikely(behind > EVNOTIFY_RING)) {
		behind -= EVNOTIFY_RING;
		inst->lost += behind;
		inst->seen += behind;
		count += min(behind, U32_MAX - 1);
	}
	*event = src->ring[inst->seen++ % EVNOTIFY_RING];
	evnotify_source_unlock(src, flags);
	return count;
}

/* What @clock says at a time on CLOCK_MONOTONIC, by how far it is ahead now. */
static __always_inline ktime_t
evnotify_source_time(unsigned int clock, ktime_t time)
{
	if (clock == EVNOTIFY_MONOTONIC)
		return time;
	if (clock == EVNOTIFY_BOOTTIME)
		return ktime_mono_to_any(time, TK_OFFS_BOOT);
	return ktime_mono_to_any(time, clock == EVNOTIFY_REALTIME ?
				       TK_OFFS_REAL : TK_OFFS_TAI);
}

/* Give @req, which is first in line, an event that stands for @count. */
static __always_inline void
evnotify_source_give(struct evnotify_instance *inst,
		     struct evnotify_record *req,
		     const struct evnotify_raised *event, u32 count)
{
	const bool pending = req->mode == EVNOTIFY_MODE_PENDING;
	const bool repeats = req->source & EVNOTIFY_REPEAT;
	bool more = repeats;

	if (repeats && req->remaining) {
		req->remaining -= min(req->remaining, count);
		more = req->remaining;
	}
	req->expired = evnotify_source_time(req->clock, event->time);
	if (pending)
		req->count = count;
	else if (repeats)
		req->count = min((u64)req->count + count, EVNOTIFY_MAX_SIGNALS);
	else
		req->count = 1;

	evnotify_source_leave(inst, req, req->state);
	if (more && !pending) {
		/* In line again, behind all others, whatever it is owed. */
		evnotify_line_append(&inst->waiting, &req->waiting);
		return;
	}
	if (more) {
		req->state = EVNOTIFY_UNREAD;
		inst->nr_unread_repeats++;
	} else {
		req->state = EVNOTIFY_EXPIRES_NO_MORE;
		inst->pending--;
		inst->completed++;
	}
	req->data = event->data;
	req->lost = count - 1;
}

/* The source is gone, and with it what @req waits for. */
static void evnotify_source_give_up(struct evnotify_instance *inst,
				    struct evnotify_record *req)
{
	evnotify_queue_remove(&inst->queues[req->queue], req);
	inst->pending--;
	inst->completed++;
	req->state = EVNOTIFY_GONE;
	req->event_due = evnotify_on_clock(req, req->due);
	/* An eventfd may be owed signals still. */
	if (!req->count)
		req->expired = 0;
}

/**
 * evnotify_source_take - give what was raised to those who wait
 * @inst: the instance
 *
 * At most a step; the tasklet comes again for the rest.
 *
 * Context: tasklet, inst->lock held.
 */
void evnotify_source_take(struct evnotify_instance *inst)
{
	struct evnotify_raised event;
	struct evnotify_record *req;
	unsigned int n;
	bool gone;
	u32 count;

	lockdep_assert_held(&inst->lock);
	for (n = 0; n < EVNOTIFY_STEP; n++) {
		if (!inst->waiting.first)
			return;
		req = hlist_entry(inst->waiting.first, struct evnotify_record,
				  waiting);
		count = evnotify_source_next(inst, &event, &gone);
		if (count)
			evnotify_source_give(inst, req, &event, count);
		else if (gone)
			evnotify_source_give_up(inst, req);
		else
			return;
		trace_evnotify_expire(inst, req);
		evnotify_expired(inst, req);
	}
	tasklet_schedule(&inst->dpc);
}

/**
 * evnotify_source_told - is it time to tell a file that its source is gone?
 * @inst: the instance of such a file, after a step of the tasklet
 *
 * It is told when the last of those who waited has its record.
 *
 * Context: inst->lock held.
 * Return: 1 if those who read and poll have to be woken, otherwise 0.
 */
unsigned int evnotify_source_told(struct evnotify_instance *inst)
{
	if (inst->waiting.first || inst->nr_unread_repeats || inst->expired.head)
		return 0;
	if (inst->gone)
		return !inst->pending && !inst->completing;
	/* Pairs with evnotify_source_over(). */
	WRITE_ONCE(inst->gone, true);
	return 1;
}

/**
 * evnotify_source_ended - a request has ended, and not in the tasklet
 * @inst: the instance
 *
 * If the source is gone, it may have been the last that put off the end of the file.
 * The tasklet finds that out.
 *
 * Context: process, inst->lock not held.
 */
void evnotify_source_ended(struct evnotify_instance *inst)
{
	if (READ_ONCE(inst->source->gone))
		evnotify_source_kick(inst);
}

/**
 * evnotify_source_told_over - evnotify_source_over() of a file that was told
 * @inst: the instance
 *
 * Context: process, inst->lock not held.
 * Return: true if there is nothing more to read.
 */
bool evnotify_source_told_over(struct evnotify_instance *inst)
{
	bool over;

	spin_lock_irq(&inst->lock);
	over = inst->gone && !inst->pending && !inst->completing &&
	       !inst->ready.head;
	spin_unlock_irq(&inst->lock);
	return over;
}

/**
 * evnotify_source_poll - what poll() says of the source
 * @inst: the instance
 *
 * Context: process, inst->lock not held.
 * Return: events.
 */
__poll_t evnotify_source_poll(struct evnotify_instance *inst)
{
	__poll_t mask = 0;

	if (READ_ONCE(inst->gone))
		mask |= EPOLLHUP | EPOLLERR;
	/* Who waits for records alone learns it, too: read() says ENODEV. */
	if (evnotify_source_over(inst))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

static void evnotify_source_unlist(struct evnotify_instance *inst)
{
	struct evnotify_source *src = inst->source;

	raw_spin_lock_irq(&src->lock);
	list_del(&inst->listener);
	raw_spin_unlock_irq(&src->lock);
}

/**
 * evnotify_source_attach - an instance begins to listen
 * @inst: the instance; nobody else knows it yet
 * @src: the source
 *
 * It gets the events that are raised from here on.
 *
 * Context: process.
 * Return: 0; -ENODEV if the source is gone; -EUSERS if too many listen; or what
 * the driver says.
 */
int evnotify_source_attach(struct evnotify_instance *inst,
			   struct evnotify_source *src)
{
	int ret = 0;

	mutex_lock(&src->mutex);
	if (src->gone) {
		mutex_unlock(&src->mutex);
		return -ENODEV;
	}
	if (src->nr_listeners == EVNOTIFY_MAX_LISTENERS) {
		mutex_unlock(&src->mutex);
		return -EUSERS;
	}
	get_device(&src->dev);
	inst->source = src;
	/* Before the driver switches its interrupt on: nothing is missed. */
	raw_spin_lock_irq(&src->lock);
	inst->first_seen = src->raised;
	inst->seen = src->raised;
	list_add_tail(&inst->listener, &src->listeners);
	raw_spin_unlock_irq(&src->lock);
	if (!src->nr_listeners && src->ops->open)
		ret = src->ops->open(src, src->driver_data);
	if (!ret) {
		src->nr_listeners++;
	} else {
		/* Still under the mutex: unregister schedules who is listed. */
		evnotify_source_unlist(inst);
		inst->source = NULL;
	}
	mutex_unlock(&src->mutex);
	if (ret)
		put_device(&src->dev);
	return ret;
}

/**
 * evnotify_source_detach - an instance listens no more
 * @inst: the instance; evnotify_source_put() follows when its tasklet runs no more
 *
 * Context: process.  When it returns, the source does not schedule the tasklet any
 * more.
 */
void evnotify_source_detach(struct evnotify_instance *inst)
{
	struct evnotify_source *src = inst->source;

	evnotify_source_unlist(inst);
	mutex_lock(&src->mutex);
	if (!--src->nr_listeners && src->ops->close)
		src->ops->close(src->driver_data);
	mutex_unlock(&src->mutex);
}

/**
 * evnotify_source_put - give up what evnotify_source_attach() has taken
 * @src: the source
 *
 * Context: process.
 */
void evnotify_source_put(struct evnotify_source *src)
{
	put_device(&src->dev);
}
