// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify - the queue of a clock: a request that comes out of order
 */
#include <linux/list.h>
#include <linux/rbtree.h>

#include "evnotify.h"
#include "queue.h"

static bool evnotify_earlier(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct evnotify_record, node)->due <
	       rb_entry(b, struct evnotify_record, node)->due;
}

/**
 * evnotify_queue_insert_out_of_order - insert what is not due after the line
 * @q: the queue; its line is empty, or
 * @req: a request that is due before the last of it
 *
 * Context: inst->lock held.
 * Return: true if it is the first of the queue now.
 */
bool evnotify_queue_insert_out_of_order(struct evnotify_queue *q,
					struct evnotify_record *req)
{
	if (q->line.first) {
		req->state = EVNOTIFY_IN_TREE;
		if (!rb_add_cached(&req->node, &q->tree, evnotify_earlier))
			return false;
	} else {
		req->state = EVNOTIFY_IN_LINE;
		evnotify_line_append(&q->line, &req->link);
	}
	return evnotify_queue_first(q) == req;
}

/**
 * evnotify_queue_insert_timeout - let a request that waits for an event time out
 * @q: its queue
 * @req: the request
 *
 * It is in the tree, whatever its due time: those in the line are no concern of
 * sources, and cost nothing for them.
 *
 * Context: inst->lock held.
 * Return: as evnotify_queue_insert().
 */
bool evnotify_queue_insert_timeout(struct evnotify_queue *q,
				   struct evnotify_record *req)
{
	req->state = EVNOTIFY_WAITING_TIMED;
	return rb_add_cached(&req->node, &q->tree, evnotify_earlier) &&
	       evnotify_queue_first(q) == req;
}
