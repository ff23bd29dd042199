// SPDX-License-Identifier: GPL-2.0-only
/* evnotify fuzzer - calls on a file that arm nothing */
#define _GNU_SOURCE
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "execute.h"

#define FIRST_FD	100	/* the slots have numbers from here on, none twice in a sequence */
#define PATIENCE_NS	4000000

static struct slot slots[SLOTS];	/* under world_lock() */
static int next_fd;

void patience(bool on)
{
	struct itimerspec its = {
		.it_value.tv_nsec = on ? PATIENCE_NS : 0,
		.it_interval.tv_nsec = on ? PATIENCE_NS / 2 : 0,
	};

	timer_settime(self->timer, 0, &its, NULL);
}

static void mask_signals(int how)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(how, &all, NULL);
}

/* No signals meanwhile: building their frame could be what fails, and that kills. */
void fail_begin(const struct call *c)
{
	char text[8];
	int n = c->arg[A_FAIL] & 15;

	if (!n || self->fail_nth < 0)
		return;
	mask_signals(SIG_BLOCK);
	(void)!pwrite(self->fail_nth, text, sprintf(text, "%d", n), 0);
}

void fail_end(const struct call *c)
{
	int err = errno;

	if (!(c->arg[A_FAIL] & 15) || self->fail_nth < 0)
		return;
	/* What is left of it fails this write. */
	while (pwrite(self->fail_nth, "0", 1, 0) < 0)
		;
	mask_signals(SIG_UNBLOCK);
	errno = err;
}

int do_ioctl(const struct call *c, int fd, unsigned long cmd, void *arg)
{
	int ret;

	fail_begin(c);
	ret = ioctl(fd, cmd, arg);
	fail_end(c);
	return ret ? -errno : 0;
}

ssize_t transfer(const struct call *c, int fd, uint8_t *addr, size_t len, bool in)
{
	size_t split = c->arg[A_SPLIT] < len ? c->arg[A_SPLIT] : 0;
	struct iovec iov[2] = { { addr, split }, { addr + split, len - split } };
	/* What is made to fail must not block: no signal could end it. */
	int flags = c->arg[A_NOWAIT] || c->arg[A_FAIL] ? RWF_NOWAIT : 0;
	ssize_t ret;

	patience(in);	/* a signal would end a batch early */
	fail_begin(c);
	if (!split && !flags)
		ret = in ? read(fd, addr, len) : write(fd, addr, len);
	else
		ret = in ? preadv2(fd, iov, 2, -1, flags) : pwritev2(fd, iov, 2, -1, flags);
	fail_end(c);
	if (ret < 0)
		ret = -errno;
	patience(false);
	return ret;
}

void files_init(void)
{
	int i;

	next_fd = FIRST_FD;
	for (i = 0; i < SLOTS; i++)
		slots[i] = (struct slot){ .fd = -1 };
}

struct slot slot_get(uint64_t slot)
{
	struct slot s;

	world_lock();
	s = slots[slot % SLOTS];
	world_unlock();
	return s;
}

int fd_of_its_own(int fd)
{
	int copy;

	world_lock();
	copy = dup3(fd, next_fd++, O_CLOEXEC);
	world_unlock();
	close(fd);
	return copy;
}

void slot_set(uint64_t slot, int fd, struct slot s)
{
	world_lock();
	s.fd = fd < 0 ? -1 : dup3(fd, next_fd++, O_CLOEXEC);
	if (slots[slot % SLOTS].kind)
		close(slots[slot % SLOTS].fd);
	slots[slot % SLOTS] = s;
	world_unlock();
}

int open_file(const struct call *c, const char *path, uint64_t slot, struct source *source)
{
	static const int flags[] = { O_RDWR, O_RDWR | O_NONBLOCK, O_RDONLY, O_WRONLY };
	int mode = flags[c->arg[A_KIND] & 3], fd;
	uint64_t raised = source ? source->raised_min : 0;
	struct slot s = { .kind = DEVICE, .can_read = (mode & O_ACCMODE) != O_WRONLY,
			  .can_write = (mode & O_ACCMODE) != O_RDONLY };

	fail_begin(c);
	fd = open(path, mode | O_CLOEXEC);
	fail_end(c);
	feedback(SEEN_OPEN, (fd < 0 ? errno : 0) << 1 | !!source);
	if (fd < 0)
		return -errno;
	s.nr = oracle_open(source, raised);
	slot_set(slot, fd, s);
	close(fd);
	return 0;
}

void call_open(const struct call *c)
{
	open_file(c, "/dev/evnotify", c->arg[A_FD], NULL);
}

void call_eventfd(const struct call *c)
{
	int fd = eventfd(0, EFD_CLOEXEC | (c->arg[A_KIND] & 1 ? EFD_SEMAPHORE : 0));
	struct slot s = { .kind = EVENTFD };

	world_lock();
	s.nr = world->nr_eventfds++;
	world_unlock();
	slot_set(c->arg[A_FD], fd, s);
	close(fd);
}

void call_close(const struct call *c)
{
	slot_set(c->arg[A_FD], -1, (struct slot){});
}

void call_dup(const struct call *c)
{
	struct slot s;

	world_lock();
	s = slots[c->arg[A_FD] % SLOTS];
	if (s.kind)
		slot_set(c->arg[A_TO], s.fd, s);
	world_unlock();
}

/* What one read() gave: in which order, and how many at once the interrupt and the tasklet took. */
static void feedback_records(const struct evnotify_event *events, int n)
{
	int i, interrupt = 0, tasklet = 0, kind, last = 0;

	for (i = 0; i < n; i++) {
		const struct evnotify_event *ev = &events[i], *before = i ? ev - 1 : ev;

		kind = 1 + (seen_status(ev->status) | (ev->count > 1) << 2 | !ev->expired_ns << 3 |
			    ev->flags << 4);
		feedback(SEEN_ORDER, last << 12 | kind << 2 | (ev->due_ns > before->due_ns) << 1 |
				     (ev->due_ns < before->due_ns));
		last = kind;
		/* Each reads the clock once for all that it takes. */
		interrupt = ev->expired_ns == before->expired_ns ? interrupt + 1 : 1;
		tasklet = ev->completed_ns == before->completed_ns ? tasklet + 1 : 1;
		feedback(SEEN_INTERRUPT, bucket(interrupt));
		feedback(SEEN_TASKLET, bucket(tasklet));
	}
	feedback(SEEN_RECORDS, bucket(n));
}

void call_read(const struct call *c, struct slot s)
{
	size_t size = sizeof(struct evnotify_event), len = c->arg[A_LEN] & 0x1fffff;
	struct place place = put(1, c->arg[A_ARRAY], NULL, len);
	struct evnotify_event events[ARENA / sizeof(struct evnotify_event)];
	static const char zeros[sizeof(struct evnotify_event)];
	ssize_t ret, i;
	uint64_t value;
	size_t got;

	ret = transfer(c, s.fd, place.addr, len, true);
	if (ret == -EBADF)
		return;
	feedback(SEEN_READ, ret < 0 ? -ret : 0);
	/* A record of which a part could be copied has not been read. */
	allow(&place, 0, place.writable && !c->arg[A_FAIL] ? (ret > 0 ? ret : 0) : len);
	/* Nor one that another thread got while its memory was brought in, by a write of zeros. */
	got = ret > 0 ? ret : 0;
	if (world->company && place.inside >= got + size && !memcmp(at(&place) + got, zeros, size))
		allow(&place, got, size);
	verify(&place, "read");
	if (s.kind == EVENTFD && ret == sizeof(value)) {
		memcpy(&value, at(&place), sizeof(value));
		world_lock();
		world->eventfds[s.nr].taken += value;
		world_unlock();
		feedback(SEEN_EVENTFD, bucket(value));
	}
	if (s.kind == EVENTFD && ret == -EFAULT)
		world->eventfds[s.nr].unknown = true;	/* it was taken, and is lost */
	if (s.kind != DEVICE)
		return;
	if (ret == -ENODEV)
		oracle_over(s.nr);
	if (ret > 0 && (ret % size || ret > len || ret > place.inside))
		finding("read of %zu bytes returned %zd", len, ret);
	if (len && len < size && s.can_read && place.inside && ret != -EINVAL && ret != -EBADF)
		finding("read of %zu bytes: %s", len, ret < 0 ? strerror(-ret) : "no error");
	if (len >= size && ret == -EINVAL)
		finding("read of %zu bytes: %s", len, strerror(-ret));
	if (place.writable && !c->arg[A_FAIL] && ret == -EFAULT)
		finding("read to good memory: %s", strerror(-ret));
	if (ret <= 0 || finding_text())
		return;
	memcpy(events, at(&place), ret);
	feedback_records(events, ret / size);
	for (i = 0; i < ret / (ssize_t)size; i++)
		oracle_event(s.nr, &events[i], false);
}

void call_info(const struct call *c, struct slot s)
{
	struct evnotify_info *info;
	struct place place = put(0, c->arg[A_PLACE], NULL, sizeof(*info));
	int ret = do_ioctl(c, s.fd, EVNOTIFY_IOC_INFO, place.addr);
	uint64_t features = EVNOTIFY_FEATURE_CHECKED | EVNOTIFY_FEATURE_SOURCES |
			    (world->insts[s.nr].source ? EVNOTIFY_FEATURE_HAS_SOURCE : 0);

	if (ret == -EBADF)
		return;
	allow(&place, 0, sizeof(*info));
	verify(&place, "info");
	info = at(&place);
	if (!ret && (info->abi_version != EVNOTIFY_ABI_VERSION ||
		     (info->features | EVNOTIFY_FEATURE_CHECKED) != features ||
		     info->modes != 3 || info->clocks != (1 << 0 | 1 << 1 | 1 << 7 | 1 << 11) ||
		     info->max_requests != max_requests || info->min_period_ns != min_period_ns ||
		     info->__reserved[0] | info->__reserved[1] | info->__reserved[2] |
		     info->__reserved[3] | info->__reserved[4]))
		finding("info: unexplained bytes");
	if (place.writable && !c->arg[A_FAIL] && ret && ret != -EBADF)
		finding("info: %s", strerror(-ret));
}

void call_fionread(const struct call *c, struct slot s)
{
	int *bytes;
	struct place place = put(0, c->arg[A_PLACE], NULL, sizeof(*bytes));
	int ret = do_ioctl(c, s.fd, FIONREAD, place.addr);

	if (ret == -EBADF || s.kind != DEVICE)
		return;
	allow(&place, 0, sizeof(*bytes));
	verify(&place, "fionread");
	bytes = at(&place);
	if (!ret && (*bytes < 0 || *bytes % sizeof(struct evnotify_event)))
		finding("fionread: %d bytes", *bytes);
}

void call_ioctl(const struct call *c, struct slot s)
{
	uint32_t cmd = c->arg[A_CMD];
	struct place place;
	int ret;

	if (cmd == EVNOTIFY_IOC_INFO || cmd == EVNOTIFY_IOC_REGISTER || cmd == EVNOTIFY_IOC_WAIT ||
	    cmd == EVNOTIFY_IOC_CANCEL || cmd == EVNOTIFY_IOC_UPDATE || s.kind != DEVICE)
		return;
	place = put(0, c->arg[A_PLACE], NULL, sizeof(struct evnotify_wait));
	ret = do_ioctl(c, s.fd, cmd, place.addr);
	if (_IOC_TYPE(cmd) != EVNOTIFY_IOC_MAGIC)
		return;
	verify(&place, "an unknown ioctl");
	if (ret != -ENOTTY && ret != -EBADF)
		finding("ioctl %#x: %s", cmd, strerror(-ret));
}

void call_poll(const struct call *c, struct slot s)
{
	struct pollfd pfd = { .fd = s.fd, .events = c->arg[A_EVENTS] };
	struct timespec timeout = { .tv_nsec = c->arg[A_USEC] % 5000 * 1000 };

	if (ppoll(&pfd, 1, &timeout, NULL) < 0 || pfd.revents & POLLNVAL)
		return;
	feedback(SEEN_POLL, s.kind << 8 | (pfd.revents & 0xff));
	if (s.kind != DEVICE)
		return;
	if (pfd.revents & (POLLHUP | POLLERR) && !oracle_may_be_gone(s.nr))
		finding("poll: events %#x, and the source is there", pfd.revents);
	if ((pfd.revents & POLLOUT) != (pfd.events & POLLOUT))
		finding("poll: events %#x of %#x", pfd.revents, pfd.events);
}

void call_fcntl(const struct call *c, struct slot s)
{
	int fd = s.fd;
	int flags = fcntl(fd, F_GETFL);

	switch (c->arg[A_KIND] & 3) {
	case 0:
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		break;
	case 1:
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
		break;
	case 2:
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_SETFL, flags | O_ASYNC);
		break;
	case 3:
		fcntl(fd, F_SETFL, flags & ~O_ASYNC);
		break;
	}
}

/* What is still open: what has to hold at the end; then it is closed. */
void files_settle(void)
{
	int done_insts = 0, done_eventfds = 0, i;

	sources_settle();
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].kind != DEVICE || done_insts & 1 << slots[i].nr)
			continue;
		done_insts |= 1 << slots[i].nr;
		oracle_counters(slots[i].nr, slots[i].fd, false);
		oracle_settle(slots[i].nr, slots[i].fd);
	}
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].kind != EVENTFD || done_eventfds & 1 << slots[i].nr)
			continue;
		done_eventfds |= 1 << slots[i].nr;
		oracle_settle_eventfd(slots[i].nr, slots[i].fd);
	}
	for (i = 0; i < SLOTS; i++)
		if (slots[i].kind)
			close(slots[i].fd);
	sources_close();
}

