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
# More is said in the middle of the file: reading it is most of what a publish costs, 0.06 ms for a kilobyte of code.

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
  interbus_publish() {
    printf 'interbus: needs bash 4.4 or later, this is %s; nothing was done\n' "$BASH_VERSION" >&2
    [[ ${INTERBUS_STRICT:-} != 1 ]]
  }
  for _bus_half in emit subscribe consume replay; do eval "interbus_$_bus_half() { interbus_publish; }"; done
  unset _bus_half
  return 0 2>/dev/null || { interbus_publish; exit; }
fi

if [[ ${_bus_half:-} != 1.0.0 ]]; then
if [[ -z ${_interbus_last[2]+set} ]]; then # no environment has arrays
_bus_flags=$-
set +a
_interbus_file=${BASH_SOURCE[0]}
if [[ $_interbus_file != /* ]]; then _interbus_file=${PWD:-.}/$_interbus_file; fi
_interbus_last=(0 0 0) # the last id: process, milliseconds, random part
_interbus_quick=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501))

interbus_publish() { _interbus_publish "$@" || [[ ${INTERBUS_STRICT:-} != 1 ]]; }
interbus_emit() {
  if [[ ${2:--} == -* ]]; then
    interbus_publish "$@"
  elif [[ ${3:--} == -* ]]; then
    interbus_publish "$1" --payload "$2" "${@:3}"
  else
    interbus_publish "$1" --payload "$2" --artifact "$3" "${@:4}"
  fi
}
interbus_subscribe() { _interbus_call subscribe "$@"; }
interbus_consume() { _interbus_call consume "$@"; }
interbus_replay() { _interbus_call replay "$@"; }
_interbus_call() { if _interbus_more; then _interbus_start "$@"; else return 69; fi; }

if [[ ! -o posix ]]; then # there, a dot in a function's name ends the shell
  eval 'interbus.publish() { interbus_publish "$@"; }
    interbus.emit() { interbus_emit "$@"; }
    interbus.subscribe() { interbus_subscribe "$@"; }
    interbus.consume() { interbus_consume "$@"; }
    interbus.replay() { interbus_replay "$@"; }'
fi

_interbus_publish() {
  local - _bus_intent='' _bus_payload='' _bus_artifact='' _bus_context='' _bus_severity='' _bus_hook='' _bus_key='' \
    _bus_consumers='' _bus_session=${CLAUDE_SESSION_ID:-${CLAUDE_CODE_SESSION_ID:-}} _bus_project=${PWD:-} \
    _bus_producer=${INTERBUS_PRODUCER:-} _bus_root=${INTERBUS_ROOT:-${HOME:+$HOME/.interbus}} \
    _bus_text _bus_now _bus_id _bus_made='' _bus_letters=0123456789ABCDEFGHJKMNPQRSTVWXYZ
  set +aeu -fC
  INTERBUS_EVENT_ID=''
  if [[ ${1:-} == [a-z]* ]]; then
    _bus_intent=$1
    shift
    while (($# > 1)); do
      case $1 in
        --payload) _bus_payload=$2 ;;
        --artifact) _bus_artifact=$2 ;;
        --context) _bus_context=$2 ;;
        --severity) _bus_severity=$2 ;;
        --source-hook) _bus_hook=$2 ;;
        --dedupe-key) _bus_key=$2 ;;
        *) break ;;
      esac
      shift 2
    done
  fi
  if (($#)) || [[ -z $_bus_intent ]]; then _interbus_more && _interbus_read "$@" || return; fi
  if [[ $_bus_root != /* || ! -O $_bus_root/spool/new ]]; then _interbus_more && _interbus_prepare || return; fi

  # The git root of the working directory, or that directory.
  if [[ $_bus_project == /* ]]; then
    if [[ $_bus_artifact == [!/]* ]]; then _bus_artifact=$_bus_project/$_bus_artifact; fi
    _bus_text=$_bus_project
    while [[ -n $_bus_text && ! -e $_bus_text/.git ]]; do _bus_text=${_bus_text%/*}; done
    _bus_project=${_bus_text:-$_bus_project}
  else
    _bus_project=''
  fi
  if [[ -z $_bus_context && ${CLAVAIN_BEAD_ID:-} == [A-Za-z]*([A-Za-z0-9_])-+([A-Za-z0-9])*(.+([0-9])) ]]; then
    _bus_context=$CLAVAIN_BEAD_ID
  fi

  # Texts that are plain in any locale stay as they are.
  _bus_text=$_bus_intent$_bus_artifact$_bus_context$_bus_severity$_bus_hook$_bus_key$_bus_project$_bus_session
  _bus_text+=$_bus_producer
  if [[ $_bus_text == *[\"\\[:cntrl:]]* || $_bus_text == *[![:ascii:]]* || ${#_bus_text} -gt 4096 ]]; then
    _interbus_more && _interbus_escape_all || return
  fi
  if [[ $_bus_payload == *$'\n'* ]]; then _interbus_more && _interbus_flatten || return; fi

  # A ULID, whose first letter is 0 until the year 3084. See below.
  _bus_now=${EPOCHREALTIME:-} _bus_text=${SRANDOM:-}
  _bus_now=${_bus_now//[!0-9]/} # the decimal point is that of the locale
  if ((_interbus_quick)) && [[ -n $_bus_now && -n $_bus_text ]]; then
    _bus_now=$((10#$_bus_now / 1000)) _bus_text=$((_bus_text << 30 ^ SRANDOM))
  else
    _interbus_more && _interbus_seed || return
  fi
  if ((BASHPID == _interbus_last[0] && _bus_now <= _interbus_last[1])); then
    _bus_now=${_interbus_last[1]} _bus_text=$((_interbus_last[2] + 1))
  fi
  _interbus_last=("$BASHPID" "$_bus_now" "$_bus_text")
  printf -v _bus_id '0%c%c%c%c%c%c%c%c%c%016X' "${_bus_letters:_bus_now>>40&31}" "${_bus_letters:_bus_now>>35&31}" \
    "${_bus_letters:_bus_now>>30&31}" "${_bus_letters:_bus_now>>25&31}" "${_bus_letters:_bus_now>>20&31}" \
    "${_bus_letters:_bus_now>>15&31}" "${_bus_letters:_bus_now>>10&31}" "${_bus_letters:_bus_now>>5&31}" \
    "${_bus_letters:_bus_now&31}" "$_bus_text"

  # The file is private by its folder, and complete when its second line ends.
  _bus_text=${_bus_project:+",\"project_dir\":\"$_bus_project\""}${_bus_session:+",\"session_id\":\"$_bus_session\""}
  _bus_text+=${_bus_key:+",\"dedupe_key\":\"$_bus_key\""}
  printf -v _bus_text '{"event_id":"%s","intent":"%s"%s%s%s%s%s%s,"extensions":{%s}}' "$_bus_id" "$_bus_intent" \
    "${_bus_context:+,\"context_id\":\"$_bus_context\"}" "${_bus_artifact:+,\"artifact_path\":\"$_bus_artifact\"}" \
    "${_bus_severity:+,\"severity\":\"$_bus_severity\"}" "${_bus_producer:+,\"producer\":\"$_bus_producer\"}" \
    "${_bus_hook:+,\"source_hook\":\"$_bus_hook\"}" "$_bus_consumers" "${_bus_text#,}"
  _bus_root+=/spool/new/$_bus_id
  if { { _bus_made=1; printf '%s\n' "$_bus_text" "${_bus_payload:-"{}"}"; } >"$_bus_root"; } 2>/dev/null; then
    INTERBUS_EVENT_ID=$_bus_id
  else
    _interbus_more && _interbus_give_up
  fi
}

_interbus_more() {
  local - _bus_half=1.0.0
  set +a
  declare -F _interbus_say >/dev/null || command source "$_interbus_file" 2>/dev/null || :
  declare -F _interbus_say >/dev/null || {
    printf 'interbus: %q was replaced; source it again; nothing was done\n' "$_interbus_file" >&2 || :
    return 1
  }
}

if [[ $_bus_flags == *a* ]]; then set -a; fi
unset _bus_flags
fi
if [[ ${BASH_SOURCE[0]} != "$0" ]]; then return 0; fi
case ${1:-} in
  publish | emit | subscribe | consume | replay) "interbus_$1" "${@:2}" ;;
  *) { _interbus_more && _interbus_say '%q: expected publish, emit, subscribe, consume or replay' "${1:-}"; } ||
    [[ ${INTERBUS_STRICT:-} != 1 ]] ;;
esac
exit
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
# The first half publishes what is plain, which is nearly everything; the second is read when it is first needed. Each
# is one compound command, which bash reads to its end before it runs any of it: of a copy that was cut off nothing is
# defined. What has to start a program, such as the first mkdir in the life of a bus, is in this half.
#
# Ids are ULIDs: 48 bits of milliseconds, and of the 80 random ones those that make each letter a hexadecimal digit,
# because printf is quicker than taking letters one by one: 62 bits. Ids of one process ascend, also when the clock is
# set back: the random part of the last one counts up, and its top bit is clear, so that it has room to. A subshell
# begins anew, as another process does.

if [[ ${_bus_half:-} == 1.0.0 ]]; then

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
    return
  fi
  _bus_consumers=${_bus_consumers:+",\"consumers\":[${_bus_consumers#,}]"}
}

# The state directory, with a spool in it. Where it is, interhost/bus/state.py says, too.
_interbus_prepare() {
  if [[ -z $_bus_root && -z ${HOME+set} ]]; then _bus_root=~/.interbus; fi # bash knows whose it is, as Python does
  if [[ $_bus_root != /* ]]; then
    _interbus_say '%q is not an absolute path; set HOME or INTERBUS_ROOT; nothing was published' "$_bus_root"
    return
  fi
  _bus_text=$(umask 077; LC_ALL=C command -p mkdir -p -- "$_bus_root/spool/new" 2>&1) || :
  if [[ ! -d $_bus_root/spool/new ]]; then
    _interbus_say '%q: %s; nothing was published' "$_bus_root/spool/new" "${_bus_text##*: }"
  elif [[ ! -O $_bus_root/spool/new ]]; then
    _interbus_say '%q belongs to somebody else; set INTERBUS_ROOT; nothing was published' "$_bus_root/spool/new"
  fi
}

# Time and random bits of a bash before 5.1, or of one whose variables were unset.
_interbus_seed() {
  if [[ -n $_bus_now ]] && ((BASH_VERSINFO[0] >= 5)); then
    _bus_now=$((10#$_bus_now / 1000))
  else
    printf -v _bus_now '%(%s)T000' -1
  fi
  if ! IFS= read -r _bus_text 2>/dev/null </proc/sys/kernel/random/uuid; then
    _interbus_say 'bash %s has no random numbers here, 5.1 has; nothing was published' "$BASH_VERSION"
    return
  fi
  _bus_text=${_bus_text//-/} # its 13th and 17th digit are not random
  _bus_text=$((16#${_bus_text:0:8}${_bus_text:24:8} & 0x3FFFFFFFFFFFFFFF))
}

# The file could not be written: try once more, to learn why, and leave no half of it behind. Here '_bus_root' is the
# file's name and '_bus_text' its first line.
_interbus_give_up() {
  local _bus_why
  if [[ -n $_bus_made ]]; then command -p rm -f -- "$_bus_root" 2>/dev/null || :; fi
  if _bus_why=$(LC_ALL=C; { printf '%s\n' "$_bus_text" "${_bus_payload:-"{}"}" >"$_bus_root"; } 2>&1); then
    INTERBUS_EVENT_ID=$_bus_id
    return 0
  fi
  if [[ -n $_bus_made ]]; then command -p rm -f -- "$_bus_root" 2>/dev/null || :; fi
  _interbus_say '%q: %s; nothing was published' "${_bus_root%/*}" "${_bus_why##*: }"
}

# Texts ----------------------------------------------------------------------------------------------------------------

_interbus_escape_all() {
  local _bus_name
  for _bus_name in intent artifact context severity hook key project session producer; do
    _interbus_escape "$_bus_name" || return
  done
}

# A text for use between the quotes of JSON, in place, in the caller's variable of that name. In the C locale, so that a
# character is a byte.
_interbus_escape() {
  local LC_ALL=C _bus_name=_bus_$1 _bus_done='' _bus_char _bus_code _bus_size _bus_slash='\' _bus_rest
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
  local LC_ALL=C IFS=$'\n'
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

# Programs through an empty or relative entry of PATH are not taken: they would come out of whatever repository the hook
# runs in.
_interbus_start() {
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
