"""A machine with stand-ins for ``bd``, ``ic`` and interphase's libraries, all of them real programs.

Each answers with what its section of the references pastes: ``bd`` with reference/cli-contracts.md sections 4.2 to 4.5,
``ic`` with section 1.5, the libraries with reference/modules/interphase.md sections 1.3 and 1.4.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from interhost_hookspecs.testing import FakeCommand, FakeContext, Programs
from interhost_interphase import adapter

# The database is a folder: .beads/<bead>/<dimension>, with `children` counting the event beads that set-state leaves.
BD = r"""#!/usr/bin/env bash
say() { if [[ -e .beads/envelope ]]; then printf '{"schema_version":1,"data":%s}\n' "$1"; else printf '%s\n' "$1"; fi; }
[[ "$1" == --version ]] && { echo "bd version 1.0.5"; exit 0; }
json=""; [[ "$1" == --json ]] && { json=1; shift; }
if [[ -e .beads/hangs ]]; then sleep 30; fi
if [[ ! -d .beads ]]; then
  printf 'Error: no beads database found\nHint: run %s\n' "'bd where'" >&2; exit 1
fi
verb="$1" bead="$2"
echo "$*" >> .beads/log
if [[ ! -d ".beads/$bead" ]]; then
  [[ "$verb" == show ]] && { printf 'Error fetching %s: no issue found matching "%s"\n' "$bead" "$bead" >&2
    echo '{"error":"no issues found matching the provided IDs","schema_version":1}'; exit 1; }
  printf '{"error":"resolving %s: no issue found","schema_version":1}\n' "$bead"; exit 1
fi
case "$verb" in
state)
  value="$(cat ".beads/$bead/$3" 2>/dev/null)"
  if [[ ! $json ]]; then echo "${value:-(no $3 state set)}"
  elif [[ -e .beads/wordy ]]; then say "{\"dimension\":\"$3\",\"issue_id\":\"$bead\",\"value\":\"(no $3 state set)\"}"
  elif [[ $value ]]; then say "{\"dimension\":\"$3\",\"issue_id\":\"$bead\",\"schema_version\":1,\"value\":\"$value\"}"
  else say "{\"dimension\":\"$3\",\"issue_id\":\"$bead\",\"schema_version\":1,\"value\":null}"; fi ;;
show) say "[$(cat ".beads/$bead/issue.json")]" ;;
set-state)
  name="${3%%=*}" value="${3#*=}"
  [[ $value ]] || { echo "Error: invalid state format \"$3\", expected <dimension>=<value>" >&2; exit 1; }
  [[ -e .beads/broken ]] && { echo "Error: database is locked" >&2; exit 1; }
  [[ -e .beads/lies ]] || printf '%s' "$value" > ".beads/$bead/$name"
  echo x >> ".beads/$bead/children"
  printf '✓ Set %s = %s on %s\n  Event: %s.1\n' "$name" "$value" "$bead" "$bead" ;;
*) echo "Error: unknown command" >&2; exit 1 ;;
esac
"""

IC = r"""#!/usr/bin/env bash
[[ "$*" == "--json --timeout=5s run status r1" ]] || { echo "ic: usage" >&2; exit 3; }
cat .clavain/run.json
"""

# enforce_gate BEAD PHASE ARTIFACT answers 1 for a hard block; advance_phase BEAD PHASE REASON ARTIFACT answers 0 even
# when bd failed. phase_get hands on bd's text for an unset phase.
GATES = r"""
_now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
_log() {
  mkdir -p ~/.clavain
  printf '{"event":"%s","bead":"%s",%s,"timestamp":"%s"}\n' "$1" "$2" "$3" "$(_now)" >> ~/.clavain/telemetry.jsonl
}
enforce_gate() {
  local from decision=pass result=pass; from="$(bd state "$1" phase)"
  [[ -e "$GATES_PROJECT_DIR/gate-closed" ]] && decision=block result=blocked
  _log gate_check "$1" "\"from\":\"$from\",\"to\":\"$2\",\"result\":\"$result\""
  _log gate_enforce "$1" "\"priority\":\"1\",\"tier\":\"hard\",\"decision\":\"$decision\",\"reason\":\"no review\""
  [[ "$decision" != block ]]
}
advance_phase() {
  bd set-state "$1" "phase=$2" --reason "$3" >/dev/null 2>&1 || true
  _log phase_transition "$1" "\"phase\":\"$2\",\"reason\":\"$3\""
  if [[ -f "$4" && "$4" == *docs/plans* ]]; then
    sed -i "s/^\(\*\*Bead:\*\* .*\)$/\1\n**Phase:** $2 (as of $(_now))/" "$4"
  fi
  _log phase_advance "$1" "\"phase\":\"$2\",\"reason\":\"$3\",\"artifact\":\"$4\""
  return 0
}
"""

DISCOVERY = r"""
discovery_scan_beads() {
  [[ -d "$DISCOVERY_PROJECT_DIR/.beads" ]] || { echo DISCOVERY_UNAVAILABLE; return 0; }
  echo scan >> "$DISCOVERY_PROJECT_DIR/.beads/log"
  cat "$DISCOVERY_PROJECT_DIR/scan.json" 2>/dev/null || echo DISCOVERY_ERROR
}
"""


def _limit(command: FakeCommand) -> float | None:
    """A ``bd`` that hangs has a moment."""
    return 0.2 if command.cwd and (command.cwd / ".beads" / "hangs").exists() else None


@pytest.fixture
def machine(tmp_path: Path) -> FakeContext:
    """One project with the bead ``iv-abc1`` in ``planned`` and a plan; names that need quoting."""
    project, root = tmp_path / "a project's $HOME", tmp_path / "inter phase"
    bead = project / ".beads" / "iv-abc1"
    for folder in (project / "docs" / "plans", root / "hooks", tmp_path / "tmp", bead):
        folder.mkdir(parents=True)
    (bead / "phase").write_text("planned")
    (bead / "issue.json").write_text('{"id":"iv-abc1","title":"Sample work","priority":1,"labels":["phase:planned"]}')
    (project / "docs" / "plans" / "p.md").write_text("# Plan\n\n**Bead:** iv-abc1\n\nText.\n")
    (root / "hooks" / "lib-gates.sh").write_text(GATES)
    (root / "hooks" / "lib-discovery.sh").write_text(DISCOVERY)
    programs = Programs(tmp_path, limit=_limit)
    for name, text in (("bd", BD), ("ic", IC)):
        programs.install(name, text)
    return FakeContext(
        tmp_path,
        of=adapter,
        config={"temporary_dir": str(tmp_path / "tmp")},
        root=root,
        projects=(project,),
        commands=programs.named("bd", "bash", "ic"),
    )
