"""A real repository, and stand-ins for interdoc's scripts that print what interdoc's do.

Their outputs are those that reference/modules/interdoc.md section 3.3 pastes (rows D1, D3, D4 and D5, and the errors of
drift-fix.sh below the table). A test brings one into trouble with a ``trouble.sh`` in the plugin's root, which each
reads first.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from interhost_hookspecs import Draft, Outcome, Payload
from interhost_hookspecs.testing import EPOCH, FakeCommand, FakeContext, Programs, make_intent
from interhost_interdoc import adapter

# Row D1: one object or nothing; nothing while AGENTS.md has changes.
UPDATES = r"""#!/usr/bin/env bash
ROOT="$(dirname "$(dirname "$0")")"; echo "updates $PWD" >> "$ROOT/log"
[[ -e "$ROOT/trouble.sh" ]] && source "$ROOT/trouble.sh"
[[ -f AGENTS.md ]] || { echo '{"action":"generate","reason":"no_agents_md"}'; exit 0; }
last="$(git log -1 --format=%H -- AGENTS.md)"
[[ $last ]] || { echo '{"action": "update", "reason": "uncommitted"}'; exit 0; }
[[ -z "$(git status --porcelain -- AGENTS.md)" ]] || exit 0
since="$(git rev-list --count "$last..HEAD")"
(( since < 3 )) || printf '{"action": "update", "reason": "commits", "commits_since": %s}\n' "$since"
"""

# Rows D3 and D4, and the errors. A file is put right by its old name in every document.
FIX = r"""#!/usr/bin/env bash
ROOT="$(dirname "$(dirname "$0")")"; echo "fix $*" >> "$ROOT/log"
[[ -e "$ROOT/trouble.sh" ]] && source "$ROOT/trouble.sh"
dry=""
for word; do
  [[ $word == --dry-run ]] || { echo "{\"error\":\"unknown argument: $word\"}"; exit 1; }
  dry=1
done
git rev-parse --git-dir >/dev/null 2>&1 || { echo '{"error":"not a git repository"}'; exit 1; }
mkdir -p .git/interdoc || exit 1
exec 9> .git/interdoc/fix.lock
flock -n 9 || { echo '{"error":"another drift-fix instance is running"}'; exit 1; }
last="$(git log -1 --format=%H -- AGENTS.md)"
renames="" deletions="" new="" modified=""
while IFS=$'\t' read -r kind old name; do
  case "$kind" in
  R*) renames+=",{\"old\":\"$old\",\"new\":\"$name\"}"
    [[ $dry ]] || while read -r doc; do
      sed "s|$old|$name|g" "$doc" > "$doc.tmp" && if cmp -s "$doc" "$doc.tmp"; then rm "$doc.tmp"
      else mv "$doc.tmp" "$doc"; [[ $modified == *"\"$doc\""* ]] || modified+=",\"$doc\""; fi
    done < <(find . -name AGENTS.md -not -path './.git/*' | sort) ;;
  D) deletions+=",\"$old\"" ;;
  A) new+=",\"$old\"" ;;
  esac
done < <(git diff --name-status -M "$last" HEAD)
printf '{"renames":[%s],"deletions":[%s],"new_files":[%s],"links_fixed":[],"files_modified":[%s]}\n' \
  "${renames#,}" "${deletions#,}" "${new#,}" "${modified#,}"
"""

# Row D5: words in backquotes that have a slash are taken for paths.
REFERENCES = r"""#!/usr/bin/env bash
ROOT="$(dirname "$(dirname "$(dirname "$0")")")"; echo "refs $*" >> "$ROOT/log"
[[ -e "$ROOT/trouble.sh" ]] && source "$ROOT/trouble.sh"
[[ -f "$1/$2" ]] || { echo '{"status":"error","error":"no such file"}' >&2; exit 2; }
found="" count=0
while read -r path; do
  [[ -e "$1/$path" ]] && continue
  found+=",{\"type\":\"stale_path\",\"path\":\"$path\",\"message\":\"Referenced file/directory does not exist\"}"
  count=$((count + 1))
done < <(grep -o '`[^`]*/[^`]*`' "$1/$2" | tr -d '`')
(( count )) || { echo '{"status":"clean","findings":[]}'; exit 0; }
printf '{"status":"stale","count":%s,"findings":[%s]}\n' "$count" "${found#,}"; exit 1
"""

SCRIPTS = {
    "hooks/check-updates.sh": UPDATES,
    "scripts/drift-fix.sh": FIX,
    "hooks/tools/stale-refs.sh": REFERENCES,
    # Row D2: whoever calls it takes the user's prompt away.
    "hooks/check-commit.sh": 'echo "commit" >> "$(dirname "$(dirname "$0")")/log"\n',
}

AGENTS = "# Widgets\n\nThe handler is `src/api/handler.ts`, the worker `src/core/worker.ts`.\n"
"""A document that names two files."""


class Machine:
    """One repository with a document and two source files, and interdoc; names that need quoting."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.repo = base / "a project's $HOME"
        self.plugin = base / "inter doc" / "5.2.3"
        self.ticks = 0
        self.is_hanging = False
        for name, text in SCRIPTS.items():
            (self.plugin / name).parent.mkdir(parents=True, exist_ok=True)
            (self.plugin / name).write_text(text)
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit({"AGENTS.md": AGENTS, "src/api/handler.ts": "1\n" * 9, "src/core/worker.ts": "2\n" * 9})
        self.ctx = FakeContext(
            base,
            of=adapter,
            root=self.plugin,
            projects=(self.repo,),
            commands=Programs(base, self.environ, self._limit).named("git", "bash"),
        )

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Run git as the user of this machine, whose clock goes on with every command."""
        self.ticks += 1
        when = f"{int(EPOCH.timestamp()) - 3600 + self.ticks} +0000"
        done = subprocess.run(
            ["git", *words],
            cwd=cwd or self.repo,
            env={**self.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def environ(self) -> dict[str, str]:
        who = {
            f"GIT_{role}_{part}": "ada@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
        }
        return {"HOME": str(self.base), "PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", **who}

    def write(self, name: str, text: str) -> Path:
        path = self.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, files: Mapping[str, str | None], message: str = "Work") -> str:
        """Commit these contents; ``None`` removes a file."""
        for name, text in files.items():
            if text is None:
                (self.repo / name).unlink()
            else:
                self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def rename_handler(self) -> str:
        """The change that makes the document name a file that is not there."""
        self.git("mv", "src/api/handler.ts", "src/api/controller.ts")
        return self.commit({})

    def trouble(self, script: str) -> None:
        """Let every script begin with this."""
        self.is_hanging = script.startswith("sleep")
        (self.plugin / "trouble.sh").write_text(script)

    def look(self) -> tuple[Draft, ...]:
        observation = adapter.observe(self.ctx)
        assert observation.advice == ()
        return observation.drafts

    @property
    def calls(self) -> list[str]:
        """Scripts that were run, with their arguments, since it was last asked."""
        log = self.plugin / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def tell(self, payload: Payload, artifact: Path | None = None, **parts: object) -> Outcome | None:
        """What the adapter makes of an intent about the repository."""
        project = parts.pop("project_dir", self.repo)
        assert project is None or isinstance(project, Path)
        intent = make_intent(payload, artifact_path=artifact, project_dir=project, producer="interwatch")
        outcome: Outcome | None = getattr(adapter, f"on_{intent.name}")(intent=intent, ctx=self.ctx)
        return outcome

    def _limit(self, command: FakeCommand) -> float | None:
        """A script that was told to sleep has half a second."""
        return 0.5 if self.is_hanging and command.argv[0] == "bash" else None

    def wait(self, **spans: float) -> None:
        self.ctx.clock += timedelta(**spans)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has been looked at once, silently."""
    machine = Machine(tmp_path)
    assert machine.look() == ()
    assert machine.calls == []
    machine.ctx.ran.clear()
    return machine
