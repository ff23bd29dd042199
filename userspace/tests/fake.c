// SPDX-License-Identifier: GPL-2.0-only
/*
 * A played device and a played libkmod, linked into the command in place of
 * libevnotify, so that its messages and its output can be tested anywhere.
 *
 * A request that is due within 100 s expires at once, as often as it shall; one
 * due later stays armed until it is cancelled. A source raises at once all that it
 * shall, 1.5 ms apart and with data from 42 on, and goes. Environment:
 *   FAKE_OPEN    errno of evn_open
 *   FAKE_ABI     interface version of the module
 *   FAKE_SOURCE  the device has a source, which raises so many events
 *   FAKE_LOST    how many of its events are lost before the first
 *   FAKE_REGISTER errno of evn_register
 *   FAKE_WAIT    errno of every request's first evn_wait, which it survives
 *   FAKE_INSERT  errno of inserting the module; otherwise the file FAKE_NODE
 *                appears
 *   FAKE_REMOVE  errno of removing it
 */
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <evnotify.h>

#define NOW_NS		1000000000000ULL
#define FAR_NS		100000000000ULL
#define MAX_REQUESTS	1000

struct fake {
	struct evnotify_request req;
	uint64_t expirations;	/* to come; a cancelled request has none */
	bool armed;
	int status;
};

struct evn {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fake fakes[MAX_REQUESTS];
	unsigned int n;
	uint64_t seq;
	int ready_fd;	/* readable while a record may be ready */
	uint64_t raised;	/* events of the source that nobody has taken */
	uint64_t data;
	uint32_t lost;
};

static int fake_error(const char *name)
{
	const char *value = getenv(name);

	return value ? atoi(value) : 0;
}

struct evn *evn_open(const char *path, int flags)
{
	struct evn *evn = calloc(1, sizeof(*evn));

	errno = fake_error("FAKE_OPEN");
	if (!evn || errno) {
		free(evn);
		return NULL;
	}
	(void)path;
	(void)flags;
	pthread_mutex_init(&evn->lock, NULL);
	pthread_cond_init(&evn->changed, NULL);
	evn->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	evn->raised = (uint64_t)fake_error("FAKE_SOURCE");
	evn->lost = (uint32_t)fake_error("FAKE_LOST");
	evn->data = 42;
	return evn;
}

void evn_close(struct evn *evn)
{
	close(evn->ready_fd);
	free(evn);
}

int evn_fd(const struct evn *evn)
{
	return evn->ready_fd;
}

int evn_info(struct evn *evn, struct evnotify_info *info)
{
	(void)evn;
	*info = (struct evnotify_info){
		.abi_version = EVNOTIFY_ABI_VERSION,
		.module_version = 1 << 16 | 2 << 8 | 3,
		.features = EVNOTIFY_FEATURE_CHECKED |
			    (getenv("FAKE_SOURCE") ? EVNOTIFY_FEATURE_HAS_SOURCE : 0),
		.modes = 3,
		.clocks = 1 << 1 | 1 << 0,
		.min_period_ns = 100000,
		.max_requests = MAX_REQUESTS,
	};
	if (getenv("FAKE_ABI"))
		info->abi_version = (uint32_t)fake_error("FAKE_ABI");
	return 0;
}

/* Arms a request under the lock and lets it expire if it is near. */
static struct fake *arm(struct evn *evn, struct evnotify_request *req)
{
	struct fake *fake = &evn->fakes[evn->n++];
	bool far = req->due_ns > (req->flags & EVNOTIFY_ABSTIME ? NOW_NS : 0) + FAR_NS;
	uint64_t all = !req->period_ns ? 1 : req->count ? req->count : UINT64_MAX;

	req->id = evn->n;
	*fake = (struct fake){ .req = *req, .armed = true, .expirations = far ? 0 : all };
	if (!far && req->mode == EVNOTIFY_MODE_EVENTFD) {
		if (eventfd_write(req->eventfd, all == UINT64_MAX ? 1 : all) < 0)
			abort();
		fake->armed = all == UINT64_MAX;
	}
	eventfd_write(evn->ready_fd, 1);
	return fake;
}

ssize_t evn_register(struct evn *evn, struct evnotify_request *reqs, size_t n)
{
	errno = fake_error("FAKE_REGISTER");
	if (errno)
		return -1;
	/* Two at a time, as a batch that ends early. */
	n = n > 2 ? 2 : n;
	pthread_mutex_lock(&evn->lock);
	for (size_t i = 0; i < n; i++)
		arm(evn, &reqs[i]);
	pthread_mutex_unlock(&evn->lock);
	return (ssize_t)n;
}

/* The next record of a request of the source, which has one until it is told of the end. */
static bool take_event(struct evn *evn, struct fake *fake, struct evnotify_event *ev)
{
	if (!fake->armed)
		return false;
	*ev = (struct evnotify_event){
		.user_data = fake->req.user_data,
		.id = fake->req.id,
		.completed_ns = NOW_NS,
		.seq = ++evn->seq,
	};
	if (fake->status || !evn->raised) {
		ev->status = fake->status ? fake->status : -ENODEV;
		fake->armed = false;
		return true;
	}
	fake->armed = fake->req.flags & EVNOTIFY_REPEAT;
	evn->raised--;
	ev->expired_ns = NOW_NS + (evn->data - 42) * 1500000;
	ev->completed_ns = ev->expired_ns + 9800;
	ev->data = evn->data++;
	ev->lost = evn->lost;
	ev->count = evn->lost + 1;
	ev->flags = EVNOTIFY_EVENT_DATA | (fake->armed ? EVNOTIFY_EVENT_MORE : 0);
	evn->lost = 0;
	return true;
}

ssize_t evn_write(struct evn *evn, const struct evnotify_request *reqs, size_t n)
{
	struct evnotify_request req = *reqs;

	(void)n;
	return evn_register(evn, &req, 1);
}

/* The next record of a request under the lock, if it has one. */
static bool take(struct evn *evn, struct fake *fake, struct evnotify_event *ev)
{
	if (fake->req.flags & EVNOTIFY_SOURCE)
		return take_event(evn, fake, ev);
	if (!fake->armed || (!fake->expirations && !fake->status))
		return false;
	*ev = (struct evnotify_event){
		.user_data = fake->req.user_data,
		.id = fake->req.id,
		.due_ns = fake->req.due_ns +
			  (fake->req.flags & EVNOTIFY_ABSTIME ? 0 : NOW_NS),
		.seq = ++evn->seq,
		.status = fake->status,
	};
	if (fake->status) {
		fake->armed = false;
		return true;
	}
	ev->count = 1;
	ev->expired_ns = ev->due_ns + 41200;
	ev->completed_ns = ev->expired_ns + 9800;
	if (fake->expirations != UINT64_MAX)
		fake->expirations--;
	fake->req.due_ns += fake->req.period_ns;
	fake->armed = fake->expirations;
	ev->flags = fake->armed ? EVNOTIFY_EVENT_MORE : 0;
	return true;
}

int evn_wait(struct evn *evn, struct evnotify_wait *wait)
{
	struct fake *fake;

	pthread_mutex_lock(&evn->lock);
	if (!wait->request.id) {
		arm(evn, &wait->request);
		errno = fake_error("FAKE_WAIT");
		if (errno) {
			pthread_mutex_unlock(&evn->lock);
			return -1;
		}
	}
	fake = &evn->fakes[wait->request.id - 1];
	while (!take(evn, fake, &wait->event))
		pthread_cond_wait(&evn->changed, &evn->lock);
	pthread_mutex_unlock(&evn->lock);
	return 0;
}

int64_t evn_cancel_all(struct evn *evn)
{
	int64_t cancelled = 0;

	pthread_mutex_lock(&evn->lock);
	for (unsigned int i = 0; i < evn->n; i++) {
		if (!evn->fakes[i].armed || evn->fakes[i].status)
			continue;
		evn->fakes[i].status = -ECANCELED;
		cancelled++;
	}
	pthread_cond_broadcast(&evn->changed);
	pthread_mutex_unlock(&evn->lock);
	return cancelled;
}

ssize_t evn_read(struct evn *evn, struct evnotify_event *events, size_t n)
{
	eventfd_t value;
	size_t got = 0;

	pthread_mutex_lock(&evn->lock);
	for (unsigned int i = 0; i < evn->n && got < n; i++)
		if (evn->fakes[i].req.mode == EVNOTIFY_MODE_PENDING)
			got += take(evn, &evn->fakes[i], &events[got]);
	if (!got)
		eventfd_read(evn->ready_fd, &value);
	pthread_mutex_unlock(&evn->lock);
	errno = EAGAIN;
	return got ? (ssize_t)got : -1;
}

const char *evn_version_string(void)
{
	return "4.5.6";
}

static int insert(const char *how)
{
	const char *node = getenv("FAKE_NODE");
	int fd;

	fprintf(stderr, "fake: insert %s\n", how);
	if (fake_error("FAKE_INSERT"))
		return -fake_error("FAKE_INSERT");
	fd = open(node ? node : "", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return 0;
}

int kmod_module_insert_module(struct kmod_module *mod, unsigned int flags, const char *options)
{
	(void)flags;
	(void)options;
	return insert(kmod_module_get_path(mod));
}

int kmod_module_remove_module(struct kmod_module *mod, unsigned int flags)
{
	(void)flags;
	fprintf(stderr, "fake: remove %s\n", kmod_module_get_name(mod));
	if (fake_error("FAKE_REMOVE"))
		return -fake_error("FAKE_REMOVE");
	unlink(getenv("FAKE_NODE"));
	return 0;
}
