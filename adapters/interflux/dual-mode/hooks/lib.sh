# shellcheck shell=bash
# lib.sh - what both hooks share: the event on standard input, and the sideband files of other plugins.

# Read the event into 'event'. It is one line, whose end may never come: what has arrived after two seconds counts.
read_event() {
  event=''
  IFS= read -r -t 2 event || :
}

# Print the text of a key of the event; nothing where it has none, or one with escapes. In a text of the event, such as
# the content of a file, every quote has a backslash before it; so this finds keys only.
event_text() {
  local pattern="[{,][[:space:]]*\"$1\"[[:space:]]*:[[:space:]]*\"([^\"\\]*)\""
  if [[ $event =~ $pattern ]]; then printf '%s\n' "${BASH_REMATCH[1]}"; fi
}

# Print the payload of a sideband file: NAMESPACE CHANNEL KEY. By interband where it is installed, and else by hand,
# because the file is there whether or not the library is.
sideband_payload() {
  local library=${INTERBAND_LIB:-${HOME:+$HOME/.intermod/interband/interband.sh}} path text=''
  local root=${INTERBAND_ROOT:-${HOME:+$HOME/.interband}}
  # shellcheck source=/dev/null
  if [[ -f $library && -r $library ]] && command source "$library" 2>/dev/null &&
    declare -F interband_path interband_read_payload >/dev/null; then
    path=$(interband_path "$1" "$2" "$3" 2>/dev/null) && interband_read_payload "$path" 2>/dev/null || :
    return 0
  fi
  path=$root/$1/$2/${3//[!ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-]/_}.json
  if [[ -n $root && -f $path && -r $path ]]; then
    IFS= read -r -d '' -n 65536 text <"$path" || :
  fi
  local version='"version"[[:space:]]*:[[:space:]]*"1\.' payload='"payload"[[:space:]]*:[[:space:]]*(\{[^{}]*\})'
  if [[ $text =~ $version && $text =~ $payload ]]; then printf '%s\n' "${BASH_REMATCH[1]}"; fi
}
