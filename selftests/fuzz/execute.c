// SPDX-License-Identifier: GPL-2.0-only
/* evnotify fuzzer - runs a sequence: its threads, its children, its end */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "execute.h"

struct thread threads[NR_THREADS];
__thread struct thread *self;

static void call_settime(const struct call *c)
{
	int64_t delta = (int64_t)c->arg[A_DUE] % 1000000000;
	uint64_t to;
	struct timespec ts;

	world->clock_set = true;
	to = clock_ns(CLOCK_REALTIME) + delta;
	ts.tv_sec = to / 1000000000;
	ts.tv_nsec = to % 1000000000;
	clock_settime(CLOCK_REALTIME, &ts);
}

static void make_call(const struct call *c)
{
	struct slot s = slot_get(c->arg[A_FD]);
	bool device = s.kind == DEVICE;

	errno = 0;
	switch (c->op) {
	case OP_OPEN:
		call_open(c);
		break;
	case OP_EVENTFD:
		call_eventfd(c);
		break;
	case OP_CLOSE:
		call_close(c);
		break;
	case OP_DUP:
		call_dup(c);
		break;
	case OP_INFO:
		if (device)
			call_info(c, s);
		break;
	case OP_REGISTER:
		if (device)
			call_register(c, s);
		break;
	case OP_WAIT:
		if (device)
			call_wait(c, s);
		break;
	case OP_CANCEL:
		if (device)
			call_cancel(c, s);
		break;
	case OP_UPDATE:
		if (device)
			call_update(c, s);
		break;
	case OP_WRITE:
		call_write(c, s);
		break;
	case OP_READ:
		call_read(c, s);
		break;
	case OP_POLL:
		call_poll(c, s);
		break;
	case OP_FCNTL:
		call_fcntl(c, s);
		break;
	case OP_FIONREAD:
		call_fionread(c, s);
		break;
	case OP_FDINFO:
		if (device)
			oracle_counters(s.nr, s.fd, false);
		break;
	case OP_IOCTL:
		call_ioctl(c, s);
		break;
	case OP_SIGNAL:
		if (self != &threads[CHILD])
			pthread_kill(threads[c->arg[A_TO] % (WORKERS + 1)].thread, SIGUSR1);
		break;
	case OP_SETTIME:
		call_settime(c);
		break;
	case OP_SIM:
		call_sim(c);
		break;
	case OP_REOPEN:
		if (device)
			call_reopen(c, s);
		break;
	case OP_RAISE:
		if (device)
			call_raise(c, s);
		break;
	case OP_UNPLUG:
		if (device)
			call_unplug(s);
		break;
	case OP_FORK:
	case NR_OPS:
		break;
	}
	feedback(SEEN_CALL, c->op << 12 | errno);
	feedback_collect();
}

/* --- threads and the whole sequence ----------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

static void thread_init(struct thread *t)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR2,
		._sigev_un._tid = gettid(),
	};

	self = t;
	t->thread = pthread_self();
	t->fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (timer_create(CLOCK_MONOTONIC, &event, &t->timer))
		die("timer_create: %s", strerror(errno));
}

static void *worker(void *arg)
{
	thread_init(arg);
	feedback_thread_init();
	for (;;) {
		while (sem_wait(&self->go))
			;
		make_call(self->call);
		sem_post(&self->done);
	}
	return NULL;
}

static void worker_finish(struct thread *t)
{
	if (!t->busy)
		return;
	while (sem_wait(&t->done))
		;
	t->busy = false;
}

static void worker_start(struct thread *t, const struct call *call)
{
	worker_finish(t);
	t->call = call;
	t->busy = true;
	sem_post(&t->go);
}

void execute_init(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	int i;

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGIO, &action, NULL);
	for (i = 0; i < NR_THREADS; i++) {
		memory_init(&threads[i]);
		sem_init(&threads[i].go, 0, 0);
		sem_init(&threads[i].done, 0, 0);
	}
	thread_init(&threads[0]);
	feedback_thread_init();
	for (i = 1; i <= WORKERS; i++)
		if (pthread_create(&threads[i].thread, NULL, worker, &threads[i]))
			die("no thread");
}

static pid_t child_start(const struct program *program, int from, int n)
{
	pid_t pid = fork();
	int i;

	if (pid)
		return pid;
	for (i = 0; i <= WORKERS; i++)
		threads[i].busy = false;	/* they do not exist here */
	feedback_forget();
	thread_init(&threads[CHILD]);
	for (i = from; i < from + n && i < program->length; i++)
		if (program->calls[i].op != OP_FORK)
			make_call(&program->calls[i]);
	_exit(0);
}

static void child_finish(pid_t pid)
{
	uint64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + patience_ns;

	while (pid > 0) {
		struct timespec pause = { .tv_nsec = 1000000 };

		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		if (clock_ns(CLOCK_MONOTONIC) > give_up_ns) {
			finding("a child does not end");
			return;
		}
		nanosleep(&pause, NULL);
	}
}

int execute(const struct program *program)
{
	uint64_t offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	pid_t child = 0;
	int i, n;

	oracle_reset();
	files_init();
	for (i = 0; i < program->length && !finding_text(); i++) {
		const struct call *c = &program->calls[i];

		if (c->op == OP_FORK) {
			child_finish(child);
			world->company = true;
			n = c->arg[A_N] % 4;
			child = child_start(program, i + 1, n);
			i += n;
		} else if (c->arg[A_THREAD] % (WORKERS + 1)) {
			world->company = true;
			worker_start(&threads[c->arg[A_THREAD] % (WORKERS + 1)], c);
		} else {
			make_call(c);
		}
	}
	for (i = 1; i <= WORKERS; i++)
		worker_finish(&threads[i]);
	child_finish(child);
	if (world->clock_set) {
		struct timespec ts;

		offset += clock_ns(CLOCK_MONOTONIC);
		ts.tv_sec = offset / 1000000000;
		ts.tv_nsec = offset % 1000000000;
		clock_settime(CLOCK_REALTIME, &ts);
	}
	files_settle();
	feedback_collect();
	return program->length;
}
