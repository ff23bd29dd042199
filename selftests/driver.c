// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls that drivers make, by a driver that is there for that, testdriver/: which names a
 * source may have, and when a driver is told that somebody listens.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include "drivers.h"

#define PARAMETERS	"/sys/module/evnotify_testdriver/parameters/"
/* Sources that there can be */
#define MOST_SOURCES	"4096"
/* Files that may have a source open, and events that it keeps */
#define MOST_FILES	64
#define RING		256
/* As long as a name may be */
#define LONGEST_NAME	"abcdefghijklmnopqrstuvwxyz-_ABCD"

FIXTURE(driver)
{
	char unused;
};

FIXTURE_SETUP(driver)
{
	if (!have_samples() && !strict())
		SKIP(return, "EVNOTIFY_SAMPLES names no directory");
	ASSERT_TRUE(have_samples());
}

FIXTURE_TEARDOWN(driver)
{
	unload("testdriver");
}

static unsigned long parameter(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	return read_number(path, NULL);
}

static int set_parameter(const char *name, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	snprintf(text, sizeof(text), "%u", value);
	return put(path, text);
}

/* One more source; the sources that there are go. A load would take much longer. */
static int register_one(const char *name)
{
	return put(PARAMETERS "register", name);
}

static int unregister_all(void)
{
	return set_parameter("unregister", 1);
}

static bool node(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), DEVICE "-%s", name);
	return !access(path, F_OK);
}

/* How often it was told that somebody listens, and that nobody does, and never out of turn */
#define EXPECT_TOLD(_opened, _closed) do {				\
	EXPECT_EQ(_opened, parameter("opened"));			\
	EXPECT_EQ(_closed, parameter("closed"));			\
	EXPECT_EQ(0, parameter("misused"));				\
} while (0)

/* --- names ---------------------------------------------------------------------------- */

TEST_F(driver, a_name_has_letters_digits_and_dashes)
{
	static const char * const bad[] = {
		"a/b", "/", "a.b", "..", "a%d", "a:b", "a@b", "\xc3\xa4", "a\x7f", "a,",
		LONGEST_NAME "E",
	};
	static const char * const good[] = { "a", "0", "-", "_", "Az09-_", LONGEST_NAME };
	char text[128];
	unsigned int i;

	/* a driver that is refused when it is loaded; and one that has no name for it */
	EXPECT_EQ(-EINVAL, load("testdriver", "names=a/b"));
	EXPECT_EQ(-EINVAL, load("testdriver", "names="));
	ASSERT_EQ(0, load("testdriver", ""));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, register_one(bad[i]))
			TH_LOG("%s", bad[i]);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, register_one(good[i]))
			TH_LOG("%s", good[i]);
		snprintf(text, sizeof(text), "%s0", good[i]);
		EXPECT_TRUE(node(text));
		EXPECT_EQ(0, unregister_all());
		EXPECT_FALSE(node(text));
	}
}

/* Two of one name get two numbers, the lowest that are free. */
TEST_F(driver, a_name_is_numbered)
{
	int sim, fd, i;

	ASSERT_EQ(0, load("testdriver", "names=a,b,a each=2"));
	EXPECT_TRUE(node("a0") && node("a1") && node("a2") && node("a3"));
	EXPECT_TRUE(node("b0") && node("b1"));
	EXPECT_FALSE(node("a4") || node("b2"));
	ASSERT_EQ(0, unregister_all());
	EXPECT_FALSE(node("a0") || node("a3") || node("b0"));
	ASSERT_EQ(0, register_one("a"));
	EXPECT_TRUE(node("a0"));
	EXPECT_FALSE(node("a1"));

	/* "a" with number 10 is "a1" with number 0 */
	for (i = 1; i < 11; i++)
		ASSERT_EQ(0, register_one("a"));
	ASSERT_EQ(0, register_one("a1"));
	EXPECT_TRUE(node("a9") && node("a10") && node("a11"));
	EXPECT_FALSE(node("a12") || node("a110"));
	ASSERT_EQ(0, unregister_all());

	/* but "a01" is another than "a1" */
	ASSERT_EQ(0, register_one("a0"));
	ASSERT_EQ(0, register_one("a0"));
	EXPECT_TRUE(node("a00") && node("a01"));
	ASSERT_EQ(0, register_one("a"));
	ASSERT_EQ(0, register_one("a"));
	EXPECT_TRUE(node("a0") && node("a1"));
	ASSERT_EQ(0, unregister_all());

	/* a name is taken, whoever has it */
	sim = open_sim(_metadata);
	fd = sim_new(sim, 0, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, register_one("sim"));
	EXPECT_TRUE(node("sim0") && node("sim1"));
	close(sim);
	EXPECT_TRUE(node("sim0") != node("sim1"));
	close(fd);
}

/*
 * Then the next driver is told so, whatever its name; and when they go, there is room again. The
 * kernel takes milliseconds for each of them, a kernel with all checks many more.
 */
TEST_F_TIMEOUT(driver, there_can_be_so_many, 600)
{
	int sim, fd;

	if (!setting("EVNOTIFY_MANY_SOURCES", 0))
		SKIP(return, "it takes long, EVNOTIFY_MANY_SOURCES=1 asks for it");
	sim = open_sim(_metadata);
	ASSERT_EQ(0, load("testdriver", "names=many numbered=1 each=" MOST_SOURCES));
	EXPECT_TRUE(node("many0-0") && node("many4095-0"));
	EXPECT_EQ(-ENOSPC, sim_new(sim, 0, NULL));
	ASSERT_EQ(0, unload("testdriver"));
	EXPECT_FALSE(node("many0-0") || node("many4095-0"));
	fd = sim_new(sim, 0, NULL);
	EXPECT_LE(0, fd);
	close(sim);
	close(fd);
}

/* So that there can always be as many: of the node, too, the number comes back. */
TEST_F(driver, a_number_of_a_device_is_used_again)
{
	struct stat first, again;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, load("testdriver", "names=a each=3"));
		ASSERT_EQ(0, stat(DEVICE "-a2", &again));
		if (!i)
			first = again;
		EXPECT_TRUE(S_ISCHR(again.st_mode));
		EXPECT_EQ(first.st_rdev, again.st_rdev);
		ASSERT_EQ(0, unload("testdriver"));
	}
}

/* --- who listens ---------------------------------------------------------------------- */

TEST_F(driver, it_is_told_of_the_first_and_the_last_who_listen)
{
	int fds[3], i, round;

	ASSERT_EQ(0, load("testdriver", "names=test"));
	EXPECT_TOLD(0, 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 3; i++) {
			fds[i] = open_source("test");
			ASSERT_LE(0, fds[i]);
			EXPECT_TOLD(round + 1, round);
		}
		for (i = 0; i < 3; i++) {
			EXPECT_TOLD(round + 1, round);
			close(fds[(i + round) % 3]);
		}
		EXPECT_TOLD(round + 1, round + 1);
	}
	/* it has gone unheard */
	EXPECT_EQ(0, set_parameter("unregister", 1));
	EXPECT_TOLD(3, 3);
}

TEST_F(driver, when_it_unregisters_it_is_told_once_and_no_more)
{
	int fds[2];

	ASSERT_EQ(0, load("testdriver", "names=test"));
	fds[0] = open_source("test");
	fds[1] = open_source("test");
	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[1]);
	EXPECT_EQ(0, set_parameter("unregister", 1));
	EXPECT_TOLD(1, 1);
	close(fds[0]);
	close(fds[1]);
	EXPECT_TOLD(1, 1);
}

TEST_F(driver, what_it_raises_before_it_has_opened_is_told)
{
	struct evnotify_request req = event_request(0, EVNOTIFY_REPEAT);
	struct evnotify_event events[3];
	int fd, other;

	ASSERT_EQ(0, load("testdriver", "names=test raise_in_open=3"));
	fd = open_source("test");
	ASSERT_LE(0, fd);
	EXPECT_SOURCE_COUNTERS(fd, 3, 0, 0);
	/* the second is not the first */
	other = open_source("test");
	ASSERT_LE(0, other);
	EXPECT_SOURCE_COUNTERS(fd, 3, 0, 0);
	EXPECT_SOURCE_COUNTERS(other, 0, 0, 0);
	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, read_events(fd, &events[0], 1));
	ASSERT_EQ(0, read_events(fd, &events[1], 1));
	ASSERT_EQ(0, read_events(fd, &events[2], 1));
	EXPECT_EVENT(&events[0], 1, 0);
	EXPECT_EVENT(&events[2], 3, 0);
	close(fd);
	close(other);
}

/* open() fails with what it says. Nobody listens then, also not to what it has raised. */
TEST_F(driver, may_refuse)
{
	int fd, i;

	ASSERT_EQ(0, load("testdriver", "names=test raise_in_open=3"));
	/* more often than files may have it open */
	for (i = 0; i < 2 * MOST_FILES; i++) {
		ASSERT_EQ(0, set_parameter("open_error", i % 2 ? EIO : EPERM));
		EXPECT_EQ(i % 2 ? -EIO : -EPERM, open_source("test"));
	}
	EXPECT_TOLD(0, 0);
	EXPECT_EQ(0, set_parameter("raise", 10));
	ASSERT_EQ(0, set_parameter("open_error", 0));
	ASSERT_EQ(0, set_parameter("raise_in_open", 0));
	fd = open_source("test");
	ASSERT_LE(0, fd);
	EXPECT_TOLD(1, 0);
	EXPECT_EQ(0, set_parameter("raise", 1));
	EXPECT_SOURCE_COUNTERS(fd, 1, 0, 0);
	/* who comes second is not refused: it is not asked */
	ASSERT_EQ(0, set_parameter("open_error", EIO));
	i = open_source("test");
	EXPECT_LE(0, i);
	close(i);
	close(fd);
	EXPECT_TOLD(1, 1);
}

/* A file that could not be opened takes no place of its user. */
static int is_refused(void)
{
	int i;

	if (setgid(1000) || setuid(1000))
		return 1;
	for (i = 0; i < 10; i++)
		if (open_source("test") != -EIO)
			return 2;
	return 0;
}

TEST_F(driver, whom_it_refuses_has_a_place_still)
{
	static const char instances[] = "/sys/module/evnotify/parameters/max_user_instances";
	unsigned long before = read_number(instances, NULL);
	int status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "only root can become others");
	ASSERT_EQ(0, load("testdriver", "names=test open_error=5"));
	ASSERT_EQ(0, chmod(DEVICE "-test0", 0666));
	ASSERT_EQ(0, write_number(instances, 1));
	pid = fork();
	if (!pid)
		_exit(is_refused());
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, write_number(instances, before));
}

/* --- what it raises ------------------------------------------------------------------- */

/* From a thread: what waits in each file has it, and the sum is what sysfs says. */
TEST_F(driver, a_thread_may_raise)
{
	enum { N = 2 * RING, FILES = 3 };
	struct evnotify_request reqs[FILES];
	struct evnotify_event event;
	int fds[FILES], efd = eventfd(0, EFD_NONBLOCK), i;

	ASSERT_EQ(0, load("testdriver", "names=test"));
	for (i = 0; i < FILES; i++) {
		fds[i] = open_source("test");
		ASSERT_LE(0, fds[i]);
		reqs[i] = i ? event_request(i, 0) : event_to_eventfd(efd, EVNOTIFY_REPEAT);
		ASSERT_EQ(0, arm(fds[i], &reqs[i]));
	}
	ASSERT_EQ(0, set_parameter("raise", N));
	EXPECT_EQ(N, read_number("/sys/class/evnotify/evnotify-test0/raised", NULL));
	EXPECT_EQ(N, all_signals(fds[0], efd, N));
	for (i = 1; i < FILES; i++) {
		ASSERT_EQ(0, read_events(fds[i], &event, 1));
		EXPECT_EVENT(&event, 1, 0);
		EXPECT_EQ(i, event.user_data);
		close(fds[i]);
	}
	close(fds[0]);
	close(efd);
}

TEST_HARNESS_MAIN
