# SPDX-License-Identifier: GPL-2.0-only
# Does the document of "evnotify latency --json" say of its paths what the samples say?
#
#   awk -f latency.awk RAW JSON      prints what is wrong, and nothing else
#
# A percentile is by nearest rank, and at most a part in 128 larger than the sample of that rank.
# The document has a line for each path.

function complain(what) { printf "%s: %s\n", name, what }

# number(TEXT, KEY): its value in an object; "null" is nothing
function number(text, key) {
	if (!match(text, "\"" key "\":[0-9]*"))
		complain("there is no " key)
	return substr(text, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
}

# examine(KEY, TEXT): the samples of this key, and what the document has of them
function examine(key, text,    n, sum, low, high, i, j, p, told, below, much, part, buckets, pair, seen, v) {
	n = counts[key] + 0
	for (i = 1; i <= n; i++) {
		v[i] = values[key, i] + 0
		sum += v[i]
		low = i == 1 || v[i] < low ? v[i] : low
		high = v[i] > high ? v[i] : high
	}
	if (number(text, "samples") + 0 != n || number(text, "sum_ns") + 0 != sum + 0)
		complain(key ": not " n " samples with the sum " sum + 0)
	if (number(text, "min_ns") + 0 != low + 0 || number(text, "max_ns") + 0 != high + 0)
		complain(key ": not from " low " to " high)
	if (!n && number(text, "p50_ns") != "")
		complain(key ": a percentile of nothing")
	for (p = 1; p <= 4 && n; p++) {
		told = number(text, percentile[p]) + 0
		below = much = 0
		for (i = 1; i <= n; i++) {
			below += v[i] <= told
			much += v[i] + v[i] / 128 < told
		}
		part = n * rank[p]
		if (below < part || much >= part)
			complain(key ": " percentile[p] " is not " told)
	}
	sub(/.*"histogram":\[/, "", text)
	n = split(text, buckets, /\],\[/)
	for (i = 1; i <= n && text !~ /^\]/; i++) {
		gsub(/[^0-9,]/, "", buckets[i])
		split(buckets[i], pair, ",")
		seen += pair[2]
		below = 0
		for (j = 1; j <= counts[key]; j++)
			below += v[j] <= pair[1] + 0
		if (below != seen)
			complain(key ": the histogram has " seen " up to " pair[1] ", not " below)
	}
	if (seen + 0 != counts[key] + 0)
		complain(key ": the histogram has " seen + 0 " samples")
}

# add(KEY, VALUE): one sample
function add(key, value) {
	if (value < 0)
		complain(key " of " value)
	values[key, ++counts[key]] = value
}

# piece(LINE, KEY): the object that KEY names, up to its histogram's end
function piece(line, key) {
	if (!match(line, "\"" key "\":\\{[^}]*\\}"))
		complain("there is no " key)
	return substr(line, RSTART, RLENGTH)
}

BEGIN {
	FS = "\t"
	split("p50_ns p90_ns p99_ns p99_9_ns", percentile, " ")
	split(".5 .9 .99 .999", rank, " ")
}
FILENAME == ARGV[1] {
	name = $1
	add(name " total", $5 - ($2 ? $2 : $3))
	if ($3) {
		if ($2)
			add(name " interrupt", $3 - $2)
		add(name " tasklet", $4 - $3)
		add(name " user", $5 - $4)
	}
	measured[name] = 1
	next
}
/^\{"name":/ {
	name = $0
	sub(/^\{"name":"/, "", name)
	sub(/".*/, "", name)
	told[name] = 1
	examine(name " total", piece($0, "total"))
	if (number($0, "early") != 0)
		complain("some were early")
	if ($0 ~ /"stages":null/)
		next
	sum = 0
	for (i = split("interrupt tasklet user", stages, " "); i > 0; i--) {
		examine(name " " stages[i], piece($0, stages[i]))
		sum += number(piece($0, stages[i]), "sum_ns")
	}
	if (sum != number(piece($0, "total"), "sum_ns") + 0)
		complain("its stages do not add up to the total")
}
END {
	for (name in measured)
		if (!(name in told))
			complain("is not in the document")
	for (name in told)
		if (!(name in measured))
			complain("has no samples")
}
