# shellcheck shell=bash
# interbase.sh - guards, actions and companion nudges for the hooks of plugins. Part of interhost.
# version: 2.0.0
#
# Source it; hooks do so through interbase-stub.sh. Needs bash 4.4. Source: interbase interface specification 2.0.0.
#
# A guard answers with its exit status and never waits longer than 2 s; an action always succeeds and never waits longer
# than 10 s. No program gets the hook's standard input or any other of its files. All of it works under 'set -euo
# pipefail', with 'trap ... ERR', with an empty PATH and without HOME. Nothing is written to the environment. Every name
# of its own begins with ib_ or _ib_, local ones too: a hook may have made a variable of any other name read-only.
#
#   ib_has_ic, ib_has_bd            is the program on PATH (folders with an absolute name only)
#   ib_has_companion NAME           is there a folder of this plugin in Claude Code's cache
#   ib_in_ecosystem                 is this copy in use, rather than the fallbacks of a stub
#   ib_in_sprint                    is there a bead, and an active run of the kernel for this directory
#   ib_get_bead                     print the bead of the environment
#   ib_phase_set BEAD PHASE         bd set-state BEAD phase=PHASE
#   ib_emit_event RUN TYPE [JSON]   put an event on the kernel's log
#   ib_session_status               print one line about the ecosystem to standard error
#   ib_plugin_cache_path NAME       print the folder of a plugin's highest version
#   ib_ecosystem_root               print the folder of the monorepo
#   ib_nudge_companion COMPANION BENEFIT [PLUGIN]   suggest to install a companion; at most two tips a session

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then return 1; fi

# The file has two halves, because sourcing it costs every hook: what answers at once, and what starts programs or writes.
# The second is read when it is first needed. Each is one compound command, which bash reads to its end before it runs
# any of it: of a copy that was cut off nothing is defined, and the stub's fallbacks stand.

if [[ -z ${_INTERBASE_LOADED:-} ]] || ! declare -F _ib_version >/dev/null; then
_ib_flags=$-
set +a # neither functions nor variables go into the environment
_INTERBASE_LOADED=1
_INTERBASE_SOURCE=live
_IB_FILE=${BASH_SOURCE[0]}
if [[ $_IB_FILE != /* ]]; then _IB_FILE=${PWD:-.}/$_IB_FILE; fi
# Companions that are installed with their ecosystem and not on their own; so 'ecosystem_only' of the known manifests.
_IB_ECOSYSTEM_ONLY=''

_ib_version() { printf '2.0.0\n'; }

# Guards ---------------------------------------------------------------------------------------------------------------

ib_has_ic() { local _ib_path; _ib_find _ib_path ic; }

ib_has_bd() { local _ib_path; _ib_find _ib_path bd; }

ib_has_companion() {
  local _ib_found
  _ib_list_versions "${1:-}"
  ((${#_ib_found[@]} > 0))
}

ib_in_ecosystem() { [[ ${_INTERBASE_SOURCE:-} == live ]]; }

ib_get_bead() {
  [[ -z ${CLAVAIN_BEAD_ID:-} ]] || _ib_print "$CLAVAIN_BEAD_ID"
  return 0
}

ib_in_sprint() {
  local _ib_ic
  [[ -n ${CLAVAIN_BEAD_ID:-} ]] && _ib_find _ib_ic ic && _ib_more && _ib_has_run "$_ib_ic"
}

# Actions --------------------------------------------------------------------------------------------------------------

ib_phase_set() {
  local _ib_bead=${1:-} _ib_phase=${2:-} _ib_bd # a third argument, the reason, is reserved
  if [[ -n $_ib_bead && $_ib_bead != -* && -n $_ib_phase ]] && _ib_find _ib_bd bd && _ib_more; then
    (_ib_isolate && _ib_act 'bd set-state' "$_ib_bd" set-state "$_ib_bead" "phase=$_ib_phase") || :
  fi
  return 0
}

# The specified form first. Kernels that refuse it as a usage error (3) take the second; both share the 10 s.
ib_emit_event() {
  local _ib_run=${1:-} _ib_type=${2:-} _ib_payload=${3:-} _ib_ic
  if [[ -n $_ib_run && $_ib_run != -* && -n $_ib_type && $_ib_type != -* ]] && _ib_find _ib_ic ic && _ib_more; then
    [[ -n $_ib_payload ]] || _ib_payload='{}'
    (_ib_isolate && _ib_emit "$_ib_ic" "$_ib_run" "$_ib_type" "$_ib_payload") || :
  fi
  return 0
}

ib_session_status() {
  local _ib_bd='not-detected' _ib_ic='not-detected' _ib_program
  if ib_has_bd; then _ib_bd=active; fi
  if _ib_find _ib_program ic; then
    _ib_ic=not-initialized
    if _ib_more && _ib_has_run "$_ib_program"; then _ib_ic=active; fi
  fi
  (_ib_more && _ib_isolate && _ib_say "[interverse] beads=$_ib_bd | ic=$_ib_ic") || :
  return 0
}

# Discovery ------------------------------------------------------------------------------------------------------------

ib_plugin_cache_path() {
  local _ib_found _ib_path _ib_best=''
  _ib_list_versions "${1:-}"
  for _ib_path in "${_ib_found[@]}"; do
    if [[ ! -L $_ib_path ]] && { [[ -z $_ib_best ]] || _ib_is_newer "${_ib_path##*/}" "${_ib_best##*/}"; }; then
      _ib_best=$_ib_path
    fi
  done
  [[ -z $_ib_best ]] || _ib_print "$_ib_best"
  return 0
}

ib_ecosystem_root() {
  local _ib_here=${PWD:-}
  if [[ -n ${DEMARCH_ROOT:-} ]]; then
    _ib_print "$DEMARCH_ROOT"
    return 0
  fi
  while [[ $_ib_here == /* ]]; do
    if [[ -d $_ib_here/sdk/interbase ]]; then
      _ib_print "$_ib_here"
      return 0
    fi
    _ib_here=${_ib_here%/*}
  done
  return 0
}

# Every folder of a plugin in the cache, into the caller's '_ib_found'. The name stands quoted in the pattern, and is one
# component of a path.
_ib_list_versions() {
  local - _ib_name=$1 _ib_root=${CLAUDE_CODE_PLUGIN_CACHE_DIR:-} _ib_path _ib_fail=0
  set +f
  _ib_found=()
  if [[ -z $_ib_root && -n ${CLAUDE_CONFIG_DIR:-} ]]; then _ib_root=$CLAUDE_CONFIG_DIR/plugins; fi
  if [[ -z $_ib_root && -n ${HOME:-} ]]; then _ib_root=$HOME/.claude/plugins; fi
  if [[ -z $_ib_root || -z $_ib_name || $_ib_name == */* || $_ib_name == . || $_ib_name == .. ]]; then return 0; fi
  # With failglob, a pattern without a match would end the whole command.
  if shopt -q failglob; then _ib_fail=1; fi
  if ((_ib_fail)); then shopt -u failglob; fi
  for _ib_path in "$_ib_root"/cache/*/"$_ib_name"/*/; do
    if [[ -d $_ib_path ]]; then _ib_found+=("${_ib_path%/}"); fi
  done
  if ((_ib_fail)); then shopt -s failglob; fi
  return 0
}

# Versions are numbers with dots, then '-rc.1' or 'rc1' for an early one, then '+build'. What is none, such as a hash or
# 'unknown', is older than any; of two such, the one that sorts last counts as newer.
_ib_is_newer() {
  local _ib_version='^v?([0-9]+(\.[0-9]+)+)-?([^+]*)' _ib_early _ib_order
  if ! [[ $1 =~ $_ib_version ]]; then
    [[ ! $2 =~ $_ib_version && $1 > $2 ]]
    return
  fi
  local _ib_numbers=${BASH_REMATCH[1]} _ib_own=${BASH_REMATCH[3]}
  if ! [[ $2 =~ $_ib_version ]]; then return 0; fi
  _ib_early=${BASH_REMATCH[3]}
  _ib_order "$_ib_numbers" "${BASH_REMATCH[1]}" 0
  if ((_ib_order == 0)) && [[ $_ib_own != "$_ib_early" ]]; then
    if [[ -z $_ib_own ]]; then
      _ib_order=1
    elif [[ -z $_ib_early ]]; then
      _ib_order=-1
    else
      _ib_order "$_ib_own" "$_ib_early" ''
    fi
  fi
  ((_ib_order > 0))
}

# Compare two texts of dotted parts, into the caller's '_ib_order': numbers as numbers, and before what is none. A part that
# is missing counts as the third argument; nothing comes before everything.
_ib_order() {
  local - IFS=. _ib_i _ib_a _ib_b
  set -f
  local -a _ib_left=($1) _ib_right=($2)
  _ib_order=0
  for ((_ib_i = 0; _ib_order == 0 && (_ib_i < ${#_ib_left[@]} || _ib_i < ${#_ib_right[@]}); _ib_i++)); do
    _ib_a=${_ib_left[_ib_i]-$3} _ib_b=${_ib_right[_ib_i]-$3}
    case "${_ib_a//[0123456789]/}:${_ib_b//[0123456789]/}" in
      :) # leading zeros go, then the longer one is greater; no arithmetic, which would overflow
        _ib_a=${_ib_a#"${_ib_a%%[!0]*}"} _ib_b=${_ib_b#"${_ib_b%%[!0]*}"}
        if ((${#_ib_a} != ${#_ib_b})); then _ib_order=$((${#_ib_a} > ${#_ib_b} ? 1 : -1)); continue; fi ;;
      :*) _ib_order=-1; continue ;;
      *:) _ib_order=1; continue ;;
    esac
    if [[ $_ib_a > $_ib_b ]]; then _ib_order=1; elif [[ $_ib_a < $_ib_b ]]; then _ib_order=-1; fi
  done
}

# Nudges ---------------------------------------------------------------------------------------------------------------
#
# The state is shared with interhost's Python, under one lock, in ~/.config/interverse:
#   nudge-state.json           one line per pair: "plugin:companion": {"ignores": 1, "dismissed": false}
#   nudge-session-<sid>.json   {"count": 2}
#   nudge-flag-<sid>-<name>/   this companion was suggested in this session
# Anything of another shape is left to Python to repair, and until then there is no tip. So is the removal of what is
# older than a week, for which a shell would have to start programs.

ib_nudge_companion() {
  _ib_nudge "$@" || :
  return 0
}

_ib_nudge() {
  local _ib_companion=${1:-} _ib_benefit=${2:-} _ib_plugin=${3:-unknown} _ib_dir=${HOME:-}/.config/interverse _ib_sid
  case ${INTERHOST_NUDGES:-} in [oO][fF][fF] | [nN][oO] | [fF][aA][lL][sS][eE] | 0) return 0 ;; esac
  if [[ ${HOME:-} != /* || ! -d $HOME ]] || ! _ib_is_name "$_ib_companion"; then return 0; fi
  _ib_is_name "$_ib_plugin" || _ib_plugin=unknown
  local _ib_ignores=0 _ib_dismissed='' # as the state says, read without the lock: often nothing is to be done
  _ib_peek "$_ib_dir/nudge-state.json" "\"$_ib_plugin:$_ib_companion\""
  if ib_has_companion "$_ib_companion"; then
    if [[ $_ib_dismissed == false ]] && _ib_more; then (_ib_isolate && _ib_settle); fi
    return 0
  fi
  _ib_session
  if [[ $_ib_dismissed == true || -e $_ib_dir/nudge-flag-$_ib_sid-$_ib_companion ]] || ((_ib_ignores >= 3)); then
    return 0
  fi
  if _ib_more; then (_ib_isolate && _ib_tip); fi
}

_ib_is_name() {
  local _ib_allowed='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-'
  [[ -n $1 && ${#1} -le 100 && $1 != [.-]* && $1 != *[!"$_ib_allowed"]* ]]
}

# The session's id, fit for a file name, into the caller's '_ib_sid'; the day where there is none.
_ib_session() {
  local _ib_allowed='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-'
  _ib_sid=${CLAUDE_SESSION_ID:-}
  _ib_sid=${_ib_sid//[!"$_ib_allowed"]/}
  if [[ -z $_ib_sid ]]; then
    _ib_sid=${CLAUDE_CODE_SESSION_ID:-}
    _ib_sid=${_ib_sid//[!"$_ib_allowed"]/}
  fi
  if [[ -z $_ib_sid ]]; then printf -v _ib_sid 'day-%(%Y%m%d)T' -1; fi
}

# What a state file says of a key, into the caller's '_ib_ignores' and '_ib_dismissed'.
_ib_peek() {
  local _ib_text='' _ib_entry="$2: {\"ignores\": " _ib_mark=', "dismissed": '
  if [[ ! -f $1 || ! -r $1 ]]; then return 0; fi
  IFS= read -r -d '' -n 262144 _ib_text <"$1" || :
  if [[ $_ib_text =~ "$_ib_entry"([0-9]{1,9})"$_ib_mark"(true|false) ]]; then
    _ib_ignores=$((10#${BASH_REMATCH[1]})) _ib_dismissed=${BASH_REMATCH[2]}
  fi
}

# Helpers --------------------------------------------------------------------------------------------------------------

# The absolute path of a program, into the variable named first. Functions and aliases are not found, nor are programs
# through an empty or relative entry of PATH: those would come out of whatever repository the hook runs in.
_ib_find() {
  local - IFS=: _ib_dir
  set -f
  for _ib_dir in ${PATH:-}; do
    if [[ $_ib_dir == /* && -f $_ib_dir/$2 && -x $_ib_dir/$2 ]]; then
      printf -v "$1" '%s' "$_ib_dir/$2"
      return 0
    fi
  done
  return 1
}

# A line for a program.
_ib_print() { printf '%s\n' "$1" 2>/dev/null || :; }

# The second half, of this very version: meanwhile another copy may have been installed.
_ib_more() {
  local - _ib_half=2.0.0
  if ! declare -F _ib_run >/dev/null && [[ -f $_IB_FILE && -r $_IB_FILE ]]; then
    set +a
    command source "$_IB_FILE" 2>/dev/null || :
  fi
  declare -F _ib_run >/dev/null
}

if [[ $_ib_flags == *a* ]]; then set -a; fi
unset _ib_flags
return 0
fi

# The second half ======================================================================================================

if [[ ${_ib_half:-} == 2.0.0 ]]; then

# Whether the kernel has an active run for this directory. Specified is '--project=.', but 'ic' stores absolute paths
# and compares texts; so that is asked next. Both share the two seconds.
_ib_has_run() {
  local _ib_script='"$1" run current --project=. || exec "$1" run current "--project=$2"'
  _ib_run 2 KILL /bin/sh -c "$_ib_script" sh "$1" "${PWD:-.}" 2>/dev/null || return 1
}

_ib_emit() {
  local _ib_script _ib_key _ib_run _ib_type _ib_text _ib_context
  _ib_script='trap "exit 124" TERM # once the kernel has ended, so that one that does not is killed with the group
    ic=$1 run=$2 type=$3 key=$5 head=$6
    "$ic" events emit "$run" "$type" "--payload=$4"
    code=$?
    shift 6
    for context; do
      [ "$code" -eq 3 ] || exit "$code"
      "$ic" events record --source=agency "--type=$type" "--run=$run" "--idempotency-key=$key" "--payload=$head$context}"
      code=$?
    done
    exit "$code"'
  printf -v _ib_key 'interbase-%(%s)T-%s-%s' -1 "$BASHPID" "$RANDOM$RANDOM"
  _ib_json _ib_run "$2"
  _ib_json _ib_type "$3"
  _ib_json _ib_text "$4"
  _ib_text="{\"value\":$_ib_text}"
  _ib_context=${4#"${4%%[![:space:]]*}"}
  _ib_context=${_ib_context%"${_ib_context##*[![:space:]]}"}
  set -- 'ic events' /bin/sh -c "$_ib_script" sh "$1" "$2" "$3" "$4" "$_ib_key" \
    "{\"agency_name\":\"interbase\",\"cycle_id\":$_ib_run,\"stage\":$_ib_type,\"context\":"
  # The kernel takes an object only. Anything else goes in as the text it is; and so does, in a second try, what looks
  # like an object and is none: the kernel has refused it as a usage error then. Linux takes no longer argument.
  if [[ $_ib_context == '{'*'}' ]]; then set -- "$@" "$_ib_context"; fi
  if [[ $_ib_context != '{}' ]] && ((${#_ib_text} < 120000)); then set -- "$@" "$_ib_text"; fi
  _ib_act "$@"
}

# Record a tip and show it. One that could not be recorded is not shown. The new files are made in the flag's folder,
# so that one process can put both in place; starting processes is what a tip costs, and C is their fastest locale.
_ib_tip() {
  local -x LC_ALL=C
  local _ib_count _ib_lines _ib_at _ib_known _ib_flock _ib_mkdir _ib_mv _ib_lock
  local _ib_state=$_ib_dir/nudge-state.json _ib_session=$_ib_dir/nudge-session-$_ib_sid.json
  local _ib_flag=$_ib_dir/nudge-flag-$_ib_sid-$_ib_companion _ib_command="/plugin install $_ib_companion"
  umask 077
  [[ -z $_ib_mute ]] && _ib_may_tip && _ib_find _ib_flock flock && _ib_find _ib_mkdir mkdir && _ib_find _ib_mv mv || return
  [[ -d $_ib_dir ]] || "$_ib_mkdir" -p -m 700 -- "$_ib_dir" || return
  _ib_lock && _ib_may_tip && _ib_read_state && [[ $_ib_dismissed == false ]] && ((_ib_ignores < 3)) || return
  _ib_ignores=$((_ib_ignores + 1))
  if ((_ib_ignores >= 3)); then _ib_dismissed=true; fi
  "$_ib_mkdir" -- "$_ib_flag" || return
  if ! _ib_write_state "$_ib_flag/${_ib_state##*/}" ||
    ! printf '{"count": %d}\n' $((_ib_count + 1)) >"$_ib_flag/${_ib_session##*/}" ||
    ! "$_ib_mv" -f -- "$_ib_flag/${_ib_state##*/}" "$_ib_flag/${_ib_session##*/}" "$_ib_dir/"; then
    _ib_remove rm -f -- "$_ib_flag/${_ib_state##*/}" "$_ib_flag/${_ib_session##*/}"
    _ib_remove rmdir -- "$_ib_flag"
    return
  fi
  if [[ " $_IB_ECOSYSTEM_ONLY " == *" $_ib_companion "* ]]; then _ib_command=/clavain:setup; fi
  _ib_benefit=${_ib_benefit%"${_ib_benefit##*[![:space:].]}"}
  _ib_say "[interverse] Tip: run $_ib_command for ${_ib_benefit:-what ${_ib_plugin/#unknown/other plugins} can do with it}."
}

# The companion is there: end its tips.
_ib_settle() {
  local -x LC_ALL=C
  local _ib_lines _ib_at _ib_known _ib_flock _ib_mv _ib_lock _ib_new=$_ib_dir/.nudge-tmp.$BASHPID.1
  local _ib_state=$_ib_dir/nudge-state.json
  umask 077
  _ib_find _ib_flock flock && _ib_find _ib_mv mv && _ib_lock && _ib_read_state || return
  if ((_ib_known)) && [[ $_ib_dismissed == false ]]; then
    _ib_dismissed=true
    _ib_write_state "$_ib_new" && "$_ib_mv" -f -- "$_ib_new" "$_ib_state" || _ib_remove rm -f -- "$_ib_new"
  fi
}

_ib_remove() {
  local _ib_program
  _ib_find _ib_program "$1" && "$_ib_program" "${@:2}"
}

# The kernel releases the lock when this subshell ends, however it ends.
_ib_lock() {
  _ib_is_file "$_ib_state" && _ib_is_file "$_ib_state.lock" && exec {_ib_lock}>>"$_ib_state.lock" &&
    "$_ib_flock" -x -w 1 "$_ib_lock"
}

# A regular file, or nothing: a pipe would keep us waiting, and into a folder files would be moved.
_ib_is_file() { [[ -f $1 || (! -e $1 && ! -L $1) ]]; }

# Whether the session allows a tip; how many it has had goes into '_ib_count'.
_ib_may_tip() {
  local _ib_text='' _ib_space='[[:space:]]*' _ib_shape
  _ib_shape="^$_ib_space\\{$_ib_space\"count\"$_ib_space:$_ib_space(0|[1-9][0-9]{0,8})$_ib_space\\}$_ib_space\$"
  _ib_count=0
  if [[ -e $_ib_flag ]] || ! _ib_is_file "$_ib_session"; then return 1; fi
  if [[ -e $_ib_session ]]; then
    if IFS= read -r -d '' -n 200 _ib_text <"$_ib_session" || ! [[ $_ib_text =~ $_ib_shape ]]; then return 1; fi
    _ib_count=${BASH_REMATCH[1]}
  fi
  ((_ib_count < 2))
}

# Read the state: its entries into '_ib_lines', of which those from '_ib_at' on come after this pair; what it says of
# the pair into '_ib_ignores', '_ib_dismissed' and '_ib_known'. False when it has not exactly the shape written here.
_ib_read_state() {
  local - _ib_text='' _ib_line _ib_key _ib_last='' _ib_rest _ib_pair=$_ib_plugin:$_ib_companion IFS=$'\n'
  set -f
  _ib_lines=() _ib_at=0 _ib_ignores=0 _ib_dismissed=false _ib_known=0
  _ib_is_file "$_ib_state" || return
  if [[ ! -e $_ib_state ]]; then return 0; fi
  # True of read means a NUL, or more than any real state has.
  if IFS= read -r -d '' -n 262144 _ib_text <"$_ib_state"; then return 1; fi
  if [[ $_ib_text == $'{\n}\n' ]]; then return 0; fi
  if [[ $_ib_text != $'{\n"'*$'}\n}\n' || $_ib_text == *$'\n\n'* ]]; then return 1; fi
  _ib_text=${_ib_text#??}
  for _ib_line in ${_ib_text%???},; do # cut by length: a regular expression costs ten times as much
    _ib_key=${_ib_line:1} _ib_key=${_ib_key%%\"*} _ib_rest=${_ib_line:${#_ib_key}+1}
    if [[ $_ib_rest != '": {"ignores": '[0123456789]', "dismissed": '@(true|false)'},' &&
      ($_ib_rest != '": {"ignores": '[123456789]+([0123456789])', "dismissed": '@(true|false)'},' || ${#_ib_rest} -gt 46) ]] ||
      [[ $_ib_line != '"'* || -z $_ib_key || $_ib_key == *[\\[:cntrl:]]* || ! $_ib_last < $_ib_key ]]; then return 1; fi
    _ib_last=$_ib_key
    if [[ $_ib_key == "$_ib_pair" ]]; then
      _ib_known=1 _ib_ignores=${_ib_rest:15} _ib_dismissed=${_ib_rest##* }
      _ib_ignores=${_ib_ignores%%,*} _ib_dismissed=${_ib_dismissed%\},}
    else
      if [[ $_ib_key < $_ib_pair ]]; then _ib_at=$((_ib_at + 1)); fi
      _ib_lines+=("${_ib_line%,}")
    fi
  done
}

# Write the state with what is now true of this pair, its entry in order.
_ib_write_state() {
  local _ib_entry="\"$_ib_plugin:$_ib_companion\": {\"ignores\": $_ib_ignores, \"dismissed\": $_ib_dismissed}"
  {
    printf '{\n' && if ((_ib_at > 0)); then printf '%s,\n' "${_ib_lines[@]:0:_ib_at}"; fi && printf '%s' "$_ib_entry" &&
      if ((_ib_at < ${#_ib_lines[@]})); then printf ',\n%s' "${_ib_lines[@]:_ib_at}"; fi && printf '\n}\n'
  } >|"$1"
}

# Programs -------------------------------------------------------------------------------------------------------------

# Run a program, and say so when it fails. In a subshell that is isolated.
_ib_act() {
  local _ib_file=${TMPDIR:-/tmp}/.interbase-$BASHPID-$RANDOM$RANDOM
  local _ib_what=$1 _ib_rm _ib_out _ib_in _ib_line _ib_text='' _ib_code=0 _ib_n
  shift
  set -C # a file that is there already belongs to somebody else
  if _ib_find _ib_rm rm && : >"$_ib_file"; then
    exec {_ib_out}>>"$_ib_file" {_ib_in}<"$_ib_file"
    "$_ib_rm" -f -- "$_ib_file"
  else
    exec {_ib_out}>/dev/null {_ib_in}</dev/null
  fi
  set +C
  _ib_run 10 TERM "$@" 2>&"$_ib_out" || _ib_code=$?
  case $_ib_code in
    0) return 0 ;;
    124) _ib_say "[interbase] $_ib_what: no answer within 10 s" ;;
    *)
      for ((_ib_n = 0; _ib_n < 100; _ib_n++)); do # the last line says most
        IFS= read -r -n 400 -u "$_ib_in" _ib_line || [[ -n $_ib_line ]] || break
        if [[ $_ib_line == *[![:space:]]* ]]; then _ib_text=": $_ib_line"; fi
      done
      _ib_say "[interbase] $_ib_what failed with exit code $_ib_code$_ib_text"
      ;;
  esac
}

# Run a program with a deadline in whole seconds: 124 when that ended it. With TERM it is asked to end a second before,
# with KILL it is not. It has no input and no output; its standard error is ours.
_ib_run() {
  local _ib_timeout _ib_limit=$1 _ib_signal=$2 _ib_code=0
  shift 2
  if _ib_find _ib_timeout timeout; then
    if [[ $_ib_signal == TERM ]]; then set -- -k 1 $((_ib_limit - 1)) "$@"; else set -- -s KILL "$_ib_limit" "$@"; fi
    (_ib_let_go && exec "$_ib_timeout" "$@" </dev/null >/dev/null) || _ib_code=$?
    if ((_ib_code == 137)); then _ib_code=124; fi
    return "$_ib_code"
  fi
  local -
  set +o pipefail
  _ib_start "$@" | (_ib_watch "$_ib_limit" "$_ib_signal") # in parentheses for lastpipe
}

# Without timeout(1): the left side of a pipe starts the program in a process group of its own, and writes its id and
# then its exit code; the right side reads with a deadline.
_ib_start() {
  local _ib_log
  _ib_let_go && exec {_ib_log}>&2 2>/dev/null && set -m
  "$@" </dev/null >/dev/null 2>&"$_ib_log" {_ib_log}>&- &
  printf '%s\n' "$!"
  wait "$!"
  printf '%s\n' "$?"
}

_ib_watch() {
  local _ib_id _ib_code
  trap - ERR DEBUG RETURN
  set +eu
  exec 2>/dev/null
  IFS= read -r _ib_id || exit 124
  if [[ $2 == TERM ]]; then
    if IFS= read -r -t $(($1 - 1)) _ib_code; then exit "$_ib_code"; fi
    kill -s TERM -- "-$_ib_id" || kill -s TERM "$_ib_id"
    if IFS= read -r -t 1 _ib_code; then exit 124; fi
  elif IFS= read -r -t "$1" _ib_code; then
    exit "$_ib_code"
  fi
  kill -s KILL -- "-$_ib_id" || kill -s KILL "$_ib_id"
  exit 124
}

# Of this subshell: no traps, no options of the hook, and none of its files but the standard ones. A program that stays
# behind would keep them open: a pipe, a lock.
_ib_let_go() {
  local _ib_fd
  trap - ERR DEBUG RETURN
  set +efu
  shopt -u failglob
  for _ib_fd in /dev/fd/*; do
    _ib_fd=${_ib_fd##*/}
    if [[ $_ib_fd != *[!0123456789]* ]] && ((_ib_fd > 2)); then eval "exec $_ib_fd>&-"; fi
  done
  return 0
}

# Of this subshell: no traps, plain options, and messages of bash itself go nowhere; '_ib_err' is where ours go, '_ib_mute'
# says that nobody is there.
_ib_isolate() {
  trap - ERR DEBUG RETURN
  set +euCx +o posix +o pipefail
  shopt -u failglob nocasematch
  _ib_mute=''
  exec {_ib_err}>&2 || { exec {_ib_err}>/dev/null && _ib_mute=1; }
  exec 2>/dev/null
}

# Texts ----------------------------------------------------------------------------------------------------------------

# A line for people, without anything that could drive a terminal. In a subshell that is isolated.
_ib_say() {
  local LC_ALL=C _ib_text=$1 _ib_byte
  trap '' PIPE # nobody may be reading any more
  _ib_text=${_ib_text//[$'\001'-$'\037'$'\177']/}
  if [[ $_ib_text == *[$'\302\330\342']* ]]; then # C1, and what changes the direction of writing, as UTF-8
    for _ib_byte in {128..159}; do
      printf -v _ib_byte '\\302\\%o' "$_ib_byte"
      printf -v _ib_byte '%b' "$_ib_byte"
      _ib_text=${_ib_text//"$_ib_byte"/}
    done
    for _ib_byte in $'\330\234' $'\342\200'{$'\216',$'\217',$'\250',$'\251',$'\252',$'\253',$'\254',$'\255',$'\256'} \
      $'\342\201'{$'\246',$'\247',$'\250',$'\251'}; do
      _ib_text=${_ib_text//"$_ib_byte"/}
    done
  fi
  printf '%s\n' "$_ib_text" >&"$_ib_err"
}

# A text as JSON, into the variable named first.
_ib_json() {
  local LC_ALL=C _ib_raw=$2 _ib_number _ib_sign
  _ib_raw=${_ib_raw//\\/\\\\}
  _ib_raw=${_ib_raw//\"/\\\"}
  if [[ $_ib_raw == *[$'\001'-$'\037']* ]]; then
    for _ib_number in {1..31}; do
      printf -v _ib_sign '\\%03o' "$_ib_number"
      printf -v _ib_sign '%b' "$_ib_sign"
      printf -v _ib_number '\\u%04x' "$_ib_number"
      _ib_raw=${_ib_raw//"$_ib_sign"/"$_ib_number"}
    done
  fi
  printf -v "$1" '"%s"' "$_ib_raw"
}
fi
