"""What is looked at: an adapter's module, its manifest and its source."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import ModuleType

from attrs import define
from pluggy import PluginManager

import interhost_hookspecs
from interhost_hookspecs.contract import register_adapter
from interhost_hookspecs.contract_checks.imports import list_imports
from interhost_hookspecs.testing.manifest import find_package, read_manifest, table


@define(slots=False)
class Subject:
    """An adapter, as the checks look at it.

    Attributes:
        adapter: Its module with the hooks.
        package: Name of its top package.
        folder: Where that lies.
        manifest: Its ``integration.json``.
    """

    adapter: ModuleType
    package: str
    folder: Path
    manifest: Mapping[str, object]

    @property
    def name(self) -> str:
        """The name in the manifest; empty when there is none."""
        name = self.manifest.get("name")
        return name if isinstance(name, str) else ""

    @cached_property
    def section(self) -> Mapping[str, object]:
        """The manifest's ``interbus``; empty when it is no object."""
        return table(self.manifest.get("interbus"))

    @property
    def observes(self) -> Mapping[str, object]:
        """``interbus.observes``."""
        return table(self.section.get("observes"))

    @property
    def settings(self) -> dict[str, Mapping[str, object]]:
        """``interbus.settings``, by name."""
        return {name: table(row) for name, row in table(self.section.get("settings")).items()}

    @cached_property
    def manager(self) -> PluginManager:
        """The adapter, registered as the host does it."""
        return register_adapter(self.adapter, self.name or "adapter")

    @cached_property
    def hooks(self) -> frozenset[str]:
        """The hooks that it implements."""
        return frozenset(caller.name for caller in self.manager.get_hookcallers(self.adapter) or [])

    @cached_property
    def modules(self) -> dict[str, ast.Module]:
        """Every module of its package, by its full name."""
        return {
            ".".join((self.package, *_parts(path.relative_to(self.folder)))): ast.parse(path.read_bytes(), str(path))
            for path in sorted(self.folder.rglob("*.py"))
        }

    @cached_property
    def tools(self) -> dict[str, ast.Module]:
        """The modules of the hook specifications that it uses, such as ``interhost_hookspecs.sessions``.

        Those that it imports from, and those that these import from: what they read, it has to declare.
        """
        home, prefix = Path(interhost_hookspecs.__file__).parent, interhost_hookspecs.__name__
        known = {f"{prefix}.{path.stem}": ast.parse(path.read_bytes()) for path in sorted(home.glob("*.py"))}
        used, waiting = dict[str, ast.Module](), list(self.modules.values())
        while waiting:
            imported = [name for name, _ in list_imports(waiting.pop())]
            for module in known.keys() - used.keys():
                if any(name.startswith(f"{module}.") for name in imported):
                    used[module] = known[module]
                    waiting.append(known[module])
        return used

    def list_names(self, key: str) -> list[str]:
        """The texts of a list in the section, such as ``consumes`` or ``observes.hooks``; nothing where none is."""
        table = self.observes if key.startswith("observes.") else self.section
        values = table.get(key.rpartition(".")[2])
        return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def read_subject(adapter: ModuleType) -> Subject:
    """Find an adapter's package and read its manifest.

    Raises:
        AssertionError: It has none that can be read.
    """
    return Subject(adapter, adapter.__name__.partition(".")[0], find_package(adapter), read_manifest(adapter))


def _parts(path: Path) -> tuple[str, ...]:
    return path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts
