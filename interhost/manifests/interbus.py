"""The ``interbus`` section of an adapter's manifest: what the adapter offers, known without importing it.

Read only from the adapter's own package. Source: design section 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from interhost.errors import InputError
from interhost.manifests.document import read_json

TYPE_CHECKING = False  # as in the document's own module
if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "integration.json"
_CONSUMES = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_-]*)?@(0|[1-9][0-9]*)")
_PRODUCES = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_-]*)?@(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")


class InterbusSection(NamedTuple):
    """What an adapter offers.

    Attributes:
        api: Level of the hook specifications it was written for.
        consumes: Intents it wants, as ``name@major``, or ``*``.
        produces: Intents it publishes, as ``name@major.minor``.
        hooks: Claude Code hook events it observes, with an optional ``:Tool|Tool``.
        files: Files and globs it watches; for people.
        answers: Whether it must be loaded inside the hook, because it answers there.
        settings: Keys of its configuration, each with ``type``, ``default`` and ``doc``.
    """

    api: int
    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    hooks: tuple[str, ...]
    files: tuple[str, ...]
    answers: bool
    settings: Mapping[str, Mapping[str, Any]]


def read_interbus(path: str | Path) -> InterbusSection:
    """Read the section from a manifest.

    Raises:
        InputError: The file is missing or broken, or a key has a wrong shape; names file and key.
    """
    manifest = read_json(path)
    section = manifest.get("interbus") if isinstance(manifest, dict) else None
    if not isinstance(section, dict):
        raise InputError(f"{path}: key 'interbus': missing or not an object")
    observes = section.get("observes", {})
    if not isinstance(observes, dict):
        raise InputError(f"{path}: key 'interbus.observes': expected an object")
    api, answers = section.get("api"), section.get("answers", False)
    if not isinstance(api, int) or isinstance(api, bool):
        raise InputError(f"{path}: key 'interbus.api': expected a number, got {api!r}")
    if not isinstance(answers, bool):
        raise InputError(f"{path}: key 'interbus.answers': expected true or false, got {answers!r}")
    settings = section.get("settings", {})
    if not isinstance(settings, dict) or not all(isinstance(value, dict) for value in settings.values()):
        raise InputError(f"{path}: key 'interbus.settings': expected an object of objects")
    return InterbusSection(
        api=api,
        consumes=_names(path, section, "interbus.consumes", _CONSUMES, "name@major, such as review_pass@1"),
        produces=_names(path, section, "interbus.produces", _PRODUCES, "name@major.minor, such as review_pass@1.0"),
        hooks=_names(path, observes, "interbus.observes.hooks", re.compile(r"\S+"), "a hook event"),
        files=_names(path, observes, "interbus.observes.files", re.compile(r".+"), "a path or glob"),
        answers=answers,
        settings=settings,
    )


def _names(path: str | Path, table: Mapping[str, Any], key: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    values = table.get(key.rpartition(".")[2], [])
    if not isinstance(values, list):
        raise InputError(f"{path}: key '{key}': expected a list, got {values!r}")
    for value in values:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise InputError(f"{path}: key '{key}': expected {what}, got {value!r}")
    return tuple(values)
