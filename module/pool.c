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
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "evnotify.h"

/* How many records of a new chunk will be used, up to the limit. */
static unsigned int evnotify_chunk_usable(const struct evnotify_instance *inst,
					  unsigned int chunk)
{
	return min(evnotify_chunk_reqs(chunk), inst->limit - inst->nr_reqs);
}

/* Add @reqs as the next chunk; inst->chunks is large enough. */
static void evnotify_pool_add(struct evnotify_instance *inst,
			      struct evnotify_record *reqs)
{
	unsigned int chunk = inst->nr_chunks++;
	unsigned int nr = evnotify_chunk_usable(inst, chunk);
	unsigned int all = evnotify_chunk_reqs(chunk);
	unsigned int slot;

	for (slot = 0; slot < all; slot++) {
		reqs[slot].state = EVNOTIFY_EXPIRES_NO_MORE;
		reqs[slot].id = (chunk << EVNOTIFY_SLOT_BITS) | slot;
		reqs[slot].list = EVNOTIFY_FREE;
		reqs[slot].next = &reqs[slot + 1];
	}
	reqs[nr - 1].next = inst->free;
	inst->free = reqs;
	inst->nr_reqs += nr;
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
	const unsigned int most = evnotify_chunk_reqs(EVNOTIFY_MAX_CHUNK_ORDER + 1);

	BUILD_BUG_ON(most > 1U << EVNOTIFY_SLOT_BITS);
	BUILD_BUG_ON(most < EVNOTIFY_FIRST_REQS);
	/* Chunks that hold EVNOTIFY_MAX_REQUESTS have numbers that fit. */
	BUILD_BUG_ON(EVNOTIFY_MAX_REQUESTS / most + 4 >
		     EVNOTIFY_PLACE_MASK >> EVNOTIFY_SLOT_BITS);

	mutex_init(&inst->growing);
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
		struct evnotify_record *reqs = inst->chunks[chunk];
		unsigned int nr = evnotify_chunk_reqs(chunk);

		for (slot = 0; inst->eventfds && slot < nr; slot++)
			if (reqs[slot].list != EVNOTIFY_FREE &&
			    reqs[slot].mode == EVNOTIFY_MODE_EVENTFD)
				eventfd_ctx_put(reqs[slot].eventfd);
		if (chunk)
			free_pages((unsigned long)reqs,
				   evnotify_chunk_order(chunk));
		cond_resched();
	}
	if (inst->chunks != inst->first_chunks)
		kvfree(inst->chunks);
	evnotify_user_uncharge(inst->user,
			       inst->nr_reqs - min_t(u32, inst->limit,
						     EVNOTIFY_FIRST_REQS));
}

/* evnotify_pool_grow(), with inst->growing held: nobody else adds a chunk. */
static int evnotify_pool_grow_locked(struct evnotify_instance *inst, gfp_t gfp)
{
	unsigned int chunk = inst->nr_chunks;
	unsigned int order = evnotify_chunk_order(chunk);
	struct evnotify_record **chunks = NULL;
	struct evnotify_record *reqs;
	unsigned int nr;
	bool full, free;
	int ret;

	spin_lock_irq(&inst->lock);
	if (!inst->free && inst->let_go.head) {
		inst->let_go.tail->next = NULL;
		inst->free = inst->let_go.head;
		inst->let_go.head = NULL;
	}
	free = inst->free;
	full = inst->nr_reqs == inst->limit;
	spin_unlock_irq(&inst->lock);
	/* Another thread may have freed some, also if there are all. */
	if (free)
		return 0;
	if (full)
		return -ENOSPC;

	nr = evnotify_chunk_usable(inst, chunk);
	ret = evnotify_user_charge(inst->user, nr);
	if (ret)
		return ret;
	gfp |= __GFP_ACCOUNT;
	reqs = (void *)__get_free_pages(gfp, order);
	if (reqs && chunk == inst->max_chunks)
		chunks = kvmalloc_array(2 * chunk, sizeof(*chunks), gfp);
	if (!reqs || (chunk == inst->max_chunks && !chunks)) {
		free_pages((unsigned long)reqs, order);
		evnotify_user_uncharge(inst->user, nr);
		return -ENOMEM;
	}

	spin_lock_irq(&inst->lock);
	if (chunks) {
		memcpy(chunks, inst->chunks, chunk * sizeof(*chunks));
		swap(chunks, inst->chunks);
		inst->max_chunks = 2 * chunk;
	}
	evnotify_pool_add(inst, reqs);
	spin_unlock_irq(&inst->lock);

	if (chunks != inst->first_chunks)
		kvfree(chunks);
	return 0;
}

/**
 * evnotify_pool_grow - add a chunk of free records
 * @inst: the instance
 * @gfp: GFP_KERNEL, or GFP_NOWAIT if the caller must not sleep
 *
 * One thread at a time.  If two of them added a chunk each, and the user may
 * have the records of one more chunk only, the second thread would fail
 * although the chunk of the first has records for both.
 *
 * Context: process, inst->lock not held.
 * Return: 0, also if another thread has made it grow, -ENOSPC if it is as
 * large as may be, -EDQUOT if its user has as many records as may be, -ENOMEM,
 * also if the caller would have to wait for another thread, or -EINTR if it is
 * killed meanwhile.
 */
int evnotify_pool_grow(struct evnotify_instance *inst, gfp_t gfp)
{
	int ret;

	if (gfpflags_allow_blocking(gfp)) {
		if (mutex_lock_killable(&inst->growing))
			return -EINTR;
	} else if (!mutex_trylock(&inst->growing)) {
		return -ENOMEM;
	}
	ret = evnotify_pool_grow_locked(inst, gfp);
	mutex_unlock(&inst->growing);
	return ret;
}

/**
 * evnotify_lookup - the record of an id
 * @inst: the instance
 * @id: what the process passed in
 *
 * Context: inst->lock held.
 * Return: the record whose latest id it is, ERR_PTR(-EALREADY) if an earlier
 * one was, or ERR_PTR(-ENOENT) if the instance never issued the id.
 */
struct evnotify_record *evnotify_lookup(struct evnotify_instance *inst, u64 id)
{
	unsigned long place = id & EVNOTIFY_PLACE_MASK;
	unsigned long chunk = place >> EVNOTIFY_SLOT_BITS;
	unsigned long slot = place & ((1U << EVNOTIFY_SLOT_BITS) - 1);
	struct evnotify_record *req;
	unsigned int nr;

	lockdep_assert_held(&inst->lock);
	if (chunk >= inst->nr_chunks)
		return ERR_PTR(-ENOENT);
	/* The process chose the place: do not speculate beyond the chunks. */
	chunk = array_index_nospec(chunk, inst->nr_chunks);
	nr = evnotify_chunk_reqs(chunk);
	if (slot >= nr)
		return ERR_PTR(-ENOENT);
	slot = array_index_nospec(slot, nr);
	req = &inst->chunks[chunk][slot];
	/* Never issued: no serial number, or one after that of the record. */
	if (id == place || req->id == place || (s64)(req->id - id) < 0)
		return ERR_PTR(-ENOENT);
	return req->id == id ? req : ERR_PTR(-EALREADY);
}
