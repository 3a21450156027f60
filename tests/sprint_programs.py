"""What the sixteen modules bring along for a sprint: stand-ins for their programs and scripts.

Each is the one of its adapter's own tests or prints what the reference pastes, as those do; the section is beside it.
"""

from __future__ import annotations

import json

from tests.submission_kit import BEAD, GOAL, RUN, run_status, says

PLUGIN = "widgets"
"""The project is a plugin itself, so that it has releases."""

MODULES = {
    "clavain": "0.6.229",
    "intercheck": "0.2.2",
    "intercraft": "0.1.4",
    "interdoc": "5.2.0",
    "interflux": "0.2.86",
    "interform": "0.1.0",
    "interline": "0.2.14",
    "interlock": "0.2.20",
    "internext": "0.2.1",
    "interphase": "0.3.16",
    "interpub": "0.1.7",
    "intersearch": "0.3.1",
    "interslack": "0.1.2",
    "interwatch": "0.7.1",
    "tldr-swinton": "0.7.18",
    "tool-time": "0.3.9",
}
"""The sixteen, each as a plugin of this version."""

# Of the reference's interdoc.md section 3.3, rows D1 and D3.
CHECK_UPDATES = r"""since="$(git rev-list --count "$(git log -1 --format=%H -- AGENTS.md)..HEAD")"
(( since < 2 )) || printf '{"action": "update", "reason": "commits", "commits_since": %s}\n' "$since"
"""
DRIFT_FIX = r"""[[ -e src/export.py ]] && grep -q src/old.py AGENTS.md || {
  echo '{"renames":[],"deletions":[],"new_files":[],"links_fixed":[],"files_modified":[]}'; exit; }
echo '{"renames":[{"old":"src/old.py","new":"src/export.py"}],"deletions":[],"new_files":[],"links_fixed":[],'\
'"files_modified":[]}'
"""
# interwatch.md section 4.5: a scan prints its report.
SCAN = 'print(open(".interwatch/world.json").read())\n'
# tool-time.md section 1.2.
EDITS = {"totals": {"resolved_calls": 20, "succeeded": 18, "failed": 2, "failure_rate": 0.1}, "failure_kinds": []}
# intercheck.md section 2.3: silent about a clean file.
SYNTAX_CHECK = "exit 0\n"
FILES = {
    "intercheck/hooks/syntax-check.sh": SYNTAX_CHECK,
    "interdoc/hooks/check-updates.sh": CHECK_UPDATES,
    "interdoc/scripts/drift-fix.sh": DRIFT_FIX,
    "internext/scripts/top-skills.py": "print('[]')\n",
    "interwatch/scripts/interwatch-scan.py": SCAN,
    "tool-time/backfill.py": "",
    "tool-time/summarize.py": "",
    "tool-time/maintain.py": "",
    "tool-time/edit_stats.py": f"print('''{json.dumps(EDITS)}''')\n",
    # intersearch.md section 3.6: what the adapter's worker prints.
    "intersearch/.venv/bin/python": "#!/bin/sh\nread -r job || true\necho '{\"vector\": [0.0, 1.0]}'\n",
}
"""What the plugins bring along."""

# interslack.md section 6.2.
SLACKCLI = """#!/bin/sh
[ "$1" = --version ] && { echo 0.1.1; exit 0; }
printf '\\342\\234\\205 Message timestamp: 1769756026.624319\\n'
"""
# tldr-swinton.md section 2.3.
TLDRS = """#!/bin/sh
[ "$1" = --machine ] && shift
case "$1" in
diff-context) echo '{"base": "HEAD~1", "head": "HEAD", "budget_used": 48, "slices": [{"id": "src/old.py:export",
  "relevance": "contains_diff", "signature": "def export() -> int", "code": "", "lines": [1, 2],
  "diff_lines": [[1, 2]]}]}' ;;
change-impact) echo '{"success": true, "result": {"changed_files": ["src/export.py"], "changed_functions": ["export"],
  "affected_tests": [], "affected_count": 0, "skipped_count": 1, "total_tests": 1, "test_command": ["pytest"],
  "source": "git:HEAD~1"}}' ;;
diagnostics) echo "{\\"success\\": true, \\"result\\": {\\"file\\": \\"$2\\", \\"language\\": \\"python\\",
  \\"tools\\": [\\"ruff\\"], \\"diagnostics\\": [], \\"error_count\\": 0, \\"warning_count\\": 0}}" ;;
*) echo '{"error": true, "code": "TLDRS_ERR_INTERNAL", "message": "what?", "details": {}}'; exit 1 ;;
esac
"""
# cli-contracts.md section 4.6: one open bead, and what may be begun.
READY = [{"id": BEAD, "title": GOAL, "status": "open", "priority": 1, "dependent_count": 2}]
# interpub.md section 5.2.
DRY_RUN = f"Publishing {PLUGIN}: 0.1.0 → 0.1.1\n  Version files: plugin.json\nDry run — no changes made.\n"
ALWAYS = (
    says("ic", "version", out="ic 0.3.4\n"),
    says("ic", "publish doctor *", out="null\n"),
    says("ic", "publish --dry-run *", out=DRY_RUN),
    says("ic", "events cursor *"),
    says("ic", "run list", out=f"[{run_status()}]"),
    says("ic", "run current", out=json.dumps({"found": True, "run_id": RUN}) + "\n"),
    says("ic", "coordination *", out="[]\n"),
    says("bd", "--version", out="bd version 1.0.5\n"),
    says("bd", "ready *", out=json.dumps(READY)),
    says("bd", "list *", out="[]\n"),
    says("bd", "show *", out=json.dumps(READY)),
)

WRAPPER = """#!/bin/bash
call={calls}/$EPOCHREALTIME.$$
/bin/mkdir "$call"; printf '%s\\0' {name} "$@" > "$call/argv"
{program} "$@" > "$call/out" 2> "$call/err"; code=$?
printf %s $code > "$call/code"
/bin/cat "$call/out"; /bin/cat "$call/err" >&2; exit $code
"""
"""Calls a program, and keeps the call and its answer in a folder of its own, named by the time."""
