// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify fuzzer - what each answer has to be, whatever was called
 *
 * No model of time: only what holds in every interleaving.  Where a sequence makes an answer
 * ambiguous (an id that only the kernel knows, a child that reads too), the state says so
 * and the check is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define TAG		0x5eed000000000000ULL	/* | number of the request */
#define EVENT_TAG	0xe7e7000000000000ULL	/* | source << 32 | number of the event */
#define RING		256	/* events that a source keeps */

struct world *world;
uint64_t min_period_ns;
uint32_t max_requests;
uint64_t patience_ns = 30000000000;	/* a slow machine is no bug */

static pthread_mutex_t *lock;	/* beside the world, which is zeroed */

void world_lock(void)
{
	pthread_mutex_lock(lock);
}

void world_unlock(void)
{
	pthread_mutex_unlock(lock);
}

void oracle_init(void)
{
	struct evnotify_info info;
	pthread_mutexattr_t attr;
	int fd;

	world = mmap(NULL, sizeof(*world) + sizeof(*lock), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world == MAP_FAILED)
		die("no memory");
	lock = (void *)(world + 1);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(lock, &attr);

	fd = open("/dev/evnotify", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, EVNOTIFY_IOC_INFO, &info))
		die("/dev/evnotify: %s; load the module", strerror(errno));
	close(fd);
	if (access("/dev/evnotify-sim", W_OK))
		die("/dev/evnotify-sim: %s; load the module evnotify-sim", strerror(errno));
	min_period_ns = info.min_period_ns;
	max_requests = info.max_requests;
}

void oracle_reset(void)
{
	memset(world, 0, offsetof(struct world, armed));
}

void finding(const char *format, ...)
{
	va_list list;

	world_lock();
	if (!*world->finding) {
		va_start(list, format);
		vsnprintf(world->finding, sizeof(world->finding), format, list);
		va_end(list);
	}
	world_unlock();
}

const char *finding_text(void)
{
	return *world->finding ? world->finding : NULL;
}

uint64_t clock_ns(int clockid)
{
	struct timespec ts;

	if (clock_gettime(clockid, &ts))
		return 0;
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* --- files and sources ------------------------------------------------------------------ */

int oracle_open(struct source *source, uint64_t raised_before)
{
	struct inst *inst;
	int nr;

	world_lock();
	nr = world->nr_insts++;
	inst = &world->insts[nr];
	inst->source = source;
	inst->first_min = raised_before;
	inst->first_max = source ? source->raised_max : 0;
	inst->next_event = inst->first_min;
	world_unlock();
	return nr;
}

bool oracle_may_be_gone(int inst)
{
	return world->insts[inst].source && world->insts[inst].source->closing;
}

uint64_t oracle_data(const struct source *source, uint64_t number)
{
	return EVENT_TAG | (uint64_t)(source - world->sources) << 32 | number;
}

/* --- what the fields say ---------------------------------------------------------------- */

static bool has_timeout(const struct evnotify_request *r)
{
	return r->due_ns || r->flags & EVNOTIFY_ABSTIME;
}

/* The rules of a request with other flags than EVNOTIFY_ABSTIME */
static bool event_request_ok(int inst, const struct evnotify_request *r, bool wait)
{
	if (!world->insts[inst].source || !(r->flags & EVNOTIFY_SOURCE) ||
	    r->flags & ~(EVNOTIFY_ABSTIME | EVNOTIFY_SOURCE | EVNOTIFY_REPEAT))
		return false;
	if (r->period_ns || r->due_ns > INT64_MAX)
		return false;
	if (r->flags & EVNOTIFY_REPEAT)
		return !wait && !has_timeout(r);
	return !r->count && (r->mode != EVNOTIFY_MODE_EVENTFD || !has_timeout(r));
}

static bool times_ok(uint64_t due_ns, uint64_t period_ns, uint32_t count, uint32_t flags)
{
	if (flags & ~EVNOTIFY_ABSTIME || due_ns > INT64_MAX || period_ns > INT64_MAX)
		return false;
	return period_ns ? period_ns >= min_period_ns : !count;
}

int oracle_request_errno(int inst, const struct evnotify_request *r, bool wait)
{
	bool clock_ok = r->clockid == CLOCK_MONOTONIC || r->clockid == CLOCK_BOOTTIME ||
			r->clockid == CLOCK_REALTIME || r->clockid == CLOCK_TAI;

	if (!clock_ok || !(r->flags & ~EVNOTIFY_ABSTIME ? event_request_ok(inst, r, wait) :
			   times_ok(r->due_ns, r->period_ns, r->count, r->flags)) ||
	    r->__reserved[0] || r->__reserved[1] || r->__reserved[2])
		return EINVAL;
	if (wait && (r->mode != EVNOTIFY_MODE_PENDING || r->period_ns))
		return EINVAL;
	if (r->mode == EVNOTIFY_MODE_PENDING)
		return r->eventfd ? EINVAL : 0;
	return r->mode == EVNOTIFY_MODE_EVENTFD ? 0 : EINVAL;
}

int oracle_update_errno(const struct evnotify_update *u)
{
	if (!times_ok(u->due_ns, u->period_ns, u->count, u->flags) || u->__reserved[0] ||
	    u->__reserved[1] || u->__reserved[2] || u->__reserved[3])
		return EINVAL;
	return 0;
}

/* --- requests --------------------------------------------------------------------------- */

int oracle_numbers(int n)
{
	int first, i;

	world_lock();
	first = world->nr_armed;
	for (i = 0; i < n; i++)
		world->armed[first + i].inst = -1;
	world->nr_armed += n;
	world_unlock();
	return first;
}

uint64_t oracle_user_data(int nr)
{
	return TAG | nr;
}

/* Before the call: its records may be read before it returns. */
void oracle_arm(int inst, int nr, const struct evnotify_request *request, int eventfd, bool wait)
{
	struct armed *armed = &world->armed[nr];
	uint64_t now = request->flags & EVNOTIFY_ABSTIME ? 0 : clock_ns(request->clockid);

	world_lock();
	memset(armed, 0, sizeof(*armed));
	armed->inst = inst;
	armed->eventfd = eventfd;
	armed->by_wait = wait;
	armed->request = *request;
	armed->min_due_ns = now + request->due_ns;
	if (armed->min_due_ns > INT64_MAX)
		armed->min_due_ns = INT64_MAX;
	if (request->flags & EVNOTIFY_SOURCE) {
		if (!has_timeout(request))
			armed->min_due_ns = 0;
		world->insts[inst].to_eventfds |= request->mode == EVNOTIFY_MODE_EVENTFD;
	}
	world->insts[inst].tried++;
	world_unlock();
}

/* @id: 0 if the call does not tell. */
void oracle_armed(int nr, uint64_t id)
{
	struct armed *armed = &world->armed[nr];
	struct armed *other;

	world_lock();
	armed->certain = true;
	if (id) {
		other = oracle_find(armed->inst, id);
		if (other && other != armed)
			finding("id %#llx was issued twice", (unsigned long long)id);
		if (armed->id && armed->id != id)
			finding("a request has two ids");
		armed->id = id;
		if (world->nr_ids < ID_OF_WAIT - 1)
			world->ids[world->nr_ids++] = id;
	}
	world_unlock();
}

/*
 * A WAIT was interrupted, and left its request under @id; or came again for the one that was left
 * under @before, and is now for @id. That is another one only if it was cancelled, or may have
 * been: then the number of its record is not seen.
 */
void oracle_left(int nr, uint64_t id, uint64_t before)
{
	struct armed *armed = &world->armed[nr];
	struct inst *inst = &world->insts[armed->inst];

	world_lock();
	if (before && id != before) {
		if (!inst->cancel_tried)
			finding("a WAIT that comes again has forgotten its request");
		inst->lossy = true;
		armed->id = 0;
		armed->cancelled = false;
	}
	armed->left = id;
	if (id)
		oracle_armed(nr, id);
	else
		armed->inst = -1;
	world_unlock();
}

void oracle_not_armed(int nr)
{
	struct armed *armed = &world->armed[nr];

	world_lock();
	if (armed->final || armed->counted)
		finding("a request that was refused has completed");
	armed->inst = -1;
	world_unlock();
}

struct armed *oracle_find(int inst, uint64_t id)
{
	struct armed *armed;

	for (armed = world->armed; armed < armed_end(); armed++)
		if (id && armed->inst == inst && armed->id == id)
			return armed;
	return NULL;
}

/* --- records ---------------------------------------------------------------------------- */

/* It tells of events. */
static const char *check_data(const struct inst *inst, const struct armed *armed,
			      const struct evnotify_event *ev)
{
	const struct evnotify_request *r = &armed->request;
	const struct source *source = inst->source;
	uint64_t number = ev->data - oracle_data(source, 0);

	if (number >= (source->mixed ? UINT32_MAX : source->raised_max))
		return "data that nobody wrote";
	if (!(ev->flags & EVNOTIFY_EVENT_MORE) && !ev->status &&
	    r->flags & EVNOTIFY_REPEAT && !r->count)
		return "the last, and yet it has no limit";
	if (ev->lost != ev->count - 1)
		return "lost is not all but one";
	if (ev->flags & EVNOTIFY_EVENT_MORE && r->count &&
	    armed->counted - armed->final_count + ev->count >= r->count)
		return "MORE, and yet the limit was reached";
	if (source->mixed)
		return NULL;
	if (number + 1 < inst->first_min + ev->count)
		return "events from before the file was opened";
	if (ev->lost && number + RING > source->raised_max)
		return "lost, and yet they are kept";
	if (ev->seq > inst->last_seq && number + 1 < inst->next_event + ev->count)
		return "it was told of this event before, or of later ones";
	return NULL;
}

static const char *check_status(const struct inst *inst, const struct armed *armed,
				const struct evnotify_event *ev)
{
	bool source = armed->request.flags & EVNOTIFY_SOURCE;

	switch (ev->status) {
	case 0:
		return ev->count ? NULL : "no expiration and no cancellation";
	case -ECANCELED:
		return inst->cancel_tried ? NULL : "cancelled by nobody";
	case -ETIME:
		if (!source || !has_timeout(&armed->request))
			return "it has no timeout";
		break;
	case -ENODEV:
		if (!source || !inst->source->closing)
			return "the source is there";
		break;
	default:
		return "a status that there is not";
	}
	return ev->count ? "an event, and yet none came" : NULL;
}

static const char *check_event(const struct inst *inst, struct armed *armed,
			       const struct evnotify_event *ev, bool wait, uint64_t now)
{
	const struct evnotify_request *r = &armed->request;
	bool steady = !world->clock_set || r->clockid == CLOCK_MONOTONIC ||
		      r->clockid == CLOCK_BOOTTIME;
	bool more = ev->flags & EVNOTIFY_EVENT_MORE;
	bool data = ev->flags & EVNOTIFY_EVENT_DATA;
	bool source = r->flags & EVNOTIFY_SOURCE;
	bool update = !source && (armed->updates || inst->stray_updates);
	bool periodic = r->period_ns || update;
	const char *wrong;

	if (r->mode != EVNOTIFY_MODE_PENDING)
		return "it is of a request in the other mode";
	if (armed->by_wait != wait && wait)
		return "WAIT returned it for another request";
	if (armed->left && !wait)
		return "it belongs to a WAIT";
	if (ev->lost && !data)
		return "lost expirations";
	/* Two threads that read may get here in the other order. */
	if (armed->final && (!more || ev->seq > armed->final_seq))
		return "the request has completed before";
	if (!ev->id || (armed->id && ev->id != armed->id))
		return "it has another id than the request";
	if (ev->flags & ~(EVNOTIFY_EVENT_MORE | EVNOTIFY_EVENT_DATA) ||
	    data != (source && ev->count))
		return "unknown flags";
	if (more && !(periodic || r->flags & EVNOTIFY_REPEAT))
		return "MORE of a request that completes once";
	if (more && (ev->status || wait))
		return "MORE, and yet it was the last";
	wrong = check_status(inst, armed, ev);
	if (!wrong && data)
		wrong = check_data(inst, armed, ev);
	if (wrong)
		return wrong;
	if (ev->count > 1 && !periodic && !data)
		return "more than one expiration";
	if (r->count && !update && !source && armed->counted + ev->count > r->count)
		return "more expirations than the limit";
	if (source && !data && !has_timeout(r) && ev->due_ns)
		return "due, and yet it has no timeout";
	if (!update && !data && steady && ev->due_ns < armed->min_due_ns)
		return "due before it should be";
	if (!update && !data && r->flags & EVNOTIFY_ABSTIME && r->due_ns &&
	    ev->due_ns < INT64_MAX && (ev->due_ns - r->due_ns) % (r->period_ns ?: UINT64_MAX))
		return "due at another time";
	if (!ev->count && ev->status != -ETIME && ev->expired_ns)
		return "a time of expiration, but none";
	if (data && steady && ev->seq > inst->last_seq &&
	    ev->expired_ns < inst->last_ns[r->clockid])
		return "raised before a timeout, or before an event, that was told";
	if ((ev->status == -ETIME || (ev->count && !data)) && ev->expired_ns < ev->due_ns)
		return "early";
	if (steady && (ev->completed_ns < ev->expired_ns || ev->completed_ns > now))
		return "completed at an impossible time";
	return NULL;
}

/* Of a request of the source, whose records come in the order of its events */
static void in_order(struct inst *inst, const struct armed *armed, const struct evnotify_event *ev)
{
	uint64_t *last_ns = &inst->last_ns[armed->request.clockid];

	inst->last_seq = ev->seq;
	if (ev->flags & EVNOTIFY_EVENT_DATA && !inst->source->mixed)
		inst->next_event = ev->data - oracle_data(inst->source, 0) + 1;
	if (ev->expired_ns > *last_ns)
		*last_ns = ev->expired_ns;
}

void oracle_event(int inst_nr, const struct evnotify_event *ev, bool wait)
{
	struct inst *inst = &world->insts[inst_nr];
	uint64_t nr = ev->user_data ^ TAG;
	struct armed *armed;
	const char *wrong;

	world_lock();
	if (nr >= world->nr_armed || world->armed[nr].inst != inst_nr) {
		finding("a record of a request that nobody made: user_data %#llx id %#llx",
			(unsigned long long)ev->user_data, (unsigned long long)ev->id);
		goto unlock;
	}
	armed = &world->armed[nr];
	wrong = check_event(inst, armed, ev, wait, clock_ns(armed->request.clockid));
	if (wrong)
		finding("record: %s (id %#llx due %lld expired %lld completed %lld count %llu status %d flags %#x)",
			wrong, (unsigned long long)ev->id, (long long)ev->due_ns,
			(long long)ev->expired_ns, (long long)ev->completed_ns,
			(unsigned long long)ev->count, ev->status, ev->flags);
	if (!armed->id && oracle_find(inst_nr, ev->id))
		finding("two requests have the id %#llx", (unsigned long long)ev->id);

	if (!ev->seq || ev->seq >= MAX_SEQ)
		inst->lossy = true;	/* beyond what is kept count of */
	else if (world->seen[inst_nr][ev->seq]++)
		finding("seq %llu twice", (unsigned long long)ev->seq);
	if (!ev->seq)
		finding("seq 0");
	inst->seqs++;
	if (ev->seq > inst->max_seq)
		inst->max_seq = ev->seq;

	armed->counted += ev->count;
	if (ev->flags & EVNOTIFY_EVENT_DATA) {
		inst->told += ev->count;
		inst->lost += ev->lost;
	}
	if (armed->request.flags & EVNOTIFY_SOURCE && ev->seq > inst->last_seq)
		in_order(inst, armed, ev);
	if (!(ev->flags & EVNOTIFY_EVENT_MORE)) {
		armed->final = true;
		armed->final_seq = ev->seq;
		armed->final_count = ev->count;
		armed->status = ev->status;
	}
	armed->id = ev->id;
unlock:
	world_unlock();
	feedback(SEEN_RECORD, seen_status(ev->status) | wait << 2 | ev->flags << 3 |
			      bucket(ev->count) << 8 | bucket(ev->lost) << 16);
}
