// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify fuzzer - what the answers have to be, whatever was called
 *
 * No model of time: only what holds in every interleaving.  Where a sequence makes an answer
 * ambiguous (an id that only the kernel knows, a child that reads too), the state says so
 * and the check is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define TAG		0x5eed000000000000ULL	/* | number of the request */
#define NO_LIMIT	(UINT64_MAX / MAX_REQUESTS)	/* can be added up */

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

/* --- what the fields say ---------------------------------------------------------------- */

static bool times_ok(uint64_t due_ns, uint64_t period_ns, uint32_t count, uint32_t flags)
{
	if (flags & ~EVNOTIFY_ABSTIME || due_ns > INT64_MAX || period_ns > INT64_MAX)
		return false;
	return period_ns ? period_ns >= min_period_ns : !count;
}

int oracle_request_errno(const struct evnotify_request *r, bool wait)
{
	bool clock_ok = r->clockid == CLOCK_MONOTONIC || r->clockid == CLOCK_BOOTTIME ||
			r->clockid == CLOCK_REALTIME || r->clockid == CLOCK_TAI;

	if (!clock_ok || !times_ok(r->due_ns, r->period_ns, r->count, r->flags) ||
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

static const char *check_event(const struct inst *inst, struct armed *armed,
			       const struct evnotify_event *ev, bool wait, uint64_t now)
{
	const struct evnotify_request *r = &armed->request;
	bool steady = !world->clock_set || r->clockid == CLOCK_MONOTONIC ||
		      r->clockid == CLOCK_BOOTTIME;
	bool more = ev->flags & EVNOTIFY_EVENT_MORE;
	bool periodic = r->period_ns || armed->updates || inst->stray_updates;
	bool update = armed->updates || inst->stray_updates;

	if (r->mode != EVNOTIFY_MODE_PENDING)
		return "it is of a request in the other mode";
	if (armed->by_wait != wait && wait)
		return "WAIT returned it for another request";
	if (armed->left && !wait)
		return "it belongs to a WAIT";
	if (ev->lost)
		return "lost expirations";
	/* Two threads that read may get here in the other order. */
	if (armed->final && (!more || ev->seq > armed->final_seq))
		return "the request has completed before";
	if (!ev->id || (armed->id && ev->id != armed->id))
		return "it has another id than the request";
	if (ev->flags & ~EVNOTIFY_EVENT_MORE)
		return "unknown flags";
	if (more && (!periodic || ev->status || wait))
		return "MORE, and yet it was the last";
	if (ev->status && (ev->status != -ECANCELED || !inst->cancel_tried))
		return "a status that nobody caused";
	if (!ev->count && !ev->status)
		return "no expiration and no cancellation";
	if (ev->count > 1 && !periodic)
		return "more than one expiration";
	if (r->count && !update && armed->counted + ev->count > r->count)
		return "more expirations than the limit";
	if (!update && steady && ev->due_ns < armed->min_due_ns)
		return "due before it should be";
	if (!update && r->flags & EVNOTIFY_ABSTIME && r->due_ns && ev->due_ns < INT64_MAX &&
	    (ev->due_ns - r->due_ns) % (r->period_ns ?: UINT64_MAX))
		return "due at another time";
	if (!ev->count && ev->expired_ns)
		return "a time of expiration, but none";
	if (ev->count && ev->expired_ns < ev->due_ns)
		return "early";
	if (steady && (ev->completed_ns < ev->expired_ns || ev->completed_ns > now))
		return "completed at an impossible time";
	return NULL;
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
	if (!(ev->flags & EVNOTIFY_EVENT_MORE)) {
		armed->final = true;
		armed->final_seq = ev->seq;
		armed->status = ev->status;
	}
	armed->id = ev->id;
unlock:
	world_unlock();
	feedback(SEEN_RECORD, (ev->status ? 1 : 0) | ev->flags << 1 | wait << 2 |
			      bucket(ev->count) << 4);
}

/* --- counters --------------------------------------------------------------------------- */

struct counters {
	unsigned long long armed, completed, cancelled, pending, unread, completing;
};

static bool read_counters(int fd, struct counters *c)
{
	char path[64], text[1024], *lines;
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	if (n < 0)
		return false;
	text[n] = '\0';
	lines = strstr(text, "armed:");
	return lines && sscanf(lines, "armed: %llu completed: %llu cancelled: %llu pending: %llu unread: %llu completing: %llu",
			       &c->armed, &c->completed, &c->cancelled, &c->pending,
			       &c->unread, &c->completing) == 6;
}

/* @quiet: nothing is pending or unread any more. */
void oracle_counters(int fd, bool quiet)
{
	struct counters c;

	if (!read_counters(fd, &c))
		return;
	if (c.armed != c.completed + c.cancelled + c.pending)
		finding("armed %llu != completed %llu + cancelled %llu + pending %llu",
			c.armed, c.completed, c.cancelled, c.pending);
	if (quiet && (c.pending || c.unread || c.completing))
		finding("after the end %llu are pending, %llu unread and %llu completing",
			c.pending, c.unread, c.completing);
	feedback(SEEN_COUNTERS, (!!c.pending) | !!c.unread << 1 | !!c.cancelled << 2 |
				!!c.completed << 3);
	feedback(SEEN_COUNTER, 0x100 | bucket(c.completed));
	feedback(SEEN_COUNTER, 0x200 | bucket(c.cancelled));
	feedback(SEEN_COUNTER, 0x300 | bucket(c.pending));
	feedback(SEEN_COUNTER, 0x400 | bucket(c.unread));
}

/* --- the end of a sequence -------------------------------------------------------------- */

/* PENDING requests of which the last record is still to come. */
static int outstanding(int inst)
{
	struct armed *armed;
	int n = 0;

	for (armed = world->armed; armed < armed_end(); armed++)
		n += armed->inst == inst && armed->certain && !armed->final &&
		     armed->request.mode == EVNOTIFY_MODE_PENDING;
	return n;
}

/* Cancel them one by one, where the id is known: who has completed says so. */
static void settle_eventfd_requests(int inst, int fd)
{
	struct armed *armed;

	for (armed = world->armed; armed < armed_end(); armed++) {
		struct evnotify_cancel args = { .id = armed->id };

		if (armed->inst != inst || !armed->id || armed->cancelled ||
		    armed->request.mode != EVNOTIFY_MODE_EVENTFD)
			continue;
		if (!ioctl(fd, EVNOTIFY_IOC_CANCEL, &args))
			armed->cancelled = true;
		else if (errno != EALREADY)
			finding("CANCEL of an id that was issued: %s", strerror(errno));
		else if (!world->insts[inst].all_tried)
			armed->final = true;
	}
}

/* All records were read: do they add up? */
static void settle_records(int inst)
{
	struct armed *armed;

	for (armed = world->armed; armed < armed_end(); armed++) {
		const struct evnotify_request *r = &armed->request;

		if (armed->inst != inst || !armed->final || armed->status)
			continue;
		if (armed->cancelled && r->mode == EVNOTIFY_MODE_PENDING)
			finding("CANCEL won, and yet the request ended by itself");
		if (r->mode == EVNOTIFY_MODE_PENDING && r->count && !armed->updates &&
		    !world->insts[inst].stray_updates && armed->counted != r->count)
			finding("a request ended before its limit");
	}
}

/* All are cancelled: what was left by WAITs is told to WAITs. */
static void settle_left(int inst_nr, int fd)
{
	struct inst *inst = &world->insts[inst_nr];
	struct armed *armed;

	for (armed = world->armed; armed < armed_end(); armed++) {
		struct evnotify_wait args = {
			.request = { .id = armed->id, .clockid = CLOCK_MONOTONIC },
		};

		if (armed->inst != inst_nr || !armed->left || armed->final || inst->lossy)
			continue;
		if (ioctl(fd, EVNOTIFY_IOC_WAIT, &args))
			inst->lossy = true;
		else if (args.request.id == armed->id)
			oracle_event(inst_nr, &args.event, true);
		else
			inst->lossy = true;	/* its place was used again */
	}
}

void oracle_settle(int inst_nr, int fd)
{
	struct evnotify_cancel args = { .flags = EVNOTIFY_CANCEL_ALL };
	struct inst *inst = &world->insts[inst_nr];
	uint64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + patience_ns;
	bool readable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY;
	struct evnotify_event events[16];
	struct counters counters;
	ssize_t n, i;

	settle_eventfd_requests(inst_nr, fd);
	inst->cancel_tried = true;
	inst->all_tried = true;
	if (ioctl(fd, EVNOTIFY_IOC_CANCEL, &args))
		finding("CANCEL_ALL: %s", strerror(errno));
	if (!inst->lossy && read_counters(fd, &counters) && counters.completing)
		finding("CANCEL_ALL has returned, and %llu are completing", counters.completing);
	settle_left(inst_nr, fd);
	if (!readable)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		n = read(fd, events, sizeof(events));
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			finding("read() at the end: %s", strerror(errno));
			return;
		}
		for (i = 0; i < n / (ssize_t)sizeof(*events); i++)
			oracle_event(inst_nr, &events[i], false);
		if (n > 0)
			continue;
		if (inst->lossy || finding_text() || !outstanding(inst_nr))
			break;
		if (clock_ns(CLOCK_MONOTONIC) > give_up_ns) {
			finding("%d requests never completed", outstanding(inst_nr));
			return;
		}
		poll(&pfd, 1, 1);
	}
	if (inst->lossy || finding_text())
		return;
	oracle_counters(fd, true);
	settle_records(inst_nr);
	if (inst->seqs != inst->max_seq)
		finding("seq has a gap: %llu records, highest %llu",
			(unsigned long long)inst->seqs, (unsigned long long)inst->max_seq);
}

/* How often an eventfd was signalled for a request, at least and at most. */
static void signals(const struct armed *armed, uint64_t *min, uint64_t *max)
{
	const struct inst *inst = &world->insts[armed->inst];
	bool update = armed->updates || inst->stray_updates;
	uint64_t all = armed->request.period_ns ? armed->request.count ?: NO_LIMIT : 1;

	*min = 0;
	*max = update ? NO_LIMIT : all;
	if (update)
		return;
	if (armed->final && all < 65535)
		*min = all;
	else if (armed->cancelled && !armed->request.period_ns)
		*max = 0;
}

void oracle_settle_eventfd(int nr, int fd)
{
	uint64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + patience_ns;
	struct armed *armed;
	struct eventfd *eventfd = &world->eventfds[nr];
	uint64_t min = 0, max = 0, some_min, some_max, value;

	for (armed = world->armed; armed < armed_end(); armed++) {
		if (armed->inst < 0 || armed->eventfd != nr)
			continue;
		signals(armed, &some_min, &some_max);
		min += some_min;
		max += some_max;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		while (read(fd, &value, sizeof(value)) == sizeof(value))
			eventfd->taken += value;
		if (eventfd->unknown || finding_text() || eventfd->taken >= min)
			break;
		if (clock_ns(CLOCK_MONOTONIC) > give_up_ns) {
			finding("eventfd: %llu signals instead of at least %llu",
				(unsigned long long)eventfd->taken, (unsigned long long)min);
			return;
		}
		poll(&pfd, 1, 1);
	}
	if (!eventfd->unknown && eventfd->taken > max)
		finding("eventfd: %llu signals instead of at most %llu",
			(unsigned long long)eventfd->taken, (unsigned long long)max);
}
