// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small files, such as those of /proc and /sys. A file that is missing or may not
 * be read counts as empty.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* The first line of a file; "" if there is none. */
void read_line(const char *path, char *buf, int size)
{
	FILE *file = fopen(path, "re");

	*buf = '\0';
	if (!file)
		return;
	if (fgets(buf, size, file))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
}

/* Has the first line of a file this in it? */
bool file_says(const char *path, const char *what)
{
	char line[128];

	read_line(path, line, sizeof(line));
	return strstr(line, what);
}

/* A whole file, up to a megabyte of it, to be freed. */
char *read_all(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	size_t room = 1 << 20;
	char *buf = malloc(room);

	*len = file && buf ? fread(buf, 1, room, file) : 0;
	if (file)
		fclose(file);
	return buf;
}

bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The first file that matches, in @buf. */
bool find_file(const char *pattern, char *buf, size_t size)
{
	glob_t found;
	bool is_found = glob(pattern, GLOB_BRACE, NULL, &found) == 0;

	if (is_found)
		snprintf(buf, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return is_found;
}
