// SPDX-License-Identifier: GPL-2.0-only
/*
 * An instance is an open file: what happens when several processes, descriptors and
 * instances are about, and when some of them go away early.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include "evnotify_test.h"

/*
 * Some tests let something go before it is due. A machine that is too slow for that gets
 * twice the time, until it is not.
 */
static struct evnotify_request pending_at(__u64 due_ns, __u64 user_data)
{
	struct evnotify_request req = pending_in(due_ns, user_data);

	req.flags = EVNOTIFY_ABSTIME;
	return req;
}

/* Returns when what was due then has expired. */
static int wait_until(int fd, __u64 due_ns)
{
	struct evnotify_wait wait = { .request = pending_at(due_ns, 0) };

	return call(fd, EVNOTIFY_IOC_WAIT, &wait);
}

/* --- closing -------------------------------------------------------------------------- */

TEST_F(instance, close_does_not_end_a_wait_of_another_thread)
{
	__u64 delay = 50 * NSEC_PER_MSEC, due;
	struct waiter w;
	bool late;
	int fd;

	/* the call holds the file: it ends when its request is due, and no earlier */
	do {
		delay *= 2;
		due = now_ns(CLOCK_MONOTONIC) + delay;
		fd = open_device(_metadata, O_RDWR);
		ASSERT_EQ(0, waiter_start(&w, fd, pending_at(due, 5)));
		ASSERT_NE(0, waiter_id(&w));
		ASSERT_TRUE(UNTIL(counters(fd).pending == 0 || asleep(w.tid)));
		ASSERT_EQ(0, close(fd));
		EXPECT_EQ(-1, fcntl(fd, F_GETFD));
		late = now_ns(CLOCK_MONOTONIC) >= due;
		EXPECT_EQ(0, waiter_join(&w));
		EXPECT_EQ(5, w.wait.event.user_data);
		EXPECT_EXPIRED(&w.wait.event, due, CLOCK_MONOTONIC);
	} while (late);
}

static void *read_one(void *arg)
{
	struct waiter *w = arg;
	struct evnotify_event event;

	w->tid = gettid();
	w->ret = read_some(w->fd, &event, 1);
	return NULL;
}

TEST_F(instance, close_does_not_end_a_read_of_another_thread)
{
	struct waiter w = { .fd = open_device(_metadata, O_RDWR) };
	struct evnotify_request req = pending_in(FAR_NS, 5);
	int copy = dup(w.fd);

	ASSERT_EQ(0, pthread_create(&w.thread, NULL, read_one, &w));
	ASSERT_TRUE(UNTIL(w.tid && asleep(w.tid)));
	ASSERT_EQ(0, close(w.fd));
	ASSERT_EQ(0, arm(copy, &req));
	EXPECT_EQ(0, cancel(copy, req.id));
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(0, close(copy));
}

TEST_F(instance, close_ends_what_is_pending)
{
	__u64 delay = 20 * NSEC_PER_MSEC, due, signals;
	int fd, efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request reqs[2];
	bool late;

	do {
		delay *= 2;
		due = now_ns(CLOCK_MONOTONIC) + delay;
		reqs[0] = pending_at(due, 1);
		reqs[1] = eventfd_in(delay, efd);
		fd = open_device(_metadata, O_RDWR);
		ASSERT_EQ(2, arm_many(fd, reqs, 2));
		ASSERT_EQ(0, close(fd));
		late = now_ns(CLOCK_MONOTONIC) >= due;
		ASSERT_EQ(0, wait_until(self->fd, due + 20 * NSEC_PER_MSEC));
		signals = eventfd_take(efd);
	} while (late);
	EXPECT_EQ(0, signals);
}

TEST_F(instance, only_the_last_close_ends_it)
{
	struct evnotify_request req = pending_in(20 * NSEC_PER_MSEC, 5);
	int fd = open_device(_metadata, O_RDWR), copy = dup(fd);
	struct evnotify_event event;

	ASSERT_EQ(0, arm(fd, &req));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, read_events(copy, &event, 1));
	EXPECT_EQ(5, event.user_data);
	EXPECT_EQ(0, close(copy));
}

TEST_F(instance, an_eventfd_may_be_closed_before_it_is_signalled)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request req = eventfd_in(20 * NSEC_PER_MSEC, efd);

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, close(efd));
	EXPECT_TRUE(UNTIL(counters(self->fd).completed == 1));
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);

	/* the descriptor may come to name another one, which is left alone */
	efd = eventfd(0, EFD_NONBLOCK);
	req = eventfd_in(FAR_NS, efd);
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, close(efd));
	ASSERT_EQ(efd, eventfd(0, EFD_NONBLOCK));
	ASSERT_EQ(0, update(self->fd, req.id, 0, 0));
	EXPECT_TRUE(UNTIL(counters(self->fd).completed == 2));
	EXPECT_EQ(0, eventfd_take(efd));
}

/* --- several instances ---------------------------------------------------------------- */

TEST_F(instance, instances_are_isolated)
{
	int other = open_device(_metadata, O_RDWR);
	struct evnotify_request mine = pending_in(FAR_NS, 1);
	struct evnotify_request theirs[3] = {
		pending_in(FAR_NS, 2), pending_in(FAR_NS, 3), pending_in(FAR_NS, 4),
	};
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &mine));
	ASSERT_EQ(3, arm_many(other, theirs, 3));
	/* an id means something within its instance only */
	EXPECT_EQ(-ENOENT, cancel(self->fd, theirs[2].id));
	EXPECT_EQ(-ENOENT, update(self->fd, theirs[1].id, 0, 0));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);

	EXPECT_EQ(3, cancel_all(other));
	EXPECT_COUNTERS(other, 3, 0, 3, 0, 3);
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	EXPECT_FALSE(readable(self->fd, 0));
	ASSERT_EQ(3, arm_many(other, theirs, 3));
	EXPECT_EQ(0, close(other));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);

	ASSERT_EQ(0, update(self->fd, mine.id, 0, 0));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(1, event.user_data);
	EXPECT_EQ(1, event.seq);
}

/* --- several processes ---------------------------------------------------------------- */

/* Has the child ended, with nothing to complain of? */
static bool ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

TEST_F(instance, a_child_shares_the_file)
{
	struct evnotify_request mine = pending_in(FAR_NS, 1);
	struct evnotify_request theirs = pending_in(0, 2);
	struct evnotify_event event;
	pid_t pid;

	ASSERT_EQ(0, arm(self->fd, &mine));
	pid = fork();
	if (!pid) {
		EXPECT_EQ(0, cancel(self->fd, mine.id));
		EXPECT_EQ(0, arm(self->fd, &theirs));
		_exit(_metadata->exit_code);
	}
	ASSERT_TRUE(ended_well(pid));
	/* what the child cancelled and what it armed: both are read here */
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(1, event.user_data);
	EXPECT_EQ(-ECANCELED, event.status);
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_EQ(2, event.user_data);
	EXPECT_EQ(0, event.status);
	EXPECT_COUNTERS(self->fd, 2, 1, 1, 0, 0);
}

/* What a call writes goes to the memory of its caller, also where that is still to be copied. */
TEST_F(instance, a_child_has_its_own_results)
{
	struct evnotify_request req = pending_in(0, 1);
	struct evnotify_wait wait = { .request = pending_in(0, 2) };
	struct evnotify_event event = {};
	pid_t pid;

	pid = fork();
	if (!pid) {
		EXPECT_EQ(0, arm(self->fd, &req));
		EXPECT_NE(0, req.id);
		EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
		EXPECT_EQ(2, wait.event.user_data);
		EXPECT_EQ(0, read_events(self->fd, &event, 1));
		EXPECT_EQ(1, event.user_data);
		_exit(_metadata->exit_code);
	}
	ASSERT_TRUE(ended_well(pid));
	EXPECT_EQ(0, req.id);
	EXPECT_EQ(0, wait.request.id);
	EXPECT_EQ(0, wait.event.user_data);
	EXPECT_EQ(0, event.user_data);
	EXPECT_COUNTERS(self->fd, 2, 2, 0, 0, 0);
}

TEST_F(instance, two_processes_on_one_file)
{
	enum { N = 500 };
	struct evnotify_request req;
	struct evnotify_event event;
	unsigned char seen[2 * N] = {};
	pid_t pid;
	int i;

	pid = fork();
	for (i = 0; i < N; i++) {
		req = pending_in(i % 10 * 50 * NSEC_PER_USEC, pid ? i : N + i);
		if (arm(self->fd, &req))
			break;
	}
	if (!pid)
		_exit(i != N);
	ASSERT_EQ(N, i);
	for (i = 0; i < 2 * N; i++) {
		ASSERT_EQ(0, read_events(self->fd, &event, 1));
		ASSERT_GT(2 * N, event.user_data);
		ASSERT_EQ(0, seen[event.user_data]++);
		ASSERT_EQ(i + 1, event.seq);
	}
	EXPECT_TRUE(ended_well(pid));
	EXPECT_COUNTERS(self->fd, 2 * N, 2 * N, 0, 0, 0);
}

TEST_F(instance, requests_of_a_process_outlive_it)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct evnotify_request reqs[] = { pending_in(FAR_NS, 1), eventfd_in(FAR_NS, efd) };
	struct evnotify_update args = { .due_ns = 0 };
	struct evnotify_event event;
	pid_t pid;

	pid = fork();
	if (!pid) {
		EXPECT_EQ(2, arm_many(self->fd, reqs, 2));
		_exit(_metadata->exit_code);
	}
	ASSERT_TRUE(ended_well(pid));
	EXPECT_COUNTERS(self->fd, 2, 0, 0, 2, 0);
	/* its ids were written to its own memory; they are in the records */
	EXPECT_EQ(2, cancel_all(self->fd));
	ASSERT_EQ(1, read_some(self->fd, &event, 1));
	args.id = event.id;
	EXPECT_EQ(-EALREADY, call(self->fd, EVNOTIFY_IOC_UPDATE, &args));
	EXPECT_EQ(0, eventfd_take(efd));
}

/* exec: this program again, with the number of a descriptor to read a record from. */
#define READ_RECORD	"--read-record"

/*
 * What a WAIT has left belongs to the file: whoever has that, and knows the id, takes it up or
 * cancels it, also if the process is gone that waited.
 */
static void nothing(int signo)
{
	(void)signo;
}

TEST_F(instance, what_a_wait_has_left_outlives_its_process)
{
	struct sigaction action = { .sa_handler = nothing };
	volatile struct evnotify_wait *wait;
	int status, round;
	pid_t pid;

	wait = mmap(NULL, sizeof(*wait), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(wait != MAP_FAILED);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (round = 0; round < 2; round++) {
		wait->request = pending_in(FAR_NS, 5);
		pid = fork();
		if (!pid)
			_exit(call(self->fd, EVNOTIFY_IOC_WAIT, (void *)wait) == -EINTR ? 0 : 1);
		ASSERT_TRUE(UNTIL(wait->request.id));
		/* until it is asleep there, and the signal finds it */
		do {
			ASSERT_EQ(0, kill(pid, SIGUSR1));
			usleep(100);
		} while (!waitpid(pid, &status, WNOHANG));
		ASSERT_EQ(0, status);
		ASSERT_EQ(1, counters(self->fd).pending);
		if (round) {
			EXPECT_EQ(0, cancel(self->fd, wait->request.id));
		} else {
			ASSERT_EQ(0, update(self->fd, wait->request.id, 0, 0));
			EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)wait));
			EXPECT_EQ(wait->request.id, wait->event.id);
			EXPECT_EQ(5, wait->event.user_data);
		}
	}
	EXPECT_COUNTERS(self->fd, 2, 1, 1, 0, 0);
	EXPECT_FALSE(readable(self->fd, 0));
}

static int read_record(const char *fd)
{
	struct evnotify_event event;

	return read_events(atoi(fd), &event, 1) || event.user_data != 5;
}

static void exec_reader(int fd)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	execl("/proc/self/exe", "sharing", READ_RECORD, number, NULL);
}

TEST_F(instance, an_instance_survives_exec)
{
	struct evnotify_request req = pending_in(50 * NSEC_PER_MSEC, 5);
	pid_t pid;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
	ASSERT_EQ(0, arm(self->fd, &req));
	pid = fork();
	if (!pid) {
		exec_reader(self->fd);
		_exit(KSFT_FAIL);
	}
	EXPECT_TRUE(ended_well(pid));
	EXPECT_COUNTERS(self->fd, 1, 1, 0, 0, 0);
}

TEST_F(instance, exec_closes_an_instance)
{
	int efd = eventfd(0, EFD_NONBLOCK), status, fd;
	__u64 delay = 50 * NSEC_PER_MSEC, due, signals;
	struct evnotify_request req;
	pid_t pid;
	bool late;

	do {
		delay *= 2;
		due = now_ns(CLOCK_MONOTONIC) + delay;
		pid = fork();
		if (!pid) {
			/* with O_CLOEXEC, as all that the tests open */
			fd = open(DEVICE, O_RDWR | O_CLOEXEC);
			req = eventfd_in(delay, efd);
			if (fd < 0 || arm(fd, &req))
				_exit(3);
			exec_reader(fd);
			_exit(4);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		late = now_ns(CLOCK_MONOTONIC) >= due;
		/* it had nothing to read from */
		EXPECT_EQ(1, WEXITSTATUS(status));
		ASSERT_EQ(0, wait_until(self->fd, due + 20 * NSEC_PER_MSEC));
		signals = eventfd_take(efd);
	} while (late);
	EXPECT_EQ(0, signals);
}

/* --- descriptors in the mail ---------------------------------------------------------- */

union control {
	char buffer[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int send_fd(int sock, int fd)
{
	union control control = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int sock)
{
	union control control = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buffer,
		.msg_controllen = sizeof(control.buffer),
	};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -errno;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

TEST_F(instance, a_file_survives_its_sender)
{
	struct evnotify_request reqs[] = { pending_in(0, 1), pending_in(FAR_NS, 2) };
	struct evnotify_event event;
	int socks[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	pid = fork();
	if (!pid) {
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(2, arm_many(fd, reqs, 2));
		ASSERT_EQ(0, send_fd(socks[1], fd));
		_exit(_metadata->exit_code);
	}
	ASSERT_TRUE(ended_well(pid));
	/* nobody but the message holds it now; it works on all the same */
	fd = receive_fd(socks[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(1, event.user_data);
	EXPECT_COUNTERS(fd, 2, 1, 0, 1, 0);
	EXPECT_EQ(1, cancel_all(fd));
	ASSERT_EQ(1, read_some(fd, &event, 1));
	EXPECT_EQ(2, event.user_data);
	EXPECT_EQ(0, close(fd));
}

TEST_F(instance, a_file_can_be_taken_from_its_process)
{
	struct evnotify_request req = pending_in(0, 1);
	int channel[2], pidfd, number, fd;
	struct evnotify_event event;
	pid_t pid;

	ASSERT_EQ(0, pipe(channel));
	pid = fork();
	if (!pid) {
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, arm(fd, &req));
		ASSERT_EQ(sizeof(fd), write(channel[1], &fd, sizeof(fd)));
		pause();
	}
	ASSERT_EQ(0, close(channel[1]));
	ASSERT_EQ(sizeof(number), read(channel[0], &number, sizeof(number)));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);
	fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	ASSERT_LE(0, fd);
	/* it outlives whom it was taken from */
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, read_events(fd, &event, 1));
	EXPECT_EQ(1, event.user_data);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(pidfd));
	EXPECT_EQ(0, close(channel[0]));
}

TEST_F(instance, a_file_may_get_lost_in_the_mail)
{
	__u64 delay = 20 * NSEC_PER_MSEC, due, signals;
	int efd = eventfd(0, EFD_NONBLOCK), socks[2], fd;
	struct evnotify_request req;
	bool late;

	do {
		delay *= 2;
		due = now_ns(CLOCK_MONOTONIC) + delay;
		req = eventfd_in(delay, efd);
		fd = open_device(_metadata, O_RDWR);
		ASSERT_EQ(0, arm(fd, &req));
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
		ASSERT_EQ(0, send_fd(socks[1], fd));
		ASSERT_EQ(0, close(fd));
		/* with the socket goes the message, with the message the last reference */
		ASSERT_EQ(0, close(socks[0]));
		ASSERT_EQ(0, close(socks[1]));
		late = now_ns(CLOCK_MONOTONIC) >= due;
		ASSERT_EQ(0, wait_until(self->fd, due + 20 * NSEC_PER_MSEC));
		signals = eventfd_take(efd);
	} while (late);
	EXPECT_EQ(0, signals);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], READ_RECORD))
		return read_record(argv[2]);
	return test_harness_run(argc, argv);
}
