"""A check that hands an adapter hostile texts and looks at what it hands on.

Not at payloads: they are values, and whoever shows one makes it safe. At commands, and at what people and agents read.
"""

from __future__ import annotations

import itertools
import os
import re
import tempfile
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from interhost_hookspecs.catalogue import CATALOGUE, Payload
from interhost_hookspecs.command import Completed
from interhost_hookspecs.contract_checks.behaviour import call
from interhost_hookspecs.contract_checks.samples import sample
from interhost_hookspecs.contract_checks.subject import Subject
from interhost_hookspecs.intent import Intent, Severity
from interhost_hookspecs.outcome import Outcome
from interhost_hookspecs.testing.context import Answer, FakeCommand, FakeContext
from interhost_hookspecs.testing.intents import make_intent

MARK = "PWNED"
TEXT = (
    f"--{MARK}=a'b\"c `touch {MARK}` $(touch {MARK}); touch {MARK} review missing\n"
    f"# {MARK}\n{MARK}: obey\r\x1b[2J\x1b]0;{MARK}\x07\u202e\x00../../{MARK} <!channel> 100%"
)
"""A text that breaks options, quoting, lines, Markdown, terminals, the direction of writing, and paths."""

ODD = f"a'b\"c `touch {MARK}` $(touch {MARK}); 100%"
"""A name of a file or a folder that can be shown, and breaks quoting."""

WORST = f"{ODD}\n# {MARK}\n{MARK}\x1b[2J"
"""The worst name that a file or a folder can have."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "kind": ("plan", "prd", "brainstorm", "doc", "code", "syntax", "phase_desync"),
    "to": ("planned", "plan-reviewed", "executing", "shipping", "done"),
    "canonical_to": ("planned", "plan-reviewed", "executing", "shipping", "done"),
    "signal": ("context_pressure", "budget", "syntax"),
    "trigger": ("claim", "run_create"),
    "action": ("plan", "execute", "ship"),
}
"""Words by which adapters decide whether a fact is their business, by key."""

SECRET = "xoxb-0123456789-contract-check"  # noqa: S105 - it opens nothing
SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
MOST_ADVICE, MOST_REQUEST = 10_000, 64 * 1024
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def hands_nothing_hostile_on(subject: Subject) -> Iterator[str]:
    """No text of a fact becomes a program, an option, a line of a shell, or a line of what people and agents read."""
    hooks = {f"on_{name}": cls for name, cls in CATALOGUE.items()}
    with tempfile.TemporaryDirectory(prefix="interhost-contract-") as place, _secret():
        home = Path(place, "home")
        projects = [_furnish(home / name) for name in (ODD, WORST)]
        for hook in sorted(one for one in subject.hooks if one in hooks):
            for answer, is_on in itertools.product(_list_answers(), (False, True)):
                for intent in _list_intents(hooks[hook], projects):
                    ctx = _make_context(subject, home, projects, answer, is_on=is_on)
                    outcomes, _ = call(subject, hook, intent=intent, ctx=ctx)  # an exception hands nothing on
                    for problem in _list_problems(ctx, [one for one in outcomes if isinstance(one, Outcome)]):
                        yield f"{hook}: {problem}"
        if found := sorted(path.name for path in Path(place).iterdir() if path != home):
            yield f"the adapter wrote {', '.join(found)} outside the user's home"


def _furnish(project: Path) -> Path:
    """A project with documents of hostile names."""
    folder = project / "docs" / "plans"
    folder.mkdir(parents=True)
    (project / ".git").mkdir()
    for name in (ODD, WORST):
        (folder / f"{name}.md").write_text(f"# {TEXT}\n**Bead:** iv-abc1\n", "utf-8")
    return project


def _make_context(
    subject: Subject, home: Path, projects: Sequence[Path], answer: Answer, *, is_on: bool
) -> FakeContext:
    """A machine on which every program is there, with the settings as they are or with everything turned on."""
    flags = [name for name, row in subject.settings.items() if row.get("type") == "boolean"]
    said: dict[str, object] = dict.fromkeys(flags, True) if is_on else {}
    for name, row in subject.settings.items():
        if isinstance(default := row.get("default"), str) and default.startswith(("/", "~/")):
            said[name] = str(home / default.lstrip("~/"))
    return FakeContext(
        home, of=subject.adapter, config=said, projects=tuple(projects), root=home, commands=_Anything(answer)
    )


class _Anything(dict[str, Answer]):
    """Every program is there, and answers the same."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def get(self, key: str, default: object = None) -> Answer:
        return self._answer


def _list_answers() -> Iterator[Answer]:
    """Programs that say nothing, that say something hostile, and that fail with it."""
    for code, said in ((0, ""), (0, TEXT), (1, TEXT)):

        def answer(command: FakeCommand, code: int = code, said: str = said) -> Completed:
            return Completed(argv=command.argv, returncode=code, stdout=said, stderr=said)

        yield answer


def _list_intents(cls: type[Payload], projects: Sequence[Path]) -> Iterator[Intent[object]]:
    names = (f"docs/plans/{ODD}.md", f"docs/plans/{WORST}.md", f"docs/../../{ODD}/docs/plans/{ODD}.md")
    places = [(project / name, project) for project in projects for name in names]
    for payload in list_payloads(cls):
        for artifact, folder in (*((None, project) for project in projects), *places, (places[0][0], None)):
            for context in ("iv-abc1", f"project:{ODD}"):
                yield make_intent(
                    payload,
                    context_id=context,
                    artifact_path=artifact,
                    project_dir=folder,
                    severity=Severity.ERROR,
                    producer=TEXT,
                    extensions={"session_id": TEXT, "caused_by": TEXT},
                )


def list_payloads(cls: type[Any], text: str = TEXT) -> Iterator[Payload]:
    """Payloads with a hostile text in every key that takes one; each word and each value of an enumeration once."""
    hints = typing.get_type_hints(cls)
    hostile = {one.name: _fill(hints[one.name], text) for one in attrs.fields(cls)}
    yield cls(**hostile)
    for name, hint in hints.items():
        if name in hostile:
            yield from (cls(**{**hostile, name: word}) for word in WORDS.get(name, ()))
            yield from (cls(**{**hostile, name: one}) for one in sample(hint, text) if isinstance(one, Enum))


def _fill(hint: object, text: str) -> object:
    """The most hostile value of a type."""
    inner, origin = typing.get_args(hint), typing.get_origin(hint)
    if origin is tuple:
        return (_fill(inner[0], text),)
    if origin is Mapping:
        return {text: _fill(inner[1], text)}
    if inner:  # a union, whose first member says something
        return _fill(inner[0], text)
    if hint is object:
        return text
    if isinstance(hint, type) and attrs.has(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{one.name: _fill(hints[one.name], text) for one in attrs.fields(hint)})
    return sample(hint, text)[0]


def _list_problems(ctx: FakeContext, outcomes: list[Outcome]) -> Iterator[str]:
    for argv in ctx.ran:
        yield from _check_command(argv)
    for _, text, _details in ctx.requests:
        yield from _check_text("a request", text, MOST_REQUEST)
    for advice in ctx.advices:
        yield from _check_text("advice", advice.text, MOST_ADVICE)
    for outcome in outcomes:
        yield from _check_text("an outcome", outcome.reason, MOST_ADVICE)
    if SECRET in repr((ctx.ran, ctx.requests, ctx.advices, ctx.drafts, outcomes, ctx.sideband.files)):
        yield "hands on a secret of the environment"


def _check_command(argv: tuple[str, ...]) -> Iterator[str]:
    if MARK in argv[0]:
        yield f"runs a program that a fact names: {argv[0]!r:.80}"
    script = argv.index("-c") + 1 if Path(argv[0]).name in SHELLS and "-c" in argv else 0
    if script and MARK in argv[script]:
        yield f"builds a line of a shell from a fact: {argv[script]!r:.80}; give it as an argument"
    ends = argv.index("--") if "--" in argv else len(argv)
    for word in argv[script + 1 : ends] if not script else ():
        if word.startswith(f"--{MARK}"):
            yield f"{argv[0]} takes a text of a fact for an option; write --name=TEXT, or '--' before it"


def _check_text(what: str, text: str, most: int) -> Iterator[str]:
    if len(text) > most:
        yield f"{what} has {len(text)} characters; at most {most} are read"
    if odd := next((one for one in text if not one.isprintable() and one not in "\n\t"), ""):
        yield f"{what} has the character {odd!r} of a fact; pass what others wrote through plain_line"
    if line := _find_line(text):
        yield f"{what} has a line that a fact wrote: {line!r:.60}; pass what others wrote through plain_line"


def _find_line(text: str) -> str:
    """The first line outside fences that begins with what a hostile text has after a line end."""
    fence = ""
    for line in text.splitlines():
        if opened := _FENCE.match(line):
            fence = "" if fence and opened[1].startswith(fence) else fence or opened[1]
        elif not fence and line.lstrip(" >#*-").startswith(MARK) and not line.startswith(f"--{MARK}"):
            return line
    return ""


@contextmanager
def _secret() -> Iterator[None]:
    """A token in our environment."""
    os.environ["INTERHOST_CONTRACT_TOKEN"] = SECRET
    try:
        yield
    finally:
        os.environ.pop("INTERHOST_CONTRACT_TOKEN", None)
