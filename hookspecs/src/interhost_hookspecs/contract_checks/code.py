"""Checks of the manifest against the source, all modules of the package, read and not run."""

from __future__ import annotations

from collections.abc import Iterator

from interhost_hookspecs.catalogue import CATALOGUE
from interhost_hookspecs.contract_checks.imports import list_imports, list_top_imports
from interhost_hookspecs.contract_checks.making import list_made
from interhost_hookspecs.contract_checks.settings import list_reads, list_strings
from interhost_hookspecs.contract_checks.subject import Subject
from interhost_hookspecs.settings import TYPES, describe, fits

HEAVY = frozenset(
    {
        *("asyncio", "concurrent.futures", "email", "hashlib", "http.client", "http.server", "importlib.metadata"),
        *("multiprocessing", "sqlite3", "ssl", "subprocess", "unittest", "urllib.request", "xml"),
    }
)
"""Modules of the standard library that cost several milliseconds each; a hook that waits pays for every one.

Source: style, "Start-up, measured".
"""

ASKED_BY = {
    "is_on": "boolean",
    "text": "string",
    "path": "path",
    "count": "integer",
    "number": "number",
    "texts": "array",
}
"""Method of ``Settings`` to the type that it answers."""


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
    """Each setting is declared in full, and asked for as what it is; no other is asked for."""
    for name, row in subject.settings.items():
        if str(row.get("type")) not in TYPES:
            yield f"setting {name!r}: type {row.get('type')!r}; expected one of {', '.join(TYPES)}"
        elif "default" not in row:
            yield f"setting {name!r} has no default; state what holds when the user says nothing"
        elif not fits(row["default"], row):
            yield f"setting {name!r}: default {row['default']!r} is no {describe(row)}"
        doc = row.get("doc")
        if not isinstance(doc, str) or not doc.strip() or "\n" in doc:
            yield f"setting {name!r} has no 'doc'; say in one line what it changes"
    sources = {**subject.modules, **subject.tools}
    reads = [(module, read) for module, tree in sources.items() for read in list_reads(tree)]
    read = {one.name for _, one in reads if one.name is not None}
    if any(one.name is None for _, one in reads):  # a name that is put together: any text of the source may be meant
        read |= {text for tree in subject.modules.values() for text in list_strings(tree)} & set(subject.settings)
    for name in sorted(set(subject.settings) - read):
        yield f"setting {name!r} is in the manifest, but nothing in {subject.package} asks ctx.config for it"
    for name in sorted(read - set(subject.settings)):
        yield f"the source asks for the setting {name!r}; add it to 'interbus.settings' with type, default and doc"
    for module, one in reads:
        kind = subject.settings.get(one.name or "", {}).get("type")
        if kind and ASKED_BY.get(one.method, kind) != kind:
            yield f"{module}, line {one.line}: config.{one.method}({one.name!r}), but the manifest says it is a {kind}"


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
