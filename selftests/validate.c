// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input changes nothing: each field of each call, one bad at a time on otherwise good
 * data, with its errno; bad memory; bad requests in a batch. Built for 32 bits as well.
 */
#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "evnotify_test.h"

/* Descriptors of every process here. */
#define CLOSED_FD	511
#define DEVNULL_FD	510
#define EVENTFD_FD	509

static int pages(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Two pages, of which the second has this protection; returns the start of the second. */
static char *second_page(int prot)
{
	char *first = mmap(NULL, 2 * pages(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (first == MAP_FAILED || mprotect(first + pages(), pages(), prot))
		return NULL;
	return first + pages();
}

/* --- every field of a request, in every call that takes one --------------------------- */

FIXTURE(request)
{
	int fd;
};

FIXTURE_VARIANT(request)
{
	int err;
	struct evnotify_request req;
};

FIXTURE_SETUP(request)
{
	int null, event;

	self->fd = open_device(_metadata, O_RDWR);
	null = open("/dev/null", O_RDWR);
	event = eventfd(0, 0);
	ASSERT_EQ(DEVNULL_FD, dup2(null, DEVNULL_FD));
	ASSERT_EQ(EVENTFD_FD, dup2(event, EVENTFD_FD));
	close(CLOSED_FD);
}

FIXTURE_TEARDOWN(request)
{
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
	close(self->fd);
}

/* What is not named is as in a good request. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define REQUEST(...) \
	((struct evnotify_request) { .due_ns = FAR_NS, .clockid = CLOCK_MONOTONIC, ##__VA_ARGS__ })
#define EVENTFD_REQUEST(...)	REQUEST(.mode = EVNOTIFY_MODE_EVENTFD, ##__VA_ARGS__)
#define REFUSED(name)		FIXTURE_VARIANT_ADD(request, name)

REFUSED(due_too_far) { -EINVAL, REQUEST(.due_ns = 1ULL << 63) };
REFUSED(due_all_ones) { -EINVAL, REQUEST(.due_ns = ~0ULL) };
REFUSED(due_absolute_too_far) { -EINVAL, REQUEST(.due_ns = 1ULL << 63, .flags = EVNOTIFY_ABSTIME) };
REFUSED(period_too_long) { -EINVAL, REQUEST(.period_ns = 1ULL << 63) };
REFUSED(period_too_short) { -EINVAL, REQUEST(.period_ns = 1) };
REFUSED(count_without_period) { -EINVAL, REQUEST(.count = 1) };
REFUSED(mode_2) { -EINVAL, REQUEST(.mode = 2) };
REFUSED(mode_all_ones) { -EINVAL, REQUEST(.mode = ~0U) };
REFUSED(flag_bit_1) { -EINVAL, REQUEST(.flags = 1U << 1) };
REFUSED(flag_bit_31) { -EINVAL, REQUEST(.flags = 1U << 31) };
REFUSED(flag_alien_with_known) { -EINVAL, REQUEST(.flags = EVNOTIFY_ABSTIME | 1U << 4) };
REFUSED(clock_process_cputime) { -EINVAL, REQUEST(.clockid = CLOCK_PROCESS_CPUTIME_ID) };
REFUSED(clock_thread_cputime) { -EINVAL, REQUEST(.clockid = CLOCK_THREAD_CPUTIME_ID) };
REFUSED(clock_monotonic_raw) { -EINVAL, REQUEST(.clockid = CLOCK_MONOTONIC_RAW) };
REFUSED(clock_realtime_coarse) { -EINVAL, REQUEST(.clockid = CLOCK_REALTIME_COARSE) };
REFUSED(clock_monotonic_coarse) { -EINVAL, REQUEST(.clockid = CLOCK_MONOTONIC_COARSE) };
REFUSED(clock_realtime_alarm) { -EINVAL, REQUEST(.clockid = CLOCK_REALTIME_ALARM) };
REFUSED(clock_boottime_alarm) { -EINVAL, REQUEST(.clockid = CLOCK_BOOTTIME_ALARM) };
REFUSED(clock_12) { -EINVAL, REQUEST(.clockid = 12) };
REFUSED(clock_negative) { -EINVAL, REQUEST(.clockid = -1) };
REFUSED(eventfd_in_pending_mode) { -EINVAL, REQUEST(.eventfd = EVENTFD_FD) };
REFUSED(eventfd_negative_in_pending_mode) { -EINVAL, REQUEST(.eventfd = -1) };
REFUSED(reserved_0) { -EINVAL, REQUEST(.__reserved[0] = 1) };
REFUSED(reserved_1) { -EINVAL, REQUEST(.__reserved[1] = 1U << 31) };
REFUSED(reserved_2) { -EINVAL, REQUEST(.__reserved[2] = 1) };
REFUSED(eventfd_closed) { -EBADF, EVENTFD_REQUEST(.eventfd = CLOSED_FD) };
REFUSED(eventfd_negative) { -EBADF, EVENTFD_REQUEST(.eventfd = -1) };
REFUSED(eventfd_beyond_the_table) { -EBADF, EVENTFD_REQUEST(.eventfd = INT_MAX) };
REFUSED(eventfd_of_another_kind) { -EINVAL, EVENTFD_REQUEST(.eventfd = DEVNULL_FD) };
/* fields come before the eventfd */
REFUSED(all_at_once) { -EINVAL, EVENTFD_REQUEST(.eventfd = CLOSED_FD, .__reserved[2] = 1) };

TEST_F(request, is_refused_by_all_calls)
{
	/* WAIT blocks for no eventfd, good or bad */
	EXPECT_REFUSED_BY_ALL(self->fd, variant->req, variant->err,
			      variant->req.mode == EVNOTIFY_MODE_EVENTFD ? -EINVAL : variant->err);
}

/* The data that the cases above start from is good: only the bad field made the error. */
TEST_F(instance, good_requests_are_taken)
{
	const struct evnotify_request good[] = {
		REQUEST(),
		REQUEST(.id = ~0ULL, .user_data = ~0ULL),
		REQUEST(.flags = EVNOTIFY_ABSTIME),
		REQUEST(.due_ns = INT64_MAX),
		REQUEST(.due_ns = INT64_MAX, .flags = EVNOTIFY_ABSTIME),
		REQUEST(.period_ns = FAR_NS),
		REQUEST(.period_ns = INT64_MAX),
		REQUEST(.period_ns = FAR_NS, .count = ~0U),
		REQUEST(.clockid = CLOCK_REALTIME),
		REQUEST(.clockid = CLOCK_BOOTTIME),
		REQUEST(.clockid = CLOCK_TAI),
		EVENTFD_REQUEST(.eventfd = EVENTFD_FD),
	};
	struct evnotify_request req;
	unsigned int i;

	ASSERT_EQ(EVENTFD_FD, dup2(eventfd(0, 0), EVENTFD_FD));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		req = good[i];
		EXPECT_EQ(0, arm(self->fd, &req))
			TH_LOG("good request %u was refused", i);
		EXPECT_NE(0, req.id);
		EXPECT_NE(~0ULL, req.id);
	}
	EXPECT_EQ(sizeof(good), write(self->fd, good, sizeof(good)));
	EXPECT_EQ(2 * ARRAY_SIZE(good), counters(self->fd).pending);
}

/* --- WAIT ----------------------------------------------------------------------------- */

TEST_F(instance, wait_refuses_what_it_cannot_block_for)
{
	struct evnotify_wait wait = { .request = REQUEST(.period_ns = FAR_NS) };

	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	wait.request = eventfd_in(FAR_NS, eventfd(0, 0));
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_WAIT, &wait));
	EXPECT_EQ(0, wait.request.id);
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
}

/* --- REGISTER ------------------------------------------------------------------------- */

TEST_F(instance, register_checks_its_own_fields)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	const struct evnotify_register good = { .requests = (uintptr_t)&req, .count = 1 };
	struct evnotify_register reg;

	reg = good;
	reg.count = 0;
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_REGISTER, &reg));
	reg = good;
	reg.__reserved[0] = 1;
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_REGISTER, &reg));
	reg = good;
	reg.__reserved[1] = 1ULL << 63;
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_REGISTER, &reg));
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
	EXPECT_EQ(0, req.id);

	/* its own fields are good, the request is not: none was taken */
	reg = good;
	reg.taken = ~0U;
	req.mode = 2;
	EXPECT_EQ(-EINVAL, call(self->fd, EVNOTIFY_IOC_REGISTER, &reg));
	EXPECT_EQ(0, reg.taken);
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);

	req.mode = EVNOTIFY_MODE_PENDING;
	reg = good;
	reg.taken = ~0U;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_REGISTER, &reg));
	EXPECT_EQ(1, reg.taken);
}

TEST_F(instance, a_bad_request_ends_the_batch_before_it)
{
	enum { N = 40, BAD_ONE = 23 };
	struct evnotify_request reqs[N];
	unsigned int i;

	for (i = 0; i < N; i++)
		reqs[i] = pending_in(FAR_NS, i);
	reqs[BAD_ONE].mode = 7;

	EXPECT_EQ(BAD_ONE, arm_many(self->fd, reqs, N));
	for (i = 0; i < N; i++)
		EXPECT_EQ(i < BAD_ONE, reqs[i].id != 0);
	EXPECT_COUNTERS(self->fd, BAD_ONE, 0, 0, BAD_ONE, 0);

	/* the call that starts with it tells why */
	EXPECT_EQ(-EINVAL, arm_many(self->fd, reqs + BAD_ONE, N - BAD_ONE));
	EXPECT_COUNTERS(self->fd, BAD_ONE, 0, 0, BAD_ONE, 0);

	reqs[BAD_ONE].mode = EVNOTIFY_MODE_EVENTFD;
	reqs[BAD_ONE].eventfd = CLOSED_FD;
	EXPECT_EQ(-EBADF, arm_many(self->fd, reqs + BAD_ONE, N - BAD_ONE));

	reqs[BAD_ONE] = pending_in(FAR_NS, BAD_ONE);
	EXPECT_EQ(N - BAD_ONE, arm_many(self->fd, reqs + BAD_ONE, N - BAD_ONE));
	EXPECT_COUNTERS(self->fd, N, 0, 0, N, 0);
}

/* --- write() -------------------------------------------------------------------------- */

TEST_F(instance, write_takes_whole_requests)
{
	struct evnotify_request reqs[3] = {
		pending_in(FAR_NS, 0), pending_in(FAR_NS, 1), pending_in(FAR_NS, 2),
	};
	const size_t size = sizeof(reqs[0]);

	EXPECT_EQ(-1, write(self->fd, reqs, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, reqs, size - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
	EXPECT_EQ(2 * size, write(self->fd, reqs, 3 * size - 1));
	EXPECT_COUNTERS(self->fd, 2, 0, 0, 2, 0);

	reqs[1].flags = ~0U;
	EXPECT_EQ(size, write(self->fd, reqs, sizeof(reqs)));
	EXPECT_EQ(-1, write(self->fd, &reqs[1], 2 * size));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_COUNTERS(self->fd, 3, 0, 0, 3, 0);
}

TEST_F(instance, write_does_not_write_back)
{
	struct evnotify_request *req = (void *)second_page(PROT_READ | PROT_WRITE);

	ASSERT_TRUE(!!req);
	*req = pending_in(FAR_NS, 1);
	ASSERT_EQ(0, mprotect(req, pages(), PROT_READ));
	EXPECT_EQ(sizeof(*req), write(self->fd, req, sizeof(*req)));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
}

TEST_F(instance, write_gathers_a_request_from_pieces)
{
	struct evnotify_request reqs[2] = { pending_in(0, 1), pending_in(0, 2) };
	struct iovec iov[] = {
		{ .iov_base = (char *)reqs, .iov_len = 10 },
		{ .iov_base = (char *)reqs + 10, .iov_len = 100 },
		{ .iov_base = (char *)reqs + 110, .iov_len = sizeof(reqs) - 110 },
	};
	struct evnotify_event events[2];

	EXPECT_EQ(sizeof(reqs), writev(self->fd, iov, ARRAY_SIZE(iov)));
	ASSERT_EQ(0, read_events(self->fd, events, 2));
	EXPECT_EQ(3, events[0].user_data + events[1].user_data);
}

/* --- CANCEL and UPDATE ---------------------------------------------------------------- */

TEST_F(instance, cancel_checks_every_field)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	struct evnotify_cancel good, args;
	int ret;

	ASSERT_EQ(0, arm(self->fd, &req));
	memset(&good, 0, sizeof(good));
	good.id = req.id;
	good.cancelled = 0xcccccccccccccccc;

#define EXPECT_REFUSED(err, field, value) do {					\
	args = good;								\
	args.field = (value);							\
	ret = call(self->fd, EVNOTIFY_IOC_CANCEL, &args);			\
	EXPECT_EQ(-(err), ret)							\
		TH_LOG("with " #field " = " #value);				\
	EXPECT_EQ(ret == -EINVAL ? good.cancelled : 0, args.cancelled);		\
} while (0)
	EXPECT_REFUSED(EINVAL, flags, 1U << 1);
	EXPECT_REFUSED(EINVAL, flags, EVNOTIFY_CANCEL_ALL | 1U << 31);
	EXPECT_REFUSED(EINVAL, flags, EVNOTIFY_CANCEL_ALL);	/* with an id */
	EXPECT_REFUSED(EINVAL, __pad, 1);
	EXPECT_REFUSED(EINVAL, __reserved, 1);
	EXPECT_REFUSED(ENOENT, id, 0);
	EXPECT_REFUSED(ENOENT, id, req.id + 1);
	EXPECT_REFUSED(ENOENT, id, ~0ULL);
	EXPECT_REFUSED(ENOENT, id, req.id + (1ULL << 62));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);

	args = good;
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_CANCEL, &args));
	EXPECT_EQ(1, args.cancelled);
	EXPECT_COUNTERS(self->fd, 1, 0, 1, 0, 1);
	EXPECT_REFUSED(EALREADY, __reserved, 0);
#undef EXPECT_REFUSED
}

TEST_F(instance, update_checks_every_field)
{
	struct evnotify_request req = pending_in(FAR_NS, 0);
	struct evnotify_update good = { .due_ns = 2 * FAR_NS }, args;
	struct evnotify_event event;

	ASSERT_EQ(0, arm(self->fd, &req));
	good.id = req.id;

#define EXPECT_REFUSED(err, field, value) do {					\
	args = good;								\
	args.field = (value);							\
	EXPECT_EQ(-(err), call(self->fd, EVNOTIFY_IOC_UPDATE, &args))		\
		TH_LOG("with " #field " = " #value);				\
} while (0)
	EXPECT_REFUSED(EINVAL, due_ns, 1ULL << 63);
	EXPECT_REFUSED(EINVAL, due_ns, ~0ULL);
	EXPECT_REFUSED(EINVAL, period_ns, 1);
	EXPECT_REFUSED(EINVAL, period_ns, 1ULL << 63);
	EXPECT_REFUSED(EINVAL, flags, 1U << 1);
	EXPECT_REFUSED(EINVAL, flags, EVNOTIFY_ABSTIME | 1U << 31);
	EXPECT_REFUSED(EINVAL, count, 1);			/* without a period */
	EXPECT_REFUSED(EINVAL, __reserved[0], 1);
	EXPECT_REFUSED(EINVAL, __reserved[1], 1);
	EXPECT_REFUSED(EINVAL, __reserved[2], 1);
	EXPECT_REFUSED(EINVAL, __reserved[3], 1ULL << 63);
	EXPECT_REFUSED(ENOENT, id, 0);
	EXPECT_REFUSED(ENOENT, id, req.id + 1);
	EXPECT_REFUSED(ENOENT, id, ~0ULL);

	/* none of them had an effect: it still waits for its first due time */
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	ASSERT_EQ(0, cancel(self->fd, req.id));
	ASSERT_EQ(0, read_events(self->fd, &event, 1));
	EXPECT_LT(event.due_ns, now_ns(CLOCK_MONOTONIC) + FAR_NS);
	EXPECT_REFUSED(EALREADY, due_ns, 0);
#undef EXPECT_REFUSED
}

/* --- bad memory ----------------------------------------------------------------------- */

TEST_F(instance, bad_pointers_give_efault)
{
	static const unsigned long cmds[] = {
		EVNOTIFY_IOC_INFO, EVNOTIFY_IOC_REGISTER, EVNOTIFY_IOC_WAIT,
		EVNOTIFY_IOC_CANCEL, EVNOTIFY_IOC_UPDATE,
	};
	char *none = second_page(PROT_NONE);
	unsigned int i;

	ASSERT_TRUE(!!none);
	/* what lies before the end of the mapping looks like a good argument */
	memset(none - pages(), 0, pages());
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(-EFAULT, call(self->fd, cmds[i], NULL));
		EXPECT_EQ(-EFAULT, call(self->fd, cmds[i], none));
		EXPECT_EQ(-EFAULT, call(self->fd, cmds[i], none - 8));
		EXPECT_EQ(-EFAULT, call(self->fd, cmds[i], (void *)-4096L));
		EXPECT_EQ(-EFAULT, call(self->fd, cmds[i], (void *)-1L));
	}
	EXPECT_EQ(-1, syscall(SYS_write, self->fd, none, 64));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_write, self->fd, none - 63, 64));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
}

TEST_F(instance, register_of_bad_memory_arms_nothing)
{
	const __u64 bad[] = {
		0, (uintptr_t)second_page(PROT_NONE), (uintptr_t)second_page(PROT_NONE) - 63,
		~0ULL, ~0ULL - 63, 1ULL << 63, 0xffff888000000000ULL,
	};
	struct evnotify_register reg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		reg = (struct evnotify_register) { .requests = bad[i], .count = 1 };
		EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_REGISTER, &reg))
			TH_LOG("with requests at %#llx", bad[i]);
	}
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
}

TEST_F(instance, register_stops_where_its_memory_ends)
{
	struct evnotify_request *end = (void *)second_page(PROT_NONE);
	int i;

	ASSERT_TRUE(!!end);
	for (i = 1; i <= 20; i++)
		end[-i] = pending_in(FAR_NS, i);
	EXPECT_EQ(20, arm_many(self->fd, end - 20, 1000));
	EXPECT_EQ(20, arm_many(self->fd, end - 20, UINT_MAX));
	EXPECT_COUNTERS(self->fd, 40, 0, 0, 40, 0);
	EXPECT_NE(0, end[-1].id);
}

/* An error does not depend on whether memory is there yet, or may be written. */
TEST_F(instance, a_bad_request_is_einval_wherever_it_is)
{
	struct evnotify_request bad = pending_in(0, 0), *req;
	int fd = memfd_create("request", MFD_CLOEXEC), prot, shared;

	bad.mode = 7;
	ASSERT_EQ(sizeof(bad), write(fd, &bad, sizeof(bad)));
	for (prot = PROT_READ; prot <= (PROT_READ | PROT_WRITE); prot += PROT_WRITE) {
		for (shared = 0; shared < 2; shared++) {
			/* mapped, and not touched by anybody */
			req = mmap(NULL, pages(), prot, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
			ASSERT_TRUE(req != MAP_FAILED);
			EXPECT_EQ(-EINVAL, arm(self->fd, req));
			munmap(req, pages());
			req = mmap(NULL, pages(), prot, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
			ASSERT_TRUE(req != MAP_FAILED);
			EXPECT_EQ(-1, write(self->fd, req, sizeof(*req)));
			EXPECT_EQ(EINVAL, errno);
			munmap(req, pages());
		}
	}
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);
	close(fd);
}

TEST_F(instance, an_id_that_cannot_be_written_arms_nothing)
{
	struct evnotify_request *reqs = (void *)second_page(PROT_READ | PROT_WRITE);
	struct evnotify_wait *wait = (void *)second_page(PROT_READ | PROT_WRITE);
	int i;

	ASSERT_TRUE(reqs && wait);
	for (i = -1; i <= 1; i++)
		reqs[i] = pending_in(0, 0);
	ASSERT_EQ(0, mprotect(reqs, pages(), PROT_READ));
	EXPECT_EQ(-EFAULT, arm(self->fd, reqs));
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);

	/* nor is its eventfd held: what leaks here is what kmemleak finds */
	ASSERT_EQ(0, mprotect(reqs, pages(), PROT_READ | PROT_WRITE));
	reqs[0] = eventfd_in(0, eventfd(0, 0));
	ASSERT_EQ(0, mprotect(reqs, pages(), PROT_READ));
	EXPECT_EQ(-EFAULT, arm(self->fd, reqs));
	EXPECT_EQ(0, eventfd_take(reqs[0].eventfd));
	EXPECT_EQ(0, close(reqs[0].eventfd));
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);

	wait->request = pending_in(0, 0);
	ASSERT_EQ(0, mprotect(wait, pages(), PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_WAIT, wait));
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);

	/* in a batch, those before it are armed */
	EXPECT_EQ(1, arm_many(self->fd, reqs - 1, 3));
	EXPECT_NE(0, reqs[-1].id);
	EXPECT_EQ(1, counters(self->fd).armed);
}

/* Wherever in the structure the memory ends. */
TEST_F(instance, an_update_that_cannot_be_read_changes_nothing)
{
	char *end = second_page(PROT_NONE);
	struct evnotify_update args = { 0 };	/* would expire at once */
	struct evnotify_request req = pending_in(FAR_NS, 0);
	size_t size;

	ASSERT_TRUE(!!end);
	ASSERT_EQ(0, arm(self->fd, &req));
	args.id = req.id;
	for (size = 8; size < sizeof(args); size += 8) {
		memcpy(end - size, &args, size);
		EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_UPDATE, end - size))
			TH_LOG("with %zu bytes", size);
	}
	EXPECT_FALSE(readable(self->fd, 10));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);
	EXPECT_EQ(0, call(self->fd, EVNOTIFY_IOC_UPDATE, &args));
	EXPECT_TRUE(readable(self->fd, PATIENCE_MS));
}

TEST_F(instance, a_result_that_cannot_be_written_means_nothing_happened)
{
	struct evnotify_register *reg = (void *)second_page(PROT_READ | PROT_WRITE);
	struct evnotify_cancel *args = (void *)second_page(PROT_READ | PROT_WRITE);
	struct evnotify_request req = pending_in(FAR_NS, 0);

	ASSERT_TRUE(reg && args);
	*reg = (struct evnotify_register) { .requests = (uintptr_t)&req, .count = 1 };
	ASSERT_EQ(0, mprotect(reg, pages(), PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_REGISTER, reg));
	EXPECT_COUNTERS(self->fd, 0, 0, 0, 0, 0);

	ASSERT_EQ(0, arm(self->fd, &req));
	*args = (struct evnotify_cancel) { .id = req.id };
	ASSERT_EQ(0, mprotect(args, pages(), PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_CANCEL, args));
	EXPECT_COUNTERS(self->fd, 1, 0, 0, 1, 0);

	/* INFO changes nothing anyhow, UPDATE has no result */
	EXPECT_EQ(-EFAULT, call(self->fd, EVNOTIFY_IOC_INFO, reg));
}

TEST_HARNESS_MAIN
