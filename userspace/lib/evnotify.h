/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libevnotify - a thin C interface to /dev/evnotify and the nodes of sources
 *
 * An instance (struct evn) is one open file of the device.  Requests, event
 * records and times are those of <linux/evnotify.h>: nanoseconds, each on the
 * clock of its request; see evnotify(4) for every field and evnotify(7) for
 * the model.
 *
 * Conventions: a call fails by returning -1 (NULL from the two that make an
 * instance) and setting errno; nothing has changed then.  Beyond what is
 * listed, each call passes on what its system call says.  No call but evn_open()
 * and evn_from_fd() allocates memory.
 *
 * Signals: only evn_wait() and evn_read() end with EINTR, for they block, and a
 * program may want to act on what its handler noted.  What evn_wait() armed stays
 * armed then, and the same call goes on with it.
 *
 * Threads: every call may be made on one instance by several threads at once,
 * except evn_close() and evn_release(), one of which must be the last one.
 */
#ifndef EVNOTIFY_H
#define EVNOTIFY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/evnotify.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One open instance. Made by evn_open() or evn_from_fd(), owned by the caller, ended by
 * evn_close() or evn_release().
 */
struct evn;

/**
 * evn_open() - open a new instance; open(2)
 * @path: the device node, which may be that of a source; NULL: /dev/evnotify
 * @flags: O_NONBLOCK or 0; the descriptor is always close-on-exec
 *
 * Return: the instance, or NULL: EINVAL (other
 * flags), ENOENT (the module is not loaded, or the source not there), EACCES,
 * ENOTTY (@path is not an evnotify device), ENOMEM, EMFILE, ENODEV (the source is
 * gone), EUSERS (64 files have the source open).
 */
struct evn *evn_open(const char *path, int flags);

/**
 * evn_from_fd() - use a descriptor that came over a socket or an exec; ioctl(2)
 * @fd: an open descriptor of the device
 *
 * On success @fd belongs to the instance; on failure it stays the caller's.
 *
 * Return: the instance, or NULL: EBADF, ENOTTY (not an evnotify device), ENOMEM.
 */
struct evn *evn_from_fd(int fd);

/**
 * evn_close() - close the descriptor and free the instance; close(2)
 * @evn: the instance, or NULL for no effect
 *
 * Requests that are still armed end when the last descriptor of the open file
 * is closed, here and in other processes.  errno is kept.
 */
void evn_close(struct evn *evn);

/**
 * evn_release() - free the instance and keep its descriptor open
 * @evn: the instance
 *
 * For a descriptor that something else owns from now on, and will close: a stream
 * of an event loop, or who gets it over a socket.  Requests stay armed.  errno is
 * kept.
 *
 * Return: the descriptor, which is the caller's now. Cannot fail.
 */
int evn_release(struct evn *evn);

/**
 * evn_fd() - the descriptor, for poll, epoll, io_uring or fcntl
 * @evn: the instance
 *
 * Return: the descriptor; it still belongs to the instance. Cannot fail.
 */
int evn_fd(const struct evn *evn);

/**
 * evn_info() - what the module is and allows; EVNOTIFY_IOC_INFO
 * @evn: the instance
 * @info: filled in
 *
 * Return: 0, or -1: EFAULT.
 */
int evn_info(struct evn *evn, struct evnotify_info *info);

/**
 * evn_register() - arm requests and return at once; EVNOTIFY_IOC_REGISTER
 * @evn: the instance
 * @reqs: the requests; the id of each one taken is set
 * @n: how many, at least 1
 *
 * Requests are taken from the first on; the first bad one ends the call before
 * it, and a call that starts with it reports its errno.
 *
 * Return: how many were taken, 1 to @n; or -1: EINVAL (a field, or @n is 0),
 * EBADF (no such eventfd), ENOSPC (the instance holds max_requests), EDQUOT (all
 * instances of the user hold max_user_requests), ENOMEM, EFAULT, ENODEV (the
 * source is gone, and all its events have been taken).
 */
ssize_t evn_register(struct evn *evn, struct evnotify_request *reqs, size_t n);

/**
 * evn_write() - arm requests whose ids are not needed; write(2)
 * @evn: the instance
 * @reqs: the requests; not changed
 * @n: how many, at least 1
 *
 * Return: as evn_register().
 */
ssize_t evn_write(struct evn *evn, const struct evnotify_request *reqs, size_t n);

/**
 * evn_wait() - arm one request and block until it completes; EVNOTIFY_IOC_WAIT
 * @evn: the instance
 * @wait: .request, EVNOTIFY_MODE_PENDING without a period and EVNOTIFY_REPEAT,
 *	goes in; its id is set before the call blocks, so that another thread
 *	that reads it (atomically; 0 until then, if the caller set it so) can
 *	cancel or update the request; .event comes out
 *
 * Blocks even with O_NONBLOCK.  A request that another thread cancels is a
 * completion like any other: 0 is returned and .event.status is -ECANCELED.
 *
 * If a signal handler ran, the request stays armed.  The same call with the same
 * @wait takes it up again, so that its delay does not begin anew:
 *
 *	while ((ret = evn_wait(evn, &wait)) < 0 && errno == EINTR)
 *		;
 *
 * For a new delay instead, cancel the request and set .request.id to 0.
 *
 * Of a source: .event.status is -ETIME if no event came in time, -ENODEV if the
 * source went; 0 is returned in either case.
 *
 * Return: 0, or -1: EINVAL, ENOSPC, EDQUOT, ENOMEM, EFAULT, ENODEV (the source is
 * gone, and all its events have been taken), EINTR (a signal handler ran; the
 * request is armed and .event is untouched).
 */
int evn_wait(struct evn *evn, struct evnotify_wait *wait);

/**
 * evn_cancel() - cancel one request; EVNOTIFY_IOC_CANCEL
 * @evn: the instance
 * @id: the request's
 *
 * Return: 0: the cancellation won, the request completes with -ECANCELED in
 * its record (an eventfd is not signalled); or -1: EALREADY (it has been
 * cancelled, or its last expiration came first: its record or signal will
 * come), ENOENT (the instance never gave out that id; one that was made up gets
 * EALREADY if it looks older than one that was).
 */
int evn_cancel(struct evn *evn, uint64_t id);

/**
 * evn_cancel_all() - cancel what is armed now; EVNOTIFY_IOC_CANCEL
 * @evn: the instance
 *
 * When it returns, what had expired before is readable or signalled, and nothing
 * of it follows.
 *
 * Return: how many requests were cancelled, 0 included; -1 as for any ioctl.
 */
int64_t evn_cancel_all(struct evn *evn);

/**
 * evn_update() - give an armed request new times; EVNOTIFY_IOC_UPDATE
 * @evn: the instance
 * @update: the request's id and its new times
 *
 * Return: 0, or -1: EALREADY and ENOENT as evn_cancel(), EINVAL (a field, a period
 * for a request that evn_wait() made, or a request with EVNOTIFY_SOURCE).
 */
int evn_update(struct evn *evn, const struct evnotify_update *update);

/**
 * evn_read() - take event records; read(2)
 * @evn: the instance
 * @events: filled in, oldest completion first
 * @n: room for how many, at least 1
 *
 * Blocks until there is one, unless O_NONBLOCK is set.
 *
 * Return: how many records, 1 to @n; or -1: EAGAIN (none, with O_NONBLOCK),
 * EINTR, EINVAL (@n is 0), EFAULT, ENODEV (the source is gone, and nothing is
 * readable or pending).
 */
ssize_t evn_read(struct evn *evn, struct evnotify_event *events, size_t n);

/**
 * evn_version() - version of the library: major << 16 | minor << 8 | patch
 *
 * The module's own is module_version of evn_info().
 */
uint32_t evn_version(void);

/* evn_version_string() - the same as text, "major.minor.patch"; static. */
const char *evn_version_string(void);

#ifdef __cplusplus
}
#endif

#endif /* EVNOTIFY_H */
