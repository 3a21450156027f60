"""Checks of the manifest against the source, all modules of the package, read and not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interhost_hookspecs.catalogue import CATALOGUE
from interhost_hookspecs.contract_checks.imports import list_imports, list_top_imports
from interhost_hookspecs.contract_checks.making import list_made
from interhost_hookspecs.contract_checks.settings import list_reads, list_strings
from interhost_hookspecs.contract_checks.subject import Subject

HEAVY = frozenset(
    {
        *("asyncio", "concurrent.futures", "email", "hashlib", "http.client", "http.server", "importlib.metadata"),
        *("multiprocessing", "sqlite3", "ssl", "subprocess", "unittest", "urllib.request", "xml"),
    }
)
"""Modules of the standard library that cost several milliseconds each; a hook that waits pays for every one.

Source: style, "Start-up, measured".
"""

TYPES: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
"""What a setting's ``type`` may be, and what its value is then."""


def produces_what_it_makes(subject: Subject) -> Iterator[str]:
    """``produces`` names the payload classes and intents that the source makes, and no other."""
    made, stated = list_made(subject.modules.values()), set(subject.list_names("produces"))
    for intent in sorted(made - stated):
        yield f"the source makes {intent}, but 'interbus.produces' does not name it"
    for intent in sorted(stated - made):
        known = CATALOGUE.get(intent.partition("@")[0])
        what = f"makes a {known.__name__}" if known else "names it"
        yield f"'interbus.produces' names {intent}, but nothing in {subject.package} {what}; take the line away"


def reads_its_settings(subject: Subject) -> Iterator[str]:
    """Each setting has a type, a default of that type and a line for people, and is read; no other is read."""
    for name, row in subject.settings.items():
        kinds = TYPES.get(str(row.get("type")))
        if kinds is None:
            yield f"setting {name!r}: type {row.get('type')!r}; expected one of {', '.join(TYPES)}"
        elif "default" not in row:
            yield f"setting {name!r} has no default; state what holds when the user says nothing"
        elif not is_of(row["default"], kinds):
            yield f"setting {name!r}: default {row['default']!r} is no {row['type']}"
        doc = row.get("doc")
        if not isinstance(doc, str) or not doc.strip() or "\n" in doc:
            yield f"setting {name!r} has no 'doc'; say in one line what it changes"
    sources = [*subject.modules.values(), *subject.tools.values()]
    reads = [read for tree in sources for read in list_reads(tree)]
    read = {one.name for one in reads if one.name is not None}
    if any(one.name is None for one in reads):  # a name that is put together: any text of the source may be meant
        read |= {text for tree in subject.modules.values() for text in list_strings(tree)} & set(subject.settings)
    for name in sorted(set(subject.settings) - read):
        yield f"setting {name!r} is in the manifest, but nothing in {subject.package} asks ctx.config for it"
    for name in sorted(read - set(subject.settings)):
        yield f"the source reads the setting {name!r}; add it to 'interbus.settings' with type, default and doc"


def keeps_off_what_is_off(subject: Subject) -> Iterator[str]:
    """A switch has, read from an empty configuration, its default; and nothing but ``true`` turns it on."""
    for module, tree in subject.modules.items():
        for read in list_reads(tree):
            row = subject.settings.get(read.name or "", {})
            if row.get("type") != "boolean":
                continue
            place = f"{module}, line {read.line}: setting {read.name!r}"
            if not read.is_strict:
                yield f"{place} is on for any text in config.toml, 'no' too; compare with 'is True'"
            if (read.default is True) != (row.get("default") is True):
                yield f"{place} is {read.default!r} when it is not set, the manifest says {row.get('default')!r}"


def imports_nothing_of_the_host(subject: Subject) -> Iterator[str]:
    """It depends on the hook specifications, and on no host."""
    for module, tree in subject.modules.items():
        for name, line in list_imports(tree):
            if name.partition(".")[0] == "interhost":
                yield f"{module}, line {line}: imports {name}; what an adapter needs is in interhost_hookspecs"


def answers_without_heavy_imports(subject: Subject) -> Iterator[str]:
    """Where Claude Code waits for it, what it imports at the top is light."""
    if subject.section.get("answers") is not True:
        return
    seen, waiting = set[str](), [subject.package, subject.adapter.__name__]
    while waiting:
        module = waiting.pop()
        if module in seen or module not in subject.modules:
            continue
        seen.add(module)
        for name, line in list_top_imports(subject.modules[module]):
            heavy = next((one for one in sorted(HEAVY) if name == one or name.startswith(f"{one}.")), None)
            if heavy:
                yield f"{module}, line {line}: imports {heavy} while Claude Code waits; import it inside the function"
            waiting += [name, name.rpartition(".")[0]]


def is_of(value: object, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of a setting's type; true and false are no numbers."""
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
