# One text in Claude Code's status line: the first line of a small file that is about this session or its project.
# Read by the shell that draws the status line, before the command that was there; `interhost statusline` sees to it.
#
# POSIX shell, because starting Python would take longer than all of this may. Where there is no such file, nothing is
# read and nothing started. Standard input is put back for the command that follows, its last line complete. Nothing of
# it or of the file is ever executed, and no text with a control sign is printed.
#
# The file: <end of life>TAB<severity>TAB<session or project>TAB<text>, gravest first (interhost_interline.segment).

_ih_lines=${INTERBAND_ROOT:-${HOME:-}/.interband}/interbus/segment/lines
if [ -s "$_ih_lines" ] && [ -r "$_ih_lines" ] && [ ! -t 0 ]; then
    _ih_input=$(cat 2>/dev/null)
    (
        [ "${#_ih_input}" -lt 16384 ] || exit
        # What stands between quotes, in turn outside and inside of a text; removing prefixes would take quadratic time.
        # A text with escapes has a backslash before the quote: it is no key, and as a value none of ours.
        set -f
        IFS='"'
        key= colon= session= project= cwd=
        for part in $_ih_input; do
            if [ "$colon" ]; then
                case $key$part in
                *\\*) ;;
                session_id*) session=${session:-$part} ;;
                project_dir*) project=${project:-$part} ;;
                cwd*) cwd=${cwd:-$part} ;;
                esac
                key= colon=
            elif [ "$key" ]; then
                case $part in *[!:\ ]* | *:*:*) key= ;; *:*) colon=1 ;; *) key= ;; esac
            else
                case $part in session_id | project_dir | cwd) key=$part ;; esac
            fi
        done
        project=${project:-$cwd}
        case $project in /*) [ "${#project}" -lt 1024 ] || project= ;; *) project= ;; esac
        # A project's root is where its repository is; without one, the directory stands for it.
        root=$project
        while [ "$root" ] && [ ! -e "$root/.git" ]; do root=${root%/*}; done
        project=${root:-$project}

        tab='	'
        IFS='
'
        lines=$(cat "$_ih_lines" 2>/dev/null)
        [ "${#lines}" -lt 65536 ] || exit
        for line in $lines; do
            case $line in *"$tab"*"$tab"*"$tab"*) ;; *) continue ;; esac
            until=${line%%"$tab"*} line=${line#*"$tab"}
            severity=${line%%"$tab"*} line=${line#*"$tab"}
            scope=${line%%"$tab"*} text=${line#*"$tab"}
            case $scope in '') continue ;; "$session" | "$project") ;; *) continue ;; esac
            case $text in '' | *[[:cntrl:]]*) continue ;; esac
            case $until in '' | *[!0-9]* | ????????????????*) continue ;; esac
            [ "$until" -gt "$(date +%s)" ] || continue
            case $severity in error) colour=31 ;; warn) colour=33 ;; *) colour=36 ;; esac
            printf '\033[%sm%s\033[0m  ' "$colour" "$text"
            exit
        done
    )
    if [ "$_ih_input" ]; then
        exec <<_INTERHOST_END
$_ih_input
_INTERHOST_END
    fi
    unset _ih_input
fi
unset _ih_lines
