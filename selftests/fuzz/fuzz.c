// SPDX-License-Identifier: GPL-2.0-only
/*
 * evnotify fuzzer - feedback, corpus, findings and their minimisation
 *
 *   fuzz [-s SEED] [-t SECONDS] [-p PATTERNS] [-n TIMES] [-g GROWN] [-k] FILE...
 *
 * Runs the sequences of the files, TIMES each, then, for SECONDS, changed ones.  What the kernel
 * logs and PATTERNS (extended regular expressions, one per line) match is a finding.  Prints
 * TAP without its frame.
 * Each sequence goes to shared memory before it runs, if the machine has such a device: so
 * the host knows what was run last when the kernel dies.  With -k, at the end, a few of GROWN
 * and of the new ones go there, too, that together reach what all of them do: the next GROWN.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/kcov.h>
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV_WORDS	(64 << 10)
#define EDGES		(1 << 14)	/* of a hash, a good many more than the module has */
#define MAX_CORPUS	4096
#define MINIMISE_S	60

void die(const char *format, ...)
{
	va_list list;

	printf("Bail out! fuzz: ");
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
	exit(1);
}

/* --- feedback ----------------------------------------------------------------------------- */

static union edges {
	uint8_t byte[EDGES];
	uint64_t word[EDGES / 8];
} current, known;
static __thread uint64_t *kcov;

static void edge(uint64_t from, uint64_t to)
{
	uint64_t hash = (from * 0x9e3779b97f4a7c15ULL) ^ to;

	hash *= 0xbf58476d1ce4e5b9ULL;
	current.byte[hash >> 50 & (EDGES - 1)] = 1;
}

void feedback(enum seen seen, uint64_t what)
{
	edge(~(uint64_t)seen, what);
}

void feedback_thread_init(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, KCOV_WORDS))
		die("/sys/kernel/debug/kcov: %s; a kernel with CONFIG_KCOV is needed",
		    strerror(errno));
	kcov = mmap(NULL, KCOV_WORDS * sizeof(*kcov), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* It is this thread's alone; a forked child does not inherit it. */
	if (kcov == MAP_FAILED || madvise(kcov, KCOV_WORDS * sizeof(*kcov), MADV_DONTFORK) ||
	    ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		die("kcov: %s", strerror(errno));
}

void feedback_collect(void)
{
	uint64_t n, i, from = 0;

	if (!kcov)
		return;
	n = __atomic_load_n(&kcov[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n; i++) {
		edge(from, kcov[i]);
		from = kcov[i];
	}
	__atomic_store_n(&kcov[0], 0, __ATOMIC_RELAXED);
}

void feedback_forget(void)
{
	kcov = NULL;
}

/* Edges that are new; they are known from then on. */
static int new_edges(union edges *fresh)
{
	int i, n = 0;

	for (i = 0; i < EDGES / 8; i++) {
		fresh->word[i] = current.word[i] & ~known.word[i];
		n += __builtin_popcountll(fresh->word[i]);
		known.word[i] |= current.word[i];
	}
	return n;
}

/* Did the sequence that ran last go through all of ? */
static bool went_through(const union edges *edges)
{
	int i;

	for (i = 0; i < EDGES / 8; i++)
		if (edges->word[i] & ~current.word[i])
			return false;
	return true;
}

/* --- the host, if it listens ------------------------------------------------------------ */

#define RING		16		/* sequences, TEXT_SIZE bytes each; then the corpus */
#define SHARED_SIZE	(4 << 20)

static char *shared;

static int first_line(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strtol(text, NULL, 16);
}

/* The memory of QEMU's device ivshmem. */
static void shared_init(void)
{
	char path[256];
	glob_t found;
	size_t i;
	int fd;

	glob("/sys/bus/pci/devices/*", 0, NULL, &found);
	for (i = 0; i < found.gl_pathc && !shared; i++) {
		snprintf(path, sizeof(path), "%s/device", found.gl_pathv[i]);
		if (first_line(path) != 0x1110)
			continue;
		snprintf(path, sizeof(path), "%s/resource2", found.gl_pathv[i]);
		fd = open(path, O_RDWR | O_CLOEXEC);
		shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (shared == MAP_FAILED)
			die("%s: %s", path, strerror(errno));
		close(fd);
	}
	globfree(&found);
	printf("# the host %s along\n", shared ? "reads" : "does not read");
}

static void shared_program(const char *text)
{
	static unsigned int number;
	char *to = shared + number++ % RING * TEXT_SIZE;

	if (shared)
		strcpy(to + sprintf(to, "# run %u\n", number), text);
}

static void shared_corpus(const char *text)
{
	static size_t end = RING * TEXT_SIZE;
	size_t length = strlen(text);

	if (!shared || end + length >= SHARED_SIZE)
		return;
	memcpy(shared + end, text, length);
	end += length;
}

/* --- what the kernel says --------------------------------------------------------------- */

static regex_t splat;
static int kmsg = -1;

static void kmsg_init(const char *patterns)
{
	char regex[4096] = "", line[256];
	FILE *file = fopen(patterns, "re");

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (!file || kmsg < 0)
		die("%s or /dev/kmsg: %s", patterns, strerror(errno));
	lseek(kmsg, 0, SEEK_END);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (*regex)
			strcat(regex, "|");
		strcat(regex, line);
	}
	fclose(file);
	if (regcomp(&splat, regex, REG_EXTENDED | REG_NOSUB))
		die("%s: not a list of regular expressions", patterns);
}

static void check_kmsg(void)
{
	char record[8192];
	bool said = false;
	ssize_t n;

	if (kmsg < 0)
		return;
	while ((n = read(kmsg, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		char *text;

		if (n < 0)
			continue;
		record[n] = '\0';
		text = strchr(record, ';');
		text = text ? text + 1 : record;
		text[strcspn(text, "\n")] = '\0';
		if (said || regexec(&splat, text, 0, NULL, 0))
			continue;
		/* It says more than what came of it. */
		*world->finding = '\0';
		finding("kernel: %s", text);
		said = true;
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, text, strlen(text));
	close(fd);
}

/* --- one sequence ----------------------------------------------------------------------- */

static unsigned long long calls;
static char text[TEXT_SIZE];

/* True if there was no finding. */
static bool run(const struct program *program)
{
	program_print(program, text);
	shared_program(text);
	memset(&current, 0, sizeof(current));
	calls += execute(program);
	check_kmsg();
	return !finding_text();
}

/* Does it find something in a few tries? Races take some. */
static bool finds(const struct program *program, int tries)
{
	while (tries--) {
		write_file("/sys/kernel/debug/clear_warn_once", "1");
		if (!run(program))
			return true;
	}
	return false;
}

static uint64_t started;

static uint64_t seconds(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000000;
}

/* Leave out whatever it takes not. */
static void minimise(struct program *program, int tries)
{
	uint64_t end = seconds() + MINIMISE_S;
	struct program shorter;
	int i, k;

	for (i = program->length - 1; i >= 0 && seconds() < end; i--) {
		shorter = *program;
		program_remove(&shorter, i);
		if (finds(&shorter, tries))
			*program = shorter;
	}
	for (i = 0; i < program->length; i++) {
		for (k = 0; k < NR_ARGS && seconds() < end; k++) {
			if (!program->calls[i].arg[k])
				continue;
			shorter = *program;
			shorter.calls[i].arg[k] = 0;
			if (finds(&shorter, tries))
				*program = shorter;
		}
	}
}

static void report(const struct program *program)
{
	struct program smallest = *program;
	char what[512];
	int tries;

	snprintf(what, sizeof(what), "%s", finding_text());
	printf("# finding after %llu s: %s\n# in the sequence:\n%s",
	       (unsigned long long)(seconds() - started), what, text);
	fflush(stdout);
	patience_ns = 5000000000;	/* or there would be time for but a few tries */
	for (tries = 1; tries <= 64 && !finds(program, tries); tries *= 4)
		;
	if (tries > 64) {
		printf("# seen once: it did not happen again in 85 runs\n");
		return;
	}
	minimise(&smallest, tries * 2);
	if (!finds(&smallest, tries * 4))
		printf("# (the last run of it found nothing: a race)\n");
	program_print(&smallest, text);
	printf("# finding: %s\n# minimised:\n%s", finding_text() ?: what, text);
}

/* --- the corpus and the loop ------------------------------------------------------------ */

static struct program *corpus;
static int nr_corpus, nr_edges;

/* @program went where none had been: keep what of it is needed for that. */
static void keep(struct program *program, const union edges *fresh)
{
	struct program shorter;
	int i;

	for (i = program->length - 1; i >= 0; i--) {
		shorter = *program;
		program_remove(&shorter, i);
		if (!run(&shorter)) {
			*program = shorter;
			return;
		}
		if (went_through(fresh))
			*program = shorter;
	}
	if (!program->length || nr_corpus == MAX_CORPUS)
		return;
	corpus[nr_corpus++] = *program;
}

/* True if there was no finding. */
static bool try(struct program *program, bool whole)
{
	static union edges fresh;
	int n;

	if (!run(program)) {
		report(program);
		return false;
	}
	n = new_edges(&fresh);
	nr_edges += n;
	if (!n)
		return true;
	if (whole) {
		corpus[nr_corpus++] = *program;
		return true;
	}
	keep(program, &fresh);
	if (finding_text()) {
		report(program);
		return false;
	}
	return true;
}

static bool replay(const char *path, int times)
{
	struct program program;
	FILE *file = fopen(path, "re");
	char *content = NULL;
	const char *next;
	size_t size = 0;
	int i;

	if (!file || getdelim(&content, &size, '\0', file) < 0)
		die("%s: %s", path, strerror(errno));
	fclose(file);
	for (next = content; program_parse(&program, &next);)
		for (i = 0; i < times; i++)
			if (nr_corpus < MAX_CORPUS && !try(&program, true))
				return false;
	free(content);
	return true;
}

static void progress(void)
{
	printf("# %4llu s  %llu calls  %d edges  %d sequences\n",
	       (unsigned long long)(seconds() - started), calls, nr_edges, nr_corpus);
	fflush(stdout);
}

static bool fuzz(uint64_t limit_s)
{
	static const struct program empty;
	uint64_t end = seconds() + limit_s, next = 0;
	struct program program;

	while (seconds() < end) {
		const struct program *other = nr_corpus ? &corpus[random_below(nr_corpus)] : &empty;
		/* every other time one of the latest */
		int from = random_below(2) ? nr_corpus * 3 / 4 : 0;

		program = nr_corpus ? corpus[from + random_below(nr_corpus - from)] : empty;
		program_mutate(&program, other);
		if (!try(&program, false))
			return false;
		if (seconds() >= next) {
			progress();
			next = seconds() + 10;
		}
	}
	progress();
	return true;
}

/*
 * Give the host as few of the corpus, from @first on, as go wherever all of it goes.  What was
 * reached once by luck, and not again, does not count.
 */
static bool distil(int first)
{
	union edges *went = calloc(nr_corpus, sizeof(*went));
	int best, most, i, k, n;

	if (!went)
		die("no memory");
	memset(&known, 0, sizeof(known));
	for (i = 0; i < nr_corpus; i++) {
		if (!run(&corpus[i])) {
			report(&corpus[i]);
			return false;
		}
		went[i] = current;
		if (i < first)
			new_edges(&current);
	}
	do {
		for (most = 0, i = first; i < nr_corpus; i++) {
			for (n = 0, k = 0; k < EDGES / 8; k++)
				if (went[i].word[k] & ~known.word[k])
					n += __builtin_popcountll(went[i].word[k] & ~known.word[k]);
			if (n > most) {
				most = n;
				best = i;
			}
		}
		if (most) {
			current = went[best];
			new_edges(&current);
			program_print(&corpus[best], text);
			shared_corpus(text);
		}
	} while (most);
	free(went);
	return true;
}

int main(int argc, char **argv)
{
	uint64_t seed = clock_ns(CLOCK_REALTIME), limit_s = 0;
	const char *patterns = NULL, *grown = NULL;
	int option, times = 1, first;
	bool ok = true, keeps = false;

	while ((option = getopt(argc, argv, "s:t:p:n:g:k")) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			limit_s = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			patterns = optarg;
			break;
		case 'n':
			times = atoi(optarg);
			break;
		case 'g':
			grown = optarg;
			break;
		case 'k':
			keeps = true;
			break;
		default:
			die("usage: fuzz [-s SEED] [-t SECONDS] [-p PATTERNS] [-n TIMES] [-g GROWN] [-k] FILE...");
		}
	}
	printf("# seed %llu\n", (unsigned long long)seed);
	random_state = seed ?: 1;
	corpus = calloc(MAX_CORPUS, sizeof(*corpus));
	if (!corpus)
		die("no memory");
	shared_init();
	if (patterns)
		kmsg_init(patterns);
	write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/failslab/verbose", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	write_file("/sys/kernel/debug/fail_usercopy/verbose", "0");
	oracle_init();
	execute_init();

	started = seconds();
	for (; ok && optind < argc; optind++)
		ok = replay(argv[optind], times);
	first = nr_corpus;
	if (ok && grown)
		ok = replay(grown, times);
	if (ok)
		progress();
	printf("%sok 1 the corpus\n", ok ? "" : "not ");
	fflush(stdout);
	if (ok && limit_s) {
		ok = fuzz(limit_s) && (!keeps || distil(first));
		printf("%sok 2 new sequences\n", ok ? "" : "not ");
	}
	return !ok;
}
