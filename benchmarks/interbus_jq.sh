# shellcheck shell=bash
# Publishing with jq, for comparison: one jq checks the payload, one makes the event. Written for this benchmark in the
# shape of such libraries, with as few processes as that shape allows.

jq_publish() {
    local intent=$1 hook=$2 payload=$3 folder=$INTERBUS_ROOT/spool/new temporary name
    jq -e 'type == "object"' <<<"$payload" >/dev/null || return 1
    mkdir -p "$folder" || return 1
    temporary=$(mktemp "$folder/.tmp.XXXXXX") || return 1
    name=$(date -u +%s%N)-$$
    jq -nc --arg id "$name" --arg intent "$intent" --arg hook "$hook" --arg project "$PWD" --argjson payload "$payload" \
        '{event_id: $id, intent: $intent, source_hook: $hook, extensions: {project_dir: $project}}, $payload' \
        >"$temporary" || return 1
    mv -f "$temporary" "$folder/$name"
}
