# SPDX-License-Identifier: GPL-2.0-only
# Reads the KTAP of run_kselftest.sh and prints one line per test: verdict, name, remark,
# separated by tabs. The variable "expected" holds the programs (collection:program) that
# must report; one that says nothing, less than its plan, or fails in silence has failed.

function result(verdict, name, remark) { print verdict "\t" name "\t" remark }

# close_program: the outer line of a program has come, or the end of everything
function close_program(outer, remark) {
	if (program == "")
		return
	if (outer == "lost")
		result("fail", program, "no result: " remark)
	else if (planned >= 0 && planned != count)
		result("fail", program, "planned " planned " tests, reported " count)
	else if (outer == "not ok" && failures == 0)
		result("fail", program, "failed as a whole" remark)
	else if (count == 0 && skip_all != "")
		result("skip", program, skip_all)
	else if (count == 0)
		result("fail", program, "reported no test")
	seen[program] = 1
	program = ""
}

/^# selftests: [^:]+: / {
	close_program("lost", "the next one started")
	split(substr($0, length("# selftests: ") + 1), part, ": ")
	program = part[1] ":" part[2]
	count = failures = 0
	planned = -1
	skip_all = ""
	next
}

# a program may print several plans, one after the other
program != "" && /^# 1\.\.[0-9]+/ {
	plan = substr($2, 4) + 0
	if (plan > 0)
		planned = (planned < 0 ? 0 : planned) + plan
	else if (sub(/^.*# SKIP */, ""))
		skip_all = $0
}

program != "" && /^# (not )?ok [0-9]+/ {
	line = substr($0, 3)
	verdict = line ~ /^not / ? "fail" : "pass"
	sub(/^(not )?ok [0-9]+ *(- *)?/, "", line)
	remark = ""
	if (match(line, /# *(SKIP|XFAIL)/)) {
		remark = substr(line, RSTART + 2)
		line = substr(line, 1, RSTART - 1)
		if (remark ~ /^ *SKIP/ && verdict == "pass")
			verdict = "skip"
		sub(/^ *SKIP */, "", remark)
	}
	sub(/ *$/, "", line)
	result(verdict, program " " line, remark)
	count++
	if (verdict == "fail")
		failures++
}

program != "" && /^(not )?ok [0-9]+ selftests: / {
	remark = ""
	if (match($0, / # .*/))
		remark = substr($0, RSTART)
	close_program(/^not / ? "not ok" : "ok", remark)
}

END {
	close_program("lost", "it crashed or the machine stopped")
	number = split(expected, names, " ")
	for (i = 1; i <= number; i++)
		if (!(names[i] in seen))
			result("fail", names[i], "never ran")
}
