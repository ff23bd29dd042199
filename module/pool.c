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
#include <linux/gfp.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "evnotify.h"

/* Enter @reqs as the next chunk; there is room for it in inst->chunks. */
static void evnotify_pool_add(struct evnotify_instance *inst,
			      struct evnotify_req *reqs)
{
	unsigned int chunk = inst->nr_chunks++;
	unsigned int nr = evnotify_chunk_reqs(chunk);
	unsigned int slot;

	for (slot = 0; slot < nr; slot++) {
		struct evnotify_req *req = &reqs[slot];

		req->state = EVNOTIFY_EXPIRES_NO_MORE;
		req->id = (chunk << EVNOTIFY_SLOT_BITS) | slot;
		req->list = EVNOTIFY_FREE;
		req->next = inst->free;
		inst->free = req;
	}
	inst->chunks[chunk] = reqs;
}

/**
 * evnotify_pool_init - give a new instance its first records
 * @inst: the instance
 *
 * Context: process; nobody else knows the instance yet.
 */
void evnotify_pool_init(struct evnotify_instance *inst)
{
	BUILD_BUG_ON(EVNOTIFY_CHUNK_REQS > 1U << EVNOTIFY_SLOT_BITS);
	BUILD_BUG_ON(EVNOTIFY_FIRST_REQS > EVNOTIFY_CHUNK_REQS);
	/* Chunks that hold EVNOTIFY_MAX_REQUESTS have numbers that fit. */
	BUILD_BUG_ON(EVNOTIFY_MAX_REQUESTS / EVNOTIFY_CHUNK_REQS + 2 >
		     EVNOTIFY_PLACE_MASK >> EVNOTIFY_SLOT_BITS);

	inst->chunks = inst->first_chunks;
	inst->max_chunks = EVNOTIFY_FIRST_CHUNKS;
	evnotify_pool_add(inst, inst->first);
}

/**
 * evnotify_pool_destroy - give all chunks back, and what their records hold
 * @inst: the instance; nothing can reach its records any more
 *
 * Context: process.
 */
void evnotify_pool_destroy(struct evnotify_instance *inst)
{
	unsigned int chunk, slot;

	for (chunk = 0; chunk < inst->nr_chunks; chunk++) {
		struct evnotify_req *reqs = inst->chunks[chunk];
		unsigned int nr = evnotify_chunk_reqs(chunk);

		for (slot = 0; inst->eventfds && slot < nr; slot++)
			if (reqs[slot].list != EVNOTIFY_FREE &&
			    reqs[slot].mode == EVNOTIFY_MODE_EVENTFD)
				eventfd_ctx_put(reqs[slot].eventfd);
		if (chunk)
			free_page((unsigned long)reqs);
		cond_resched();
	}
	if (inst->chunks != inst->first_chunks)
		kvfree(inst->chunks);
}

/**
 * evnotify_pool_grow - add a chunk of free records
 * @inst: the instance
 * @gfp: GFP_KERNEL, or GFP_NOWAIT if the caller must not sleep
 *
 * Context: process, inst->lock not held.
 * Return: 0, also if another thread has made it grow, or -ENOMEM.
 */
int evnotify_pool_grow(struct evnotify_instance *inst, gfp_t gfp)
{
	unsigned int max = READ_ONCE(inst->max_chunks);
	struct evnotify_req **chunks = NULL;
	struct evnotify_req *reqs;

	gfp |= __GFP_ACCOUNT;
	reqs = (void *)__get_free_page(gfp);
	if (!reqs)
		return -ENOMEM;
	if (READ_ONCE(inst->nr_chunks) == max) {
		chunks = kvmalloc_array(2 * max, sizeof(*chunks), gfp);
		if (!chunks) {
			free_page((unsigned long)reqs);
			return -ENOMEM;
		}
	}

	spin_lock_irq(&inst->lock);
	if (chunks && inst->max_chunks == max) {
		memcpy(chunks, inst->chunks, max * sizeof(*chunks));
		swap(chunks, inst->chunks);
		inst->max_chunks = 2 * max;
	}
	if (!inst->free && inst->nr_chunks < inst->max_chunks) {
		evnotify_pool_add(inst, reqs);
		reqs = NULL;
	}
	spin_unlock_irq(&inst->lock);

	if (chunks != inst->first_chunks)
		kvfree(chunks);
	free_page((unsigned long)reqs);
	return 0;
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
	u64 serial = id & ~EVNOTIFY_PLACE_MASK;
	struct evnotify_req *req;

	lockdep_assert_held(&inst->lock);
	if (!serial || (s64)(inst->serial - serial) < 0 ||
	    chunk >= inst->nr_chunks || slot >= evnotify_chunk_reqs(chunk))
		return ERR_PTR(-ENOENT);
	/* The process chose the place: no speculation beyond what is there. */
	chunk = array_index_nospec(chunk, inst->nr_chunks);
	slot = array_index_nospec(slot, evnotify_chunk_reqs(chunk));
	req = &inst->chunks[chunk][slot];
	return req->id == id ? req : ERR_PTR(-EALREADY);
}
