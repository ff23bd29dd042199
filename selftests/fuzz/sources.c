// SPDX-License-Identifier: GPL-2.0-only
/* evnotify fuzzer - sources of one's own: opened, opened again, played, and unplugged */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/evnotify_sim.h>

#include "execute.h"

#define MAX_DELAY	((1ULL << 51) - 1)	/* of a step */

static int sims[MAX_INSTS];	/* of the sources, under world_lock(); 0: none, or unplugged */

static struct source *source_of(struct slot s)
{
	return world->insts[s.nr].source;
}

/* NEW has made it. */
static void made(const struct call *c, int sim, const struct evnotify_sim_new *new)
{
	struct slot s = { .kind = DEVICE, .can_read = true, .can_write = true };
	struct source *source;

	if (!memchr(new->name, '\0', sizeof(new->name)) ||
	    strncmp(new->name, "evnotify-sim", strlen("evnotify-sim")))
		finding("sim: the name %.32s", new->name);
	world_lock();
	source = &world->sources[world->nr_sources++];
	memcpy(source->name, new->name, sizeof(source->name) - 1);
	sims[source - world->sources] = fd_of_its_own(sim);
	world_unlock();
	s.nr = oracle_open(source, 0);
	slot_set(c->arg[A_FD], new->fd, s);
	close(new->fd);
}

void call_sim(const struct call *c)
{
	struct evnotify_sim_new args = {
		.flags = O_CLOEXEC | (c->arg[A_NOWAIT] ? O_NONBLOCK : 0) | c->arg[A_KIND],
	}, again = {};
	struct evnotify_sim_step step = {};
	struct place place;
	int sim, ret, expect;

	if (c->arg[A_RESERVED])
		args.__reserved[(c->arg[A_RESERVED] - 1) % 3] = 1;
	expect = args.flags & ~(O_CLOEXEC | O_NONBLOCK) || c->arg[A_RESERVED] ? -EINVAL : 0;
	place = put(0, c->arg[A_PLACE], &args, sizeof(args));
	if (!place.readable || (!expect && !place.writable))
		expect = -EFAULT;
	fail_begin(c);
	sim = open("/dev/evnotify-sim", O_WRONLY | O_CLOEXEC);
	ret = sim < 0 || ioctl(sim, EVNOTIFY_SIM_IOC_NEW, place.addr) ? -errno : 0;
	fail_end(c);

	feedback(SEEN_SIM, -ret);
	if (!ret)
		allow(&place, offsetof(struct evnotify_sim_new, fd),
		      sizeof(args.fd) + sizeof(args.name));
	verify(&place, "sim");
	if (ret != expect && !(c->arg[A_FAIL] && ret))
		finding("sim: %s, not %s", strerror(-ret), strerror(-expect));
	if (sim < 0)
		return;
	if (!ret) {
		if (!ioctl(sim, EVNOTIFY_SIM_IOC_NEW, &again) || errno != EBUSY)
			finding("sim with a source: %s", strerror(errno));
		made(c, sim, at(&place));
	} else {
		if (write(sim, &step, sizeof(step)) >= 0 || errno != ENXIO)
			finding("raise without a source: %s", strerror(errno));
		close(sim);
	}
}

void call_reopen(const struct call *c, struct slot s)
{
	struct source *source = source_of(s);
	char path[64];
	int ret;

	world_lock();
	/* Once it is gone, its name may be another's. */
	if (source && !source->closing) {
		snprintf(path, sizeof(path), "/dev/%s", source->name);
		ret = open_file(c, path, c->arg[A_TO], source);
		if (ret && !c->arg[A_FAIL])
			finding("open of %s: %s", path, strerror(-ret));
	}
	world_unlock();
}

void call_raise(const struct call *c, struct slot s)
{
	struct evnotify_sim_step steps[ARENA / sizeof(struct evnotify_sim_step)];
	size_t len = c->arg[A_LEN] & 0x1fffff, n = len / sizeof(*steps), done, i;
	struct source *source = source_of(s);
	uint64_t delay_ns = c->arg[A_DUE];
	struct place place;
	ssize_t ret;
	int expect;
	int fd;

	if (!source)
		return;
	/* What is made to fail must not block: no signal could end it. */
	if (c->arg[A_FAIL] && delay_ns <= MAX_DELAY)
		delay_ns = 0;
	expect = !n || n > EVNOTIFY_SIM_MAX_STEPS ? -EINVAL : 0;
	place = put(1, c->arg[A_ARRAY], NULL, len);
	/* An address that no process can have is looked at before the length. */
	if ((intptr_t)place.addr < 0 || (!expect && place.inside < n * sizeof(*steps)))
		expect = -EFAULT;
	if (!expect && delay_ns > MAX_DELAY)
		expect = -EINVAL;

	world_lock();
	fd = sims[source - world->sources];
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		bool late = c->arg[A_AT] == AT_ALL || (n && i == c->arg[A_AT] % n);

		steps[i].delay_ns = late ? delay_ns : 0;
		steps[i].data = oracle_data(source, source->raised_max + i);
	}
	if (fd && !expect) {
		source->raised_max += n;
		source->mixed |= source->raising++;
	}
	world_unlock();
	if (!fd)
		return;
	place = put(1, c->arg[A_ARRAY], steps, len);
	patience(true);
	fail_begin(c);
	ret = write(fd, place.addr, len);
	if (ret < 0)
		ret = -errno;
	fail_end(c);
	patience(false);

	done = ret > 0 ? ret / sizeof(*steps) : 0;
	if (!expect) {
		world_lock();
		source->raised_min += done;
		source->raised_max -= n - done;
		source->raising--;
		world_unlock();
	}
	feedback(SEEN_RAISE, (ret < 0 ? -ret : 0) << 8 | bucket(done));
	verify(&place, "raise");
	if (ret > 0 && (expect || ret % sizeof(*steps) || done > n))
		finding("raise of %zu bytes returned %zd", len, ret);
	/* A signal ends it when it plays, or another thread does. */
	if (ret <= 0 && ret != expect && ret != -EBADF && !(c->arg[A_FAIL] && ret) &&
	    !(ret == -EINTR && (!expect || world->company)))
		finding("raise of %zu bytes: %s, not %s", len, strerror(-ret), strerror(-expect));
}

void call_unplug(struct slot s)
{
	struct source *source = source_of(s);
	int fd;

	if (!source)
		return;
	world_lock();
	fd = sims[source - world->sources];
	sims[source - world->sources] = 0;
	source->closing = true;
	world_unlock();
	if (fd)
		close(fd);
	/* Otherwise a thread may be in a write(), or a child has a copy. */
	source->gone |= !world->company;
}

void sources_settle(void)
{
	int i;

	for (i = 0; i < world->nr_sources; i++)
		world->sources[i].gone = !sims[i];
}

void sources_close(void)
{
	int i;

	for (i = 0; i < MAX_INSTS; i++) {
		if (sims[i])
			close(sims[i]);
		sims[i] = 0;
	}
}
