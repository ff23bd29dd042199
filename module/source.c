// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - sources: events that another driver raises
 *
 * A source has a node in /dev and a ring of its latest events.  Raising an event
 * puts it into the ring and schedules the tasklet of each open file in which a
 * request waits; everything else happens there.  Each file has its own place in
 * the ring: it takes the event after the one that it took last, for the request
 * that has waited longest.  So each file gets each event once, at its own pace,
 * whoever else reads; an event that no request waits for is kept; and if a file
 * falls behind by more than the ring holds, its next record says how many events
 * it has lost.
 *
 * src->lock is taken in hard interrupt context, on PREEMPT_RT too, so it is raw.
 * It nests inside inst->lock, and turns interrupts off by itself: on PREEMPT_RT
 * inst->lock does not.  src->mutex orders open, close and unregister, and
 * the calls into the driver; src->lock nests inside it.
 *
 * The tasklet takes an event if it finds a request that waits; the armer of a
 * request finds an event that was raised before:
 *
 *	evnotify_source_arm()			evnotify_source_raise()
 *	list_add_tail(req, inst->waiting)	take src->lock
 *	take src->lock				src->raised++
 *	src->raised != inst->seen?		inst->waiting empty?
 *	release src->lock			release src->lock
 *
 * Whoever has src->lock second sees what the other has done, and schedules the
 * tasklet.
 */
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/cdev.h>
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/evnotify_source.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>

#include "evnotify.h"
#include "queue.h"
#include "trace.h"

/* Sources that there can be. */
#define EVNOTIFY_MAX_SOURCES	4096
/*
 * Files that may have a source open: raising an event looks at each of them, with
 * interrupts off.
 */
#define EVNOTIFY_MAX_LISTENERS	64
/* Events that a source keeps, a power of two: with their times, a page. */
#define EVNOTIFY_RING		256

/* An event: when it was raised, on CLOCK_MONOTONIC, and what came with it. */
struct evnotify_raised {
	ktime_t time;
	u64 data;
};

/**
 * struct evnotify_source - where events come from
 * @dev: its device: the name, the parent; frees the source with its last reference
 * @cdev: its node; an open file holds a reference to it, and it to @dev
 * @link: in evnotify_sources
 * @ops: what the driver wants to be told; nothing once it is unregistered
 * @driver_data: passed to @ops
 * @mutex: @ops, @nr_listeners and @gone
 * @nr_listeners: files that have it open
 * @gone: it was unregistered; written under @lock, too, and read under either or by
 *	READ_ONCE()
 * @lock: what follows, see the top of this file
 * @listeners: the instances of these files, by their @listener
 * @raised: events that were ever raised
 * @ring: the latest of them; the n-th is in the n-th place, and so on, round and
 *	round
 */
struct evnotify_source {
	struct device dev;
	struct cdev cdev;
	struct list_head link;
	const struct evnotify_source_ops *ops;
	void *driver_data;
	struct mutex mutex;	/* see the top of this file */
	unsigned int nr_listeners;
	bool gone;
	raw_spinlock_t lock;	/* see the top of this file */
	struct list_head listeners;
	u64 raised;
	struct evnotify_raised ring[EVNOTIFY_RING];
};

static dev_t evnotify_devt;
static DEFINE_IDA(evnotify_minors);
/* The sources that are registered, and their names. */
static LIST_HEAD(evnotify_sources);
static DEFINE_MUTEX(evnotify_sources_mutex);

static const struct evnotify_source_ops evnotify_no_ops;

/**
 * evnotify_source_raise - tell processes that something has happened
 * @src: the source
 * @data: what they get with it
 *
 * It never fails and never sleeps.  What it does is bounded, counted on Linux 6.12:
 * 119 instructions with no file open, 166 with one in which a request waits, and
 * 3,190 with 64 of these, the most that can have a source open.
 *
 * Context: any but NMI, also a hard interrupt on PREEMPT_RT.  Not before
 * evnotify_source_register() has returned, nor after evnotify_source_unregister()
 * is called; but always from when @ops->open() is called until @ops->close() returns.
 */
void evnotify_source_raise(struct evnotify_source *src, u64 data)
{
	/*
	 * In a thread nothing would run the tasklets until an interrupt comes, or
	 * ksoftirqd does: so they run when we enable them again.
	 */
	bool thread = preemptible();
	struct evnotify_instance *inst;
	struct evnotify_raised *event;
	unsigned long flags;

	if (thread)
		local_bh_disable();
	raw_spin_lock_irqsave(&src->lock, flags);
	if (IS_ENABLED(CONFIG_EVNOTIFY_DEBUG))
		WARN_ON_ONCE(src->gone);
	event = &src->ring[src->raised++ % EVNOTIFY_RING];
	/* Under the lock: of two CPUs, the later event has the later time. */
	event->time = ktime_get();
	event->data = data;
	trace_evnotify_raise(dev_name(&src->dev), src->raised, data);
	list_for_each_entry(inst, &src->listeners, listener)
		if (!list_empty(&inst->waiting))
			tasklet_schedule(&inst->dpc);
	raw_spin_unlock_irqrestore(&src->lock, flags);
	if (thread)
		local_bh_enable();
}
EXPORT_SYMBOL_GPL(evnotify_source_raise);

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
	list_add_tail(&req->waiting, &inst->waiting);
	raw_spin_lock_irqsave(&src->lock, flags);
	found = src->gone || src->raised != inst->seen;
	raw_spin_unlock_irqrestore(&src->lock, flags);
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
	if (state == EVNOTIFY_WAITING_TIMED)
		rb_erase_cached(&req->node, &q->tree);
	list_del(&req->waiting);
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
	raw_spin_lock_irqsave(&src->lock, flags);
	raised = src->raised;
	raw_spin_unlock_irqrestore(&src->lock, flags);
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
static u64 evnotify_source_next(struct evnotify_instance *inst,
				struct evnotify_raised *event, bool *gone)
{
	struct evnotify_source *src = inst->source;
	unsigned long flags;
	u64 behind, count;

	raw_spin_lock_irqsave(&src->lock, flags);
	behind = src->raised - inst->seen;
	count = behind > EVNOTIFY_RING ? behind - EVNOTIFY_RING + 1 : !!behind;
	*gone = src->gone;
	if (count) {
		inst->seen += count;
		*event = src->ring[(inst->seen - 1) % EVNOTIFY_RING];
	}
	raw_spin_unlock_irqrestore(&src->lock, flags);
	inst->lost += count > 1 ? count - 1 : 0;
	return count;
}

/* What @clock says at a time on CLOCK_MONOTONIC, by how far it is ahead now. */
static ktime_t evnotify_source_time(unsigned int clock, ktime_t time)
{
	switch (clock) {
	case EVNOTIFY_BOOTTIME:
		return ktime_mono_to_any(time, TK_OFFS_BOOT);
	case EVNOTIFY_REALTIME:
		return ktime_mono_to_any(time, TK_OFFS_REAL);
	case EVNOTIFY_TAI:
		return ktime_mono_to_any(time, TK_OFFS_TAI);
	default:
		return time;
	}
}

/* Give @req, which is first in line, an event that stands for @count. */
static void evnotify_source_give(struct evnotify_instance *inst,
				 struct evnotify_record *req,
				 const struct evnotify_raised *event, u64 count)
{
	const bool pending = req->mode == EVNOTIFY_MODE_PENDING;
	bool more = req->source & EVNOTIFY_REPEAT;

	if (req->remaining) {
		req->remaining -= min_t(u64, req->remaining, count);
		more = req->remaining;
	}
	if (more && !pending) {
		/* In line again, behind all others, whatever it is owed. */
		list_move_tail(&req->waiting, &inst->waiting);
		req->count = min(req->count + count, EVNOTIFY_MAX_SIGNALS);
		req->expired = evnotify_source_time(req->clock, event->time);
		return;
	}
	evnotify_queue_remove(&inst->queues[req->queue], req);
	if (more) {
		req->state = EVNOTIFY_UNREAD;
		inst->nr_unread_repeats++;
	} else {
		inst->pending--;
		inst->completed++;
	}
	req->expired = evnotify_source_time(req->clock, event->time);
	if (pending)
		req->count = min(count, U32_MAX);
	else if (req->source & EVNOTIFY_REPEAT)
		req->count = min(req->count + count, EVNOTIFY_MAX_SIGNALS);
	else
		req->count = 1;
	req->data = event->data;
	req->lost = min(count - 1, U32_MAX);
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
	u64 count;

	lockdep_assert_held(&inst->lock);
	for (n = 0; n < EVNOTIFY_STEP; n++) {
		req = list_first_entry_or_null(&inst->waiting,
					       struct evnotify_record, waiting);
		if (!req)
			return;
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
 * evnotify_source_told - does a file have to be told that its source is gone?
 * @inst: the instance, after a step of the tasklet
 *
 * It is told when the last of those who waited has its record.
 *
 * Context: inst->lock held.
 * Return: 1 if those who read and poll have to be woken, otherwise 0.
 */
unsigned int evnotify_source_told(struct evnotify_instance *inst)
{
	if (!READ_ONCE(inst->source->gone) || !list_empty(&inst->waiting) ||
	    inst->nr_unread_repeats || inst->expired.head)
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
 * evnotify_source_over - is there nothing more to read, ever?
 * @inst: the instance
 *
 * Timers go on when the source is gone, and eventfds get what they are owed.
 *
 * Context: process, inst->lock not held.
 * Return: true if so.
 */
bool evnotify_source_over(struct evnotify_instance *inst)
{
	bool over;

	if (!READ_ONCE(inst->gone))
		return false;
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

/**
 * evnotify_source_of - the source of a node
 * @inode: the inode that is opened
 *
 * Context: process.
 * Return: the source, or NULL for /dev/evnotify.
 */
struct evnotify_source *evnotify_source_of(struct inode *inode)
{
	if (imajor(inode) != MAJOR(evnotify_devt))
		return NULL;
	return container_of(inode->i_cdev, struct evnotify_source, cdev);
}

/**
 * evnotify_source_open - open a source, without its node
 * @src: the source
 * @flags: O_CLOEXEC and O_NONBLOCK, or 0
 *
 * For a driver that makes a source on behalf of a process, and hands it over.
 *
 * Context: process; the file counts for the user who calls.
 * Return: a file, as open() of the node gives it, or an ERR_PTR().
 */
struct file *evnotify_source_open(struct evnotify_source *src, unsigned int flags)
{
	return evnotify_open_anon(src, dev_name(&src->dev), flags);
}
EXPORT_SYMBOL_GPL(evnotify_source_open);

/**
 * evnotify_source_name - the name of the node of a source, in /dev
 * @src: the source
 *
 * Return: the name, until evnotify_source_unregister().
 */
const char *evnotify_source_name(const struct evnotify_source *src)
{
	return dev_name(&src->dev);
}
EXPORT_SYMBOL_GPL(evnotify_source_name);

static ssize_t raised_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct evnotify_source *src = container_of(dev, struct evnotify_source,
						   dev);
	u64 raised;

	raw_spin_lock_irq(&src->lock);
	raised = src->raised;
	raw_spin_unlock_irq(&src->lock);
	return sysfs_emit(buf, "%llu\n", raised);
}
static DEVICE_ATTR_RO(raised);

static struct attribute *evnotify_source_attrs[] = {
	&dev_attr_raised.attr,
	NULL,
};
ATTRIBUTE_GROUPS(evnotify_source);

static struct class evnotify_class = {
	.name = "evnotify",
	.dev_groups = evnotify_source_groups,
};

static void evnotify_source_release(struct device *dev)
{
	kfree(container_of(dev, struct evnotify_source, dev));
}

static bool evnotify_source_name_ok(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!isalnum(*c) && *c != '-' && *c != '_')
			return false;
	return c > name && c - name <= EVNOTIFY_MAX_SOURCE_NAME;
}

/*
 * Name a source: the lowest number that makes it another than all there are.
 * "a1" with number 0 and "a" with number 10 are one name, so names are compared
 * as a whole.
 */
static int evnotify_source_set_name(struct evnotify_source *src, const char *name)
{
	struct evnotify_source *other;
	unsigned int n = 0;
	int ret;

	lockdep_assert_held(&evnotify_sources_mutex);
again:
	ret = dev_set_name(&src->dev, "evnotify-%s%u", name, n++);
	if (ret)
		return ret;
	list_for_each_entry(other, &evnotify_sources, link)
		if (!strcmp(dev_name(&other->dev), dev_name(&src->dev)))
			goto again;
	return 0;
}

/**
 * evnotify_source_register - make a node for the events of a driver
 * @parent: the device that they come from, or NULL
 * @name: of letters, digits, '-' and '_', at most 32; a number is added to it, the
 *	lowest that is free: the first source of the name "edu" is
 *	/dev/evnotify-edu0
 * @ops: what the driver wants to be told, or NULL; has to stay until
 *	evnotify_source_unregister() has returned
 * @driver_data: passed to @ops
 *
 * Context: process.
 * Return: the source, or an ERR_PTR(): -EINVAL for a bad name, -ENOSPC if there are
 * 4,096 sources, -ENOMEM.
 */
struct evnotify_source *
evnotify_source_register(struct device *parent, const char *name,
			 const struct evnotify_source_ops *ops,
			 void *driver_data)
{
	struct evnotify_source *src;
	int minor, ret;

	if (!evnotify_source_name_ok(name))
		return ERR_PTR(-EINVAL);
	src = kzalloc_obj(*src, GFP_KERNEL_ACCOUNT);
	if (!src)
		return ERR_PTR(-ENOMEM);
	src->ops = ops ?: &evnotify_no_ops;
	src->driver_data = driver_data;
	mutex_init(&src->mutex);
	raw_spin_lock_init(&src->lock);
	INIT_LIST_HEAD(&src->listeners);
	device_initialize(&src->dev);
	src->dev.class = &evnotify_class;
	src->dev.parent = parent;
	src->dev.release = evnotify_source_release;
	cdev_init(&src->cdev, &evnotify_fops);
	src->cdev.owner = THIS_MODULE;

	mutex_lock(&evnotify_sources_mutex);
	ret = evnotify_source_set_name(src, name);
	if (ret)
		goto put;
	minor = ida_alloc_max(&evnotify_minors, EVNOTIFY_MAX_SOURCES - 1,
			      GFP_KERNEL);
	ret = min(minor, 0);
	if (ret)
		goto put;
	src->dev.devt = MKDEV(MAJOR(evnotify_devt), minor);
	ret = cdev_device_add(&src->cdev, &src->dev);
	if (ret) {
		ida_free(&evnotify_minors, minor);
		goto put;
	}
	list_add(&src->link, &evnotify_sources);
	mutex_unlock(&evnotify_sources_mutex);
	return src;
put:
	mutex_unlock(&evnotify_sources_mutex);
	put_device(&src->dev);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(evnotify_source_register);

/**
 * evnotify_source_unregister - the device goes away
 * @src: the source, or NULL or an ERR_PTR(): then nothing is done
 *
 * What waits for an event ends with -ENODEV, after all events that were raised.  It
 * does not wait for processes: their files stay open, and hold no reference to
 * the driver.  Nothing may raise an event any more: so free the interrupt before,
 * or in @ops->close().
 *
 * Context: process.  @ops->close() is called if the node is open.
 */
void evnotify_source_unregister(struct evnotify_source *src)
{
	struct evnotify_instance *inst;

	if (IS_ERR_OR_NULL(src))
		return;
	mutex_lock(&evnotify_sources_mutex);
	cdev_device_del(&src->cdev, &src->dev);
	ida_free(&evnotify_minors, MINOR(src->dev.devt));
	list_del(&src->link);
	mutex_unlock(&evnotify_sources_mutex);

	mutex_lock(&src->mutex);
	if (src->nr_listeners && src->ops->close)
		src->ops->close(src->driver_data);
	src->ops = &evnotify_no_ops;
	local_bh_disable();
	raw_spin_lock_irq(&src->lock);
	WRITE_ONCE(src->gone, true);
	list_for_each_entry(inst, &src->listeners, listener)
		tasklet_schedule(&inst->dpc);
	raw_spin_unlock_irq(&src->lock);
	local_bh_enable();
	mutex_unlock(&src->mutex);
	put_device(&src->dev);
}
EXPORT_SYMBOL_GPL(evnotify_source_unregister);

/**
 * evnotify_sources_init - let drivers register sources
 *
 * Context: process.
 * Return: 0 or an error.
 */
int __init evnotify_sources_init(void)
{
	int ret;

	ret = class_register(&evnotify_class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&evnotify_devt, 0, EVNOTIFY_MAX_SOURCES,
				  "evnotify");
	if (ret)
		class_unregister(&evnotify_class);
	return ret;
}

/**
 * evnotify_sources_exit - undo evnotify_sources_init()
 *
 * Context: process; no source is registered: each holds a reference to the module.
 */
void evnotify_sources_exit(void)
{
	unregister_chrdev_region(evnotify_devt, EVNOTIFY_MAX_SOURCES);
	class_unregister(&evnotify_class);
}
