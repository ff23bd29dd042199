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
	char mend[1024];	/* a command, as it can be pasted into a shell */
	char hint[512];		/* where, when and what else */
};

/* Whose the device is, by its name. */
enum device_kind {
	DEVICE_EVNOTIFY,
	DEVICE_SIM,	/* evnotify-sim's, which makes sources */
	DEVICE_SOURCE,
};

/* What the system is like; found out once. */
struct system {
	const char *device;
	enum device_kind kind;
	char quoted[256];	/* the same for a shell */
	int files_error;	/* errno if this process can open no more files, or 0 */
	int open_error;		/* errno of opening the device, or 0 */
	struct evnotify_info info;	/* if that is 0, but of evnotify-sim */
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
void examine_node(const struct system *system, struct finding *f);

/* What a finding says; each replaces what was said before. */
void what(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void why(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mend(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void add_hint(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void note(struct finding *f);
void problem(struct finding *f, int status);
void mend_cause(const struct system *system, struct finding *f);

#define IN_SOURCE	"in the source directory of evnotify"
#define LOAD_SIM	"sudo modprobe evnotify-sim"
#define RELOAD		"sudo modprobe -r " MODULE_NAME " && sudo modprobe " MODULE_NAME

/* Only whoever starts the container can do that, and knows its image. */
#define GIVE_DEVICE	"on the host: start the container with podman run --device " DEVICE_PATH \
			" --group-add keep-groups, or docker run --device " DEVICE_PATH \
			" --group-add $(getent group evnotify | cut -d: -f3)"

#endif /* DOCTOR_H */
