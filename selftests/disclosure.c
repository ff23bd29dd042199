// SPDX-License-Identifier: GPL-2.0-only
/*
 * No information leaks: of every structure that the kernel writes, each byte is explained by
 * what this process asked for, and all other memory stays what it was. Fresh records, records
 * in memory that others have used before, and records that this very file has used before.
 *
 * INFO is in abi.c, a refused request in validate.c, a WAIT that a signal ends in wait_signals.c.
 */
#include <limits.h>
#include <sys/uio.h>

#include "evnotify_test.h"

/* What others leave behind in the memory of the kernel. */
#define SECRET		0x51
#define SECRET_64	0x5151515151515151ULL
#define SECRET_32	0x51515151U

#define ROOM		100	/* more records than a file has without more memory */

static struct evnotify_request secret_request(int eventfd)
{
	return (struct evnotify_request) {
		.user_data = SECRET_64,
		.due_ns = SECRET_64,
		.period_ns = SECRET_64,
		.mode = eventfd < 0 ? EVNOTIFY_MODE_PENDING : EVNOTIFY_MODE_EVENTFD,
		.flags = EVNOTIFY_ABSTIME,
		.clockid = CLOCK_BOOTTIME,
		.eventfd = eventfd < 0 ? 0 : eventfd,
		.count = SECRET_32,
	};
}

/* Records full of the secret, cancelled and read; and some that have expired. */
static void use_records(struct __test_metadata *_metadata, int fd)
{
	struct evnotify_request reqs[ROOM];
	struct evnotify_event events[ROOM];
	int efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), i;

	for (i = 0; i < ROOM; i++)
		reqs[i] = secret_request(i % 2 ? efd : -1);
	ASSERT_EQ(ROOM, arm_many(fd, reqs, ROOM));
	ASSERT_EQ(ROOM, cancel_all(fd));
	ASSERT_EQ(0, read_events(fd, events, ROOM / 2));

	for (i = 0; i < ROOM; i++) {
		reqs[i] = secret_request(i % 2 ? efd : -1);
		reqs[i].due_ns = 1;
		reqs[i].period_ns = NSEC_PER_MSEC;
		reqs[i].count = 3;
	}
	ASSERT_EQ(ROOM, arm_many(fd, reqs, ROOM));
	ASSERT_TRUE(UNTIL(counters(fd).completed == ROOM));
	ASSERT_EQ(0, read_events(fd, events, ROOM / 2));
	close(efd);
}

FIXTURE(records)
{
	int fd;
	__u64 seq;	/* of the latest event record */
};

FIXTURE_VARIANT(records)
{
	bool of_others;
	bool used;
};

FIXTURE_VARIANT_ADD(records, fresh) {};
FIXTURE_VARIANT_ADD(records, of_others) { .of_others = true };
FIXTURE_VARIANT_ADD(records, used_before) { .used = true };

FIXTURE_SETUP(records)
{
	int fd[20];
	unsigned int i;

	for (i = 0; variant->of_others && i < ARRAY_SIZE(fd); i++) {
		fd[i] = open_device(_metadata, O_RDWR);
		use_records(_metadata, fd[i]);
	}
	while (variant->of_others && i--)
		close(fd[i]);
	self->fd = open_device(_metadata, O_RDWR);
	if (variant->used) {
		use_records(_metadata, self->fd);
		self->seq = ROOM;
	}
}

FIXTURE_TEARDOWN(records)
{
	EXPECT_TRUE(balanced(counters(self->fd)));
	EXPECT_EQ(0, close(self->fd));
}

/* --- what is explained ---------------------------------------------------------------- */

/*
 * What the record @seen has to be, field by field; those not named are 0. The times that
 * only the kernel knows are in order and lie between @since and now.
 */
#define EXPECT_EXPLAINED(seen, clock, since, ...) do {					\
	const struct evnotify_event *_seen = (seen);					\
	__u64 _since = (since);								\
	struct evnotify_event _want = { __VA_ARGS__ };					\
											\
	if (_want.count) {								\
		EXPECT_LE(_want.due_ns, _seen->expired_ns);				\
		EXPECT_LE(_since, _seen->expired_ns);					\
		EXPECT_LE(_seen->expired_ns, _seen->completed_ns);			\
		_want.expired_ns = _seen->expired_ns;					\
	}										\
	EXPECT_LE(_since, _seen->completed_ns);						\
	EXPECT_LE(_seen->completed_ns, now_ns(clock));				\
	_want.completed_ns = _seen->completed_ns;					\
	EXPECT_EQ(0, memcmp(&_want, _seen, sizeof(_want)));				\
} while (0)

static bool untouched(const void *start, const void *end)
{
	const unsigned char *byte = start;

	while (byte < (const unsigned char *)end)
		if (*byte++ != POISON)
			return false;
	return true;
}

/* --- event records -------------------------------------------------------------------- */

TEST_F(records, read_gives_what_was_asked_for)
{
	struct evnotify_event events[ROOM + 1];
	struct evnotify_request reqs[ROOM];
	__u64 since = now_ns(CLOCK_MONOTONIC);
	int i;

	for (i = 0; i < ROOM; i++) {
		reqs[i] = pending_in(since, i);
		reqs[i].flags = EVNOTIFY_ABSTIME;
	}
	ASSERT_EQ(ROOM, arm_many(self->fd, reqs, ROOM));
	ASSERT_TRUE(UNTIL(counters(self->fd).unread == ROOM));

	memset(events, POISON, sizeof(events));
	/* room for a record and a piece of the next */
	ASSERT_EQ(64, read(self->fd, events, 127));
	EXPECT_TRUE(untouched(&events[1], events + ROOM + 1));
	ASSERT_EQ(ROOM - 1, read_some(self->fd, events + 1, ROOM));
	EXPECT_TRUE(untouched(&events[ROOM], events + ROOM + 1));
	for (i = 0; i < ROOM; i++)
		EXPECT_EXPLAINED(&events[i], CLOCK_MONOTONIC, since, .user_data = i,
				 .id = reqs[i].id, .due_ns = since,
				 .seq = self->seq + i + 1, .count = 1);
}

TEST_F(records, readv_gives_what_was_asked_for)
{
	struct evnotify_request req = pending_in(1, 7);
	__u64 since = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event event;
	char pieces[192];
	struct iovec iov[] = {
		{ .iov_base = pieces + 1, .iov_len = 33 },
		{ .iov_base = pieces + 50, .iov_len = 1 },
		{ .iov_base = pieces + 64, .iov_len = 100 },
	};

	req.flags = EVNOTIFY_ABSTIME;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(UNTIL(counters(self->fd).unread));
	memset(pieces, POISON, sizeof(pieces));
	ASSERT_EQ(64, readv(self->fd, iov, 3));
	memcpy(&event, pieces + 1, 33);
	memcpy((char *)&event + 33, pieces + 50, 1);
	memcpy((char *)&event + 34, pieces + 64, 30);
	EXPECT_EXPLAINED(&event, CLOCK_MONOTONIC, since, .user_data = 7, .id = req.id,
			 .due_ns = 1, .seq = self->seq + 1, .count = 1);
	EXPECT_TRUE(untouched(pieces, pieces + 1));
	EXPECT_TRUE(untouched(pieces + 34, pieces + 50));
	EXPECT_TRUE(untouched(pieces + 51, pieces + 64));
	EXPECT_TRUE(untouched(pieces + 94, pieces + sizeof(pieces)));
}

TEST_F(records, a_cancelled_one_tells_nothing_of_an_expiration)
{
	struct evnotify_request req = pending_in(INT64_MAX, 8);
	__u64 since = now_ns(CLOCK_MONOTONIC);
	struct evnotify_event events[2];

	req.flags = EVNOTIFY_ABSTIME;
	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_EQ(0, cancel(self->fd, req.id));
	memset(events, POISON, sizeof(events));
	ASSERT_EQ(1, read_some(self->fd, events, 2));
	EXPECT_EXPLAINED(&events[0], CLOCK_MONOTONIC, since, .user_data = 8, .id = req.id,
			 .due_ns = INT64_MAX, .seq = self->seq + 1, .status = -ECANCELED);
	EXPECT_TRUE(untouched(&events[1], &events[2]));
}

/* One record for several expirations, then one for the cancellation that follows. */
TEST_F(records, a_periodic_one_counts_from_0_again)
{
	__u64 since = now_ns(CLOCK_REALTIME);
	struct evnotify_request req = {
		.user_data = 9,
		.due_ns = 1,
		.period_ns = since - 1,		/* half a century */
		.mode = EVNOTIFY_MODE_PENDING,
		.flags = EVNOTIFY_ABSTIME,
		.clockid = CLOCK_REALTIME,
	};
	struct evnotify_event events[2];

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(UNTIL(counters(self->fd).unread));
	memset(events, POISON, sizeof(events));
	ASSERT_EQ(1, read_some(self->fd, events, 2));
	EXPECT_EXPLAINED(&events[0], CLOCK_REALTIME, since, .user_data = 9, .id = req.id,
			 .due_ns = since, .seq = self->seq + 1, .count = 2,
			 .flags = EVNOTIFY_EVENT_MORE);
	ASSERT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(1, read_some(self->fd, events, 2));
	EXPECT_EXPLAINED(&events[0], CLOCK_REALTIME, since, .user_data = 9, .id = req.id,
			 .due_ns = 2 * since - 1, .seq = self->seq + 2, .status = -ECANCELED);
	EXPECT_TRUE(untouched(&events[1], &events[2]));
}

TEST_F(records, wait_gives_what_was_asked_for)
{
	__u64 since = now_ns(CLOCK_MONOTONIC);
	struct evnotify_wait waits[3], before[3];

	memset(waits, POISON, sizeof(waits));
	waits[1].request = pending_in(since, 10);
	waits[1].request.flags = EVNOTIFY_ABSTIME;
	memcpy(before, waits, sizeof(before));
	ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, &waits[1]));
	EXPECT_EXPLAINED(&waits[1].event, CLOCK_MONOTONIC, since, .user_data = 10,
			 .id = waits[1].request.id, .due_ns = since,
			 .seq = self->seq + 1, .count = 1);
	before[1].request.id = waits[1].request.id;
	before[1].event = waits[1].event;
	EXPECT_EQ(0, memcmp(before, waits, sizeof(before)));
}

static void nothing(int signo)
{
	(void)signo;
}

/* The same of a WAIT that comes again, for a request that has completed, or was cancelled. */
TEST_F(records, wait_that_comes_again_gives_what_was_asked_for)
{
	struct sigaction action = { .sa_handler = nothing };
	__u64 since = now_ns(CLOCK_MONOTONIC), due = since + FAR_NS;
	struct evnotify_wait before;
	struct waiter w;
	int cancelled;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (cancelled = 0; cancelled < 2; cancelled++) {
		struct evnotify_request req = pending_in(due, 10);

		req.flags = EVNOTIFY_ABSTIME;
		ASSERT_EQ(0, waiter_start(&w, self->fd, req));
		ASSERT_TRUE(waiter_blocked(&w));
		ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
		ASSERT_EQ(-EINTR, waiter_join(&w));
		ASSERT_EQ(0, cancelled ? cancel(self->fd, w.wait.request.id) :
			     update(self->fd, w.wait.request.id, since, EVNOTIFY_ABSTIME));
		ASSERT_TRUE(UNTIL(!counters(self->fd).pending && !counters(self->fd).completing));
		memcpy(&before, (void *)&w.wait, sizeof(before));
		ASSERT_EQ(0, call(self->fd, EVNOTIFY_IOC_WAIT, (void *)&w.wait));
		EXPECT_EXPLAINED((const void *)&w.wait.event, CLOCK_MONOTONIC, since,
				 .user_data = 10, .id = before.request.id,
				 .due_ns = cancelled ? due : since,
				 .seq = self->seq + 1 + cancelled, .count = !cancelled,
				 .status = cancelled ? -ECANCELED : 0);
		EXPECT_EQ(0, memcmp(&before.request, (void *)&w.wait.request,
				    sizeof(before.request)));
	}
}

/* --- the other structures ------------------------------------------------------------- */

/* @good of ROOM requests; the others are refused. */
static void expect_ids_only(struct __test_metadata *_metadata, int fd, int good, int err)
{
	int efd = eventfd(0, EFD_CLOEXEC), i;
	struct {
		struct evnotify_register before, reg, after;
		struct evnotify_request reqs[ROOM + 1];
	} out, want;

	memset(&out, POISON, sizeof(out));
	for (i = 0; i < ROOM; i++) {
		out.reqs[i] = i % 2 ? pending_in(FAR_NS, i) : eventfd_in(FAR_NS, efd);
		out.reqs[i].id = ~0ULL;
		out.reqs[i].__reserved[1] = i >= good;
	}
	memset(&out.reg, 0, sizeof(out.reg));
	out.reg.requests = (uintptr_t)out.reqs;
	out.reg.count = ROOM;
	out.reg.taken = ~0U;
	memcpy(&want, &out, sizeof(want));

	EXPECT_EQ(err, call(fd, EVNOTIFY_IOC_REGISTER, &out.reg));
	want.reg.taken = good;
	for (i = 0; i < good; i++) {
		EXPECT_EQ(0, cancel(fd, out.reqs[i].id));	/* it is an id */
		want.reqs[i].id = out.reqs[i].id;
	}
	EXPECT_EQ(0, memcmp(&want, &out, sizeof(want)));
	close(efd);
}

TEST_F(records, register_writes_ids_and_taken)
{
	expect_ids_only(_metadata, self->fd, ROOM, 0);
	expect_ids_only(_metadata, self->fd, 37, 0);
	expect_ids_only(_metadata, self->fd, 0, -EINVAL);
}

/* The call gives @err and changes nothing but @field, which becomes @value. */
#define EXPECT_ONLY(type, cmd, err, field, value, ...) do {			\
	struct evnotify_##type _out[3], _want[3];				\
										\
	memset(_out, POISON, sizeof(_out));					\
	_out[1] = (struct evnotify_##type) { __VA_ARGS__ };			\
	memcpy(_want, _out, sizeof(_want));					\
	EXPECT_EQ(err, call(self->fd, EVNOTIFY_IOC_##cmd, &_out[1]));		\
	_want[1].field = (value);						\
	EXPECT_EQ(0, memcmp(_want, _out, sizeof(_want)));			\
} while (0)

TEST_F(records, cancel_and_update_write_nothing_but_cancelled)
{
	struct evnotify_request req = pending_in(FAR_NS, 11);

	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_ONLY(update, UPDATE, 0, id, req.id, .id = req.id, .due_ns = FAR_NS);
	EXPECT_ONLY(update, UPDATE, -ENOENT, id, 0, .due_ns = FAR_NS);
	EXPECT_ONLY(cancel, CANCEL, 0, cancelled, 1, .id = req.id, .cancelled = ~0ULL);
	EXPECT_ONLY(cancel, CANCEL, -EALREADY, cancelled, 0, .id = req.id, .cancelled = ~0ULL);
	EXPECT_ONLY(cancel, CANCEL, 0, cancelled, 0, .flags = EVNOTIFY_CANCEL_ALL,
		    .cancelled = ~0ULL);
	EXPECT_ONLY(update, UPDATE, -EALREADY, id, req.id, .id = req.id);
}

TEST_F(instance, fionread_writes_an_integer)
{
	struct evnotify_request req = pending_in(0, 12);
	struct { char before[4]; int bytes; char after[4]; } out;

	ASSERT_EQ(0, arm(self->fd, &req));
	ASSERT_TRUE(UNTIL(counters(self->fd).unread));
	memset(&out, POISON, sizeof(out));
	EXPECT_EQ(0, call(self->fd, FIONREAD, &out.bytes));
	EXPECT_EQ(64, out.bytes);
	EXPECT_TRUE(untouched(out.before, &out.bytes));
	EXPECT_TRUE(untouched(out.after, &out + 1));
}

/* --- calls that give nothing ---------------------------------------------------------- */

TEST_F(instance, what_fails_writes_nothing)
{
	struct evnotify_request req = pending_in(FAR_NS, 13);
	struct evnotify_event event;
	struct evnotify_wait out;

	memset(&out, POISON, sizeof(out));
	memset(&event, POISON, sizeof(event));
	ASSERT_EQ(0, set_nonblock(self->fd));
	ASSERT_EQ(0, arm(self->fd, &req));
	EXPECT_EQ(-EAGAIN, read_some(self->fd, &event, 1));	/* nothing to read */
	ASSERT_EQ(0, cancel(self->fd, req.id));
	EXPECT_EQ(-1, read(self->fd, &event, 63));		/* too small */
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(untouched(&event, &event + 1));

	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_REGISTER, &out));
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_CANCEL, &out));
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_UPDATE, &out));
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_WAIT, &out));
	EXPECT_EQ(-ENOTTY, call(self->fd, _IOR(EVNOTIFY_IOC_MAGIC, 5, out), &out));
	EXPECT_TRUE(untouched(&out, &out + 1));
	EXPECT_EQ(1, read_some(self->fd, &event, 1));
}

TEST_HARNESS_MAIN
