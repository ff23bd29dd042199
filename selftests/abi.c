// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ABI as such: layout, numbers, INFO, what an open file of the device can and cannot
 * do. Built for 32 bits as well, where all of it must be the same.
 */
#include <stddef.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <linux/evnotify_sim.h>

#include "evnotify_test.h"

#define STRUCT(name, size)	EXPECT_EQ(size, sizeof(struct name))
#define SAME_TYPE(a, b)		__builtin_types_compatible_p(__typeof__(a), b)
/* where it is; or -1 if it has another type */
#define FIELD(name, at, type, field)					\
	EXPECT_EQ(at, SAME_TYPE(((struct name *)0)->field, type) ?	\
		      (int)offsetof(struct name, field) : -1)
#define NUMBER(name, value)	EXPECT_EQ(value, name)

TEST(it_is_as_recorded)
{
#include "abi_record.h"
}

#define PARAMETERS	"/sys/module/evnotify/parameters/"

/* A line of a file in sysfs; false: there is no such file. */
static bool sysfs_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "r");
	bool ok = file && fgets(line, size, file);

	if (file)
		fclose(file);
	return ok;
}

TEST_F(instance, info_tells_what_the_module_is)
{
	unsigned int major, minor, patch, i;
	struct evnotify_info info;
	char line[64];

	memset(&info, POISON, sizeof(info));
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_INFO, &info));

	EXPECT_EQ(EVNOTIFY_ABI_VERSION, info.abi_version);
	EXPECT_EQ(EVNOTIFY_FEATURE_SOURCES, info.features & ~EVNOTIFY_FEATURE_CHECKED);
	EXPECT_EQ(1 << EVNOTIFY_MODE_PENDING | 1 << EVNOTIFY_MODE_EVENTFD, info.modes);
	EXPECT_EQ(1 << CLOCK_REALTIME | 1 << CLOCK_MONOTONIC | 1 << CLOCK_BOOTTIME | 1 << CLOCK_TAI,
		  info.clocks);
	EXPECT_LT(0, info.min_period_ns);
	EXPECT_LT(0, info.max_requests);
	for (i = 0; i < ARRAY_SIZE(info.__reserved); i++)
		EXPECT_EQ(0, info.__reserved[i]);

	/* a module that is built in has no version file */
	if (sysfs_line("/sys/module/evnotify/version", line, sizeof(line))) {
		i = sscanf(line, "%u.%u.%u", &major, &minor, &patch);
		ASSERT_EQ(3, i);
		EXPECT_EQ(major << 16 | minor << 8 | patch, info.module_version);
	}
	ASSERT_TRUE(sysfs_line(PARAMETERS "min_period_ns", line, sizeof(line)));
	EXPECT_EQ(strtoull(line, NULL, 10), info.min_period_ns);
	ASSERT_TRUE(sysfs_line(PARAMETERS "max_requests", line, sizeof(line)));
	EXPECT_EQ(strtoull(line, NULL, 10), info.max_requests);
}

TEST_F(instance, unknown_ioctls_give_enotty)
{
	/* known numbers with another size or direction, another magic */
	static const unsigned long alien[] = {
		_IOR(EVNOTIFY_IOC_MAGIC, 0, struct evnotify_wait),
		_IOW(EVNOTIFY_IOC_MAGIC, 0, struct evnotify_info),
		_IO(EVNOTIFY_IOC_MAGIC, 3),
		_IOWR(EVNOTIFY_IOC_MAGIC, 4, struct evnotify_update),
		_IOR(EVNOTIFY_IOC_MAGIC - 1, 0, struct evnotify_info),
		TIOCGWINSZ,
	};
	struct evnotify_wait arg = {};
	unsigned int nr;

	for (nr = 5; nr <= 0xff; nr++) {
		EXPECT_EQ(-ENOTTY, call(self->fd, _IOWR(EVNOTIFY_IOC_MAGIC, nr, arg), &arg));
		EXPECT_EQ(-ENOTTY, call(self->fd, _IO(EVNOTIFY_IOC_MAGIC, nr), &arg));
	}
	for (nr = 0; nr < ARRAY_SIZE(alien); nr++)
		EXPECT_EQ(-ENOTTY, call(self->fd, alien[nr], &arg))
			TH_LOG("%#lx", alien[nr]);
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
}

TEST_F(instance, fdinfo_lists_the_counters_one_per_line)
{
	static const char fresh[] =
		"armed:\t0\ncompleted:\t0\ncancelled:\t0\npending:\t0\nunread:\t0\n"
		"completing:\t0\n";
	static const char armed[] =
		"\narmed:\t1\ncompleted:\t0\ncancelled:\t0\npending:\t1\nunread:\t0\n"
		"completing:\t0\n";
	struct evnotify_request req = pending_in(FAR_NS, 0);
	char text[1024], *lines;

	ASSERT_LT(0, read_fdinfo(self->fd, text, sizeof(text)));
	lines = strstr(text, "armed:");
	ASSERT_TRUE(!!lines);
	EXPECT_EQ('\n', lines[-1]);
	EXPECT_STREQ(fresh, lines);

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_LT(0, read_fdinfo(self->fd, text, sizeof(text)));
	EXPECT_TRUE(!!strstr(text, armed));
}

TEST_F(instance, it_is_a_stream)
{
	struct evnotify_event event;

	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->fd, &event, sizeof(event), 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->fd, &event, sizeof(event), 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0) == MAP_FAILED);
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(instance, a_fresh_one_is_writable_only)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN | POLLPRI | POLLOUT };

	ASSERT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLOUT, pfd.revents);
}

TEST_F(instance, read_and_write_need_their_open_mode)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	struct evnotify_event event;
	int fd;

	fd = open_device(_metadata, O_RDONLY);
	EXPECT_EQ(-1, write(fd, &req, sizeof(req)));
	EXPECT_EQ(EBADF, errno);
	EXPECT_COUNTERS(fd, 0, 0, 0, 0, 0);
	close(fd);

	fd = open_device(_metadata, O_WRONLY);
	EXPECT_EQ(sizeof(req), write(fd, &req, sizeof(req)));
	EXPECT_EQ(-EBADF, read_some(fd, &event, 1));
	EXPECT_COUNTERS(fd, 1, 0, 0, 1, 0);
	close(fd);
}

TEST_F(instance, o_nonblock_counts_from_open_on)
{
	struct evnotify_event event;
	int fd = open_device(_metadata, O_RDWR | O_NONBLOCK);

	EXPECT_EQ(-EAGAIN, read_some(fd, &event, 1));
	close(fd);
}

TEST_F(instance, node_is_a_character_device_closed_to_others)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(10, major(st.st_rdev));
	EXPECT_EQ(0660, st.st_mode & 0777);
}

TEST_HARNESS_MAIN
