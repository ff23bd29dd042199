# SPDX-License-Identifier: GPL-2.0-only
# What has changed between two results: awk -f compare.awk BASELINE.json NEW.json
# Figures of evnotify that differ by a percent or more, and by more than one; then a summary.

function field(name,    text) {
	if (!match($0, "\"" name "\": [^,}]*"))
		return ""
	text = substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4)
	gsub(/"/, "", text)
	return text
}

/"(commit|kernel|machine)": / {
	match($0, /"[a-z]+"/)
	name = substr($0, RSTART + 1, RLENGTH - 2)
	about[FILENAME == ARGV[1], name] = field(name)
	if (FILENAME != ARGV[1] && name != "commit" && about[1, name] != about[0, name])
		printf "NOTE: another %s: %s, now %s\n", name, about[1, name], about[0, name]
}

!/"figure"/ { next }
{
	key = sprintf("%-12s %-28s %7s %-9s", field("figure"), field("method"), field("n"), field("order"))
	value = field("median")
}
FILENAME == ARGV[1] { old[key] = value; next }
!(key in old) || key !~ /evnotify/ { next }
{
	compared++
	change = value - old[key]
	if (change < 0 ? -change < 1 : change < 1)
		next
	if (old[key] && (change / old[key] < 0.01 && change / old[key] > -0.01))
		next
	if (!changed++)
		printf "baseline %s, now %s\n\n%-59s %9s %9s %8s\n", about[1, "commit"], about[0, "commit"],
			"figure       method                             n due", "before", "now", "change"
	printf "%s %9.1f %9.1f %7.1f%%\n", key, old[key], value, old[key] ? 100 * change / old[key] : 0
	if (key !~ /^(floor|worst|cpus)/)
		change > 0 ? dearer++ : cheaper++
}

END { printf "\n%d figures compared: %d cheaper, %d dearer by 1%% or more\n", compared, cheaper, dearer }
