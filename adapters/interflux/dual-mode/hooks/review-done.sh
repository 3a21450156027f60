#!/usr/bin/env bash
# review-done.sh - PostToolUse of Write: a review has left its findings. In a sprint the kernel is told; and this is the
# moment at which interflux has done something for its user, so it may suggest a companion.
set -euo pipefail
trap 'exit 0' ERR

hooks=${BASH_SOURCE[0]%/*}
source "$hooks/interbase-stub.sh"
source "$hooks/lib.sh"

read_event
findings=$(event_text file_path)
if [[ $findings != */docs/research/flux-@(drive|review)/*/findings.json ]]; then exit 0; fi
session=$(event_text session_id)
if [[ -n $session ]]; then CLAUDE_SESSION_ID=$session; fi # the environment may not know it

if ib_in_sprint; then
  ib_emit_event "$(ib_get_bead)" review.completed "{\"findings\":\"$findings\"}"
fi

# At most two of them are shown in a session, whoever asks; each stands in .claude-plugin/integration.json.
ib_nudge_companion intersynth 'full synthesis, in which the agents answer each other' interflux
ib_nudge_companion interwatch 'another review of documents that drifted' interflux
ib_nudge_companion interknow 'lessons from earlier reviews' interflux
exit 0
