"""A module's ``integration.json``: what it can do alone, what it gains from others, and whom it goes well with.

Three shapes are in the wild: companions only, companions with a few facts, and everything. So every key is optional,
what has a wrong shape is left out with a warning, and keys that nobody here knows are kept. Only a file that is no
JSON object is refused. Source: PRD feature F2; reference/manifests.md sections 1 to 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from interhost.errors import InputError
from interhost.manifests.document import read_json

PRD_KEYS = (
    "ecosystem",
    "interbase_min_version",
    "ecosystem_only",
    "standalone_features",
    "integrated_features",
    "companions",
)
"""The keys of the specification; a manifest that a plugin brings counts for these and no others."""
_OURS = (*PRD_KEYS, "name", "interbus")


class Feature(NamedTuple):
    """Something that a module can do only with others.

    Attributes:
        feature: What it is, in words.
        requires: Modules or tools it needs; not every one is a plugin.
        more: Keys that are not ours.
    """

    feature: str
    requires: tuple[str, ...]
    more: Mapping[str, Any]


class Manifest(NamedTuple):
    """What a module says about itself.

    Attributes:
        name: The module.
        path: The file.
        ecosystem: Where it belongs, such as ``interverse``.
        interbase_min_version: Shown to people, and enforced by nobody.
        ecosystem_only: Whether it is installed with its ecosystem and not on its own.
        standalone_features: What it does alone.
        integrated_features: What it does with others.
        recommended: Companions it works clearly better with; each once, none of them also optional.
        optional: Companions it can make use of.
        interbus: The section as it stands; :func:`interhost.manifests.interbus.read_interbus` understands it.
        more: Keys that are not ours.
        stated: Keys of the specification that the file has in a usable shape.
        warnings: What was left out, each with file and key.
    """

    name: str
    path: Path
    ecosystem: str | None
    interbase_min_version: str | None
    ecosystem_only: bool
    standalone_features: tuple[str, ...]
    integrated_features: tuple[Feature, ...]
    recommended: tuple[str, ...]
    optional: tuple[str, ...]
    interbus: object
    more: Mapping[str, Any]
    stated: frozenset[str]
    warnings: tuple[str, ...]


class Listing(NamedTuple):
    """The manifests of one folder.

    Attributes:
        manifests: By module, in name order.
        problems: One line for each file that was skipped.
    """

    manifests: Mapping[str, Manifest]
    problems: tuple[str, ...]


def list_manifests(folder: Path) -> Listing:
    """Every ``<module>.json`` of a folder; schemas are not manifests, and a broken file is skipped and reported."""
    manifests: dict[str, Manifest] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.json")):
        if path.name.endswith(".schema.json"):
            continue
        try:
            manifest = read_manifest(path, path.stem)
        except InputError as error:
            problems.append(str(error))
        else:
            manifests[manifest.name] = manifest
    return Listing(dict(sorted(manifests.items())), tuple(problems))


def read_manifest(path: Path, module: str = "") -> Manifest:
    """Read a manifest.

    Args:
        path: The file.
        module: Whose it is, where that is known. Left out, its own ``name`` counts, then that in the ``plugin.json``
            beside it, then the folder.

    Raises:
        InputError: The file is missing, no JSON or no object; names the path.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f"{path}: not a JSON object")
    return _Reader(path, document).manifest(module)


def override(base: Manifest, installed: Manifest) -> Manifest:
    """What a plugin says itself, over what is known of it.

    Only what the plugin states counts, and only for the keys of the specification: its ``interbus`` section, if it
    has one, is not the adapter's.
    """
    fields = {key: getattr(installed, key) for key in PRD_KEYS if key in installed.stated and key != "companions"}
    if "companions" in installed.stated:
        fields.update(recommended=installed.recommended, optional=installed.optional)
    return base._replace(
        path=installed.path,
        **fields,
        more={**base.more, **installed.more},
        stated=base.stated | installed.stated,
        warnings=(*base.warnings, *installed.warnings),
    )


class _Reader:
    """One file, and what is wrong with it."""

    def __init__(self, path: Path, document: Mapping[str, Any]) -> None:
        self._path = path
        self._document = document
        self._stated: set[str] = set()
        self._warnings: list[str] = []

    def manifest(self, module: str) -> Manifest:
        """All of it; what has a wrong shape is left out."""
        recommended, optional = self._companions()
        return Manifest(
            name=self._name(module),
            path=self._path,
            ecosystem=self._text("ecosystem"),
            interbase_min_version=self._text("interbase_min_version"),
            ecosystem_only=self._ecosystem_only(),
            standalone_features=tuple(
                text for key, value in self._items("standalone_features") if (text := self._words(key, value))
            ),
            integrated_features=tuple(
                feature for key, value in self._items("integrated_features") if (feature := self._feature(key, value))
            ),
            recommended=recommended,
            optional=optional,
            interbus=self._document.get("interbus"),
            more={key: value for key, value in self._document.items() if key not in _OURS},
            stated=frozenset(self._stated),
            warnings=tuple(self._warnings),
        )

    def _warn(self, key: str, expected: str, value: object) -> None:
        self._warnings.append(f"{self._path}: key '{key}': expected {expected}, got {_short(value)}; left out")

    def _name(self, module: str) -> str:
        stated = self._words("name", self._document["name"]) if "name" in self._document else ""
        if module:
            if stated and _lower(stated) != _lower(module):
                self._warnings.append(f"{self._path}: key 'name': {_short(stated)} is the manifest of {_short(module)}")
            return _lower(module)
        return _lower(stated or _plugin_name(self._path.parent) or _folder_name(self._path))

    def _text(self, key: str) -> str | None:
        if key not in self._document:
            return None
        value = self._document[key]
        if value is not None and not isinstance(value, str):
            self._warn(key, "text", value)
            return None
        self._stated.add(key)
        return value

    def _ecosystem_only(self) -> bool:
        value = self._document.get("ecosystem_only", False)
        if not isinstance(value, bool):
            self._warn("ecosystem_only", "true or false", value)
            return False
        if "ecosystem_only" in self._document:
            self._stated.add("ecosystem_only")
        return value

    def _items(self, key: str) -> Iterator[tuple[str, object]]:
        """Each with its place; nothing where the key is missing or no list."""
        values = self._document.get(key, [])
        if not isinstance(values, list):
            self._warn(key, "a list", values)
            return
        if key in self._document:
            self._stated.add(key)
        yield from ((f"{key}[{index}]", value) for index, value in enumerate(values))

    def _words(self, key: str, value: object) -> str:
        if isinstance(value, str) and value.strip():
            return value.strip()
        self._warn(key, "text", value)
        return ""

    def _feature(self, key: str, value: object) -> Feature | None:
        if not isinstance(value, dict):
            self._warn(key, "an object", value)
            return None
        text = self._words(f"{key}.feature", value.get("feature"))
        if not text:
            return None
        requires = value.get("requires", [])
        names = self._names(f"{key}.requires", [requires] if isinstance(requires, str) else requires)
        return Feature(text, names, {key: one for key, one in value.items() if key not in ("feature", "requires")})

    def _companions(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        companions = self._document.get("companions", {})
        if not isinstance(companions, dict):
            self._warn("companions", "an object", companions)
            return (), ()
        if "companions" in self._document:
            self._stated.add("companions")
        recommended = self._names("companions.recommended", companions.get("recommended", []))
        optional = self._names("companions.optional", companions.get("optional", []))
        return recommended, tuple(name for name in optional if name not in recommended)

    def _names(self, key: str, values: object) -> tuple[str, ...]:
        """Names of modules, each once, in order."""
        if not isinstance(values, list):
            self._warn(key, "a list of names", values)
            return ()
        words = (self._words(f"{key}[{index}]", value) for index, value in enumerate(values))
        return tuple(dict.fromkeys(_lower(word) for word in words if word))


def _lower(name: str) -> str:
    """A plugin's name is lower-case; the repository that it comes from may be called ``Clavain``."""
    return name.lower()


def _plugin_name(folder: Path) -> str:
    try:
        plugin = read_json(folder / "plugin.json")
    except InputError:
        return ""
    name = plugin.get("name") if isinstance(plugin, dict) else None
    return name.strip() if isinstance(name, str) else ""


def _folder_name(path: Path) -> str:
    """``interflux`` for ``interflux/.claude-plugin/integration.json`` and for ``interflux.json``."""
    if path.name != "integration.json":
        return path.stem
    folder = path.absolute().parent
    return folder.parent.name if folder.name == ".claude-plugin" else folder.name


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
