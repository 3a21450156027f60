# shellcheck shell=bash
# interbase-stub.sh - makes the functions of interbase available to a plugin's hooks, installed or not. Part of interhost.
#
# Copy it beside your hooks ('interhost interbase stub DIR' does) and source it first. Where interbase is installed, the
# functions are the real ones; elsewhere they are the fallbacks below: guards say what is true without it, actions do
# nothing, and nothing is ever printed. INTERMOD_LIB names another copy to use.

if [[ -n ${_INTERBASE_STUB:-}${_INTERBASE_LOADED:-} ]] && declare -F ib_in_ecosystem ib_plugin_cache_path >/dev/null; then
  return 0
fi
_ib_stub_flags=$-
set +a # nothing of this goes into the environment
_INTERBASE_STUB=1

_ib_fallbacks() {
  ib_has_ic() { _ib_on_path ic; }
  ib_has_bd() { _ib_on_path bd; }
  ib_has_companion() { return 1; }
  ib_in_ecosystem() { [[ ${_INTERBASE_SOURCE:-} == live ]]; }
  ib_in_sprint() { return 1; }
  ib_get_bead() { [[ -z ${CLAVAIN_BEAD_ID:-} ]] || printf '%s\n' "$CLAVAIN_BEAD_ID"; }
  ib_phase_set() { return 0; }
  ib_emit_event() { return 0; }
  ib_session_status() { return 0; }
  ib_plugin_cache_path() { return 0; }
  ib_ecosystem_root() { [[ -z ${DEMARCH_ROOT:-} ]] || printf '%s\n' "$DEMARCH_ROOT"; }
  ib_nudge_companion() { return 0; }
}

_ib_on_path() {
  local _ib_rest=${PATH:-}:
  while [[ -n $_ib_rest ]]; do
    if [[ $_ib_rest == /* && -f ${_ib_rest%%:*}/$1 && -x ${_ib_rest%%:*}/$1 ]]; then return 0; fi
    _ib_rest=${_ib_rest#*:}
  done
  return 1
}

# First the fallbacks, then the installed copy over them: one that is older leaves those that it lacks, and of one that
# is broken nothing stays ('command' keeps bash's POSIX mode from ending the hook). The marks may have come from the
# environment, and the copy must not take them for its own.
_ib_fallbacks
unset _INTERBASE_LOADED _INTERBASE_SOURCE
_ib_live=${INTERMOD_LIB:-${HOME:+$HOME/.intermod/interbase/interbase.sh}}
# shellcheck source=/dev/null
if [[ -f $_ib_live && -r $_ib_live ]] && command source "$_ib_live" 2>/dev/null && [[ -n ${_INTERBASE_LOADED:-} ]]; then
  _INTERBASE_SOURCE=live
else
  _ib_fallbacks
  _INTERBASE_SOURCE=stub
fi
_INTERBASE_LOADED=1
if [[ $_ib_stub_flags == *a* ]]; then set -a; fi
unset _ib_live _ib_stub_flags
unset -f _ib_fallbacks
