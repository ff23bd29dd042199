#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The handbook, from the pages and pictures of this directory.
#
#   build.sh rst DIR      the pages into DIR, with the figures of "make bench" filled in
#   build.sh html DIR     and DIR/html, which needs Sphinx and Graphviz; a warning is an error
#
# @FIGURE: METHOD, N, ORDER@ in a page stands for a number of selftests/bench/baseline.json, by the
# words that it has there; N and ORDER may be left out where they are 1 and "-".
# @FIGURE: METHOD / METHOD@ is the first over the second.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
baseline=$here/../selftests/bench/baseline.json
what=${1:-} out=${2:-}
case $what in
rst | html) ;;
*) out= ;;
esac
[ -n "$out" ] || { echo "usage: build.sh rst|html DIR" >&2; exit 1; }

rm -rf "$out"
mkdir -p "$out"
cp "$here"/*.dot "$out"
for page in "$here"/*.rst; do
	awk -F '"' -v page="${page##*/}" '
		# value TEXT: the number for FIGURE: METHOD, N, ORDER
		function value(text, part, n) {
			n = split(text, part, ", ")
			text = part[1] SUBSEP (n > 1 ? part[2] : 1) SUBSEP (n > 2 ? part[3] : "-")
			if (text in median)
				return median[text]
			printf "%s: the bench has no figure %s\n", page, text >"/dev/stderr"
			bad = 1
		}
		function whole(x, text) {
			text = sprintf("%.0f", x)
			while (match(text, /[0-9][0-9][0-9][0-9](,|$)/))
				text = substr(text, 1, RSTART) "," substr(text, RSTART + 1)
			return text
		}
		function figure(text, at, first, second) {
			at = index(text, " / ")
			if (!at)
				return whole(value(text))
			first = value(substr(text, 1, at - 1))
			second = value(substr(text, 1, index(text, ":")) " " substr(text, at + 3))
			return second ? sprintf("%.2f", first / second) : ""
		}
		FNR == NR {
			if ($2 == "figure") {
				gsub(/[^0-9]/, "", $11)
				sub(/^: /, "", $17)
				median[$4 ": " $8 SUBSEP $11 SUBSEP $14] = $17 + 0
			}
			next
		}
		{
			while (match($0, /@[a-z_]+: [^@]+@/)) {
				before = substr($0, 1, RSTART - 1)
				after = substr($0, RSTART + RLENGTH)
				$0 = before figure(substr($0, RSTART + 1, RLENGTH - 2)) after
			}
			print
		}
		END { exit bad }' "$baseline" "$page" >"$out/${page##*/}"
done
[ "$what" = html ] || exit 0

for picture in "$out"/*.dot; do
	dot -Tsvg -o "${picture%.dot}.svg" "$picture"
done
sphinx-build -q -W --keep-going -b html -c "$here" "$out" "$out/html"
echo "$out/html/index.html"
