#!/usr/bin/env bash
# session-start.sh - SessionStart: note that interflux was here, tell its agents how many tokens are left, and say which
# parts of the ecosystem are there.
set -euo pipefail
trap 'exit 0' ERR

hooks=${BASH_SOURCE[0]%/*}
source "$hooks/interbase-stub.sh"
source "$hooks/lib.sh"

# Tokens of the budget that are left, for the agents of this session. interstat says how much of it is used.
export_budget() {
  local payload budget=${INTERSTAT_TOKEN_BUDGET:-} used='"pct_consumed"[[:space:]]*:[[:space:]]*([0-9]{1,2}|100)[.,}[:space:]]'
  if [[ -z $1 || -z ${CLAUDE_ENV_FILE:-} || ! $budget =~ ^[1-9][0-9]{0,11}$ ]]; then return 0; fi
  payload=$(sideband_payload interstat budget "$1")
  if [[ $payload =~ $used ]]; then
    printf 'export FLUX_BUDGET_REMAINING=%d\n' $((budget * (100 - 10#${BASH_REMATCH[1]}) / 100)) >>"$CLAUDE_ENV_FILE"
  fi
}

note_first_run() {
  local folder=${HOME:+$HOME/.config/interflux}
  if [[ -n $folder && ! -e $folder/.initialized ]]; then
    mkdir -p -- "$folder" && : >"$folder/.initialized"
  fi
}

read_event
note_first_run 2>/dev/null || :
export_budget "$(event_text session_id)" 2>/dev/null || :
ib_session_status
exit 0
