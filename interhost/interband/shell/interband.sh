# shellcheck shell=bash
# interband.sh: sideband files for shells, by the protocol interband 1.x.
# version: 1.0.0
#
# Source it; it defines functions and does nothing. Every function prints its answer on standard output, or says on
# standard error why not and returns 1. None needs jq, and none starts more than one process: bash decides what is
# plain (ASCII, no nesting below the payload), and whatever is not goes to Python, which needs protocol.py and store.py
# beside this file or one folder above. A write that fails starts a second process, to clean up. Works under
# set -euo pipefail.
#
#   interband_root                                    the folder of all sidebands
#   interband_channel_dir NAMESPACE CHANNEL           the folder of a channel
#   interband_path NAMESPACE CHANNEL KEY              the file of a key
#   interband_safe_key KEY                            a key as a file name
#   interband_write PATH NAMESPACE TYPE SESSION JSON  put a file in place at once; now and then remove old ones beside it
#   interband_read_envelope PATH                      the whole file on one line
#   interband_read_payload PATH                       its payload on one line
#   interband_validate_payload NAMESPACE TYPE JSON    hold a payload against the rules of its type
#   interband_prune_channel NAMESPACE CHANNEL         remove what is old, at most every INTERBAND_PRUNE_INTERVAL_SECS
#   interband_retention_secs NAMESPACE CHANNEL        how long files stay; interband_max_files: how many
#   interband_default_retention_secs, interband_default_max_files: the same without the user's variables
#
# Source: specification "Interband Sideband Protocol (v1)". Python's protocol.py has the same rules, and a test
# holds the two together.

_interband_dir=${BASH_SOURCE[0]}
case $_interband_dir in
    */*) _interband_dir=${_interband_dir%/*} ;;
    *) _interband_dir=. ;;
esac
[[ $_interband_dir == /* ]] || _interband_dir=$PWD/$_interband_dir

_interband_letters='ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-'
# Python's modules are taken from beside this file as if interhost were installed. Imported and not run, they stay
# compiled: that saves 17 of 40 ms.
_interband_start='import sys
from types import ModuleType
for name in ("interhost", "interhost.interband") if sys.argv[1] else ():
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = [sys.argv[1]]
try:
    from interhost.interband.store import main
except ImportError as error:
    sys.exit(f"interband: no protocol.py and store.py beside interband.sh, and in this Python: {error}")
sys.exit(main(sys.argv[2:]))'

# Parts of regular expressions. Keys have no escapes; an escape that is half of a pair is left to Python.
_interband_ws=$'[ \t\r\n]*'
_interband_plain_text='"[^"\\[:cntrl:]]*"'
_interband_hex='[0-9a-fA-F]'
_interband_escaped='"([^"\\[:cntrl:]]|\\["\\/bfnrt]'
_interband_escaped+="|\\\\u([0-9a-cA-CeEfF]$_interband_hex|[dD][0-7])$_interband_hex$_interband_hex"
_interband_escaped+="|\\\\u[dD][89abAB]$_interband_hex$_interband_hex\\\\u[dD][c-fC-F]$_interband_hex$_interband_hex)*\""
_interband_others='-?(0|[1-9][0-9]*)(\.[0-9]+)?|true|false|null'

interband_root() {
    local _interband_found
    _interband_find_root || return 1
    printf '%s\n' "$_interband_found"
}

interband_channel_dir() {
    local _interband_found
    _interband_find_channel "${1-}" "${2-}" || return 1
    printf '%s\n' "$_interband_found"
}

interband_path() {
    local _interband_found folder
    local -a _interband_argv
    _interband_find_channel "${1-}" "${2-}" || return 1
    folder=$_interband_found
    _interband_find_key "${3-}" || return 1
    printf '%s\n' "$folder/$_interband_found.json"
}

interband_safe_key() {
    local _interband_found
    local -a _interband_argv
    _interband_find_key "${1-}" || return 1
    printf '%s\n' "$_interband_found"
}

interband_write() {
    local target=${1-} namespace=${2-} kind=${3-} session=${4-} payload=${5-}
    local folder=${target%/*} upkeep='' line _interband_epoch _interband_flat
    local -a _interband_argv _interband_keep
    if [[ $target != /* || -z $namespace || -z $kind ]]; then
        _interband_say "write '$target' '$namespace' '$kind': expected an absolute path, a namespace and a type"
        return 1
    fi
    if _interband_upkeep "$folder" "$namespace"; then
        upkeep=1
    fi
    if [[ -z $upkeep && -d $folder && -w $folder && ! -d $target ]] && _interband_now \
        && _interband_is_plain "$namespace$kind$session" && [[ $namespace$kind$session != *[\"\\[:cntrl:]]* ]] \
        && _interband_fits "$namespace" "$kind" "$payload"; then
        TZ=UTC0 printf -v line '%(%Y-%m-%dT%H:%M:%SZ)T' "$_interband_epoch"
        line="{\"version\":\"1.0.0\",\"namespace\":\"$namespace\",\"type\":\"$kind\",\"session_id\":\"$session\",\
\"timestamp\":\"$line\",\"payload\":$_interband_flat}"
        _interband_replace "$target" "$line"
        return
    fi
    _interband_python || return 1
    if [[ -n $upkeep ]]; then
        "${_interband_argv[@]}" write "$target" "$namespace" "$kind" "$session" "${_interband_keep[@]}" <<<"$payload" \
            || return 1
    else
        "${_interband_argv[@]}" write "$target" "$namespace" "$kind" "$session" <<<"$payload" || return 1
    fi
}

interband_read_envelope() {
    local _interband_found _interband_flat
    local -a _interband_argv keys values
    if _interband_load "${1-}"; then
        printf '%s\n' "$_interband_found"
        return
    fi
    _interband_python && "${_interband_argv[@]}" envelope "${1-}" || return 1
}

interband_read_payload() {
    local _interband_found _interband_flat
    local -a _interband_argv keys values
    if _interband_load "${1-}"; then
        printf '%s\n' "$_interband_flat"
        return
    fi
    _interband_python && "${_interband_argv[@]}" payload "${1-}" || return 1
}

interband_validate_payload() {
    local _interband_flat
    local -a _interband_argv
    _interband_fits "${1-}" "${2-}" "${3-}" && return 0
    _interband_python && "${_interband_argv[@]}" validate "${1-}" "${2-}" <<<"${3-}" || return 1
}

interband_prune_channel() {
    local _interband_found _interband_epoch folder
    local -a _interband_argv _interband_keep
    _interband_find_channel "${1-}" "${2-}" || return 1
    folder=$_interband_found
    [[ -d $folder ]] || return 0
    _interband_prune_due "$folder" || return 0
    _interband_keep_of "$1" "$2"
    _interband_python && "${_interband_argv[@]}" prune "$folder" "${_interband_keep[@]}" || return 1
}

interband_retention_secs() {
    local -a _interband_keep
    local _interband_found
    _interband_keep_of "${1-}" "${2-}"
    printf '%s\n' "${_interband_keep[0]}"
}

interband_max_files() {
    local -a _interband_keep
    local _interband_found
    _interband_keep_of "${1-}" "${2-}"
    printf '%s\n' "${_interband_keep[1]}"
}

interband_default_retention_secs() {
    local _interband_found
    _interband_defaults "${1-}" "${2-}"
    printf '%s\n' "${_interband_found% *}"
}

interband_default_max_files() {
    local _interband_found
    _interband_defaults "${1-}" "${2-}"
    printf '%s\n' "${_interband_found#* }"
}

# Below: helpers. They answer in _interband_found and the like, which their callers declare: no subshell.

_interband_say() {
    printf 'interband: %s\n' "$1" >&2
}

_interband_find_root() {
    if [[ -n ${INTERBAND_ROOT:-} ]]; then
        if [[ $INTERBAND_ROOT != /* || $INTERBAND_ROOT -ef / ]]; then
            _interband_say "INTERBAND_ROOT='$INTERBAND_ROOT' is not an absolute path below the root of the file system"
            return 1
        fi
        _interband_found=$INTERBAND_ROOT
    elif [[ ${HOME:-} == /* ]]; then
        _interband_found=${HOME%/}/.interband
    else
        _interband_say 'no home directory: HOME is unset or relative; set HOME or INTERBAND_ROOT'
        return 1
    fi
    while [[ $_interband_found == */ ]]; do
        _interband_found=${_interband_found%/}
    done
}

_interband_is_name() {
    [[ -n $1 && $1 != [.-]* && $1 != *[!$_interband_letters]* ]]
}

_interband_find_channel() {
    local name
    for name in "$1" "$2"; do
        if ! _interband_is_name "$name"; then
            _interband_say "'$name': expected a plain name of letters, digits, '.', '_' and '-'"
            return 1
        fi
    done
    _interband_find_root || return 1
    _interband_found=$_interband_found/$1/$2
}

_interband_find_key() {
    _interband_found=${1:-default}
    [[ $_interband_found == *[!$_interband_letters]* ]] || return 0
    if [[ $_interband_found == *[![:ascii:]]* ]]; then # what is one character depends on the locale
        _interband_python || return 1
        _interband_found=$("${_interband_argv[@]}" key "$_interband_found") || return 1
    else
        _interband_found=${_interband_found//[!$_interband_letters]/_}
    fi
}

# Python's command line in _interband_argv. Without the modules it needs an interpreter that has interhost.
_interband_python() {
    local where program=${INTERBAND_PYTHON:-python3}
    if ! type -P "$program" >/dev/null; then
        _interband_say "$program: not found; without it only plain files can be read and written"
        return 1
    fi
    for where in "$_interband_dir" "$_interband_dir/.." ''; do
        [[ ! -f $where/store.py || ! -f $where/protocol.py ]] || break
    done
    _interband_argv=(command "$program" -I)
    [[ -z $where ]] || _interband_argv+=(-S)
    _interband_argv+=(-c "$_interband_start" "$where")
}

# Unix time in _interband_epoch; fails in a bash before 4.2, where Python does everything.
_interband_now() {
    _interband_epoch=${EPOCHSECONDS:-}
    [[ -z $_interband_epoch ]] || return 0
    [[ ${BASH_VERSINFO[0]}${BASH_VERSINFO[1]} -ge 42 ]] && printf -v _interband_epoch '%(%s)T' -1
}

# Writing: one process, which becomes mv.
_interband_replace() {
    local temporary=${1%/*}/.interband-tmp.${BASHPID:-$$}.$RANDOM$RANDOM
    if (umask 077 && set -C && printf '%s\n' "$2" >"$temporary" && exec mv -f -- "$temporary" "$1"); then
        return 0
    fi
    command rm -f -- "$temporary"
    _interband_say "$1: cannot be written"
    return 1
}

# JSON. A function that fails here has found nothing wrong: it leaves the answer to Python. So it does where there are
# many members ($seen has their names): each costs bash a look at all that follows, and a thousand took it 435 ms.

_interband_is_plain() {
    [[ ${#1} -le 16384 && $1 != *[![:ascii:]]* ]] && ! shopt -q nocasematch
}

# Reads a file by one open, and takes it apart.
_interband_load() {
    local text=''
    [[ -f $1 && -r $1 ]] || return 1
    if { IFS= read -r -d '' text <"$1"; } 2>/dev/null; then
        return 1 # there is a NUL in it
    fi
    _interband_is_plain "$text" && _interband_take_envelope "$text"
}

# The envelope in _interband_found, its payload in _interband_flat, both without white space.
_interband_take_envelope() {
    local rest=$1 value payload='' version='' seen=$'\n' whole='' member
    _interband_pick_member "$1"
    [[ $rest =~ ^$_interband_ws\{ ]] || return 1
    rest=${rest:${#BASH_REMATCH[0]}}
    while :; do
        if [[ $rest =~ ^$_interband_ws\"payload\"$_interband_ws:$_interband_ws\{ ]]; then
            rest=${rest:${#BASH_REMATCH[0]}}
            _interband_take_object || return 1
            [[ -z $payload && $rest =~ ^$_interband_ws[,}] ]] || return 1
            payload=1
            whole+=,\"payload\":$_interband_flat
        elif [[ ${#seen} -le 512 && $rest =~ $member ]]; then
            value=${BASH_REMATCH[2]}
            [[ ${BASH_REMATCH[1]} != '"version"' ]] || version=$value
            [[ ${BASH_REMATCH[1]} != '"payload"' && ${#value} -le 4300 && $seen != *$'\n'"${BASH_REMATCH[1]}"$'\n'* ]] || return 1
            seen+=${BASH_REMATCH[1]}$'\n'
            whole+=,${BASH_REMATCH[1]}:$value
        else
            return 1
        fi
        rest=${rest:${#BASH_REMATCH[0]}-1}
        [[ $rest == ,* ]] || break
        rest=${rest:1}
    done
    rest=${rest:1}
    [[ $rest =~ ^$_interband_ws$ && -n $payload && $version == '"1.'* ]] || return 1
    _interband_found="{${whole:1}}"
}

# A flat object from behind its brace: takes it off $rest, puts it into _interband_flat, its members into keys, values.
_interband_take_object() {
    local seen=$'\n' whole=''
    keys=() values=()
    if [[ $rest =~ ^$_interband_ws\} ]]; then
        rest=${rest:${#BASH_REMATCH[0]}}
        _interband_flat='{}'
        return 0
    fi
    while :; do
        [[ ${#seen} -le 512 && $rest =~ $member && ${#BASH_REMATCH[2]} -le 4300 ]] || return 1
        [[ $seen != *$'\n'"${BASH_REMATCH[1]}"$'\n'* ]] || return 1
        seen+=${BASH_REMATCH[1]}$'\n'
        keys+=("${BASH_REMATCH[1]}")
        values+=("${BASH_REMATCH[2]}")
        whole+=,${BASH_REMATCH[1]}:${BASH_REMATCH[2]}
        rest=${rest:${#BASH_REMATCH[0]}-1}
        [[ $rest == ,* ]] || break
        rest=${rest:1}
    done
    rest=${rest:1}
    _interband_flat="{${whole:1}}"
}

# The regular expression of one member with what follows it; the cheap one where the text has no escapes at all.
_interband_pick_member() {
    local text=$_interband_plain_text
    [[ $1 != *\\* ]] || text=$_interband_escaped
    member="^$_interband_ws($_interband_plain_text)$_interband_ws:$_interband_ws($text|$_interband_others)"
    member+="$_interband_ws[,}]"
}

# Whether a payload is plain, flat and keeps the rules of its type; then it is in _interband_flat.
_interband_fits() {
    local rest=$3 member rule rules='' key value at IFS=' '
    local -a keys values
    _interband_is_plain "$rest" || return 1
    _interband_pick_member "$rest"
    [[ $rest =~ ^$_interband_ws\{ ]] || return 1
    rest=${rest:${#BASH_REMATCH[0]}}
    _interband_take_object || return 1
    [[ $rest =~ ^$_interband_ws$ ]] || return 1
    case $1/$2 in
        interphase/bead_phase) rules='id:text phase:phase reason:text ts:number' ;;
        clavain/dispatch)
            rules='name:text workdir:text started:number activity:text turns:number commands:number messages:number'
            ;;
        interlock/coordination_signal) rules='layer:text icon:text text:text priority:count ts:time' ;;
        intercheck/context_pressure) rules='level:level pressure:count est_tokens:count ts:number' ;;
        intercheck/checkpoint_needed) rules='trigger:text ts:number' ;;
        interstat/budget_alert) rules='pct_consumed:percent total_tokens:count session_id:text ts:number' ;;
    esac
    for rule in $rules; do
        key=\"${rule%:*}\" value=''
        for at in "${!keys[@]}"; do
            [[ ${keys[at]} != "$key" ]] || value=${values[at]}
        done
        "_interband_is_${rule#*:}" "$value" || return 1
    done
}

_interband_is_text() { # what is not blank at first sight
    [[ $1 == \"*[!\ ]*\" && ! $1 =~ ^\"\ *\\ ]]
}

_interband_is_number() {
    [[ $1 == [-0123456789]* ]]
}

_interband_is_count() {
    [[ $1 == [0123456789]* ]]
}

_interband_is_percent() {
    [[ $1 =~ ^[1-9]?[0-9](\.[0-9]+)?$ || $1 =~ ^100(\.0+)?$ ]]
}

_interband_is_time() {
    [[ $1 =~ ^\"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]+)?(Z|[+-]00:00)\"$ ]]
}

_interband_is_phase() {
    case $1 in
        '"brainstorm"' | '"brainstorm-reviewed"' | '"strategized"' | '"planned"') ;;
        '"plan-reviewed"' | '"executing"' | '"shipping"' | '"done"') ;;
        *) return 1 ;;
    esac
}

_interband_is_level() {
    case $1 in
        '"green"' | '"yellow"' | '"orange"' | '"red"') ;;
        *) return 1 ;;
    esac
}

# Retention. Seconds, files and interval go into the array _interband_keep.

_interband_defaults() {
    case $1/$2 in
        clavain/dispatch) _interband_found='21600 128' ;;
        interlock/coordination) _interband_found='43200 256' ;;
        intercheck/pressure) _interband_found='3600 64' ;;
        intercheck/checkpoint) _interband_found='3600 32' ;;
        interstat/budget) _interband_found='21600 64' ;;
        *) _interband_found='86400 256' ;;
    esac
}

_interband_keep_of() {
    local part='' name=${1}_$2 letter before lower=abcdefghijklmnopqrstuvwxyz upper=ABCDEFGHIJKLMNOPQRSTUVWXYZ
    local seconds files _interband_found
    while [[ -n $name ]]; do # not by ${name^^}: Turkish has another i
        letter=${name:0:1} name=${name:1}
        if [[ $letter == [abcdefghijklmnopqrstuvwxyz] ]]; then
            before=${lower%%"$letter"*}
            letter=${upper:${#before}:1}
        elif [[ $letter != [ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789] ]]; then
            letter=_
        fi
        part+=$letter
    done
    _interband_defaults "$1" "$2"
    seconds=${_interband_found% *} files=${_interband_found#* }
    _interband_first "INTERBAND_RETENTION_${part}_SECS" INTERBAND_RETENTION_SECS && seconds=$_interband_found
    _interband_first "INTERBAND_MAX_FILES_${part}" INTERBAND_MAX_FILES && files=$_interband_found
    _interband_interval
    _interband_keep=("$seconds" "$files" "$_interband_found")
}

# The first variable that is a plain number above zero.
_interband_first() {
    local name
    for name in "$@"; do
        _interband_plain_number "${!name-}" && [[ $_interband_found != 0 ]] && return 0
    done
    return 1
}

_interband_interval() {
    _interband_plain_number "${INTERBAND_PRUNE_INTERVAL_SECS-}" || _interband_found=300
}

# At most 18 decimal digits, without leading zeros in _interband_found: nothing here is octal, nothing overflows.
_interband_plain_number() {
    [[ -n $1 && $1 != *[!0123456789]* ]] || return 1
    _interband_found=${1#"${1%%[!0]*}"}
    _interband_found=${_interband_found:-0}
    [[ ${#_interband_found} -le 18 ]]
}

# Whether a folder's stamp is older than the interval; its text says when, which bash can read without a process.
_interband_prune_due() {
    local last='' _interband_found age
    _interband_now || return 0
    if [[ -f $1/.interband-prune.stamp ]]; then
        { IFS= read -r last <"$1/.interband-prune.stamp"; } 2>/dev/null || :
    fi
    _interband_plain_number "$last" || return 0
    age=$((_interband_epoch - _interband_found))
    _interband_interval
    [[ $age -lt 0 || $age -ge $_interband_found ]]
}

# Whether a write into this folder has to prune it, too: only the folder of a channel, and only with Python.
_interband_upkeep() {
    local root _interband_found channel=${1##*/}
    _interband_find_root 2>/dev/null || return 1
    root=$_interband_found
    [[ $1 == "$root/$2/$channel" ]] && _interband_is_name "$2" && _interband_is_name "$channel" || return 1
    _interband_prune_due "$1" && type -P "${INTERBAND_PYTHON:-python3}" >/dev/null || return 1
    _interband_keep_of "$2" "$channel"
}
