# shellcheck shell=bash
# interbase.sh - guards, actions and companion nudges for the hooks of plugins. Part of interhost.
# version: 2.0.0
#
# Source it; hooks do so through interbase-stub.sh. Needs bash 4.4. Source: interbase interface specification 2.0.0.
#
# A guard answers with its exit status and never waits longer than 2 s; an action always succeeds and never waits longer
# than 10 s. No program gets the hook's standard input or any other of its files. All of it works under 'set -euo
# pipefail', with 'trap ... ERR', with an empty PATH and without HOME. Nothing is written to the environment.
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

ib_has_ic() { local path; _ib_find path ic; }

ib_has_bd() { local path; _ib_find path bd; }

ib_has_companion() {
  local found
  _ib_list_versions "${1:-}"
  ((${#found[@]} > 0))
}

ib_in_ecosystem() { [[ ${_INTERBASE_SOURCE:-} == live ]]; }

ib_get_bead() {
  [[ -z ${CLAVAIN_BEAD_ID:-} ]] || _ib_print "$CLAVAIN_BEAD_ID"
  return 0
}

ib_in_sprint() {
  local ic
  [[ -n ${CLAVAIN_BEAD_ID:-} ]] && _ib_find ic ic && _ib_more && _ib_has_run "$ic"
}

# Actions --------------------------------------------------------------------------------------------------------------

ib_phase_set() {
  local bead=${1:-} phase=${2:-} bd # a third argument, the reason, is reserved
  if [[ -n $bead && $bead != -* && -n $phase ]] && _ib_find bd bd && _ib_more; then
    (_ib_isolate && _ib_act 'bd set-state' "$bd" set-state "$bead" "phase=$phase") || :
  fi
  return 0
}

# The specified form first. Kernels that refuse it as a usage error (3) take the second; both share the 10 s.
ib_emit_event() {
  local run=${1:-} type=${2:-} payload=${3:-} ic
  if [[ -n $run && $run != -* && -n $type && $type != -* ]] && _ib_find ic ic && _ib_more; then
    [[ -n $payload ]] || payload='{}'
    (_ib_isolate && _ib_emit "$ic" "$run" "$type" "$payload") || :
  fi
  return 0
}

ib_session_status() {
  local bd='not-detected' ic='not-detected' program
  if ib_has_bd; then bd=active; fi
  if _ib_find program ic; then
    ic=not-initialized
    if _ib_more && _ib_has_run "$program"; then ic=active; fi
  fi
  (_ib_more && _ib_isolate && _ib_say "[interverse] beads=$bd | ic=$ic") || :
  return 0
}

# Discovery ------------------------------------------------------------------------------------------------------------

ib_plugin_cache_path() {
  local found path best=''
  _ib_list_versions "${1:-}"
  for path in "${found[@]}"; do
    if [[ ! -L $path ]] && { [[ -z $best ]] || _ib_is_newer "${path##*/}" "${best##*/}"; }; then best=$path; fi
  done
  [[ -z $best ]] || _ib_print "$best"
  return 0
}

ib_ecosystem_root() {
  local here=${PWD:-}
  if [[ -n ${DEMARCH_ROOT:-} ]]; then
    _ib_print "$DEMARCH_ROOT"
    return 0
  fi
  while [[ $here == /* ]]; do
    if [[ -d $here/sdk/interbase ]]; then
      _ib_print "$here"
      return 0
    fi
    here=${here%/*}
  done
  return 0
}

# Every folder of a plugin in the cache, into the caller's 'found'. The name stands quoted in the pattern, and is one
# component of a path.
_ib_list_versions() {
  local - name=$1 root=${CLAUDE_CODE_PLUGIN_CACHE_DIR:-} path fail=0
  set +f
  found=()
  if [[ -z $root && -n ${CLAUDE_CONFIG_DIR:-} ]]; then root=$CLAUDE_CONFIG_DIR/plugins; fi
  if [[ -z $root && -n ${HOME:-} ]]; then root=$HOME/.claude/plugins; fi
  if [[ -z $root || -z $name || $name == */* || $name == . || $name == .. ]]; then return 0; fi
  # With failglob, a pattern without a match would end the whole command.
  if shopt -q failglob; then fail=1; fi
  if ((fail)); then shopt -u failglob; fi
  for path in "$root"/cache/*/"$name"/*/; do
    if [[ -d $path ]]; then found+=("${path%/}"); fi
  done
  if ((fail)); then shopt -s failglob; fi
  return 0
}

# Versions are numbers with dots, then '-rc.1' or 'rc1' for an early one, then '+build'. What is none, such as a hash or
# 'unknown', is older than any; of two such, the one that sorts last counts as newer.
_ib_is_newer() {
  local version='^v?([0-9]+(\.[0-9]+)+)-?([^+]*)' early order
  if ! [[ $1 =~ $version ]]; then
    [[ ! $2 =~ $version && $1 > $2 ]]
    return
  fi
  local numbers=${BASH_REMATCH[1]} own=${BASH_REMATCH[3]}
  if ! [[ $2 =~ $version ]]; then return 0; fi
  early=${BASH_REMATCH[3]}
  _ib_order "$numbers" "${BASH_REMATCH[1]}" 0
  if ((order == 0)) && [[ $own != "$early" ]]; then
    if [[ -z $own ]]; then order=1; elif [[ -z $early ]]; then order=-1; else _ib_order "$own" "$early" ''; fi
  fi
  ((order > 0))
}

# Compare two texts of dotted parts, into the caller's 'order': numbers as numbers, and before what is none. A part that
# is missing counts as the third argument; nothing comes before everything.
_ib_order() {
  local - IFS=. i a b
  set -f
  local -a left=($1) right=($2)
  order=0
  for ((i = 0; order == 0 && (i < ${#left[@]} || i < ${#right[@]}); i++)); do
    a=${left[i]-$3} b=${right[i]-$3}
    case "${a//[0123456789]/}:${b//[0123456789]/}" in
      :) # leading zeros go, then the longer one is greater; no arithmetic, which would overflow
        a=${a#"${a%%[!0]*}"} b=${b#"${b%%[!0]*}"}
        if ((${#a} != ${#b})); then order=$((${#a} > ${#b} ? 1 : -1)); continue; fi ;;
      :*) order=-1; continue ;;
      *:) order=1; continue ;;
    esac
    if [[ $a > $b ]]; then order=1; elif [[ $a < $b ]]; then order=-1; fi
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
  local companion=${1:-} benefit=${2:-} plugin=${3:-unknown} dir=${HOME:-}/.config/interverse sid
  case ${INTERHOST_NUDGES:-} in [oO][fF][fF] | [nN][oO] | [fF][aA][lL][sS][eE] | 0) return 0 ;; esac
  if [[ ${HOME:-} != /* || ! -d $HOME ]] || ! _ib_is_name "$companion"; then return 0; fi
  _ib_is_name "$plugin" || plugin=unknown
  local ignores=0 dismissed='' # as the state says, read without the lock: often nothing is to be done
  _ib_peek "$dir/nudge-state.json" "\"$plugin:$companion\""
  if ib_has_companion "$companion"; then
    if [[ $dismissed == false ]] && _ib_more; then (_ib_isolate && _ib_settle); fi
    return 0
  fi
  _ib_session
  if [[ -e $dir/nudge-flag-$sid-$companion || $dismissed == true ]] || ((ignores >= 3)); then return 0; fi
  if _ib_more; then (_ib_isolate && _ib_tip); fi
}

_ib_is_name() {
  local allowed='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-'
  [[ -n $1 && ${#1} -le 100 && $1 != [.-]* && $1 != *[!"$allowed"]* ]]
}

# The session's id, fit for a file name, into the caller's 'sid'; the day where there is none.
_ib_session() {
  local allowed='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-'
  sid=${CLAUDE_SESSION_ID:-}
  sid=${sid//[!"$allowed"]/}
  if [[ -z $sid ]]; then
    sid=${CLAUDE_CODE_SESSION_ID:-}
    sid=${sid//[!"$allowed"]/}
  fi
  if [[ -z $sid ]]; then printf -v sid 'day-%(%Y%m%d)T' -1; fi
}

# What a state file says of a key, into the caller's 'ignores' and 'dismissed'.
_ib_peek() {
  local text='' entry="$2: {\"ignores\": " mark=', "dismissed": '
  if [[ ! -f $1 || ! -r $1 ]]; then return 0; fi
  IFS= read -r -d '' -n 262144 text <"$1" || :
  if [[ $text =~ "$entry"([0-9]{1,9})"$mark"(true|false) ]]; then
    ignores=$((10#${BASH_REMATCH[1]})) dismissed=${BASH_REMATCH[2]}
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
  local script='"$1" run current --project=. || exec "$1" run current "--project=$2"'
  _ib_run 2 KILL /bin/sh -c "$script" sh "$1" "${PWD:-.}" 2>/dev/null || return 1
}

_ib_emit() {
  local script key context=$4 run type
  script='trap "exit 124" TERM # once the kernel has ended, so that one that does not is killed with the group
    "$1" events emit "$2" "$3" "--payload=$4"
    code=$?
    [ "$code" -eq 3 ] || exit "$code"
    exec "$1" events record --source=agency "--type=$3" "--run=$2" "--idempotency-key=$5" "--payload=$6"'
  printf -v key 'interbase-%(%s)T-%s-%s' -1 "$BASHPID" "$RANDOM$RANDOM"
  _ib_json run "$2"
  _ib_json type "$3"
  if [[ $context != '{'*'}' ]]; then # the kernel takes an object only
    _ib_json context "$4"
    context="{\"value\":$context}"
  fi
  _ib_act 'ic events' /bin/sh -c "$script" sh "$1" "$2" "$3" "$4" "$key" \
    "{\"agency_name\":\"interbase\",\"cycle_id\":$run,\"stage\":$type,\"context\":$context}"
}

# Record a tip and show it. One that could not be recorded is not shown. The new files are made in the flag's folder,
# so that one process can put both in place; starting processes is what a tip costs, and C is their fastest locale.
_ib_tip() {
  local -x LC_ALL=C
  local count lines at known flock mkdir mv lock command="/plugin install $companion"
  local state=$dir/nudge-state.json session=$dir/nudge-session-$sid.json flag=$dir/nudge-flag-$sid-$companion
  umask 077
  [[ -z $mute ]] && _ib_may_tip && _ib_find flock flock && _ib_find mkdir mkdir && _ib_find mv mv || return
  [[ -d $dir ]] || "$mkdir" -p -m 700 -- "$dir" || return
  _ib_lock && _ib_may_tip && _ib_read_state && [[ $dismissed == false ]] && ((ignores < 3)) || return
  ignores=$((ignores + 1))
  if ((ignores >= 3)); then dismissed=true; fi
  "$mkdir" -- "$flag" || return
  if ! _ib_write_state "$flag/${state##*/}" || ! printf '{"count": %d}\n' $((count + 1)) >"$flag/${session##*/}" ||
    ! "$mv" -f -- "$flag/${state##*/}" "$flag/${session##*/}" "$dir/"; then
    _ib_remove rm -f -- "$flag/${state##*/}" "$flag/${session##*/}"
    _ib_remove rmdir -- "$flag"
    return
  fi
  if [[ " $_IB_ECOSYSTEM_ONLY " == *" $companion "* ]]; then command=/clavain:setup; fi
  benefit=${benefit%"${benefit##*[![:space:].]}"}
  _ib_say "[interverse] Tip: run $command for ${benefit:-what ${plugin/#unknown/other plugins} can do with it}."
}

# The companion is there: end its tips.
_ib_settle() {
  local -x LC_ALL=C
  local lines at known flock mv lock new=$dir/.nudge-tmp.$BASHPID.1
  local state=$dir/nudge-state.json
  umask 077
  _ib_find flock flock && _ib_find mv mv && _ib_lock && _ib_read_state || return
  if ((known)) && [[ $dismissed == false ]]; then
    dismissed=true
    _ib_write_state "$new" && "$mv" -f -- "$new" "$state" || _ib_remove rm -f -- "$new"
  fi
}

_ib_remove() {
  local program
  _ib_find program "$1" && "$program" "${@:2}"
}

# The kernel releases the lock when this subshell ends, however it ends.
_ib_lock() {
  _ib_is_file "$state" && _ib_is_file "$state.lock" && exec {lock}>>"$state.lock" && "$flock" -x -w 1 "$lock"
}

# A regular file, or nothing: a pipe would keep us waiting, and into a folder files would be moved.
_ib_is_file() { [[ -f $1 || (! -e $1 && ! -L $1) ]]; }

# Whether the session allows a tip; how many it has had goes into 'count'.
_ib_may_tip() {
  local text='' shape='^[[:space:]]*\{[[:space:]]*"count"[[:space:]]*:[[:space:]]*(0|[1-9][0-9]{0,8})[[:space:]]*\}[[:space:]]*$'
  count=0
  if [[ -e $flag ]] || ! _ib_is_file "$session"; then return 1; fi
  if [[ -e $session ]]; then
    if IFS= read -r -d '' -n 200 text <"$session" || ! [[ $text =~ $shape ]]; then return 1; fi
    count=${BASH_REMATCH[1]}
  fi
  ((count < 2))
}

# Read the state: its entries into 'lines', of which those from 'at' on come after this pair; what it says of the pair
# into 'ignores', 'dismissed' and 'known'. False when it has not exactly the shape that is written here.
_ib_read_state() {
  local - text='' line key last='' rest pair=$plugin:$companion IFS=$'\n'
  set -f
  lines=() at=0 ignores=0 dismissed=false known=0
  _ib_is_file "$state" || return
  if [[ ! -e $state ]]; then return 0; fi
  # True of read means a NUL, or more than any real state has.
  if IFS= read -r -d '' -n 262144 text <"$state"; then return 1; fi
  if [[ $text == $'{\n}\n' ]]; then return 0; fi
  if [[ $text != $'{\n"'*$'}\n}\n' || $text == *$'\n\n'* ]]; then return 1; fi
  text=${text#??}
  for line in ${text%???},; do # cut by length: a regular expression costs ten times as much
    key=${line:1} key=${key%%\"*} rest=${line:${#key}+1}
    if [[ $rest != '": {"ignores": '[0123456789]', "dismissed": '@(true|false)'},' &&
      ($rest != '": {"ignores": '[123456789]+([0123456789])', "dismissed": '@(true|false)'},' || ${#rest} -gt 46) ]] ||
      [[ $line != '"'* || -z $key || $key == *[\\[:cntrl:]]* || ! $last < $key ]]; then return 1; fi
    last=$key
    if [[ $key == "$pair" ]]; then
      known=1 ignores=${rest:15} dismissed=${rest##* } ignores=${ignores%%,*} dismissed=${dismissed%\},}
    else
      if [[ $key < $pair ]]; then at=$((at + 1)); fi
      lines+=("${line%,}")
    fi
  done
}

# Write the state with what is now true of this pair, its entry in order.
_ib_write_state() {
  local entry="\"$plugin:$companion\": {\"ignores\": $ignores, \"dismissed\": $dismissed}"
  {
    printf '{\n' && if ((at > 0)); then printf '%s,\n' "${lines[@]:0:at}"; fi && printf '%s' "$entry" &&
      if ((at < ${#lines[@]})); then printf ',\n%s' "${lines[@]:at}"; fi && printf '\n}\n'
  } >|"$1"
}

# Programs -------------------------------------------------------------------------------------------------------------

# Run a program, and say so when it fails. In a subshell that is isolated.
_ib_act() {
  local what=$1 rm out in line text='' code=0 file=${TMPDIR:-/tmp}/.interbase-$BASHPID-$RANDOM$RANDOM n
  shift
  set -C # a file that is there already belongs to somebody else
  if _ib_find rm rm && : >"$file"; then
    exec {out}>>"$file" {in}<"$file"
    "$rm" -f -- "$file"
  else
    exec {out}>/dev/null {in}</dev/null
  fi
  set +C
  _ib_run 10 TERM "$@" 2>&"$out" || code=$?
  case $code in
    0) return 0 ;;
    124) _ib_say "[interbase] $what: no answer within 10 s" ;;
    *)
      for ((n = 0; n < 100; n++)); do # the last line says most
        IFS= read -r -n 400 -u "$in" line || [[ -n $line ]] || break
        if [[ $line == *[![:space:]]* ]]; then text=": $line"; fi
      done
      _ib_say "[interbase] $what failed with exit code $code$text"
      ;;
  esac
}

# Run a program with a deadline in whole seconds: 124 when that ended it. With TERM it is asked to end a second before,
# with KILL it is not. It has no input and no output; its standard error is ours.
_ib_run() {
  local timeout limit=$1 signal=$2 code=0
  shift 2
  if _ib_find timeout timeout; then
    if [[ $signal == TERM ]]; then set -- -k 1 $((limit - 1)) "$@"; else set -- -s KILL "$limit" "$@"; fi
    (_ib_let_go && exec "$timeout" "$@" </dev/null >/dev/null) || code=$?
    if ((code == 137)); then code=124; fi
    return "$code"
  fi
  local -
  set +o pipefail
  _ib_start "$@" | (_ib_watch "$limit" "$signal") # in parentheses for lastpipe
}

# Without timeout(1): the left side of a pipe starts the program in a process group of its own, and writes its id and
# then its exit code; the right side reads with a deadline.
_ib_start() {
  local log
  _ib_let_go && exec {log}>&2 2>/dev/null && set -m
  "$@" </dev/null >/dev/null 2>&"$log" {log}>&- &
  printf '%s\n' "$!"
  wait "$!"
  printf '%s\n' "$?"
}

_ib_watch() {
  local id code
  trap - ERR DEBUG RETURN
  set +eu
  exec 2>/dev/null
  IFS= read -r id || exit 124
  if [[ $2 == TERM ]]; then
    if IFS= read -r -t $(($1 - 1)) code; then exit "$code"; fi
    kill -s TERM -- "-$id" || kill -s TERM "$id"
    if IFS= read -r -t 1 code; then exit 124; fi
  elif IFS= read -r -t "$1" code; then
    exit "$code"
  fi
  kill -s KILL -- "-$id" || kill -s KILL "$id"
  exit 124
}

# Of this subshell: no traps, no options of the hook, and none of its files but the standard ones. A program that stays
# behind would keep them open: a pipe, a lock.
_ib_let_go() {
  local fd
  trap - ERR DEBUG RETURN
  set +efu
  shopt -u failglob
  for fd in /dev/fd/*; do
    fd=${fd##*/}
    if [[ $fd != *[!0123456789]* ]] && ((fd > 2)); then eval "exec $fd>&-"; fi
  done
  return 0
}

# Of this subshell: no traps, plain options, and messages of bash itself go nowhere; 'err' is where ours go, 'mute' says
# that nobody is there.
_ib_isolate() {
  trap - ERR DEBUG RETURN
  set +euCx +o posix +o pipefail
  shopt -u failglob nocasematch
  mute=''
  exec {err}>&2 || { exec {err}>/dev/null && mute=1; }
  exec 2>/dev/null
}

# Texts ----------------------------------------------------------------------------------------------------------------

# A line for people, without anything that could drive a terminal. In a subshell that is isolated.
_ib_say() {
  local LC_ALL=C text=$1 byte
  trap '' PIPE # nobody may be reading any more
  text=${text//[$'\001'-$'\037'$'\177']/}
  if [[ $text == *[$'\302\330\342']* ]]; then # C1, and what changes the direction of writing, as UTF-8
    for byte in {128..159}; do
      printf -v byte '\\302\\%o' "$byte"
      printf -v byte '%b' "$byte"
      text=${text//"$byte"/}
    done
    for byte in $'\330\234' $'\342\200'{$'\216',$'\217',$'\250',$'\251',$'\252',$'\253',$'\254',$'\255',$'\256'} \
      $'\342\201'{$'\246',$'\247',$'\250',$'\251'}; do
      text=${text//"$byte"/}
    done
  fi
  printf '%s\n' "$text" >&"$err"
}

# A text as JSON, into the variable named first.
_ib_json() {
  local _ib_text=$2
  _ib_text=${_ib_text//\\/\\\\}
  _ib_text=${_ib_text//\"/\\\"}
  _ib_text=${_ib_text//$'\n'/\\n}
  _ib_text=${_ib_text//$'\t'/\\t}
  printf -v "$1" '"%s"' "${_ib_text//[[:cntrl:]]/}"
}
fi
