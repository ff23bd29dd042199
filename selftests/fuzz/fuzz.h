/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evnotify fuzzer - what its parts share
 *
 *   program.c	a sequence of calls: its text form, its mutation
 *   execute.c	makes the calls, on guarded and poisoned memory
 *   oracle.c	what each answer has to be, whatever was called
 *   settle.c	whether they add up, in the counters and at the end
 *   fuzz.c	feedback, corpus, findings and their minimisation
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/evnotify.h>

#define MAX_CALLS	20	/* in one sequence */
#define MAX_ARRAY	70	/* requests in one call: more than the module does at once */
#define MAX_REQUESTS	(MAX_CALLS * MAX_ARRAY)
#define SLOTS		8	/* open files, by number; -EBADF where none is open */
#define WORKERS		2	/* threads besides the main one */
#define NR_THREADS	(WORKERS + 2)	/* the last is a forked child */
#define CHILD		(WORKERS + 1)
#define TEXT_SIZE	8192	/* a sequence as text, with room for a comment */

/* --- program.c ------------------------------------------------------------------------ */

enum op {
	OP_OPEN, OP_EVENTFD, OP_CLOSE, OP_DUP, OP_INFO, OP_REGISTER, OP_WAIT, OP_CANCEL,
	OP_UPDATE, OP_WRITE, OP_READ, OP_POLL, OP_FCNTL, OP_FIONREAD, OP_FDINFO, OP_IOCTL,
	OP_SIGNAL, OP_SETTIME, OP_FORK, OP_SIM, OP_REOPEN, OP_RAISE, OP_UNPLUG, NR_OPS,
};

enum arg {
	A_THREAD,	/* who makes the call: 0 the main thread, or a worker */
	A_FAIL,		/* the n-th thing that can fail in it does; 0: none */
	A_FD,		/* slot of the file */
	A_TO,		/* slot of the copy */
	A_PLACE,	/* where the structure is, see execute.c */
	A_ARRAY,	/* where the array of requests is */
	A_COUNT,	/* how many more requests (write: bytes) than there are it names */
	A_N,		/* how many requests there are; of WAIT: how often it comes again */
	A_AT,		/* which of them has the fields below; the others are plain. Or AT_ALL */
	A_DUE,
	A_BASE,		/* 1: the time now is added to the due time */
	A_PERIOD,
	A_MODE,
	A_FLAGS,
	A_SOURCE,	/* flags, if the file has a source: 1 EVNOTIFY_SOURCE, 2 EVNOTIFY_REPEAT */
	A_CLOCK,
	A_EVENTFD,	/* below SLOTS: the slot of an eventfd; else the number itself */
	A_LIMIT,	/* the field count */
	A_RESERVED,	/* n: the n-th reserved field is not 0 */
	A_ID,		/* n: the n-th id issued; ID_OF_WAIT + t: of the WAIT in thread t */
	A_XOR,		/* bits that are turned over in the id */
	A_LEN,		/* bytes */
	A_SPLIT,	/* bytes in the first of two iovecs; 0: a plain read or write */
	A_NOWAIT,	/* RWF_NOWAIT */
	A_USEC,
	A_EVENTS,
	A_CMD,
	A_KIND,
	NR_ARGS,
};

#define ID_OF_WAIT	100
#define AT_ALL		255

struct call {
	enum op op;
	uint64_t arg[NR_ARGS];
};

struct program {
	int length;
	struct call calls[MAX_CALLS];
};

const char *op_name(enum op op);
/* As text into @text of TEXT_SIZE bytes, which ends with an empty line. */
void program_print(const struct program *program, char *text);
/* The next one of *@text, which moves behind it; false: there is none. Dies on a mistake. */
bool program_parse(struct program *program, const char **text);
/* Change @program a little; @other: where a part may be taken from. */
void program_mutate(struct program *program, const struct program *other);
void program_remove(struct program *program, int call);
uint64_t random_below(uint64_t limit);
extern uint64_t random_state;

/* --- execute.c ------------------------------------------------------------------------ */

void execute_init(void);
/* Run it and check it: what was found is in finding_text(). Returns how many calls it made. */
int execute(const struct program *program);

/* --- oracle.c ------------------------------------------------------------------------- */

/* A request that a call arms, known by its user_data. */
struct armed {
	int inst;		/* -1: not used */
	bool certain;		/* the call said that it was taken */
	bool final;		/* its last record was seen, or WAIT returned */
	bool cancelled;		/* CANCEL said that it won */
	int updates;		/* that may have given it new times */
	bool by_wait;
	bool left;		/* by a WAIT that was interrupted: it is for no reader */
	int eventfd;		/* number of the eventfd, or -1 */
	uint64_t id;		/* 0: not known */
	uint64_t min_due_ns;
	uint64_t counted;	/* expirations in its records so far */
	uint64_t final_seq;	/* of its last record */
	uint64_t final_count;	/* in it */
	int status;
	struct evnotify_request request;
};

/* A source of one's own. */
struct source {
	char name[32];
	uint64_t raised_min;	/* by calls that have returned, */
	uint64_t raised_max;	/* and by those that have not */
	int raising;		/* these, */
	bool mixed;		/* and there were two at once: no event has a certain number */
	bool closing;		/* it was unplugged, and may be gone */
	bool gone;		/* it is */
};

/* An open file of the device. */
struct inst {
	struct source *source;	/* or NULL; then what follows up to a blank line is not used */
	uint64_t first_min, first_max;	/* raised before it was opened */
	uint64_t told, lost;	/* events, in its records */
	uint64_t last_seq;	/* of the latest of these that came in their order, */
	uint64_t next_event;	/* which number it lets the next one have at least, */
	uint64_t last_ns[12];	/* and which time, by clock */
	bool to_eventfds;	/* some are told otherwise */

	uint64_t tried;		/* requests that calls passed in */
	uint64_t seqs;		/* records seen, */
	uint64_t max_seq;	/* and their highest number */
	bool cancel_tried;
	bool all_tried;		/* of CANCEL: any request may have been meant */
	int stray_updates;	/* updates that may have met any request */
	bool lossy;		/* records may have been lost on us: not all checks hold */
};

struct eventfd {
	uint64_t taken;		/* read from it so far */
	bool unknown;		/* no statement about its value */
};

#define MAX_INSTS	MAX_CALLS
#define MAX_SEQ		2048	/* MAX_REQUESTS, and what is periodic */

/* Shared with forked children, since what they see counts too. */
struct world {
	struct source sources[MAX_INSTS];
	struct inst insts[MAX_INSTS];
	struct eventfd eventfds[MAX_INSTS];
	uint8_t seen[MAX_INSTS][MAX_SEQ];
	uint64_t ids[ID_OF_WAIT - 1];
	int nr_sources, nr_insts, nr_eventfds, nr_ids, nr_armed;
	bool clock_set;		/* REALTIME and TAI did not go on steadily */
	bool company;		/* not all calls were made by the main thread */
	char finding[512];
	struct armed armed[MAX_REQUESTS];	/* last: only @nr_armed of them mean anything */
};

extern struct world *world;
extern uint64_t min_period_ns;
extern uint32_t max_requests;
extern uint64_t patience_ns;	/* for what has to come: then it is a finding */

/* Behind the last one that means anything. */
static inline struct armed *armed_end(void)
{
	return world->armed + world->nr_armed;
}

void world_lock(void);
void world_unlock(void);
void oracle_init(void);
void oracle_reset(void);
__attribute__((format(printf, 1, 2))) void finding(const char *format, ...);
const char *finding_text(void);
uint64_t clock_ns(int clockid);

/* A new file, of a source that had raised so many before the call; NULL, 0: the device. */
int oracle_open(struct source *source, uint64_t raised_before);
/* May a call that depends on the source fail with ENODEV? */
bool oracle_may_be_gone(int inst);
/* What event @number of a source carries. */
uint64_t oracle_data(const struct source *source, uint64_t number);
/* The errno of a request by its fields alone: EINVAL or 0. */
int oracle_request_errno(int inst, const struct evnotify_request *request, bool wait);
int oracle_update_errno(const struct evnotify_update *update);
/* Numbers for @n requests: returns the first. */
int oracle_numbers(int n);
/* What is to know a request by its number again. */
uint64_t oracle_user_data(int nr);
void oracle_arm(int inst, int nr, const struct evnotify_request *request, int eventfd, bool wait);
void oracle_armed(int nr, uint64_t id);
void oracle_left(int nr, uint64_t id, uint64_t before);
void oracle_not_armed(int nr);
struct armed *oracle_find(int inst, uint64_t id);
/* @wait: what WAIT returned, not read(). */
void oracle_event(int inst, const struct evnotify_event *event, bool wait);

/* --- settle.c ------------------------------------------------------------------------- */

/* What fdinfo says; @quiet: nothing is pending or unread any more. */
void oracle_counters(int inst, int fd, bool quiet);
/* read() said that the source is gone. */
void oracle_over(int inst);
/* No call is under way any more: settle each file that is still open. */
void oracle_settle(int inst, int fd);
void oracle_settle_eventfd(int eventfd, int fd);

/* --- fuzz.c --------------------------------------------------------------------------- */

/*
 * What a sequence is worth keeping for besides code.  Of the interrupt and the tasklet that is
 * all there is: KCOV follows threads, so what they did shows only in what they left behind.
 */
enum seen {
	SEEN_CALL, SEEN_OPEN, SEEN_WRITE, SEEN_READ, SEEN_POLL, SEEN_CANCEL, SEEN_CANCEL_ALL,
	SEEN_UPDATE, SEEN_WAIT, SEEN_RECORD, SEEN_ORDER, SEEN_RECORDS, SEEN_INTERRUPT, SEEN_TASKLET,
	SEEN_EVENTFD, SEEN_COUNTERS, SEEN_COUNTER, SEEN_SIM, SEEN_RAISE,
};

void feedback(enum seen seen, uint64_t what);
/* Numbers that count as one: 0, 1, 2 and 3, 4 to 7, and so on. */
static inline int bucket(uint64_t n)
{
	return n ? 64 - __builtin_clzll(n) : 0;
}

/* How a request ended. */
static inline int seen_status(int status)
{
	return status == -ECANCELED ? 1 : status == -ETIME ? 2 : status ? 3 : 0;
}

/* The code that the calling thread went through since the last call. */
void feedback_thread_init(void);
void feedback_collect(void);
void feedback_forget(void);	/* in a child */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif /* FUZZ_H */
