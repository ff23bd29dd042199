/* SPDX-License-Identifier: GPL-2.0-only */
/* evnotify fuzzer - what the files that make calls share */
#ifndef EXECUTE_H
#define EXECUTE_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/types.h>
#include <time.h>

#include "fuzz.h"

#define ARENA		8192	/* two pages: room for MAX_ARRAY requests, or as many records */
#define POISON		0xcc
#define POISON_32	0xccccccccU
#define POISON_64	0xccccccccccccccccULL

/* --- execute.c ------------------------------------------------------------------------ */

struct thread {
	pthread_t thread;
	sem_t go, done;
	bool busy;
	const struct call *call;
	timer_t timer;
	int fail_nth;
	uint8_t *arena[2];	/* ARENA each, and behind its guard the same, read-only */
	uint8_t expected[2][ARENA];
	struct evnotify_wait *volatile waiting;
	int waiting_nr;
};

extern struct thread threads[NR_THREADS];
extern __thread struct thread *self;

/* --- memory.c ------------------------------------------------------------------------- */

struct place {
	uint8_t *addr;
	int which;
	size_t offset, inside;
	bool readable, writable;	/* as a whole */
};

void memory_init(struct thread *t);
/*
 * Put @image where @kind says: 0 up to the end of the arena, 1 aligned, on pages that are not
 * present, 2 not aligned, 3 NULL, 4 and 6 where a process has no memory, 5 as 1, but read-only,
 * 16 and up: the end is beyond the arena.
 */
struct place put(int which, uint64_t kind, const void *image, size_t size);
/* The call may have written there. */
void allow(const struct place *p, size_t from, size_t size);
void verify(const struct place *p, const char *what);
/* What lies at @p now. */
void *at(const struct place *p);

/* --- files.c -------------------------------------------------------------------------- */

enum kind { NONE, DEVICE, EVENTFD };

struct slot {
	enum kind kind;
	int fd;
	int nr;			/* of the instance or the eventfd */
	bool can_read, can_write;
};

struct slot slot_get(uint64_t slot);
void slot_set(uint64_t slot, int fd, struct slot s);
/* The same file under a number that no other gets in this sequence; @fd is closed. */
int fd_of_its_own(int fd);
/* Whatever is called in between, the n-th thing in it fails if the call says so. */
void fail_begin(const struct call *c);
void fail_end(const struct call *c);
/* A signal ends a call that blocks too long. */
void patience(bool on);
/* 0 or -errno; between fail_begin() and fail_end(). */
int do_ioctl(const struct call *c, int fd, unsigned long cmd, void *arg);
/* read() and write(): in one piece or two, with or without RWF_NOWAIT. */
ssize_t transfer(const struct call *c, int fd, uint8_t *addr, size_t len, bool in);
void files_init(void);
void files_settle(void);
void call_open(const struct call *c);
/* open() of @path for a slot; of @source, whose node that is, or NULL. 0 or -errno. */
int open_file(const struct call *c, const char *path, uint64_t slot, struct source *source);
void call_eventfd(const struct call *c);
void call_close(const struct call *c);
void call_dup(const struct call *c);
void call_read(const struct call *c, struct slot s);
void call_info(const struct call *c, struct slot s);
void call_fionread(const struct call *c, struct slot s);
void call_ioctl(const struct call *c, struct slot s);
void call_poll(const struct call *c, struct slot s);
void call_fcntl(const struct call *c, struct slot s);

/* --- sources.c ------------------------------------------------------------------------ */

void call_sim(const struct call *c);
void call_reopen(const struct call *c, struct slot s);
void call_raise(const struct call *c, struct slot s);
void call_unplug(struct slot s);
/* No call is under way any more. */
void sources_settle(void);
void sources_close(void);

/* --- requests.c ----------------------------------------------------------------------- */

void call_register(const struct call *c, struct slot s);
void call_write(const struct call *c, struct slot s);
void call_wait(const struct call *c, struct slot s);
void call_cancel(const struct call *c, struct slot s);
void call_update(const struct call *c, struct slot s);

#endif /* EXECUTE_H */
