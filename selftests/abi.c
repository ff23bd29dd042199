// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ABI as such: layout, numbers, INFO, what an open file of the device can and cannot
 * do. Built for 32 bits as well, where all of it must be the same.
 */
#include <stddef.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "evnotify_test.h"

#define EXPECT_FIELD(type, field, at) \
	EXPECT_EQ(at, offsetof(struct evnotify_##type, field))

TEST(layout_is_the_same_everywhere)
{
	EXPECT_EQ(64, sizeof(struct evnotify_request));
	EXPECT_FIELD(request, user_data, 0);
	EXPECT_FIELD(request, due_ns, 8);
	EXPECT_FIELD(request, period_ns, 16);
	EXPECT_FIELD(request, id, 24);
	EXPECT_FIELD(request, mode, 32);
	EXPECT_FIELD(request, flags, 36);
	EXPECT_FIELD(request, clockid, 40);
	EXPECT_FIELD(request, eventfd, 44);
	EXPECT_FIELD(request, count, 48);
	EXPECT_FIELD(request, __reserved, 52);

	EXPECT_EQ(64, sizeof(struct evnotify_event));
	EXPECT_FIELD(event, user_data, 0);
	EXPECT_FIELD(event, id, 8);
	EXPECT_FIELD(event, due_ns, 16);
	EXPECT_FIELD(event, data, 16);
	EXPECT_FIELD(event, expired_ns, 24);
	EXPECT_FIELD(event, completed_ns, 32);
	EXPECT_FIELD(event, seq, 40);
	EXPECT_FIELD(event, count, 48);
	EXPECT_EQ(4, sizeof(((struct evnotify_event *)0)->count));
	EXPECT_FIELD(event, lost, 52);
	EXPECT_EQ(4, sizeof(((struct evnotify_event *)0)->lost));
	EXPECT_FIELD(event, status, 56);
	EXPECT_FIELD(event, flags, 60);

	EXPECT_EQ(64, sizeof(struct evnotify_info));
	EXPECT_FIELD(info, abi_version, 0);
	EXPECT_FIELD(info, module_version, 4);
	EXPECT_FIELD(info, features, 8);
	EXPECT_FIELD(info, modes, 16);
	EXPECT_FIELD(info, clocks, 24);
	EXPECT_FIELD(info, min_period_ns, 32);
	EXPECT_FIELD(info, max_requests, 40);
	EXPECT_FIELD(info, __reserved, 44);

	EXPECT_EQ(32, sizeof(struct evnotify_register));
	EXPECT_FIELD(register, requests, 0);
	EXPECT_FIELD(register, count, 8);
	EXPECT_FIELD(register, taken, 12);
	EXPECT_FIELD(register, __reserved, 16);

	EXPECT_EQ(128, sizeof(struct evnotify_wait));
	EXPECT_FIELD(wait, request, 0);
	EXPECT_FIELD(wait, event, 64);

	EXPECT_EQ(32, sizeof(struct evnotify_cancel));
	EXPECT_FIELD(cancel, id, 0);
	EXPECT_FIELD(cancel, flags, 8);
	EXPECT_FIELD(cancel, __pad, 12);
	EXPECT_FIELD(cancel, cancelled, 16);
	EXPECT_FIELD(cancel, __reserved, 24);

	EXPECT_EQ(64, sizeof(struct evnotify_update));
	EXPECT_FIELD(update, id, 0);
	EXPECT_FIELD(update, due_ns, 8);
	EXPECT_FIELD(update, period_ns, 16);
	EXPECT_FIELD(update, flags, 24);
	EXPECT_FIELD(update, count, 28);
	EXPECT_FIELD(update, __reserved, 32);
}

TEST(numbers_never_change)
{
	/* how direction, number and size make an ioctl is each architecture's own matter */
	EXPECT_EQ(_IOC(_IOC_READ, 0xed, 0, 64), EVNOTIFY_IOC_INFO);
	EXPECT_EQ(_IOC(_IOC_READ | _IOC_WRITE, 0xed, 1, 32), EVNOTIFY_IOC_REGISTER);
	EXPECT_EQ(_IOC(_IOC_READ | _IOC_WRITE, 0xed, 2, 128), EVNOTIFY_IOC_WAIT);
	EXPECT_EQ(_IOC(_IOC_READ | _IOC_WRITE, 0xed, 3, 32), EVNOTIFY_IOC_CANCEL);
	EXPECT_EQ(_IOC(_IOC_WRITE, 0xed, 4, 64), EVNOTIFY_IOC_UPDATE);

	EXPECT_EQ(0, EVNOTIFY_MODE_PENDING);
	EXPECT_EQ(1, EVNOTIFY_MODE_EVENTFD);
	EXPECT_EQ(1, EVNOTIFY_ABSTIME);
	EXPECT_EQ(2, EVNOTIFY_SOURCE);
	EXPECT_EQ(4, EVNOTIFY_REPEAT);
	EXPECT_EQ(1, EVNOTIFY_EVENT_MORE);
	EXPECT_EQ(2, EVNOTIFY_EVENT_DATA);
	EXPECT_EQ(1, EVNOTIFY_CANCEL_ALL);
	EXPECT_EQ(1, EVNOTIFY_FEATURE_CHECKED);
	EXPECT_EQ(2, EVNOTIFY_FEATURE_SOURCES);
	EXPECT_EQ(4, EVNOTIFY_FEATURE_HAS_SOURCE);
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
