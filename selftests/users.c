// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device without privileges: members of its group, user namespaces, containers. What
 * evnotify(7) says under CONTAINERS is what is done here.
 */
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <linux/capability.h>

#define NO_INSTANCE
#include "evnotify_test.h"

#define USER	1000
#define GROUP	990	/* that the node has here; any number will do */
#define ROOT	"/tmp/evnotify-users"

FIXTURE(container)
{
	struct stat node;
};

FIXTURE_SETUP(container)
{
	close(open_device(_metadata, O_RDWR));
	if (geteuid())
		SKIP(return, "only root can become others");
	if (access("/proc/self/ns/user", F_OK))
		SKIP(return, "this kernel has no user namespaces");
	/* as the udev rule leaves it */
	ASSERT_EQ(0, stat(DEVICE, &self->node));
	ASSERT_EQ(0, chown(DEVICE, 0, GROUP));
	ASSERT_EQ(0, chmod(DEVICE, 0660));
	mkdir(ROOT, 0755);
}

FIXTURE_TEARDOWN(container)
{
	EXPECT_EQ(0, chown(DEVICE, self->node.st_uid, self->node.st_gid));
	EXPECT_EQ(0, chmod(DEVICE, self->node.st_mode & 07777));
	rmdir(ROOT);
}

static bool become_user(bool member)
{
	gid_t groups[] = { GROUP };

	/* dumpable, or /proc/self would stay root's */
	return !setgroups(member, groups) && !setresgid(USER, USER, USER) &&
	       !setresuid(USER, USER, USER) && !prctl(PR_SET_DUMPABLE, 1);
}

/* The root of a user namespace that may mount */
static bool unshare_all(void)
{
	return !unshare(CLONE_NEWUSER | CLONE_NEWNS) &&
	       !write_text("/proc/self/setgroups", "deny") &&
	       !write_text("/proc/self/uid_map", "0 1000 1") &&
	       !write_text("/proc/self/gid_map", "0 1000 1");
}

static bool works(int fd)
{
	struct evnotify_wait wait = { .request = pending_in(NSEC_PER_MSEC, 7) };

	return !call(fd, EVNOTIFY_IOC_WAIT, &wait) && wait.event.user_data == 7 &&
	       balanced(counters(fd));
}

/* What a child returns: 0 or the number of the line that went wrong */
#define CHECK(condition) do { if (!(condition)) _exit(__LINE__ % 256); } while (0)

/* Runs in a child: its credentials do not come back */
static int in_child(void (*body)(int fd), int fd)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		body(fd);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void others(int fd)
{
	(void)fd;
	CHECK(become_user(false));
	CHECK(open(DEVICE, O_RDWR) < 0 && errno == EACCES);
	/* root of a namespace is not root */
	CHECK(unshare_all());
	CHECK(open(DEVICE, O_RDWR) < 0 && errno == EACCES);
}

TEST_F(container, others_are_refused)
{
	EXPECT_EQ(0, in_child(others, -1));
}

static void member(int fd)
{
	(void)fd;
	CHECK(become_user(true));
	fd = open(DEVICE, O_RDWR);
	CHECK(fd >= 0 && works(fd));
	/* a module parameter is the administrator's */
	CHECK(write_text("/sys/module/evnotify/parameters/min_period_ns", "1"));
}

TEST_F(container, members_of_the_group_need_no_privilege)
{
	EXPECT_EQ(0, in_child(member, -1));
}

#define MOST	"/sys/module/evnotify/parameters/max_user_instances"

static void takes_all_places(int fd)
{
	int i, fds[4];

	CHECK(become_user(true));
	/* one that root has passed in takes none */
	CHECK(works(fd));
	for (i = 0; i < 3; i++) {
		fds[i] = open(DEVICE, O_RDWR);
		CHECK(fds[i] >= 0);
	}
	CHECK(open(DEVICE, O_RDWR) < 0 && errno == EMFILE);
	/* nor is root of a namespace entitled to more */
	CHECK(unshare_all());
	CHECK(open(DEVICE, O_RDWR) < 0 && errno == EMFILE);
	/* a copy is no further one; the last close gives the place back */
	fds[3] = dup(fds[2]);
	CHECK(fds[3] >= 0 && !close(fds[2]));
	CHECK(open(DEVICE, O_RDWR) < 0 && errno == EMFILE);
	CHECK(!close(fds[3]));
	CHECK(open(DEVICE, O_RDWR) >= 0);
}

TEST_F(container, a_user_has_so_many_places)
{
	int i, fds[5];

	ASSERT_EQ(0, write_text(MOST, "3"));
	/* root may have more */
	for (i = 0; i < 5; i++)
		fds[i] = open_device(_metadata, O_RDWR);
	EXPECT_EQ(0, in_child(takes_all_places, fds[0]));
	/* all places are free again */
	EXPECT_EQ(0, in_child(takes_all_places, fds[0]));
	EXPECT_EQ(-EINVAL, write_text(MOST, "0"));
	EXPECT_EQ(0, write_text(MOST, "128"));
	for (i = 0; i < 5; i++)
		close(fds[i]);
}

/* Takes all places that are left: how many there were, or -1 if something else was wrong */
static int take_all(void)
{
	int n = 0;

	while (open(DEVICE, O_RDWR) >= 0)
		n++;
	return errno == EMFILE ? n : -1;
}

/*
 * A process that stays root, to map users and groups into the caller's new user namespace:
 * what newuidmap does with the subuids of a user. Each byte sent to it is a request.
 */
static int mapper(void)
{
	pid_t target = getpid();
	char path[64], byte;
	int pair[2], fd;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	if (fork()) {
		close(pair[1]);
		return pair[0];
	}
	/* It ends after its target: places that it held would come back late. */
	for (fd = STDERR_FILENO + 1; fd < 64; fd++)
		if (fd != pair[1])
			close(fd);
	while (read(pair[1], &byte, 1) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/uid_map", target);
		CHECK(!write_text(path, "0 100000 65536"));
		snprintf(path, sizeof(path), "/proc/%d/gid_map", target);
		CHECK(!write_text(path, "0 100000 65536"));
		CHECK(write(pair[1], &byte, 1) == 1);
	}
	_exit(0);
}

/* The root of a user namespace that has many users */
static bool unshare_with_subuids(int map)
{
	char byte = 0;

	return !unshare(CLONE_NEWUSER) && write(map, &byte, 1) == 1 &&
	       read(map, &byte, 1) == 1 && !setresgid(0, 0, 0) && !setresuid(0, 0, 0);
}

static void many_users(int fd)
{
	int i, n = 0, own, map = mapper();

	(void)fd;
	CHECK(become_user(true));
	own = open(DEVICE, O_RDWR);
	CHECK(own >= 0);
	CHECK(unshare_with_subuids(map));
	for (i = 0; i < 40; i++) {
		CHECK(!setresuid(0, i, 0));
		fd = open(DEVICE, O_RDWR);
		CHECK(fd >= 0 || errno == EMFILE);
		n += fd >= 0;
		CHECK(!setresuid(0, 0, 0));
	}
	CHECK(n == 2);
	/* nor has a namespace in there any of its own */
	CHECK(!unshare(CLONE_NEWUSER) && take_all() == 0);
	/* what is closed inside is free inside */
	CHECK(!close(own) && take_all() == 1);
}

TEST_F(container, a_namespace_has_the_places_of_who_made_it)
{
	ASSERT_EQ(0, write_text(MOST, "3"));
	EXPECT_EQ(0, in_child(many_users, -1));
	/* and outside they are free again */
	EXPECT_EQ(0, in_child(many_users, -1));
	EXPECT_EQ(0, write_text(MOST, "128"));
}

/* Root as others are: it may not have more than they. */
static bool lose_resource(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	data[0].permitted &= ~(1U << CAP_SYS_RESOURCE);
	return !syscall(SYS_capset, &header, data);
}

static void namespaces_of_root(int fd)
{
	int turn[2], status = 0, map = mapper();
	pid_t second;
	char byte;

	(void)fd;
	CHECK(!setgroups(1, (gid_t []) { GROUP }) && lose_resource());
	CHECK(take_all() == 3);
	/* one namespace after the other, while the files of the first are open */
	CHECK(!pipe(turn));
	second = fork();
	if (!second) {
		close(turn[1]);
		CHECK(!read(turn[0], &byte, 1));
		map = mapper();
	}
	CHECK(unshare_with_subuids(map));
	CHECK(take_all() == 3);
	CHECK(!unshare(CLONE_NEWUSER) && take_all() == 0);
	close(turn[1]);
	if (second)
		CHECK(waitpid(second, &status, 0) == second && WIFEXITED(status));
	_exit(WEXITSTATUS(status));
}

static void users_of_a_container(int fd)
{
	int map = mapper();

	(void)fd;
	CHECK(!setgroups(1, (gid_t []) { GROUP }));
	CHECK(unshare_with_subuids(map));
	CHECK(!setresuid(0, 900, 0) && open(DEVICE, O_RDWR) >= 0 && !setresuid(0, 0, 0));
	CHECK(!setresuid(0, 901, 0) && take_all() == 2);
}

TEST_F(container, a_namespace_of_root_has_places_of_its_own)
{
	ASSERT_EQ(0, write_text(MOST, "3"));
	EXPECT_EQ(0, in_child(namespaces_of_root, -1));
	EXPECT_EQ(0, in_child(namespaces_of_root, -1));
	EXPECT_EQ(0, in_child(users_of_a_container, -1));
	EXPECT_EQ(0, write_text(MOST, "128"));
}

static void closed_by_another(int fd)
{
	int i, fds[3];

	(void)fd;
	CHECK(!setgroups(1, (gid_t []) { GROUP }) && lose_resource());
	CHECK(!seteuid(USER));
	for (i = 0; i < 3; i++) {
		fds[i] = open(DEVICE, O_RDWR);
		CHECK(fds[i] >= 0);
	}
	CHECK(!seteuid(0));
	for (i = 0; i < 3; i++)
		CHECK(!close(fds[i]));
	/* that gave root no further places, and the user has got all of them back */
	CHECK(take_all() == 3);
	CHECK(!seteuid(USER) && take_all() == 3);
}

TEST_F(container, a_place_returns_to_who_took_it)
{
	ASSERT_EQ(0, write_text(MOST, "3"));
	EXPECT_EQ(0, in_child(closed_by_another, -1));
	EXPECT_EQ(0, write_text(MOST, "128"));
}

static void member_in_namespace(int fd)
{
	int own;

	CHECK(become_user(true));
	CHECK(unshare_all());
	/* the group has no name in there, and counts all the same */
	own = open(DEVICE, O_RDWR);
	CHECK(own >= 0 && works(own));
	CHECK(works(fd));
	CHECK(write_text("/sys/module/evnotify/parameters/min_period_ns", "1"));
}

TEST_F(container, a_user_namespace_keeps_the_group)
{
	int fd = open_device(_metadata, O_RDWR);

	EXPECT_EQ(0, in_child(member_in_namespace, fd));
	close(fd);
}

static void contained(int fd)
{
	CHECK(become_user(true));
	CHECK(unshare_all());

	/* a root of its own, in which there is nothing but the node */
	CHECK(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(!mount("tmpfs", ROOT, "tmpfs", 0, "mode=755"));
	CHECK(!mkdir(ROOT "/dev", 0755));
	fd = open(ROOT DEVICE, O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0);
	close(fd);
	CHECK(!mount(DEVICE, ROOT DEVICE, NULL, MS_BIND, NULL));
	/* what a container may not: make the node by itself */
	CHECK(mknod(ROOT "/dev/made", S_IFCHR | 0666, makedev(10, 0)) < 0 && errno == EPERM);
	CHECK(!chroot(ROOT) && !chdir("/"));

	fd = open(DEVICE, O_RDWR);
	CHECK(fd >= 0);
	{
		struct evnotify_wait wait = { .request = pending_in(NSEC_PER_MSEC, 7) };

		CHECK(!call(fd, EVNOTIFY_IOC_WAIT, &wait) && wait.event.user_data == 7);
	}
	CHECK(chmod(DEVICE, 0666) < 0);
}

TEST_F(container, a_bind_mount_brings_the_node_in)
{
	EXPECT_EQ(0, in_child(contained, -1));
}

static void passed_in(int fd)
{
	CHECK(become_user(false));
	CHECK(unshare_all());
	CHECK(works(fd));
}

/* The rights were checked when it was opened. */
TEST_F(container, a_descriptor_works_wherever_it_is_passed)
{
	int fd = open_device(_metadata, O_RDWR);

	EXPECT_EQ(0, in_child(passed_in, fd));
	close(fd);
}

TEST_HARNESS_MAIN
