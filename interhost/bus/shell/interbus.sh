# shellcheck shell=bash
# interbus.sh - put facts on the Interbus from a shell hook. Part of interhost.
# version: 1.0.0
#
# Source it, or run it: bash interbus.sh publish ... Quick from bash 5.1 on; 4.4 needs the kernel's uuid file.
#
#   interbus_publish INTENT [--artifact PATH] [--context ID] [--payload JSON] [--severity info|warn|error]
#                    [--source-hook TEXT] [--consumer ADAPTER]... [--dedupe-key KEY]
#   interbus_emit INTENT [JSON [PATH]]            the same in few words; options may follow
#   interbus_subscribe, interbus_consume, interbus_replay   the commands of 'interbus', with their exit codes
#
# More is said in the second half, which is only read when it is needed: reading is most of what a publish costs.

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
  for _bus_half in publish emit subscribe consume replay; do
    eval "interbus_$_bus_half() { echo 'interbus: needs bash 4.4 or later; nothing was done' >&2
      [[ \${INTERBUS_STRICT:-} != 1 ]]; }"
  done
  unset _bus_half
  return 0 2>/dev/null || { interbus_publish; exit; }
fi

if [[ ${_bus_half:-} != 1.0.0 ]]; then
if [[ -z ${_interbus_last[2]+set} ]]; then # no environment has arrays
_bus_flags=$-
set +a
_interbus_last=(0 0 0) # the last id: process, milliseconds, random part
_interbus_file=${BASH_SOURCE[0]}
if [[ $_interbus_file != /* ]]; then _interbus_file=${PWD:-.}/$_interbus_file; fi

interbus_publish() {
  local _bus_scrap='' # a file that was begun
  _interbus_quick "$@" || _interbus_late _interbus_publish "$@" || [[ ${INTERBUS_STRICT:-} != 1 ]]
}
interbus_emit() {
  if [[ $# -lt 2 || $2 == -* ]]; then
    interbus_publish "$@"
  elif [[ $# -lt 3 || $3 == -* ]]; then
    interbus_publish "$1" --payload "$2" "${@:3}"
  else
    interbus_publish "$1" --payload "$2" --artifact "$3" "${@:4}"
  fi
}
interbus_subscribe() { _interbus_late _interbus_call subscribe "$@"; }
interbus_consume() { _interbus_late _interbus_call consume "$@"; }
interbus_replay() { _interbus_late _interbus_call replay "$@"; }
if [[ ! -o posix ]]; then # there, a dot in a function's name ends the shell
  eval 'interbus.publish() { interbus_publish "$@"; }
    interbus.emit() { interbus_emit "$@"; }
    interbus.subscribe() { interbus_subscribe "$@"; }
    interbus.consume() { interbus_consume "$@"; }
    interbus.replay() { interbus_replay "$@"; }'
fi

# Publish what is plain. False when it is not, and nothing was published.
_interbus_quick() {
  local - _bus_text=${1:-} _bus_head _bus_more='' _bus_payload='' _bus_artifact='' _bus_context='' _bus_project _bus_id \
    _bus_now=${EPOCHREALTIME:-} _bus_random=${SRANDOM:-} _bus_root=${INTERBUS_ROOT:-${HOME:+$HOME/.interbus}} \
    _bus_session=${CLAUDE_SESSION_ID:-${CLAUDE_CODE_SESSION_ID:-}}
  set +aeu -C
  INTERBUS_EVENT_ID=''
  if [[ $_bus_text != [a-z]* ]]; then return 1; fi
  _bus_head="\"intent\":\"$1\""
  shift
  while (($# > 1)); do
    case $1 in
      --payload) _bus_payload=$2 ;;
      --artifact) _bus_artifact=$2 ;;
      --context) _bus_context=$2 ;;
      --severity) _bus_head+=",\"severity\":\"$2\"" _bus_text+=$2 ;;
      --source-hook) _bus_head+=",\"source_hook\":\"$2\"" _bus_text+=$2 ;;
      --dedupe-key) _bus_more+=",\"dedupe_key\":\"$2\"" _bus_text+=$2 ;;
      *) return 1 ;;
    esac
    shift 2
  done
  _interbus_look_around
  if [[ -n $_bus_context ]]; then _bus_head+=",\"context_id\":\"$_bus_context\"" _bus_text+=$_bus_context; fi
  if [[ -n $_bus_artifact ]]; then _bus_head+=",\"artifact_path\":\"$_bus_artifact\"" _bus_text+=$_bus_artifact; fi
  if [[ -n ${INTERBUS_PRODUCER:-} ]]; then
    _bus_head+=",\"producer\":\"$INTERBUS_PRODUCER\"" _bus_text+=$INTERBUS_PRODUCER
  fi
  if [[ -n $_bus_session ]]; then _bus_more+=",\"session_id\":\"$_bus_session\""; fi
  _bus_text+=$_bus_project$_bus_session
  # SRANDOM is there from bash 5.1 on; of an older one's environment, it would not change.
  if [[ $# -gt 0 || $_bus_payload == *$'\n'* || $_bus_root != /* || ! -O $_bus_root/spool/new || -z $_bus_project ||
    -z $_bus_now || $_bus_random == "${SRANDOM:-}" || ${#_bus_text} -gt 4096 ||
    $_bus_text == *[\"\\[:cntrl:]]* || $_bus_text == *[![:ascii:]]* ]]; then return 1; fi
  _bus_now=$((10#${_bus_now//[!0-9]/} / 1000)) _bus_random=$((_bus_random << 30 ^ SRANDOM))
  _interbus_make_id
  _bus_root+=/spool/new/$_bus_id
  {
    {
      _bus_scrap=$_bus_root
      printf '%s\n' \
        "{\"event_id\":\"$_bus_id\",$_bus_head,\"extensions\":{\"project_dir\":\"$_bus_project\"$_bus_more}}" \
        "${_bus_payload:-"{}"}"
    } >"$_bus_root"
  } 2>&- && INTERBUS_EVENT_ID=$_bus_id
}

# The git root of the working directory, or that directory; the artifact as an absolute path; the session's bead.
_interbus_look_around() {
  _bus_project=${PWD:-}
  if [[ $_bus_project == /* ]]; then
    if [[ $_bus_artifact == [!/]* ]]; then _bus_artifact=$_bus_project/$_bus_artifact; fi
    while [[ -n $_bus_project && ! -e $_bus_project/.git ]]; do _bus_project=${_bus_project%/*}; done
    _bus_project=${_bus_project:-$PWD}
  else
    _bus_project=''
  fi
  if [[ -z $_bus_context && ${CLAVAIN_BEAD_ID:-} == [A-Za-z]*([A-Za-z0-9_])-+([A-Za-z0-9])*(.+([0-9])) ]]; then
    _bus_context=$CLAVAIN_BEAD_ID
  fi
}

# A ULID of the caller's milliseconds and random bits; the first letter is 0 until the year 3084.
_interbus_make_id() {
  local _bus_letters=0123456789ABCDEFGHJKMNPQRSTVWXYZ
  if ((BASHPID == _interbus_last[0] && _bus_now <= _interbus_last[1])); then
    _bus_now=${_interbus_last[1]} _bus_random=$((_interbus_last[2] + 1))
  fi
  _interbus_last=("$BASHPID" "$_bus_now" "$_bus_random")
  _bus_id=0${_bus_letters:_bus_now>>40&31:1}${_bus_letters:_bus_now>>35&31:1}${_bus_letters:_bus_now>>30&31:1}
  _bus_id+=${_bus_letters:_bus_now>>25&31:1}${_bus_letters:_bus_now>>20&31:1}${_bus_letters:_bus_now>>15&31:1}
  _bus_id+=${_bus_letters:_bus_now>>10&31:1}${_bus_letters:_bus_now>>5&31:1}${_bus_letters:_bus_now&31:1}
  printf -v _bus_id '%s%016X' "$_bus_id" "$_bus_random"
}

# Call a function of the second half, of this very version: meanwhile another copy may have been installed.
_interbus_late() {
  if ! declare -F _interbus_say >/dev/null; then
    local - _bus_half=1.0.0
    set +a
    command source "$_interbus_file" 2>/dev/null || :
    if ! declare -F _interbus_say >/dev/null; then
      printf 'interbus: %q was replaced; source it again; nothing was done\n' "$_interbus_file" >&2 || :
      return 69
    fi
  fi
  "$@"
}

if [[ $_bus_flags == *a* ]]; then set -a; fi
unset _bus_flags
fi
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  if declare -F "interbus_${1:-}" >/dev/null; then "interbus_$@"; else _interbus_late _interbus_usage "$@"; fi
  exit
fi
return 0
fi

# The second half ======================================================================================================
#
# Every function has its dotted spelling too, interbus.publish and so on, unless bash is in posix mode. Publishing leaves
# a file in the spool, from where the next host takes it: no process is started, nothing is printed, and the id is in
# INTERBUS_EVENT_ID. What goes wrong is one line on standard error, and the status is 0; with INTERBUS_STRICT=1 it is 1.
# From the environment: INTERBUS_ROOT, INTERBUS_PRODUCER, CLAVAIN_BEAD_ID, CLAUDE_SESSION_ID, CLAUDE_CODE_SESSION_ID.
#
# It works under 'set -euo pipefail', noclobber, any IFS and locale, in posix mode, without PATH and without HOME, and
# leaves options, umask, locale and traps as they are. Locals begin with _bus_, because 'local' fails where a hook has a
# readonly variable of the same name. The file's format is that of interhost/bus/spool_file.py.
#
# The first half publishes what is plain, which is nearly everything; this one does whatever that declines, and starts a
# process only for the first mkdir in the life of a bus and for errors. Each is one compound command, which bash reads to
# its end before it runs any of it: of a copy that was cut off nothing is defined. A kilobyte of code costs 0.06 ms.
#
# Ids are ULIDs: 48 bits of milliseconds, and of the 80 random ones those that make each letter a hexadecimal digit,
# because printf is quicker than taking letters one by one: 62 bits. Ids of one process ascend, also when the clock is
# set back: the random part of the last one counts up, and its top bit is clear, so that it has room to. A subshell
# begins anew, as another process does.

if [[ ${_bus_half:-} == 1.0.0 ]]; then

# Publish, whatever it is. In the C locale, so that a character is a byte.
_interbus_publish() {
  local - LC_ALL=C _bus_intent='' _bus_payload='' _bus_artifact='' _bus_context='' _bus_severity='' _bus_hook='' \
    _bus_key='' _bus_consumers='' _bus_project _bus_text _bus_now=${EPOCHREALTIME:-} _bus_random _bus_id _bus_head \
    _bus_producer=${INTERBUS_PRODUCER:-} _bus_session=${CLAUDE_SESSION_ID:-${CLAUDE_CODE_SESSION_ID:-}} \
    _bus_root=${INTERBUS_ROOT:-${HOME:+$HOME/.interbus}}
  set +aeu -fC
  _interbus_clean_up
  _interbus_read "$@" && _interbus_prepare || return
  _interbus_look_around
  for _bus_text in intent artifact context severity hook key project session producer; do
    _interbus_escape "$_bus_text" || return
  done
  if [[ $_bus_payload == *$'\n'* ]]; then _interbus_flatten; fi
  _interbus_seed || return
  _interbus_make_id
  _bus_text=${_bus_project:+",\"project_dir\":\"$_bus_project\""}${_bus_session:+",\"session_id\":\"$_bus_session\""}
  _bus_text+=${_bus_key:+",\"dedupe_key\":\"$_bus_key\""}
  _bus_head="{\"event_id\":\"$_bus_id\",\"intent\":\"$_bus_intent\""
  _bus_head+=${_bus_consumers:+",\"consumers\":[${_bus_consumers#,}]"}
  _bus_head+=${_bus_context:+",\"context_id\":\"$_bus_context\""}
  _bus_head+=${_bus_artifact:+",\"artifact_path\":\"$_bus_artifact\""}
  _bus_head+=${_bus_severity:+",\"severity\":\"$_bus_severity\""}
  _bus_head+=${_bus_producer:+",\"producer\":\"$_bus_producer\""}
  _bus_head+=${_bus_hook:+",\"source_hook\":\"$_bus_hook\""}
  _bus_head+=",\"extensions\":{${_bus_text#,}}}"
  _interbus_write
}

# Arguments that are not just names and values, into the caller's variables.
_interbus_read() {
  while (($#)); do
    case $1 in
      --*=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        continue
        ;;
      --payload | --artifact | --context | --severity | --source-hook | --dedupe-key | --consumer)
        if (($# < 2)); then
          _interbus_say '%s: expected a value; nothing was published' "$1"
          return
        fi
        case $1 in
          --payload) _bus_payload=$2 ;;
          --artifact) _bus_artifact=$2 ;;
          --context) _bus_context=$2 ;;
          --severity) _bus_severity=$2 ;;
          --source-hook) _bus_hook=$2 ;;
          --dedupe-key) _bus_key=$2 ;;
          --consumer)
            _bus_text=$2
            _interbus_escape text || return
            _bus_consumers+=",\"$_bus_text\""
            ;;
        esac
        shift
        ;;
      *)
        if [[ -n $_bus_intent || $1 == -* ]]; then
          _interbus_say '%q: not an argument of publish; nothing was published' "${1:0:100}"
          return
        fi
        _bus_intent=$1
        ;;
    esac
    shift
  done
  if [[ -z $_bus_intent ]]; then
    _interbus_say 'expected an intent, such as artifact_ready; nothing was published'
  fi
}

# The state directory, with a spool in it. Where it is, interhost/bus/state.py says, too.
_interbus_prepare() {
  if [[ -z $_bus_root && -z ${HOME+set} ]]; then _bus_root=~/.interbus; fi # bash knows whose it is, as Python does
  if [[ $_bus_root != /* ]]; then
    _interbus_say '%q is not an absolute path; set HOME or INTERBUS_ROOT; nothing was published' "$_bus_root"
    return
  fi
  if [[ -O $_bus_root/spool/new ]]; then return 0; fi
  _bus_text=$(umask 077; LC_ALL=C command -p mkdir -p -- "$_bus_root/spool/new" 2>&1) || :
  if [[ ! -d $_bus_root/spool/new ]]; then
    _interbus_say '%q: %s; nothing was published' "$_bus_root/spool/new" "${_bus_text##*: }"
  elif [[ ! -O $_bus_root/spool/new ]]; then
    _interbus_say '%q belongs to somebody else; set INTERBUS_ROOT; nothing was published' "$_bus_root/spool/new"
  fi
}

# Milliseconds and random bits: bash has them from 5.0 and 5.1 on, and an older one's environment is not asked.
_interbus_seed() {
  if [[ -n $_bus_now && BASH_VERSINFO -ge 5 ]]; then
    _bus_now=$((10#${_bus_now//[!0-9]/} / 1000)) # the decimal point is that of the locale
  else
    printf -v _bus_now '%(%s)T000' -1
  fi
  _bus_text=${SRANDOM:-}
  if [[ $_bus_text != "${SRANDOM:-}" ]]; then
    _bus_random=$((_bus_text << 30 ^ SRANDOM))
    return
  fi
  if ! IFS= read -r _bus_text 2>/dev/null </proc/sys/kernel/random/uuid; then
    _interbus_say 'bash %s has no random numbers here, 5.1 has; nothing was published' "$BASH_VERSION"
    return
  fi
  _bus_text=${_bus_text//-/} # its 13th and 17th digit are not random
  _bus_random=$((16#${_bus_text:0:8}${_bus_text:24:8} & 0x3FFFFFFFFFFFFFFF))
}

# Create the file: private by its folder, complete when its second line ends. When that fails, a second try tells why.
_interbus_write() {
  _bus_root+=/spool/new/$_bus_id
  _bus_payload=${_bus_payload:-"{}"}
  if ! { { _bus_scrap=$_bus_root; printf '%s\n' "$_bus_head" "$_bus_payload"; } >"$_bus_root"; } 2>/dev/null; then
    _interbus_clean_up
    if ! _bus_text=$({ printf '%s\n' "$_bus_head" "$_bus_payload" >"$_bus_root"; } 2>&1); then
      _interbus_clean_up
      _interbus_say '%q: %s; nothing was published' "${_bus_root%/*}" "${_bus_text##*: }"
      return
    fi
  fi
  INTERBUS_EVENT_ID=$_bus_id
}

# Half a file must not be found later.
_interbus_clean_up() {
  if [[ -n $_bus_scrap ]]; then command -p rm -f -- "$_bus_scrap" 2>/dev/null || :; fi
}

# Texts ----------------------------------------------------------------------------------------------------------------

# A text for use between the quotes of JSON, in place, in the caller's variable of that name.
_interbus_escape() {
  local _bus_name=_bus_$1 _bus_done='' _bus_char _bus_code _bus_size _bus_slash='\' _bus_rest
  local _bus_low=$'\001'-$'\037' _bus_next=$'\200'-$'\277' _bus_high=$'\200'-$'\377'
  _bus_rest=${!_bus_name}
  if ((${#_bus_rest} > 4096)); then # more than the host takes of any of them
    _interbus_say '%s: %d bytes, the limit is 4096; nothing was published' "$1" "${#_bus_rest}"
    return
  fi
  _bus_rest=${_bus_rest//"$_bus_slash"/"$_bus_slash$_bus_slash"}
  _bus_rest=${_bus_rest//'"'/"$_bus_slash\""}
  while [[ $_bus_rest == *[$_bus_low]* ]]; do
    _bus_char=${_bus_rest#"${_bus_rest%%[$_bus_low]*}"} _bus_char=${_bus_char:0:1}
    printf -v _bus_code '\\u%04x' "'$_bus_char"
    _bus_rest=${_bus_rest//"$_bus_char"/"$_bus_code"}
  done
  while [[ $_bus_rest == *[$_bus_high]* ]]; do # UTF-8 stays, every byte that is none becomes U+FFFD
    _bus_char=${_bus_rest%%[$_bus_high]*}
    _bus_done+=$_bus_char _bus_rest=${_bus_rest:${#_bus_char}}
    case $_bus_rest in
      [$'\302'-$'\337'][$_bus_next]*) _bus_size=2 ;;
      $'\340'[$'\240'-$'\277'][$_bus_next]* | $'\355'[$'\200'-$'\237'][$_bus_next]*) _bus_size=3 ;; # no surrogates
      [$'\341'-$'\354'$'\356'$'\357'][$_bus_next][$_bus_next]*) _bus_size=3 ;;
      $'\360'[$'\220'-$'\277'][$_bus_next][$_bus_next]*) _bus_size=4 ;;
      [$'\361'-$'\363'][$_bus_next][$_bus_next][$_bus_next]*) _bus_size=4 ;;
      $'\364'[$'\200'-$'\217'][$_bus_next][$_bus_next]*) _bus_size=4 ;; # nothing beyond U+10FFFF
      *)
        _bus_done+=$'\357\277\275' _bus_rest=${_bus_rest:1}
        continue
        ;;
    esac
    _bus_done+=${_bus_rest:0:_bus_size} _bus_rest=${_bus_rest:_bus_size}
  done
  printf -v "$_bus_name" '%s' "$_bus_done$_bus_rest"
}

# Put the payload on one line. Valid JSON has newlines between tokens only, where a tab means the same; inside a string
# neither is allowed, and the host refuses the one as it would have refused the other. By word splitting, because a
# substitution takes seconds for a megabyte.
_interbus_flatten() {
  local IFS=$'\n'
  local -a _bus_lines=($_bus_payload)
  IFS=$'\t'
  _bus_payload="${_bus_lines[*]}"
}

# A line for people. What comes from outside is written with %q: nothing of it drives a terminal.
_interbus_say() {
  local _bus_format=$1
  shift
  (
    trap '' PIPE # nobody may be reading any more
    printf "interbus: $_bus_format\n" "$@" >&2
  ) || :
  return 1
}

# The command line -----------------------------------------------------------------------------------------------------

_interbus_usage() {
  _interbus_say '%q: expected publish, emit, subscribe, consume or replay' "${1:-}" || [[ ${INTERBUS_STRICT:-} != 1 ]]
}

# Programs through an empty or relative entry of PATH are not taken: they would come out of whatever repository the hook
# runs in.
_interbus_call() {
  local _bus_program
  if _interbus_find; then
    "$_bus_program" "$@"
  else
    _interbus_say "the program 'interbus' is not on PATH; install interhost" || return 69
  fi
}

_interbus_find() {
  local - IFS=: _bus_folder
  set -f
  for _bus_folder in ${PATH:-}; do
    _bus_program=$_bus_folder/interbus
    if [[ $_bus_program == /* && -f $_bus_program && -x $_bus_program ]]; then return 0; fi
  done
  return 1
}
fi
