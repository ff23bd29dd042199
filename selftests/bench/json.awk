# SPDX-License-Identifier: GPL-2.0-only
# The results of bench for machines: one figure per line, which compare.awk relies on. Of a
# latency, "high" is the 99th percentile.

BEGIN { FS = "\t"; printf "{" }

$1 == "meta" {
	gsub(/["\\]/, "", $3)
	sub(/ +$/, "", $3)
	printf "\"%s\": \"%s\",\n", $2, $3
	next
}
NF != 7 { next }
{
	printf "%s{\"figure\": \"%s\", \"method\": \"%s\", \"n\": %d, \"order\": \"%s\", \"median\": %s, \"low\": %s, \"high\": %s}",
		(started ? ",\n" : "\"figures\": [\n"), $1, $2, $3, $4, $5, $6, $7
	started = 1
}

END { print (started ? "\n]}" : "\"figures\": []}") }
