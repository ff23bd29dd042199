# SPDX-License-Identifier: GPL-2.0-only
# The results of bench as a gnuplot script that writes results.svg and results.png.

BEGIN { FS = "\t" }

$1 == "meta" { meta[$2] = $3; next }
$1 != "life" || $4 != "same" { next }
{
	if (!($2 in points))
		methods[++nr] = $2
	points[$2] = points[$2] sprintf("%d %s\n", $3, $5)
}

END {
	for (j = 1; j <= nr; j++)
		printf "$data%d << END\n%sEND\n", j, points[methods[j]]
	print "set logscale xy\nset grid ytics lc rgb '#dddddd'\nset key outside right top"
	print "set xlabel 'requests due at one instant'"
	printf "set ylabel '%s per request: arm, complete, reap'\n", meta["unit"]
	print "set title 'What it costs to be told that a time has come'"
	print "set format x '%.0f'\nset format y '%.0f'\nset xrange [70:140000]\nset yrange [50:*]"
	for (j = 1; j <= nr; j++)
		plot = plot sprintf("%s$data%d with linespoints lw %d title '%s'", (j > 1 ? ", " : ""), j,
			(methods[j] ~ /^evnotify/ ? 3 : 1), methods[j])
	print "set terminal svg noenhanced size 900,500 font 'sans,12' background 'white'\nset output 'results.svg'\nplot " plot
	print "set terminal pngcairo noenhanced size 900,500 font 'sans,10'\nset output 'results.png'\nplot " plot
}
