# SPDX-License-Identifier: GPL-2.0-only
# The results of bench as a gnuplot script that writes results.svg and results.png: what a request
# takes where evnotify is at its best, and beside it in an order that a program has more often.

BEGIN {
	FS = "\t"
	shown = "^(evnotify/64|evnotify/1|literal port|timerfd[+]epoll|timerfd ET|io_uring defer|POSIX timer|bpf_timer|user heap)$"
	nr_orders = split("same random", orders, " ")
	title["same"] = "all due at one instant"
	title["random"] = "10 ns apart, armed in random order"
}

$1 == "meta" { meta[$2] = $3; next }
$1 != "life" || $2 !~ shown || !($4 in title) { next }
{
	if (!(($2, "same") in points))
		methods[++nr] = $2
	points[$2, $4] = points[$2, $4] sprintf("%d %s\n", $3, $5)
}

function output(terminal, file,    i) {
	printf "set terminal %s noenhanced size 1000,500 %s\nset output '%s'\n", terminal, background, file
	print "set multiplot title 'What it costs to be told that a time has come'"
	for (i = 1; i <= nr_orders; i++) {
		printf "set origin %s,0\nset size %s,0.95\n", i == 1 ? 0 : 0.42, i == 1 ? 0.42 : 0.58
		print i == nr_orders ? "set key outside right top" : "unset key"
		printf "set title '%s'\n", title[orders[i]]
		if (i == 1)
			printf "set ylabel '%s per request: arm, complete, reap'\n", meta["unit"]
		else
			print "unset ylabel"
		print "plot " plot[orders[i]]
	}
	print "unset multiplot"
}

END {
	for (i = 1; i <= nr_orders; i++)
		for (j = 1; j <= nr; j++) {
			printf "$%s%d << END\n%sEND\n", orders[i], j, points[methods[j], orders[i]]
			plot[orders[i]] = plot[orders[i]] sprintf("%s$%s%d with linespoints lw %d title '%s'",
				(j > 1 ? ", " : ""), orders[i], j, (methods[j] ~ /^evnotify/ ? 3 : 1), methods[j])
		}
	print "set logscale xy\nset grid ytics lc rgb '#dddddd'\nset xlabel 'requests'"
	print "set format x '%.0f'\nset format y '%.0f'\nset xrange [70:140000]\nset yrange [50:10000]"
	background = "font 'sans,12' background 'white'"
	output("svg", "results.svg")
	background = "font 'sans,10'"
	output("pngcairo", "results.png")
}
