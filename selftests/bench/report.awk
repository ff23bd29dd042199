# SPDX-License-Identifier: GPL-2.0-only
# The results of bench as a page for people, in Markdown. Status 1 if a goal is missed.
#
#   awk -f report.awk RESULTS [RESULTS OF ANOTHER KERNEL]...
#
# The goals are for the first; of the others their figures stand beside it.

BEGIN {
	FS = "\t"
	at = -1			# which of the results
	PEERS = "^(timerfd|io_uring|POSIX)"	# need no privilege, and tell of each request
	LITERAL = "^literal port$"
}

FNR == 1 { at++ }
$1 == "meta" { meta[at, $2] = $3; next }
NF != 7 { next }
{
	figure = $1; method = $2; n = $3; order = $4
	median[at, figure, method, n, order] = $5
	low[at, figure, method, n, order] = $6
	high[at, figure, method, n, order] = $7
	if (at == 0 && !(method in known)) {
		known[method] = 1
		methods[++nr_methods] = method
	}
	if (at == 0 && !(n in known_n) && figure == "life") {
		known_n[n] = 1
		counts[++nr_counts] = n
	}
}

function get(figure, method, n, order) { return median[at, figure, method, n, order] }

# The highest of a figure over n = 1,000 to 100,000.
function worst(figure, method, order,    i, value, max) {
	for (i = 1; i <= nr_counts; i++) {
		value = get(figure, method, counts[i], order)
		if (counts[i] >= 1000 && value != "" && (max == "" || value > max))
			max = value
	}
	return max
}

# The lowest of a figure among methods whose names match and do not end with "but"; its method is
# best_method.
function best(figure, matching, n, order, but,    j, value, min) {
	for (j = 1; j <= nr_methods; j++) {
		value = get(figure, methods[j], n, order)
		if (value == "" || methods[j] !~ matching || (but != "" && methods[j] ~ but "$"))
			continue
		if (min == "" || value < min) {
			min = value
			best_method = methods[j]
		}
	}
	return min
}

# The highest ratio of a figure to that of the best of others, over n = 1,000 to 100,000. Where
# that is goes to worst_n, its two values to worst_ours and worst_peer, whose name to worst_method.
function worst_ratio(figure, method, others, order, but,    i, ours, peer, max) {
	for (i = 1; i <= nr_counts; i++) {
		ours = get(figure, method, counts[i], order)
		peer = best(figure, others, counts[i], order, but)
		if (counts[i] < 1000 || ours == "" || peer == "")
			continue
		if (max == "" || ours / peer > max) {
			max = ours / peer
			worst_n = counts[i]
			worst_ours = ours
			worst_peer = peer
			worst_method = best_method
		}
	}
	return max
}

function growth(method, order,    first, last) {
	first = get("life", method, 1000, order)
	last = get("life", method, 100000, order)
	return first == "" || last == "" ? "" : 100 * (last / first - 1)
}

# How much cancel differs between n, in percent.
function unevenness(method,    i, value, min, max) {
	for (i = 1; i <= nr_counts; i++) {
		value = get("cancel", method, counts[i], "random")
		if (value == "")
			continue
		if (min == "" || value < min)
			min = value
		if (value > max)
			max = value
	}
	return min == "" ? "" : 100 * (max / min - 1)
}

function ratio(figure, a, b, n, order) {
	if (get(figure, a, n, order) == "" || get(figure, b, n, order) == "")
		return ""
	return get(figure, a, n, order) / get(figure, b, n, order)
}

function less(a, b) { return a == "" || b == "" ? "" : a - b }

function show(value) {
	if (value == "")
		return "-"
	if (value < 2 && value > -2)
		return sprintf("%.3f", value)
	if (value < 10 && value > -10)
		return sprintf("%.2f", value)
	return sprintf("%.0f", value)
}

# --- goals

# One line of the goals. absolute: in instructions, which a wall clock says nothing about.
function goal(name, value, must, aim, absolute,    verdict, whole_name) {
	whole_name = full_name(name)
	if (at > 0) {
		beside[name] = beside[name] " " show(value) " |"
		return
	}
	if (value == "")
		verdict = "not measured"
	else if (absolute && meta[0, "unit"] != "instructions")
		verdict = "-"
	else if (value + 0 > must)
		verdict = "**MISSED**"
	else if (aim != "" && value + 0 <= aim)
		verdict = "met, and the aim"
	else
		verdict = "met"
	if (verdict ~ /MISSED|not/)
		missed[++nr_missed] = whole_name ": " (value == "" ? verdict : show(value) ", must be " show(must))
	goal_line[++nr_goals] = sprintf("| %s | %s | %s | %s | %s |%s", name, show(value), show(must), aim == "" ? "" : show(aim), verdict, beside[name])
}

# "..." stands for the name of the goal before, up to its first comma
function full_name(name) {
	if (name ~ /^[.]/)
		return first_part "," substr(name, 4)
	first_part = name
	sub(/,.*/, "", first_part)
	return name
}

function the_goals(    what) {
	goal("whole life, batch of 64 (arm, complete, reap)", worst("life", "evnotify/64", "same"), 460, 300, 1)
	goal("... over the best of timerfd, io_uring, POSIX timers", worst_ratio("life", "evnotify/64", PEERS, "same"), 0.22, 0.21, 0)
	goal("... armed in descending order, n = 1,000", get("life", "evnotify/64", 1000, "descending"), 720, "", 1)
	goal("... armed in descending order, n = 100,000", get("life", "evnotify/64", 100000, "descending"), 820, "", 1)
	goal("... armed in random order", worst("life", "evnotify/64", "random"), 650, "", 1)
	goal("whole life, one call each", worst("life", "evnotify/1", "same"), 1900, 1650, 1)
	goal("... over the best of them, ET aside", worst_ratio("life", "evnotify/1", PEERS, "same", "(ET|[+]io_uring)"), 0.85, "", 0)
	goal("arm, batch of 64", worst("arm", "evnotify/64", "same"), 260, 170, 1)
	goal("arm, one ioctl", worst("arm", "evnotify/1", "same"), 1000, 810, 1)
	goal("expire and complete, same instant", worst("fire", "evnotify/64", "same"), 130, 60, 1)
	goal("expire and complete, isolated", worst("fire", "evnotify/64", "apart"), 1550, 1400, 1)
	goal("reap, read of 64", worst("reap", "evnotify/64", "same"), 70, 45, 1)
	goal("reap, read of 1", worst("reap", "evnotify/1", "same"), 800, 740, 1)
	goal("cancel one by its id", worst("cancel", "evnotify/64", "random"), 900, 730, 1)
	goal("... percent that it differs from n = 100 to 100,000", unevenness("evnotify/64"), 5, "", 0)
	goal("UPDATE of the only request", get("update", "evnotify/64", 1, "later"), 900, "", 1)
	goal("... over timerfd_settime()", ratio("update", "evnotify/64", "timerfd+epoll", 1, "later"), 0.80, "", 0)
	goal("UPDATE that pushes one back, behind 1,000", get("update", "evnotify/64", 1000, "later"), 870, "", 1)
	goal("close, per pending request", worst("close", "evnotify/64", "-"), 60, 15, 1)
	goal("close, per pending request with an eventfd", worst("close", "evnotify/eventfd", "-"), 60, 15, 1)
	goal("kernel memory per pending request, bytes", worst("memory", "evnotify/64", "-"), 128, 96, 0)
	goal("growth of whole life, 1,000 to 100,000, in order, percent", growth("evnotify/64", "ascending"), 5, 0, 0)
	goal("growth of whole life, 1,000 to 100,000, random, percent", growth("evnotify/64", "random"), 25, 0, 0)
	goal("p50 due to user, epoll+read, over timerfd", ratio("latency", "evnotify epoll+read", "timerfd epoll+read", 1, "-"), 1.09, 1.06, 0)
	goal("p50 due to user, blocking read, over timerfd", ratio("latency", "evnotify read", "timerfd read", 1, "-"), 1.13, 1.09, 0)
	goal("p50 due to user, WAIT, over timerfd read", ratio("latency", "evnotify WAIT", "timerfd read", 1, "-"), 1.13, 1.09, 0)
	goal("p50 due to user, eventfd+epoll, over timerfd", ratio("latency", "evnotify eventfd epoll+read", "timerfd epoll+read", 1, "-"), 1.15, 1.06, 0)
	goal("p50 interrupt to user, a source's event by read, over a driver's eventfd", ratio("latency", "source read", "driver's eventfd read", 1, "-"), 1.15, "", 0)
	goal("interrupt to the event record, a source's event less a timer's", less(get("stamp", "source read", 1, "-"), get("stamp", "evnotify read", 1, "-")), 300, "", 1)
	goal("raise an event that one file waits for", get("raise", "source", 1, "-"), 250, "", 1)
	goal("raise an event that 64 files wait for, the most there can be", get("raise", "source", 64, "-"), 6000, "", 1)
	goal("interrupts off, p99 above an idle CPU, worst use", irqs_off_most(), 6000, "", 1)
}

# All goals, of the other kernels first: their figures stand beside the verdicts.
function reckon_goals() {
	for (at = 1; at <= last; at++)
		the_goals()
	at = 0
	the_goals()
}

function goals(    i, cpus) {
	print "\n## Goals\n"
	print "The highest value over n = 1,000 to 100,000; all due at one instant, on a fresh file, if nothing else is said.\n"
	printf "| figure | measured | must | aim | verdict |"
	for (i = 1; i <= last; i++)
		printf " %s |", release(i)
	printf "\n| --- | ---: | ---: | ---: | --- |"
	for (i = 1; i <= last; i++)
		printf " ---: |"
	print ""
	for (i = 1; i <= nr_goals; i++)
		print goal_line[i]
	cpus = ratio("cpus", "getppid", "evnotify arm+close", 2, "-")
	if (cpus != "")
		printf "\nTwo CPUs, two files, arm and close: the throughput of two over that of one is %.2f; the same loop on getppid() gives %.2f. %s\n",
			get("cpus", "evnotify arm+close", 2, "-"), get("cpus", "getppid", 2, "-"),
			meta[0, "unit"] == "instructions" ? "An emulator is weak evidence for this: it is no goal that a run can miss." : ""
}

# The kernel of a run, without the name of its flavour
function release(i,    name) {
	name = meta[i, "kernel"]
	sub(/[+]deb.*|-cloud.*/, "", name)
	return name
}

# --- where evnotify loses, and where it wins

function compare(what, ours, our_name, peer, peer_name,    i) {
	if (ours == "" || peer == "" || peer <= 0)
		return
	for (i = ++compared; i > 1 && ours / peer > rated[i - 1]; i--) {
		rated[i] = rated[i - 1]
		line[i] = line[i - 1]
	}
	rated[i] = ours / peer
	line[i] = sprintf("| %s | %s | %s | %s | %s | %s |", what, our_name, show(ours), peer_name, show(peer),
		ours / peer < 0.001 ? sprintf("1/%d", peer / ours) : show(ours / peer))
}

# A figure that there is one of for each n: where the ratio to the best of the others is worst.
function against(what, figure, method, others, order, but) {
	if (worst_ratio(figure, method, others, order, but) != "")
		compare(what ", n = " worst_n, worst_ours, method, worst_peer, worst_method)
}

# A figure that there is one of.
function one(what, figure, method, others, n, order,    peer) {
	peer = best(figure, others, n, order)
	compare(what, get(figure, method, n, order), method, peer, best_method)
}

# What a waiting process feels, next to the same way to wait, and to the cheapest.
function ways(what, figure, n) {
	one(what, figure, "evnotify read", "^timerfd read$", n, "-")
	one(what, figure, "evnotify epoll+read", "^timerfd epoll[+]read$", n, "-")
	one(what, figure, "evnotify epoll+read", "^epoll_pwait2", n, "-")
	one(what, figure, "evnotify eventfd epoll+read", "^timerfd epoll[+]read$", n, "-")
	one(what, figure, "evnotify WAIT", "^timerfd read$", n, "-")
	one(what, figure, "evnotify WAIT", "^clock_nanosleep$", n, "-")
	one(what, figure, "evnotify io_uring read", "^timerfd io_uring", n, "-")
}

# An event of a driver, next to what its author would write instead
function events(path, epoll) {
	one("interrupt to user, p50", "latency", "source " path, "^driver's eventfd" epoll, 1, "-")
	one("interrupt to user, p50", "latency", "source " path, "^driver's count" epoll, 1, "-")
	one("interrupt to user, p50", "latency", "source " path, "^driver's fifo" epoll, 1, "-")
}

# The engine and the port that it came from: a request to a call, as the port takes them
function literal() {
	against("whole life, due at one instant, one call each", "life", "evnotify/1", LITERAL, "same")
	against("whole life, armed in random order, one call each", "life", "evnotify/1", LITERAL, "random")
	against("whole life, 100 us apart, one call each", "life", "evnotify/1", LITERAL, "apart")
	against("expire alone, 100 us apart, nobody waits", "fire", "evnotify/1", LITERAL, "apart")
	against("cancel one by one", "cancel", "evnotify/1", LITERAL, "random")
	one("close, per pending request, and what it leaves for later", "close_all", "evnotify/1", LITERAL, counts[nr_counts], "-")
	one("kernel memory, per pending request", "memory", "evnotify/1", LITERAL, counts[nr_counts], "-")
	one("due to user, p50", "latency", "evnotify WAIT", "^literal port WAIT$", 1, "-")
}

function all_comparisons(    order, orders, i, j, most) {
	split("same descending random", orders, " ")
	most = counts[nr_counts]
	for (j = 1; j <= nr_methods; j++)
		if (get("close", methods[j], most, "-") != "")
			median[0, "close_all", methods[j], most, "-"] = get("close", methods[j], most, "-") + get("close_later", methods[j], most, "-")
	for (i = 1; i <= 3; i++) {
		order = "whole life, " (i == 1 ? "due at one instant" : "armed in " orders[i] " order")
		against(order ", batch of 64", "life", "evnotify/64", PEERS, orders[i])
		against(order ", batch of 64", "life", "evnotify/64", "^bpf", orders[i])
		against(order ", batch of 64", "life", "evnotify/64", "^user", orders[i])
		against(order ", one call each", "life", "evnotify/1", PEERS, orders[i])
		against(order ", one eventfd for all", "life", "evnotify/eventfd", PEERS, orders[i])
		against(order ", an eventfd each, epoll and read", "life", "evnotify/each", "^timerfd[+]epoll$", orders[i])
		against(order ", an eventfd each, ET", "life", "evnotify/each ET", "^timerfd ET$", orders[i])
		against(order ", a file each", "life", "evnotify/files", "^timerfd[+]epoll$", orders[i])
	}
	against("whole life, 100 us apart, batch of 64", "life", "evnotify/64", PEERS, "apart")
	against("whole life, 100 us apart, batch of 64", "life", "evnotify/64", "^bpf", "apart")
	against("whole life, 100 us apart, one call each", "life", "evnotify/1", PEERS, "apart")
	against("expire alone, 100 us apart, nobody waits", "fire", "evnotify/64", PEERS, "apart")
	against("arm in descending order, one call each", "arm", "evnotify/1", "^timerfd[+]epoll$", "descending")
	against("arm, one call each", "arm", "evnotify/1", "^timerfd[+]epoll$", "same")
	against("cancel one by one", "cancel", "evnotify/64", PEERS, "random")
	# a peer says nothing of what was cancelled
	if (worst_ratio("cancel", "evnotify/1", PEERS, "random") != "")
		compare("cancel one by one, and read each record of it, n = " worst_n, get("cancel_told", "evnotify/1", worst_n, "random"), "evnotify/1", worst_peer, worst_method)
	one("UPDATE of the only request", "update", "evnotify/64", PEERS, 1, "later")
	against("UPDATE, behind all others", "update", "evnotify/64", PEERS, "later")
	against("UPDATE, before all others", "update", "evnotify/64", PEERS, "first")
	against("UPDATE, anywhere", "update", "evnotify/64", PEERS, "random")
	one("1,000 with a period, at one instant, each expiration", "repeat", "evnotify/64", PEERS, 1000, "same")
	one("open and close", "open_close", "evnotify", "^timerfd$", 1, "-")
	one("close, per pending request, and what it leaves for later", "close_all", "evnotify/64", PEERS, most, "-")
	one("kernel memory, per pending request", "memory", "evnotify/64", PEERS, most, "-")
	one("kernel memory, an eventfd each", "memory", "evnotify/each", "^timerfd[+]epoll$", most, "-")
	compare("kernel memory, a file each", get("memory", "evnotify/files", 10000, "-"), "evnotify/files", get("memory", "timerfd+epoll", most, "-"), "timerfd+epoll")
	ways("due to user, p50", "latency", 1)
	one("due to user, p50", "latency", "evnotify eventfd read", "^timerfd read$", 1, "-")
	one("due to user, p50", "latency", "evnotify epoll+read", "^timerfd epoll ET", 1, "-")
	one("due to user, p50", "latency", "evnotify epoll+read", "^bpf_timer", 1, "-")
	one("due to user, p50", "latency", "evnotify WAIT", "^futex", 1, "-")
	one("due to user, p50", "latency", "evnotify io_uring read", "^io_uring timeout", 1, "-")
	ways("a turn of a loop, 100 us each, asleep and awake", "turn", 1)
	ways("1 kHz, each turn", "1 kHz", 1)
	ways("64 threads, each its own descriptor, 20 us apart", "threads", 64)
	events("read", "")
	events("epoll+read", " epoll")
	one("interrupt to user, p50", "latency", "source eventfd read", "^driver's eventfd read$", 1, "-")
	one("interrupt to user, p50", "latency", "source eventfd epoll+read", "^driver's eventfd epoll", 1, "-")
	one("interrupt to user, p50", "latency", "source WAIT", "^driver's eventfd read$", 1, "-")
	literal()
	for (i = 1; i <= nr_methods; i++)
		if (methods[i] !~ /^evnotify/)
			compare("interrupts off at a burst of 50,000, at most", high[0, "irqs_off_burst", "evnotify/64", 50000, "-"], "evnotify/64", high[0, "irqs_off_burst", methods[i], 50000, "-"], methods[i])
	compare("interrupts off when 1,000 descriptors expire at one instant, at most", high[0, "irqs_off_burst", "evnotify/files", 1000, "-"], "evnotify/files", high[0, "irqs_off_burst", "timerfd+epoll", 1000, "-"], "timerfd+epoll")
}

# The whole life over that of others, by the batch and one call each.
function part(order, others) { return show(worst_ratio("life", "evnotify/64", others, order)) }
function single_part(order, others) { return show(worst_ratio("life", "evnotify/1", others, order)) }

function comparisons(    i, columns) {
	all_comparisons()
	columns = "| condition | evnotify | | peer | | ratio |\n| --- | --- | ---: | --- | ---: | ---: |"
	print "\n## In short\n"
	for (i = 1; i <= nr_missed; i++)
		print "- **Goal missed**: " missed[i] "."
	printf "- Who waits for one request hears of it later than by timerfd: %s by read() and WAIT, %s by epoll, %s by an eventfd and epoll. With a tasklet that does nothing but wake up it would be %s by read(), %s by epoll.\n",
		show(ratio("latency", "evnotify read", "timerfd read", 1, "-")), show(ratio("latency", "evnotify epoll+read", "timerfd epoll+read", 1, "-")),
		show(ratio("latency", "evnotify eventfd epoll+read", "timerfd epoll+read", 1, "-")),
		show(ratio("latency", "driver's tasklet read", "timerfd read", 1, "-")), show(ratio("latency", "driver's tasklet epoll+read", "timerfd epoll+read", 1, "-"))
	printf "- An event of a driver's interrupt comes later than if the handler signals an eventfd: %s by read(), %s by epoll. Raising it takes %s instructions of the handler if one file waits, %s if 64 do.\n",
		show(ratio("latency", "source read", "driver's eventfd read", 1, "-")), show(ratio("latency", "source epoll+read", "driver's eventfd epoll+read", 1, "-")),
		show(get("raise", "source", 1, "-")), show(get("raise", "source", 64, "-"))
	printf "- bpf_timer, for who may load programs, tells who waits sooner: evnotify takes %s by epoll. By the batch evnotify takes %s of it if all are due at one instant, %s in random order.\n",
		show(ratio("latency", "evnotify epoll+read", "bpf_timer epoll", 1, "-")), part("same", "^bpf"), part("random", "^bpf")
	printf "- Who needs no event of each request has a heap of timers in the process for less: evnotify takes %s times as much if all are due at one instant, %s in random order, though %s in descending order.\n",
		part("same", "^user"), part("random", "^user"), part("descending", "^user")
	printf "- One call each, a request costs %s of the best of timerfd, io_uring and POSIX timers if all are due at one instant, %s armed in random order, %s in descending order.\n",
		single_part("same", PEERS), single_part("random", PEERS), single_part("descending", PEERS)
	printf "- By the batch of 64, it is %s if all are due at one instant, %s in random order, %s in descending order.\n",
		part("same", PEERS), part("random", PEERS), part("descending", PEERS)
	printf "- Of the literal port the engine takes %s by the batch, %s one call each, and %s to cancel one of 1,000.\n",
		part("same", LITERAL), single_part("same", LITERAL), show(ratio("cancel", "evnotify/1", "literal port", 1000, "random"))
	printf "- Interrupts are off for at most %s at a burst of 50,000; with timerfd for %.1f million, io_uring %.1f, POSIX timers %.1f.\n",
		show(high[0, "irqs_off_burst", "evnotify/64", 50000, "-"]), high[0, "irqs_off_burst", "timerfd+epoll", 50000, "-"] / 1e6,
		high[0, "irqs_off_burst", "io_uring", 50000, "-"] / 1e6, high[0, "irqs_off_burst", "POSIX timer", 50000, "-"] / 1e6
	print "\n## Where evnotify loses\n"
	print "Over n = 1,000 to 100,000 the worst is taken. A ratio above 1: the peer is cheaper. Of timerfd, io_uring and POSIX timers (\"ET\" and \"+io_uring\" without read()) the best is the peer, if no other is named; bpf_timer needs CAP_BPF, and programs in BPF.\n"
	print columns
	for (i = 1; i <= compared && rated[i] >= 1; i++)
		print line[i]
	print "\n## Where evnotify wins\n"
	print columns
	for (i = compared; i > 0 && rated[i] < 1; i--)
		print line[i]
}

# --- tables

# The head of a table whose columns are n.
function head(title,    i) {
	printf "\n### %s\n\n| n =", title
	for (i = 1; i <= nr_counts; i++)
		printf " | %d", counts[i]
	printf " |\n| ---"
	for (i = 1; i <= nr_counts; i++)
		printf " | ---:"
	print " |"
}

# One figure: methods down, n across.
function table(title, figure, order,    i, j, any, line, value) {
	head(title)
	for (j = 1; j <= nr_methods; j++) {
		any = 0
		line = "| " methods[j]
		for (i = 1; i <= nr_counts; i++) {
			value = get(figure, methods[j], counts[i], order)
			any = any || value != ""
			line = line " | " show(value)
			if (value != "" && meta[0, "unit"] != "instructions")
				line = line sprintf(" (%s-%s)", show(low[0, figure, methods[j], counts[i], order]),
					show(high[0, figure, methods[j], counts[i], order]))
		}
		if (any)
			print line " |"
	}
}

function peer_table(title, order,    i, j, value, peer) {
	head(title)
	for (j = 1; j <= nr_methods; j++) {
		if (worst("life", methods[j], order) == "")
			continue
		printf "| %s", methods[j]
		for (i = 1; i <= nr_counts; i++) {
			value = get("life", methods[j], counts[i], order)
			peer = best("life", PEERS, counts[i], order)
			printf " | %s", show(value == "" || peer == "" ? "" : value / peer)
		}
		print " |"
	}
}

# Figures that there is one of per method, for the largest n that it was measured with.
function single(title, columns, figures, n,    names, list, i, j, nr, line, any, value, k) {
	nr = split(figures, list, " ")
	split(columns, names, ",")
	printf "\n### %s\n\n| ", title
	for (i = 1; i <= nr; i++)
		printf " | %s", names[i]
	printf " |\n| ---"
	for (i = 1; i <= nr; i++)
		printf " | ---:"
	print " |"
	for (j = 1; j <= nr_methods; j++) {
		any = 0
		line = "| " methods[j]
		for (i = 1; i <= nr; i++) {
			value = get(list[i], methods[j], n, "-")
			for (k = nr_counts; n > 1 && value == "" && k > 0; k--)
				value = get(list[i], methods[j], counts[k], "-")
			any = any || value != ""
			line = line " | " show(value)
		}
		if (any)
			print line " |"
	}
}

function latencies(    j, m) {
	print "\n### One request that somebody waits for\n"
	print "Due to user: from the due time to the return of the call, on an idle CPU. The others are what a process of the lowest priority loses for each event, going to sleep and waking up included: in a loop that asks anew each 100 us; at 1 kHz, by a period where there is one; in 64 threads, each with its own descriptor, 20 us apart. \"driver's\": what the author of a driver would write instead, as uio, gpio-v2 and users of eventfd_signal() do, in a module whose interrupt is an hrtimer; and a tasklet that does nothing but wake up. source: this interrupt raises an event of evnotify. \"record\": from the due time to completed_ns of the event record, which the tasklet writes.\n"
	print "| path | due to user, p50 | p99 | lowest | record | each 100 us | 1 kHz | 64 threads |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (j = 1; j <= nr_methods; j++) {
		m = methods[j]
		if (get("latency", m, 1, "-") != "")
			printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", m, show(get("latency", m, 1, "-")),
				show(high[0, "latency", m, 1, "-"]), show(low[0, "latency", m, 1, "-"]),
				show(get("stamp", m, 1, "-")), show(get("turn", m, 1, "-")), show(get("1 kHz", m, 1, "-")),
				show(get("threads", m, 64, "-"))
	}
}

function raising(    i, list, nr) {
	if (get("raise", "source", 1, "-") == "")
		return
	print "\n### Raising an event\n"
	print "What evnotify_source_raise() takes of an interrupt handler, if in so many files of the source a request waits:\n"
	printf "| files |"
	nr = split("0 1 10 64", list, " ")
	for (i = 1; i <= nr; i++)
		printf " %d |", list[i]
	printf "\n| --- |"
	for (i = 1; i <= nr; i++)
		printf " ---: |"
	printf "\n| |"
	for (i = 1; i <= nr; i++)
		printf " %s |", show(get("raise", "source", list[i], "-"))
	print ""
}

# The highest of the 99th percentiles.
function irqs_off_most(    j, value, most) {
	most = ""
	for (j = 1; j <= nr_methods; j++) {
		value = get("irqs_off", methods[j], 1, "-")
		if (value != "" && value > most + 0)
			most = value
	}
	return most
}

function irqs_off(figure, n,    j, m) {
	print "| | p50 | p99 | most |\n| --- | ---: | ---: | ---: |"
	for (j = 1; j <= nr_methods; j++) {
		m = methods[j]
		if (get(figure, m, n, "-") != "")
			printf "| %s | %s | %s | %s |\n", m, show(low[0, figure, m, n, "-"]),
				show(get(figure, m, n, "-")), show(high[0, figure, m, n, "-"])
	}
}

function all_irqs_off(    j, m, n) {
	print "\n### How long interrupts are off\n"
	print "By how much requests of another file are later than on an idle CPU, while one file is used, and nobody waits:\n"
	irqs_off("irqs_off", 1)
	print "\nAt a burst, due at one instant (bpf_timer expires in a softirq, which holds up other softirqs instead):\n"
	print "| | n | most |\n| --- | ---: | ---: |"
	for (n = 50000; n >= 1000; n /= 50)
		for (j = 1; j <= nr_methods; j++) {
			m = methods[j]
			if (get("irqs_off_burst", m, n, "-") != "")
				printf "| %s | %d | %s |\n", m, n, show(high[0, "irqs_off_burst", m, n, "-"])
		}
	printf "\nWhat the kernel takes itself, once. A wake-up goes with interrupts off from one waiter to the next: each epoll that watches adds %.0f (timerfd: %.0f). Pages are given back in lots, whose size depends on what the page allocator has kept before:\n\n",
		high[0, "irqs_off_kernel", "evnotify, 1000 epolls watch it", 1, "-"] / 1000,
		high[0, "irqs_off_kernel", "timerfd, 1000 epolls watch it", 1, "-"] / 1000
	irqs_off("irqs_off_kernel", 1)
}

function worst_case(    j, m) {
	print "\n### Worst case: 100,000 requests due at one instant\n"
	print "What an interrupt and a run of the tasklet take at most, in nanoseconds, as the function_graph tracer sees them (its own cost included). Other softirqs wait during the second. A long burst takes many of both, and between them the kernel lets others go first.\n"
	print "| mode | interrupt | tasklet |\n| --- | ---: | ---: |"
	for (j = 1; j <= nr_methods; j++) {
		m = methods[j]
		if (get("worst", m, 100000, "interrupt") != "")
			printf "| %s | %s | %s |\n", m, show(get("worst", m, 100000, "interrupt")),
				show(get("worst", m, 100000, "dpc"))
	}
}

END {
	last = at
	at = 0
	print "<!-- Generated by selftests/bench/bench.sh: do not edit. -->"
	print "# What it costs to be told\n"
	print "- unit: " meta[0, "unit"] " per request, if nothing else is said"
	print "- kernel: " meta[0, "kernel"]
	print "- machine: " meta[0, "machine"]
	print "- module: " meta[0, "commit"]
	print "\n![whole life of a request against their number](results.svg)"
	reckon_goals()
	comparisons()
	goals()
	print "\n## Figures\n"
	print "evnotify/64: write() of 64, read() of 64. /1: one REGISTER and one read() each. /eventfd: write() of 64, one eventfd for all. /each: an eventfd each, one epoll, read(). /files: a file each, one epoll, write() and read() of one."
	print "timerfd: descriptors made beforehand, one epoll; ET: edge triggered, without read(); +io_uring: polled by one ring (multishot, DEFER_TASKRUN), without read(). io_uring: 256 timeouts per submit; defer: DEFER_TASKRUN. POSIX timer: made beforehand, sigtimedwait(). bpf_timer: made beforehand, 256 per call of a program, records in a mapped ring buffer; needs CAP_BPF."
	print "literal port: module/samples/event.c, one REGISTER and one read() each."
	print "user heap: no kernel event per request at all, a heap of timers in the process over one timerfd. Who needs no event of its own for each timeout takes that."
	print "\nWhole life is arm, fire and reap. All but \"again\" on a fresh file, which has to allocate first."
	table("Whole life, all due at one instant", "life", "same")
	table("Whole life, 10 ns apart, armed in ascending order", "life", "ascending")
	table("Whole life, 10 ns apart, armed in descending order", "life", "descending")
	table("Whole life, 10 ns apart, armed in random order", "life", "random")
	peer_table("Whole life over the best of timerfd, io_uring and POSIX timers, all due at one instant", "same")
	peer_table("The same, armed in random order", "random")
	table("Whole life again on the same file, all due at one instant", "life_again", "same")
	table("Arm, all due at one instant", "arm", "same")
	table("Arm, in descending order", "arm", "descending")
	table("Arm, in random order", "arm", "random")
	table("Expire and complete, all due at one instant", "fire", "same")
	table("Expire and complete, armed in random order", "fire", "random")
	table("Expire and complete, 100 us apart", "fire", "apart")
	table("Reap", "reap", "same")
	table("Cancel one of n", "cancel", "random")
	table("Cancel one of n, and read the record that says so", "cancel_told", "random")
	table("UPDATE one of n: behind all", "update", "later")
	table("UPDATE one of n: before all", "update", "first")
	table("UPDATE one of n: anywhere", "update", "random")
	table("Close, per pending request", "close", "-")
	single("A fresh file", "open,first request", "open first", 1)
	single("Open and close, without use", "cost", "open_close", 1)
	single("Kernel memory in bytes per request, n = " counts[nr_counts] " (/files: 10000)", "pending,held when all are reaped,kept after close",
	       "memory memory_held memory_kept", counts[nr_counts])
	single("What a close leaves to RCU and kernel threads, per pending request", "later", "close_later", counts[nr_counts])
	print "\n### UPDATE of the only request; 1,000 requests that repeat\n"
	print "The second: each expiration, all at one instant, a period of 10 ms (those of io_uring as far apart as they were armed), arming not included.\n"
	print "| | UPDATE | expiration |\n| --- | ---: | ---: |"
	for (i = 1; i <= nr_methods; i++)
		if (get("update", methods[i], 1, "later") get("repeat", methods[i], 1000, "same") != "")
			printf "| %s | %s | %s |\n", methods[i], show(get("update", methods[i], 1, "later")),
				show(get("repeat", methods[i], 1000, "same"))
	latencies()
	raising()
	all_irqs_off()
	single("What any call pays", "cost", "floor", 1)
	if (get("worst", "evnotify/64", 100000, "dpc") != "")
		worst_case()
	exit nr_missed > 0
}
