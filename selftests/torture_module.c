// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules are loaded and unloaded while others use the device.
 *
 * EVNOTIFY_LOADS: how often (100); EVNOTIFY_KO: the file of evnotify, which that of
 * evnotify-sim is next to (default: modprobe finds them).
 */
#include <limits.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define NO_INSTANCE	/* the module has to go */
#include "torture.h"

/*
 * The module comes and goes while others open the device, arm and close it. Whoever has
 * opened it keeps it; whoever comes too late finds nothing there.
 */
static void open_and_close(atomic_ulong *opened)
{
	struct evnotify_request q = pending_in(0, 0);
	struct evnotify_event event;
	int fd, n = 0;

	q.period_ns = NSEC_PER_MSEC;
	for (;;) {
		fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		q.due_ns = n++ % 3 * 100 * NSEC_PER_USEC;
		if (arm(fd, &q))
			_exit(1);
		if (n % 5 == 0 && (!readable(fd, -1) || read_some(fd, &event, 1) != 1))
			_exit(1);
		close(fd);
		atomic_fetch_add(opened, 1);
		usleep(n % 4 * 1000);	/* or there would be no moment to unload in */
	}
}

static int load_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, "", 0);

	close(fd);
	return ret;
}

/* Both modules: evnotify-sim uses the other */
static int load(void)
{
	const char *path = getenv("EVNOTIFY_KO");
	char sim[PATH_MAX];

	if (!path)
		return system("modprobe evnotify-sim");
	snprintf(sim, sizeof(sim), "%.*s/evnotify-sim.ko",
		 (int)(strrchr(path, '/') - path), path);
	return load_file(path) ?: load_file(sim);
}

static int unload_both(void)
{
	int ret = unload("evnotify_sim");

	return ret && ret != -ENOENT ? ret : unload("evnotify");
}

FIXTURE(module) {};
FIXTURE_SETUP(module) {}
FIXTURE_TEARDOWN(module) {}

TEST_F_TIMEOUT(module, loads_and_unloads_under_traffic, 1700)
{
	unsigned long loads = setting("EVNOTIFY_LOADS", 100), refused = 0, i;
	atomic_ulong *opened = mmap(NULL, sizeof(*opened), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t openers[2];
	int fd, ret, status;

	watch_closely(_metadata);
	ASSERT_NE(MAP_FAILED, opened);
	for (i = 0; i < ARRAY_SIZE(openers); i++) {
		openers[i] = fork_mortal();
		if (!openers[i])
			open_and_close(opened);
		ASSERT_LT(0, openers[i]);
	}
	for (i = 1; i <= loads; i++) {
		while ((ret = unload_both()) == -EWOULDBLOCK)
			refused++;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, load());
		if (i % 100 == 0) {
			printf("# loaded %lu times, refused to unload %lu times, opened %lu times\n",
			       i, refused, *opened);
			fflush(stdout);
		}
	}
	EXPECT_TRUE(UNTIL(*opened > 0));
	for (i = 0; i < ARRAY_SIZE(openers); i++) {
		EXPECT_EQ(0, kill(openers[i], SIGKILL));
		waitpid(openers[i], &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	/* above it takes luck to be refused */
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, unload("evnotify_sim"));
	EXPECT_EQ(-EWOULDBLOCK, unload("evnotify"));
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(UNTIL(read_number(MODULE "/refcnt", NULL) == 0));
	EXPECT_EQ(0, unload("evnotify"));
	EXPECT_EQ(0, load());
}

TEST_HARNESS_MAIN
