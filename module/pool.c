// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - the records of an instance
 *
 * A record costs no allocation of its own: it comes from a chunk that belongs
 * to the instance and that is charged to the memory cgroup of whoever made it
 * grow.  The place of a record, chunk and slot, is part of its id, so that
 * finding it is an index and not a search.  Chunks are given back when the
 * instance is closed.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/lockdep.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "evnotify.h"

/* Enter @reqs, @nr free records, as a chunk. */
static int evnotify_pool_add(struct evnotify_instance *inst,
			     struct evnotify_req *reqs, unsigned int nr,
			     gfp_t gfp)
{
	const u32 max = EVNOTIFY_PLACE_MASK >> EVNOTIFY_SLOT_BITS;
	unsigned int slot;
	u32 chunk;
	int ret;

	/*
	 * From xa_alloc() on, CANCEL can come across the records: it must find
	 * that they are not pending, and that no id is theirs.
	 */
	for (slot = 0; slot < nr; slot++) {
		RB_CLEAR_NODE(&reqs[slot].node);
		reqs[slot].id = 0;
		reqs[slot].list = EVNOTIFY_FREE;
	}
	ret = xa_alloc(&inst->chunks, &chunk, reqs, XA_LIMIT(0, max), gfp);
	if (ret)
		return ret;

	spin_lock_irq(&inst->lock);
	for (slot = 0; slot < nr; slot++) {
		reqs[slot].id = (chunk << EVNOTIFY_SLOT_BITS) | slot;
		reqs[slot].next = inst->free;
		inst->free = &reqs[slot];
	}
	inst->nr_free += nr;
	spin_unlock_irq(&inst->lock);
	return 0;
}

/**
 * evnotify_pool_init - give a new instance its first records
 * @inst: the instance
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int evnotify_pool_init(struct evnotify_instance *inst)
{
	BUILD_BUG_ON(EVNOTIFY_CHUNK_REQS > 1U << EVNOTIFY_SLOT_BITS);
	BUILD_BUG_ON(EVNOTIFY_FIRST_REQS > EVNOTIFY_CHUNK_REQS);
	/* Chunks that hold EVNOTIFY_MAX_REQUESTS have numbers that fit. */
	BUILD_BUG_ON(EVNOTIFY_MAX_REQUESTS / EVNOTIFY_CHUNK_REQS + 2 >
		     EVNOTIFY_PLACE_MASK >> EVNOTIFY_SLOT_BITS);

	xa_init_flags(&inst->chunks, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	return evnotify_pool_add(inst, inst->first, EVNOTIFY_FIRST_REQS,
				 GFP_KERNEL);
}

/**
 * evnotify_pool_destroy - give all chunks back, and what their records hold
 * @inst: the instance; nothing can reach its records any more
 *
 * Context: process.
 */
void evnotify_pool_destroy(struct evnotify_instance *inst)
{
	struct evnotify_req *reqs;
	unsigned long chunk;

	xa_for_each(&inst->chunks, chunk, reqs) {
		unsigned int nr = chunk ? EVNOTIFY_CHUNK_REQS :
					  EVNOTIFY_FIRST_REQS;
		unsigned int slot;

		for (slot = 0; inst->eventfds && slot < nr; slot++) {
			if (reqs[slot].list == EVNOTIFY_FREE ||
			    reqs[slot].mode != EVNOTIFY_MODE_EVENTFD)
				continue;
			eventfd_ctx_put(reqs[slot].eventfd);
			inst->eventfds--;
		}
		if (chunk)
			kfree(reqs);
		cond_resched();
	}
	xa_destroy(&inst->chunks);
}

/**
 * evnotify_pool_grow - add a chunk of free records
 * @inst: the instance
 * @gfp: GFP_KERNEL, or GFP_NOWAIT if the caller must not sleep
 *
 * Context: process, inst->lock not held.
 * Return: 0 or -ENOMEM.
 */
int evnotify_pool_grow(struct evnotify_instance *inst, gfp_t gfp)
{
	struct evnotify_req *reqs;
	int ret;

	reqs = kmalloc(EVNOTIFY_CHUNK_BYTES, gfp | __GFP_ACCOUNT);
	if (!reqs)
		return -ENOMEM;
	ret = evnotify_pool_add(inst, reqs, EVNOTIFY_CHUNK_REQS, gfp);
	if (ret)
		kfree(reqs);
	return ret ? -ENOMEM : 0;
}

/**
 * evnotify_pool_take - take a free record and give it an id
 * @inst: the instance; inst->nr_free is not 0
 *
 * Context: inst->lock held.
 * Return: the record, on no list, its fields other than the id undefined.
 */
struct evnotify_req *evnotify_pool_take(struct evnotify_instance *inst)
{
	struct evnotify_req *req = inst->free;

	lockdep_assert_held(&inst->lock);
	inst->free = req->next;
	inst->nr_free--;
	inst->used++;
	inst->serial += EVNOTIFY_SERIAL_STEP;
	if (!inst->serial)
		inst->serial += EVNOTIFY_SERIAL_STEP;
	req->id |= inst->serial;
	return req;
}

/**
 * evnotify_pool_give - give a record back
 * @inst: the instance
 * @req: a record that is not pending and on no list
 *
 * Context: inst->lock held.
 */
void evnotify_pool_give(struct evnotify_instance *inst,
			struct evnotify_req *req)
{
	lockdep_assert_held(&inst->lock);
	req->id &= EVNOTIFY_PLACE_MASK;
	req->list = EVNOTIFY_FREE;
	req->next = inst->free;
	inst->free = req;
	inst->nr_free++;
	inst->used--;
}

/**
 * evnotify_pool_find - find the record of an id
 * @inst: the instance
 * @id: what the process passed in
 *
 * Context: inst->lock held.
 * Return: the record, ERR_PTR(-EALREADY) if the record has moved on to
 * another request, or ERR_PTR(-ENOENT) if the instance never issued the id.
 */
struct evnotify_req *evnotify_pool_find(struct evnotify_instance *inst, u64 id)
{
	unsigned long place = id & EVNOTIFY_PLACE_MASK;
	unsigned long chunk = place >> EVNOTIFY_SLOT_BITS;
	unsigned long slot = place & ((1U << EVNOTIFY_SLOT_BITS) - 1);
	unsigned long nr = chunk ? EVNOTIFY_CHUNK_REQS : EVNOTIFY_FIRST_REQS;
	u64 serial = id & ~EVNOTIFY_PLACE_MASK;
	struct evnotify_req *reqs;

	lockdep_assert_held(&inst->lock);
	if (!serial || (s64)(inst->serial - serial) < 0 || slot >= nr)
		return ERR_PTR(-ENOENT);
	reqs = xa_load(&inst->chunks, chunk);
	if (!reqs)
		return ERR_PTR(-ENOENT);
	/* The process chose the slot: no speculation beyond the chunk. */
	slot = array_index_nospec(slot, nr);
	if (reqs[slot].id != id)
		return ERR_PTR(-EALREADY);
	return &reqs[slot];
}
