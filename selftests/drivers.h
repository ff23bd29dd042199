/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of drivers share: their modules, and files of sysfs.
 *
 * EVNOTIFY_SAMPLES: the directory of the modules
 */
#ifndef EVNOTIFY_TEST_DRIVERS_H
#define EVNOTIFY_TEST_DRIVERS_H

#include <sys/syscall.h>

#define NO_INSTANCE
#include "evnotify_test.h"

/* What a test may need that this machine does not have */
static inline bool strict(void)
{
	const char *value = getenv("EVNOTIFY_STRICT");

	return value && !strcmp(value, "1");
}

/* --- files of sysfs and configfs ------------------------------------------------------- */

static inline int put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* The first line of a file, without its end; empty if it cannot be read. */
static inline const char *get(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (f) {
		if (fgets(line, size, f))
			line[strcspn(line, "\n")] = '\0';
		fclose(f);
	}
	return line;
}

/* --- modules --------------------------------------------------------------------------- */

static inline bool have_samples(void)
{
	return getenv("EVNOTIFY_SAMPLES");
}

/* 0 or -errno */
static inline int load(const char *sample, const char *parameters)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/evnotify-%s.ko", getenv("EVNOTIFY_SAMPLES"), sample);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static inline int unload(const char *sample)
{
	char name[64];

	snprintf(name, sizeof(name), "evnotify_%s", sample);
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static inline int open_source(const char *sample)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), DEVICE "-%s0", sample);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

#endif /* EVNOTIFY_TEST_DRIVERS_H */
