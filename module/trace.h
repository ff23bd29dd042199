/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - tracepoints for the whole life of a request
 *
 * They are the DebugPrint of the WDK sample.  One request can be followed by
 * its instance and id.  All times are host times on the request's clock.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM evnotify

#if !defined(EVNOTIFY_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define EVNOTIFY_TRACE_H

#include <linux/tracepoint.h>

struct evnotify_instance;
struct evnotify_record;

DECLARE_EVENT_CLASS(evnotify_instance,
	TP_PROTO(const struct evnotify_instance *inst),
	TP_ARGS(inst),
	TP_STRUCT__entry(
		__field(u32, instance)
		__field(u32, pending)
		__field(u32, unread)
		__field(u64, armed)
		__field(u64, completed)
		__field(u64, cancelled)
	),
	TP_fast_assign(
		__entry->instance = inst->number;
		__entry->pending = inst->pending;
		__entry->unread = inst->unread;
		__entry->armed = inst->armed;
		__entry->completed = inst->completed;
		__entry->cancelled = inst->cancelled;
	),
	TP_printk("instance=%u armed=%llu completed=%llu cancelled=%llu pending=%u unread=%u",
		  __entry->instance, __entry->armed, __entry->completed,
		  __entry->cancelled, __entry->pending, __entry->unread)
);

/* The device was opened. */
DEFINE_EVENT(evnotify_instance, evnotify_open,
	TP_PROTO(const struct evnotify_instance *inst), TP_ARGS(inst));
/* The last reference to an open file has gone; the pending are cancelled. */
DEFINE_EVENT(evnotify_instance, evnotify_release,
	TP_PROTO(const struct evnotify_instance *inst), TP_ARGS(inst));

DECLARE_EVENT_CLASS(evnotify_record,
	TP_PROTO(const struct evnotify_instance *inst,
		 const struct evnotify_record *req),
	TP_ARGS(inst, req),
	TP_STRUCT__entry(
		__field(u32, instance)
		__field(u8, mode)
		__field(u8, clock)
		__field(u8, flags)
		__field(u8, error)
		__field(u64, id)
		__field(u64, user_data)
		__field(s64, due)
		__field(u64, period)
		__field(s64, expired)
		__field(s64, completed)
		__field(u64, count)
		__field(u64, data)
		__field(u64, lost)
	),
	TP_fast_assign(
		/* While it waits for an event, links take the place of its data. */
		const bool data = req->source && req->count &&
				  req->state != EVNOTIFY_WAITING &&
				  req->state != EVNOTIFY_WAITING_TIMED;

		__entry->instance = inst->number;
		__entry->mode = req->mode;
		__entry->clock = req->clock;
		__entry->flags = req->source;
		__entry->error = -evnotify_status(req);
		__entry->id = req->id;
		__entry->user_data = req->user_data;
		__entry->due = req->source && !req->due ? 0 :
			       evnotify_on_clock(req, req->due);
		__entry->period = req->source ? 0 : req->period;
		__entry->expired = req->expired;
		__entry->completed = req->completed;
		__entry->count = req->count;
		__entry->data = data ? req->data : 0;
		__entry->lost = data ? req->lost : 0;
	),
	TP_printk("instance=%u id=%llu user_data=%llu mode=%s clock=%s due_ns=%lld period_ns=%llu expired_ns=%lld completed_ns=%lld count=%llu data=%llu lost=%llu%s%s%s",
		  __entry->instance, __entry->id, __entry->user_data,
		  __print_symbolic(__entry->mode,
				   { EVNOTIFY_MODE_PENDING, "pending" },
				   { EVNOTIFY_MODE_EVENTFD, "eventfd" }),
		  __print_symbolic(__entry->clock,
				   { 0, "monotonic" }, { 1, "boottime" },
				   { 2, "realtime" }, { 3, "tai" }),
		  __entry->due, __entry->period, __entry->expired,
		  __entry->completed, __entry->count, __entry->data,
		  __entry->lost,
		  __entry->flags & EVNOTIFY_SOURCE ? " event" : "",
		  __entry->flags & EVNOTIFY_REPEAT ? " repeat" : "",
		  /* for an empty name, __print_symbolic() prints the number */
		  __entry->error == ECANCELED ? " cancelled" :
		  __entry->error == ETIME ? " timed_out" :
		  __entry->error == ENODEV ? " gone" : "")
);

/* A driver raised an event: the raised-th of its source. */
TRACE_EVENT(evnotify_raise,
	TP_PROTO(const struct device *dev, u64 raised, u64 data),
	TP_ARGS(dev, raised, data),
	TP_STRUCT__entry(
		__array(char, source, EVNOTIFY_SOURCE_NAME_SIZE)
		__field(u64, raised)
		__field(u64, data)
	),
	TP_fast_assign(
		strscpy(__entry->source, dev_name(dev),
			EVNOTIFY_SOURCE_NAME_SIZE);
		__entry->raised = raised;
		__entry->data = data;
	),
	TP_printk("source=%s raised=%llu data=%llu", __entry->source,
		  __entry->raised, __entry->data)
);

#define EVNOTIFY_REQ_EVENT(name) \
DEFINE_EVENT(evnotify_record, name, \
	TP_PROTO(const struct evnotify_instance *inst, \
		 const struct evnotify_record *req), \
	TP_ARGS(inst, req))

/* REGISTER, WAIT or write() took the request: it has its id and can expire. */
EVNOTIFY_REQ_EVENT(evnotify_arm);
/* The timer interrupt found it due, or the tasklet found an event for it. */
EVNOTIFY_REQ_EVENT(evnotify_expire);
/* The tasklet completes it, or a cancellation does. */
EVNOTIFY_REQ_EVENT(evnotify_complete);
/* A cancellation won. */
EVNOTIFY_REQ_EVENT(evnotify_cancel);
/* It has new times. */
EVNOTIFY_REQ_EVENT(evnotify_update);
/* The process has its event record. */
EVNOTIFY_REQ_EVENT(evnotify_read);

#endif /* EVNOTIFY_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
