/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify doctor: what is examined
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "cli.h"

enum state {
	STATE_OK,
	STATE_NOTE,	/* worth knowing; the device can be used without */
	STATE_PROBLEM,
};

struct finding {
	enum state state;
	int status;		/* of the command, if this is its first problem */
	char what[256];
	char why[256];		/* these two only if something is not well */
	char mend[1024];	/* a command; after a semicolon, what to know of it */
};

/* What the system is like; found out once. */
struct system {
	const char *device;
	const char *release;
	const char *container;	/* which kind, or NULL */
	bool is_loaded;
	char loaded_version[32];
	bool is_installed;	/* for the running kernel */
	char path[256];		/* of the installed module; "" if built in */
	char version[32];
	char signer[128];	/* "" if unsigned */
	unsigned char serial[48];	/* of the signer's certificate, as it stands there */
	size_t serial_len;
	const struct finding *cause;	/* the first problem; later ones may come from it */
};

struct examination {
	const char *name;
	void (*examine)(const struct system *system, struct finding *finding);
};

extern const struct examination examinations[];

void learn_system(struct system *system, const char *device);

#endif /* DOCTOR_H */
