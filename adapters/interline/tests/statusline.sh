#!/usr/bin/env bash
# A status line by the rules that reference/modules/interline.md section 3.3 documents, for the layers that read files:
# what is shown, what hides what, what is believed however old it is, and what is removed while it is drawn.
IB="${INTERBAND_ROOT:-$HOME/.interband}"
input="$(cat)"
session="$(jq -r '.session_id // empty' <<<"$input")"
folder="$(jq -r '.workspace.current_dir // .cwd // empty' <<<"$input")"

layer() { [[ "$(jq -r ".layers.$1" "$HOME/.claude/interline.json" 2>/dev/null)" != false ]]; }
payload() { jq -c 'select(.version | strings | startswith("1.")) | .payload | objects' "$1" 2>/dev/null; }

# dispatch: a file whose name does not end with a living process is removed; the first living one is shown
dispatch=""
for file in "$IB"/clavain/dispatch/*.json; do
  [[ -e "$file" ]] || continue
  pid="${file##*/}" pid="${pid%.json}" pid="${pid##*-}"
  if [[ "$pid" =~ ^[0-9]+$ ]] && kill -0 "$pid" 2>/dev/null; then
    dispatch="$(payload "$file" | jq -r '.name // empty')"
    break
  fi
  rm -f "$file"
done

first="[$(jq -r '.model.display_name // "?"' <<<"$input")] ${folder##*/}"

# pressure: of any age; green hides it, and what is no known level is shown in grey as it is
if layer pressure; then
  level="$(payload "$IB/intercheck/pressure/$session.json" | jq -r '.level // empty')"
  [[ -n "$level" && "$level" != green ]] && first+=" | $level"
fi

# budget
percent="$(payload "$IB/interstat/budget/$session.json" | jq -r '.pct_consumed // 0 | floor')"
((${percent:-0} >= 50)) && first+=" | ${percent}% budget"

# loop breaker
[[ "$(jq -r '.suppressed // false' "$HOME/.clavain/stop-loop-breaker/$session.json" 2>/dev/null)" == true ]] &&
  first+=" | gate"

# bead: on the second line, not older than a day, and not beside a dispatch
second="$dispatch"
file="$IB/interphase/bead/$session.json"
if [[ -z "$dispatch" && -f "$file" ]] && layer bead && (($(date +%s) - $(stat -c %Y "$file") < 86400)); then
  second="$(payload "$file" | jq -r '"\(.id) (\(.phase))"')"
fi

printf '%s\n' "$first"
[[ -n "$second" ]] && printf '%s\n' "$second"
exit 0
