#!/usr/bin/env bash
# Checks interbase.sh and interbase-stub.sh where nothing is installed, and where everything is (with stand-ins for 'ic'
# and 'bd'). Prints TAP; exits 1 when a check fails.
#
#   bash test-interbase.sh [FOLDER]     the folder of the two files; the one of this script when left out
#
# The tests of interhost check far more; this one needs bash alone and can be run wherever the library is installed.

set -u
here=$(cd -- "${1:-$(dirname -- "${BASH_SOURCE[0]}")}" && pwd) || exit 1
box=$(mktemp -d) || exit 1
trap 'rm -rf -- "$box"' EXIT
number=0
failed=0

# check NAME EXPECTED ACTUAL
check() {
  number=$((number + 1))
  if [[ $2 == "$3" ]]; then
    printf 'ok %d - %s\n' "$number" "$1"
  else
    failed=$((failed + 1))
    printf 'not ok %d - %s\n  expected: %q\n  got:      %q\n' "$number" "$1" "$2" "$3"
  fi
}

# hook SCRIPT [VARIABLE=VALUE...]: run it as a strict hook would, with the stub; both outputs and the exit code
hook() {
  local script=$1
  shift
  (
    cd -- "$box/project" || exit 1
    "$env" -i HOME="$box/home" PATH="$box/bin:$box/tools" CLAUDE_SESSION_ID=session "$@" \
      "$BASH" -c "set -euo pipefail; source '$here/interbase-stub.sh'; $script" 2>&1
    printf '=%d' $?
  )
}

# program NAME: a stand-in that notes its arguments and runs the script of its standard input
program() {
  { printf '#!/bin/sh\nprintf "%%s\\n" "%s $*" >>"%s/calls"\n' "$1" "$box"; cat; } >"$box/bin/$1"
  chmod +x "$box/bin/$1"
}

answer='then echo yes; else echo no; fi'
env=$(type -P env)
mkdir -p "$box/home" "$box/bin" "$box/tools" "$box/project/sdk/interbase"
for tool in flock mkdir mv rm rmdir timeout; do # and nothing else: this machine may have 'ic' and 'bd'
  if type -P "$tool" >/dev/null; then ln -s "$(type -P "$tool")" "$box/tools/$tool"; fi
done

# Standalone: no interbase, no ic, no bd. -------------------------------------------------------------------------------

check 'standalone: the stub is in use' $'stub\n=0' "$(hook 'echo $_INTERBASE_SOURCE')"
for guard in ib_has_ic ib_has_bd 'ib_has_companion interphase' ib_in_ecosystem ib_in_sprint; do
  check "standalone: $guard says no" $'no\n=0' "$(hook "if $guard; $answer")"
done
for action in 'ib_phase_set bead done' 'ib_emit_event run type' ib_session_status 'ib_nudge_companion interphase tests' \
  'ib_plugin_cache_path interphase' ib_ecosystem_root ib_get_bead; do
  check "standalone: $action succeeds silently" '=0' "$(hook "$action")"
done
check 'standalone: the bead is that of the environment' $'iv-1\n=0' "$(hook ib_get_bead CLAVAIN_BEAD_ID=iv-1)"
check 'standalone: nothing was written' '' "$(ls -A "$box/home")"

# Integrated, without programs. -----------------------------------------------------------------------------------------

live=INTERMOD_LIB=$here/interbase.sh
check 'integrated: the live copy is in use' $'live\n=0' "$(hook 'echo $_INTERBASE_SOURCE' "$live")"
check 'integrated: ib_in_ecosystem says yes' $'yes\n=0' "$(hook "if ib_in_ecosystem; $answer" "$live")"
for guard in ib_has_ic ib_has_bd 'ib_has_companion interphase' 'ib_has_companion ""' ib_in_sprint; do
  check "integrated, no programs: $guard says no" $'no\n=0' "$(hook "if $guard; $answer" "$live")"
done
for action in 'ib_phase_set bead done' 'ib_emit_event run type' 'ib_plugin_cache_path interphase' ib_get_bead; do
  check "integrated, no programs: $action succeeds silently" '=0' "$(hook "$action" "$live")"
done
check 'integrated, no programs: session status' $'[interverse] beads=not-detected | ic=not-detected\n=0' \
  "$(hook ib_session_status "$live")"

# Integrated, with programs. --------------------------------------------------------------------------------------------

program ic <<<'[ "$1 $2 $3" = "run current --project=." ]'
program bd </dev/null
for guard in ib_has_ic ib_has_bd ib_in_sprint; do
  check "integrated: $guard says yes" $'yes\n=0' "$(hook "if $guard; $answer" "$live" CLAVAIN_BEAD_ID=iv-1)"
done
check 'integrated: no sprint without a bead' $'no\n=0' "$(hook "if ib_in_sprint; $answer" "$live")"
check 'integrated: session status' $'[interverse] beads=active | ic=active\n=0' "$(hook ib_session_status "$live")"
: >"$box/calls"
check 'integrated: ib_phase_set succeeds' '=0' "$(hook 'ib_phase_set iv-1 planned' "$live")"
check 'integrated: ib_phase_set calls bd' 'bd set-state iv-1 phase=planned' "$(<"$box/calls")"
program ic </dev/null
: >"$box/calls"
check 'integrated: ib_emit_event succeeds' '=0' "$(hook 'ib_emit_event run-1 review.done' "$live")"
check 'integrated: ib_emit_event calls ic' 'ic events emit run-1 review.done --payload={}' "$(<"$box/calls")"
program bd <<<'echo out of order >&2; exit 3'
check 'integrated: a failing program is logged and stops nothing' \
  $'[interbase] bd set-state failed with exit code 3: out of order\n=0' "$(hook 'ib_phase_set iv-1 planned' "$live")"
check 'integrated: the root of the monorepo' "$box/project"$'\n=0' "$(hook ib_ecosystem_root "$live")"
mkdir -p "$box/home/.claude/plugins/cache/market/interphase/"{1.9.0,1.10.0}
check 'integrated: a companion in the cache' $'yes\n=0' "$(hook "if ib_has_companion interphase; $answer" "$live")"
check 'integrated: the highest version' "$box/home/.claude/plugins/cache/market/interphase/1.10.0"$'\n=0' \
  "$(hook 'ib_plugin_cache_path interphase' "$live")"

# Nudges. ---------------------------------------------------------------------------------------------------------------

nudge='ib_nudge_companion interline "a status line" interflux'
tip='[interverse] Tip: run /plugin install interline for a status line.'
state=$box/home/.config/interverse/nudge-state.json
check 'nudge: none for a companion that is installed' '=0' "$(hook 'ib_nudge_companion interphase x interflux' "$live")"
check 'nudge: none when switched off' '=0' "$(hook "$nudge" "$live" INTERHOST_NUDGES=off)"
check 'nudge: nothing was written for that' '' "$(ls -A "$box/home" | grep -v '^.claude$')"
if type -P flock >/dev/null; then
  check 'nudge: a tip' "$tip"$'\n=0' "$(hook "$nudge" "$live")"
  check 'nudge: it is counted' $'{\n"interflux:interline": {"ignores": 1, "dismissed": false}\n}' "$(<"$state")"
  check 'nudge: once per session' '=0' "$(hook "$nudge; ${nudge/interflux/interdoc}" "$live")"
  check 'nudge: two per session' $'[interverse] Tip: run /plugin install b for x.\n=0' \
    "$(hook 'ib_nudge_companion b x p; ib_nudge_companion c x p' "$live")"
  for session in two three; do
    check "nudge: session $session" "$tip"$'\n=0' "$(hook "$nudge" "$live" CLAUDE_SESSION_ID=$session)"
  done
  check 'nudge: three ignores dismiss' '=0' "$(hook "$nudge" "$live" CLAUDE_SESSION_ID=four)"
else
  check 'nudge: none without flock' '=0' "$(hook "$nudge" "$live")"
fi

printf '1..%d\n' "$number"
((failed == 0))
