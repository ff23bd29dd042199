/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify - the command: what its files share
 */
#ifndef CLI_H
#define CLI_H

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/param.h>
#include <termios.h>
#include <time.h>

#include <evnotify.h>

#define DEVICE_PATH	"/dev/evnotify"
#define SIM_PATH	"/dev/evnotify-sim"
#define MODULE_NAME	"evnotify"
#define SOURCES		"/sys/class/evnotify"
#define NSEC_PER_SEC	UINT64_C(1000000000)
#define NSEC_PER_MSEC	UINT64_C(1000000)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit status; EXIT_STATUS_HELP says the same in words. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_DEVICE = 3,
	EXIT_NO_PERMISSION = 4,
	EXIT_REFUSED = 5,
	EXIT_VERSION = 6,
	EXIT_LIMIT = 7,
};

#define EXIT_STATUS_HELP \
"Exit status:\n" \
"  0  success\n" \
"  1  failure of another kind than those below\n" \
"  2  wrong usage\n" \
"  3  no device, and no module that would make it\n" \
"  4  no permission\n" \
"  5  the kernel refused to load the module\n" \
"  6  the module and this command do not fit together\n" \
"  7  a latency is above its limit\n" \
"  A signal that ends the command ends it as that signal, after it tidied up.\n"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

extern const struct command cmd_doctor;
extern const struct command cmd_event;
extern const struct command cmd_info;
extern const struct command cmd_latency;
extern const struct command cmd_list;
extern const struct command cmd_record;
extern const struct command cmd_sim;
extern const struct command cmd_trace;
extern const struct command cmd_watch;

/* main.c: options that every command has, and words that none has. */
#define COMMON_OPTIONS	"hvV"
#define COMMON_LONG_OPTIONS \
	{ "help", no_argument, NULL, 'h' }, \
	{ "version", no_argument, NULL, 'v' }, \
	{ NULL, 0, NULL, 0 }

int other_option(const struct command *cmd, int c);
int unknown_command(const char *word);

/* message.c: on stderr: what failed and why, then what to do. */
int fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int bad_usage(const struct command *cmd);
int bad_argument(const struct command *cmd, const char *word);
int bad_value(const char *option, const char *value, const char *why);
int flush_output(void);

/* time.c: times as people write them, in nanoseconds. */
const char *parse_time(const char *text, uint64_t *ns);
const char *parse_number(const char *text, uint64_t max, uint64_t *number);
void format_time(uint64_t ns, char *buf, size_t size);
void format_span(int64_t ns, char *buf, size_t size);
uint64_t now_ns(int clockid);

/* names.c: the ABI's numbers by name. */
struct name {
	const char *name;
	int value;
};

extern const struct name mode_names[];
extern const struct name clock_names[];
extern const struct name feature_names[];
const struct name *find_name(const struct name *table, const char *name);
const char *name_of(const struct name *table, int value);
void print_json_string(const char *text);
void print_json_member(const char *name, const char *text);

/* device.c */
void hint_doctor(const char *path);
int device_open(const char *path, int flags, struct evn **evn, struct evnotify_info *info);
bool device_await(const char *node, int mode);

/* module.c: loads and unloads the kernel module. */
struct module {
	struct kmod_ctx *ctx;
	struct kmod_module *kmod;	/* set while this command has it loaded */
};

int module_load(struct module *module, const char *file, const char *node);
void module_unload(struct module *module);
bool is_locked_down(void);
const char *running_kernel(void);

/* file.c: small files, such as those of /proc and /sys. */
bool exists(const char *path);
void read_line(const char *path, char *buf, int size);
char *read_all(const char *path, size_t *len);
bool find_file(const char *pattern, char *buf, size_t size);
bool file_says(const char *path, const char *what);

/* input.c: what ends or stops a run: a key, a signal, the end of the reader, time. */
enum input_stdin {
	INPUT_KEYS,	/* only a terminal counts */
	INPUT_BYTES,	/* of another file any byte counts as a key */
	INPUT_NONE,	/* stdin and stdout are another program's */
};

#define INPUT_FDS	3

struct input {
	struct pollfd fds[INPUT_FDS];	/* stdin, signals and stdout */
	bool is_terminal;	/* stdin is, and may be ours to read single keys from */
	bool ended;		/* the run has to end */
	bool eof;		/* stdin has ended without a key */
	int signal;		/* the signal that came, or 0 */
	bool is_shared;		/* the terminal sent it, to all in the foreground */
	uint64_t deadline_ns;	/* on CLOCK_MONOTONIC; 0: none */
};

int input_open(struct input *input, enum input_stdin use);
bool input_wait(struct input *input, struct pollfd *fds, unsigned int n);
int input_close(struct input *input, int status);

/* print.c */
void print_event(const struct evnotify_event *ev, const char *mode, int clockid, bool source,
		 uint64_t seen_ns, bool json);

/* run_*.c: arm the requests of a run, report what becomes of them. */
#define RUN_STOPPED	(-1)	/* a key or a signal came; the rest is cancelled */

struct delays;

struct run {
	struct evn *evn;
	struct input *input;
	struct evnotify_request *reqs;	/* user_data is the number to show */
	unsigned int n;
	bool json;
	bool announce;		/* say when all are armed */
	bool quiet;		/* say nothing of the events */
	struct delays *delays;	/* count their times instead, or NULL */
	uint64_t span_ns;	/* ends so long after that; UINT64_MAX: never */
	uint64_t events;	/* ends after so many; UINT64_MAX: never */
};

int run_pending(struct run *run);
int run_eventfd(struct run *run);
int run_wait(struct run *run);
int run_arm(struct run *run);
void run_armed(const struct run *run);
int run_refused(const struct run *run, unsigned int i, int error);
int run_report(struct run *run, const struct evnotify_event *ev, const char *mode,
	       int clockid, uint64_t seen_ns);

#endif /* CLI_H */
