# shellcheck shell=bash
# A sideband library on jq, for comparison: one jq checks a payload, one makes the envelope, one checks and reads.
# Written for this benchmark in the shape of such libraries, with as few processes as that shape allows; it is no copy
# of the published one.

jq_write() {
    local target=$1 namespace=$2 kind=$3 session=$4 payload=$5 folder temporary
    folder=${target%/*}
    jq -e '(.id | type == "string" and length > 0)
        and (.phase | IN("brainstorm", "brainstorm-reviewed", "strategized", "planned", "plan-reviewed", "executing",
            "shipping", "done"))
        and (.reason | type == "string" and length > 0) and (.ts | type == "number")' <<<"$payload" >/dev/null || return 1
    mkdir -p "$folder" || return 1
    temporary=$(mktemp "$folder/.interband-tmp.XXXXXX") || return 1
    jq -nc --arg namespace "$namespace" --arg type "$kind" --arg session "$session" --argjson payload "$payload" \
        --arg timestamp "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
        '{version: "1.0.0", namespace: $namespace, type: $type, session_id: $session, timestamp: $timestamp,
          payload: $payload}' >"$temporary" || return 1
    mv -f "$temporary" "$target"
}

jq_read_payload() {
    jq -ce 'select((.version | startswith("1.")) and (.payload | type == "object")) | .payload' "$1"
}
