// SPDX-License-Identifier: GPL-2.0-only
/* evnotify fuzzer - calls that arm, cancel and update requests */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "execute.h"

#define ID_PATIENCE_NS	4000000		/* for a WAIT to get its id */

static uint64_t due(const struct call *c, int clockid)
{
	return c->arg[A_DUE] + (c->arg[A_BASE] ? clock_ns(clockid) : 0);
}

/* Request @i of the call; @nr: its number for the oracle. */
static struct evnotify_request make_request(const struct call *c, int inst, int i, int nr)
{
	struct evnotify_request r = {
		.user_data = oracle_user_data(nr),
		.due_ns = 100000,
		.id = POISON_64,
		.clockid = CLOCK_MONOTONIC,
	};

	if (c->arg[A_AT] != AT_ALL && i != (int)(c->arg[A_AT] % MAX_ARRAY))
		return r;
	r.clockid = c->arg[A_CLOCK];
	r.due_ns = due(c, r.clockid);
	r.period_ns = c->arg[A_PERIOD];
	/* All together expire no more often than one: an emulated machine has to keep up. */
	if (c->arg[A_AT] == AT_ALL && r.period_ns >= min_period_ns && r.period_ns < 1000000000)
		r.period_ns *= 1 + c->arg[A_N] % MAX_ARRAY;
	r.mode = c->arg[A_MODE];
	r.flags = c->arg[A_FLAGS];
	if (world->insts[inst].source)
		r.flags |= (c->arg[A_SOURCE] & 3) * EVNOTIFY_SOURCE;
	r.count = c->arg[A_LIMIT];
	if (c->arg[A_EVENTFD] >= SLOTS)
		r.eventfd = c->arg[A_EVENTFD] | 0x1000;	/* none that is open */
	else if (r.mode == EVNOTIFY_MODE_EVENTFD)
		r.eventfd = slot_get(c->arg[A_EVENTFD]).fd;
	if (c->arg[A_RESERVED])
		r.__reserved[(c->arg[A_RESERVED] - 1) % 3] = 1;
	return r;
}

/* The requests of a call, and what is known before it. */
struct batch {
	struct evnotify_request requests[MAX_ARRAY];
	int n;
	int first;		/* number of the first for the oracle */
	int good;		/* how many come before a bad one */
	bool doubtful;		/* whether the eventfd is good */
};

static void prepare(struct batch *b, const struct call *c, int inst)
{
	int i;

	b->n = c->arg[A_N] % (MAX_ARRAY + 1);
	b->first = oracle_numbers(b->n);
	b->good = b->n;
	b->doubtful = false;
	for (i = 0; i < b->n; i++) {
		struct evnotify_request *r = &b->requests[i];
		struct slot s = slot_get(c->arg[A_EVENTFD]);
		bool is_eventfd;

		*r = make_request(c, inst, i, b->first + i);
		is_eventfd = r->mode == EVNOTIFY_MODE_EVENTFD && s.kind == EVENTFD &&
			     c->arg[A_EVENTFD] < SLOTS;
		if (b->good == b->n && (oracle_request_errno(inst, r, false) ||
					(r->mode == EVNOTIFY_MODE_EVENTFD && !is_eventfd)))
			b->good = i;
		if (r->mode == EVNOTIFY_MODE_EVENTFD)
			b->doubtful = true;
		oracle_arm(inst, b->first + i, r, is_eventfd ? s.nr : -1, false);
	}
}

/*
 * Was it right to take @taken, or none because of -@ret?  @exact: memory was good, nothing
 * was made to fail, and the call named as many as there are.
 */
static void judge(const struct batch *b, const struct call *c, int inst, int ret, int taken,
		  bool exact)
{
	const char *name = op_name(c->op);
	bool full = world->insts[inst].tried > max_requests;
	bool gone = oracle_may_be_gone(inst) && taken < b->n &&
		    b->requests[taken].flags & EVNOTIFY_SOURCE;

	if (ret == -ENODEV && !gone)
		finding("%s: %s", name, strerror(-ret));
	if (taken > b->good && !b->doubtful)
		finding("%s took %d requests of which %d are good", name, taken, b->good);
	if (!exact || b->doubtful || !b->n || ret == -EBADF)
		return;
	if (!b->good && ret != -EINVAL)
		finding("%s of a bad request: %s", name, strerror(-ret));
	if (b->good && ret && !(full && ret == -ENOSPC) && !(gone && ret == -ENODEV) &&
	    !(c->arg[A_NOWAIT] && ret == -EAGAIN))
		finding("%s of a good request: %s", name, strerror(-ret));
	if (!ret && taken < b->good && !full && !gone && !c->arg[A_NOWAIT])
		finding("%s took %d requests of %d that are good", name, taken, b->good);
}

void call_register(const struct call *c, struct slot s)
{
	struct evnotify_register args = { .taken = POISON_32 };
	struct place place, array;
	struct batch b;
	int ret, taken, i;
	bool exact;

	prepare(&b, c, s.nr);
	array = put(1, c->arg[A_ARRAY], b.requests, b.n * sizeof(*b.requests));
	args.requests = (uintptr_t)array.addr;
	args.count = b.n + c->arg[A_COUNT];
	if (c->arg[A_KIND])
		args.__reserved[c->arg[A_KIND] & 1] = 1;
	place = put(0, c->arg[A_PLACE], &args, sizeof(args));
	ret = do_ioctl(c, s.fd, EVNOTIFY_IOC_REGISTER, place.addr);

	allow(&place, offsetof(struct evnotify_register, taken), sizeof(args.taken));
	taken = 0;
	if (place.writable)
		taken = ((struct evnotify_register *)at(&place))->taken;
	if (taken == (int)POISON_32)
		taken = 0;
	if (ret && taken)
		finding("register: %s, and yet %d taken", strerror(-ret), taken);
	if (!ret && !taken && place.writable)
		finding("register took none and says nothing");
	if (taken > b.n && array.readable)
		finding("register took %d of %d", taken, b.n);
	if (ret && !c->arg[A_FAIL])
		taken = 0;
	for (i = 0; i < taken && i < b.n; i++)
		allow(&array, i * sizeof(*b.requests) + offsetof(struct evnotify_request, id), 8);
	for (i = 0; i < b.n; i++) {
		if (i < taken && array.writable)
			oracle_armed(b.first + i, ((struct evnotify_request *)at(&array))[i].id);
		else if (i >= taken && !c->arg[A_FAIL])
			oracle_not_armed(b.first + i);
	}
	exact = place.writable && array.writable && args.count == (uint32_t)b.n &&
		!c->arg[A_FAIL];
	if (exact && c->arg[A_KIND]) {
		if (ret != -EINVAL && ret != -EBADF)
			finding("register with a reserved field: %s", strerror(-ret));
		return;
	}
	judge(&b, c, s.nr, ret, taken, exact);
	verify(&place, "register");
	verify(&array, "register");
}

void call_write(const struct call *c, struct slot s)
{
	size_t size = sizeof(struct evnotify_request);
	struct place array;
	struct batch b;
	ssize_t ret;
	size_t len;
	int i;

	if (s.kind != DEVICE)	/* an eventfd: its value would mean nothing any more */
		return;
	prepare(&b, c, s.nr);
	array = put(1, c->arg[A_ARRAY], b.requests, b.n * size);
	len = b.n * size + c->arg[A_COUNT];
	ret = transfer(c, s.fd, array.addr, len, false);
	verify(&array, "write");
	feedback(SEEN_WRITE, ret < 0 ? -ret : 0);
	if (ret > 0 && (ret % size || ret > len))
		finding("write of %zu bytes returned %zd", len, ret);
	for (i = 0; i < b.n; i++) {
		if (i < ret / (ssize_t)size)
			oracle_armed(b.first + i, 0);
		else
			oracle_not_armed(b.first + i);
	}
	judge(&b, c, s.nr, ret < 0 ? ret : 0, ret < 0 ? 0 : ret / size,
	      array.readable && s.can_write && len / size == b.n && !c->arg[A_FAIL]);
}

void call_wait(const struct call *c, struct slot s)
{
	struct evnotify_wait args, *result;
	int nr = oracle_numbers(1), ret, expect, again = c->arg[A_N] % 4;
	struct place place;
	uint64_t id = 0;

	memset(&args, POISON, sizeof(args));
	args.request = make_request(c, s.nr, 0, nr);
	expect = oracle_request_errno(s.nr, &args.request, true);
	oracle_arm(s.nr, nr, &args.request, -1, true);
	place = put(0, c->arg[A_PLACE], &args, sizeof(args));
	result = at(&place);
	self->waiting_nr = nr;
	if (place.inside >= sizeof(args.request))
		self->waiting = result;
	patience(true);
	for (;;) {
		ret = do_ioctl(c, s.fd, EVNOTIFY_IOC_WAIT, place.addr);
		if (ret != -EINTR)
			break;
		oracle_left(nr, result->request.id, id);
		id = result->request.id;
		if (!again--)
			break;
	}
	patience(false);
	self->waiting = NULL;

	if (!expect)
		allow(&place, offsetof(struct evnotify_wait, request.id), 8);
	if (!ret || ret == -EFAULT)
		allow(&place, offsetof(struct evnotify_wait, event), sizeof(args.event));
	verify(&place, "wait");
	if (expect && place.readable && !c->arg[A_FAIL] && ret != -EINVAL && ret != -EBADF)
		finding("wait with a bad request: %s", strerror(-ret));
	if (!expect && ret == -EINVAL)
		finding("wait with a good request: %s", strerror(-ret));
	if (!expect && ret == -EFAULT && place.writable && !c->arg[A_FAIL])
		finding("wait on good memory: %s", strerror(-ret));
	if (ret == -ENOSPC && world->insts[s.nr].tried <= max_requests)
		finding("wait: no space, and yet there is");
	if (ret == -ENODEV &&
	    !(oracle_may_be_gone(s.nr) && args.request.flags & EVNOTIFY_SOURCE))
		finding("wait: %s", strerror(-ret));

	if (!ret) {
		if (result->event.id != result->request.id)
			finding("wait: the event is of another request");
		if (id)
			oracle_left(nr, result->request.id, id);
		oracle_armed(nr, result->request.id);
		oracle_event(s.nr, &result->event, true);
	} else if (ret == -EINTR || (id && ret == -EBADF)) {
		/* left as it was; also by a thread that has closed the file meanwhile */
		feedback(SEEN_WAIT, world->armed[nr].cancelled);
	} else if (id && ret != -EFAULT) {
		/* what was left is forgotten, and for another there was no room */
		oracle_left(nr, 0, id);
	} else if (ret == -EFAULT && place.inside >= sizeof(args.request) && c->arg[A_PLACE] != 5 &&
		   !expect && !c->arg[A_FAIL]) {
		oracle_armed(nr, result->request.id);	/* its record: to be read */
	} else if (!c->arg[A_FAIL]) {
		oracle_not_armed(nr);
	}
}

/* --- ids -------------------------------------------------------------------------------- */

/* The id that a WAIT under way has been given, as soon as it has. */
static uint64_t id_of_wait(uint64_t nr)
{
	struct thread *t = &threads[nr % NR_THREADS];
	uint64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + ID_PATIENCE_NS;
	struct evnotify_wait *wait;
	uint64_t id = POISON_64;

	while (t->busy && clock_ns(CLOCK_MONOTONIC) < give_up_ns) {
		wait = t->waiting;
		if (wait)
			id = *(volatile __u64 *)&wait->request.id;
		if (id != POISON_64)
			break;
		sched_yield();
	}
	if (id == POISON_64)
		return 0;
	world_lock();
	if (t->waiting)
		world->armed[t->waiting_nr].id = id;
	world_unlock();
	return id;
}

static uint64_t make_id(const struct call *c)
{
	uint64_t n = c->arg[A_ID], id = 0;

	if (n >= ID_OF_WAIT)
		id = id_of_wait(n - ID_OF_WAIT);
	else if (n && n <= world->nr_ids)
		id = world->ids[n - 1];
	return id ^ c->arg[A_XOR];
}

/* How CANCEL or UPDATE of a request ended, by what was known of it. */
static void feedback_outcome(enum seen seen, int ret, const struct armed *armed)
{
	int state = 0;

	if (armed)
		state = 1 | armed->request.mode << 1 | !!armed->request.period_ns << 2 |
			armed->by_wait << 3 | armed->final << 4 | armed->cancelled << 5 |
			!!armed->counted << 6 |
			!!(armed->request.flags & EVNOTIFY_SOURCE) << 7;
	feedback(seen, -ret << 8 | state);
}

void call_cancel(const struct call *c, struct slot s)
{
	struct evnotify_cancel args = { .flags = c->arg[A_FLAGS], .cancelled = POISON_64 };
	struct inst *inst = &world->insts[s.nr];
	struct evnotify_cancel *result;
	struct armed *armed;
	struct place place;
	bool all, bad;
	int ret;

	args.id = args.flags == EVNOTIFY_CANCEL_ALL ? c->arg[A_XOR] : make_id(c);
	args.__pad = c->arg[A_RESERVED] == 1;
	args.__reserved = c->arg[A_RESERVED] == 2;
	all = args.flags & EVNOTIFY_CANCEL_ALL;
	bad = args.flags & ~EVNOTIFY_CANCEL_ALL || args.__pad || args.__reserved ||
	      (all && args.id);
	place = put(0, c->arg[A_PLACE], &args, sizeof(args));
	inst->cancel_tried = true;
	inst->all_tried |= all;
	ret = do_ioctl(c, s.fd, EVNOTIFY_IOC_CANCEL, place.addr);

	if (ret == -EBADF)
		return;
	if (!bad)
		allow(&place, offsetof(struct evnotify_cancel, cancelled), 8);
	verify(&place, "cancel");
	if (c->arg[A_FAIL])
		inst->all_tried = true;
	if (!place.writable || c->arg[A_FAIL])
		return;
	result = at(&place);
	if (ret == -EBADF)
		return;
	if (bad != (ret == -EINVAL))
		finding("cancel of %s: %s", bad ? "bad fields" : "good fields", strerror(-ret));
	if (!bad && (ret ? result->cancelled : all ? result->cancelled > inst->tried :
						     result->cancelled != 1))
		finding("cancel: %s, and cancelled is %llu", strerror(-ret),
			(unsigned long long)result->cancelled);
	if (!bad && all)
		feedback(SEEN_CANCEL_ALL, bucket(result->cancelled));
	if (bad || all)
		return;
	world_lock();
	armed = oracle_find(s.nr, args.id);
	feedback_outcome(SEEN_CANCEL, ret, armed);
	if (!args.id && ret != -ENOENT)
		finding("cancel of id 0: %s", strerror(-ret));
	if (armed && armed->certain && ret == -ENOENT)
		finding("cancel of an id that was issued: %s", strerror(-ret));
	if (!ret && !armed)
		inst->all_tried = true;
	if (!ret && armed && armed->cancelled)
		finding("a request was cancelled twice");
	if (!ret && armed)
		armed->cancelled = true;
	world_unlock();
}

void call_update(const struct call *c, struct slot s)
{
	struct evnotify_update args = { .id = make_id(c) };
	struct inst *inst = &world->insts[s.nr];
	struct armed *armed;
	struct place place;
	int ret, expect;

	args.due_ns = due(c, CLOCK_MONOTONIC);
	args.period_ns = c->arg[A_PERIOD];
	args.flags = c->arg[A_FLAGS];
	args.count = c->arg[A_LIMIT];
	if (c->arg[A_RESERVED])
		args.__reserved[(c->arg[A_RESERVED] - 1) % 4] = 1;
	expect = oracle_update_errno(&args);
	place = put(0, c->arg[A_PLACE], &args, sizeof(args));
	world_lock();
	armed = oracle_find(s.nr, args.id);
	if (armed)
		armed->updates++;
	else
		inst->stray_updates++;
	world_unlock();
	ret = do_ioctl(c, s.fd, EVNOTIFY_IOC_UPDATE, place.addr);

	verify(&place, "update");
	world_lock();
	feedback_outcome(SEEN_UPDATE, ret, armed);
	if (ret && armed)
		armed->updates--;
	else if (ret)
		inst->stray_updates--;
	if (!c->arg[A_FAIL] && place.readable && ret != -EBADF) {
		if (expect && ret != -EINVAL)
			finding("update with bad fields: %s", strerror(-ret));
		if (!expect && ret == -EINVAL && !(args.period_ns && (!armed || armed->by_wait)) &&
		    !(armed ? armed->request.flags & EVNOTIFY_SOURCE : !!inst->source))
			finding("update with good fields: %s", strerror(-ret));
		if (!ret && armed && armed->request.flags & EVNOTIFY_SOURCE)
			finding("update of a request that waits for events");
		if (!ret && armed && armed->by_wait && args.period_ns)
			finding("update made a WAIT periodic");
		if (!expect && !args.id && ret != -ENOENT)
			finding("update of id 0: %s", strerror(-ret));
		if (!expect && armed && armed->certain && ret == -ENOENT)
			finding("update of an id that was issued: %s", strerror(-ret));
	}
	world_unlock();
}

