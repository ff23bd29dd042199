/* SPDX-License-Identifier: GPL-2.0-only */
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
 *	append req to inst->waiting		take src->lock
 *	take src->lock				src->raised++
 *	src->raised != inst->seen?		inst->waiting empty?
 *	release src->lock			release src->lock
 *
 * Whoever has src->lock second sees what the other has done, and schedules the
 * tasklet.
 */
#ifndef EVNOTIFY_SOURCE_H
#define EVNOTIFY_SOURCE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/evnotify_source.h>
#include <linux/kconfig.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

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

/*
 * Take and release src->lock while inst->lock is held: then interrupts are off
 * already, but on PREEMPT_RT.
 */
static inline unsigned long evnotify_source_lock(struct evnotify_source *src)
{
	unsigned long flags = 0;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		raw_spin_lock_irqsave(&src->lock, flags);
	else
		raw_spin_lock(&src->lock);
	return flags;
}

static inline void evnotify_source_unlock(struct evnotify_source *src,
					  unsigned long flags)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		raw_spin_unlock_irqrestore(&src->lock, flags);
	else
		raw_spin_unlock(&src->lock);
}

#endif /* EVNOTIFY_SOURCE_H */
