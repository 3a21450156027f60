"""Show who is installed, and who would gain what from whom.

What a module gains stands in its manifest. The state says whether the plugin is installed and enabled here: installed,
disabled, missing, or unknown where Claude Code's own files do not tell. Exits 1 when there is nothing to show.

  interhost companions --installed
  interhost companions --json | jq -r 'select(.state == "installed") | .name'
  interhost companions --mermaid > companions.mmd
  interhost companions --svg > companions.svg
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from interhost.cli.diagram import Arrow, Node, dot, mermaid
from interhost.cli.opening import working_directory
from interhost.cli.output import note, print_json, print_table, wants_table
from interhost.manifests.companions import Companions, Module, read_companions


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--installed", action="store_true", help="only what installed modules gain or could gain")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="NDJSON, also on a terminal")
    form.add_argument("--table", action="store_true", help="for people, also in a pipe")
    form.add_argument("--mermaid", action="store_true", help="a graph for Mermaid")
    form.add_argument("--dot", action="store_true", help="a graph for Graphviz")
    form.add_argument("--svg", action="store_true", help="a drawing")


def run(args: argparse.Namespace) -> int:
    """Show; 1 when there is nothing to show."""
    found = read_companions(dict(os.environ), Path.home(), working_directory())
    for problem in found.problems:
        note(problem)
    shown = [one for one in found.modules.values() if one.state == "installed" or not args.installed]
    if not shown:
        note("none of the known modules is installed here")
        return 1
    if args.svg:
        from interhost.report.graph import draw_companions
        from interhost.report.markup import to_svg

        print(to_svg(draw_companions(shown, found)))
    elif args.mermaid or args.dot:
        _draw(args, shown, found.modules)
    elif wants_table(args):
        _tabulate(shown, found.modules)
    else:
        for module in shown:
            print_json(to_record(module, found))
    return 0


def to_record(module: Module, found: Companions) -> dict[str, object]:
    """A module as JSON, with the state of everyone that it gains from."""
    manifest = module.manifest
    return {
        "name": module.name,
        "state": module.state,
        "why": module.why,
        "version": module.version,
        "path": str(module.path) if module.path else None,
        "manifest": str(manifest.path) if manifest else None,
        "ecosystem_only": manifest.ecosystem_only if manifest else None,
        "gains": [{**gain._asdict(), "state": found.modules[gain.companion].state} for gain in module.gains],
    }


def _tabulate(shown: Iterable[Module], modules: Mapping[str, Module]) -> None:
    rows: list[tuple[str, ...]] = []
    for module in shown:
        rows += [
            (module.name, module.state, gain.companion, modules[gain.companion].state, gain.kind, gain.benefit)
            for gain in module.gains
        ]
        if not module.gains and (module.manifest or module.state != "missing"):
            rows.append((module.name, module.state, "", "", "", ""))
    print_table(("MODULE", "STATE", "COMPANION", "STATE", "KIND", "GAINS"), rows)


def _draw(args: argparse.Namespace, shown: Iterable[Module], modules: Mapping[str, Module]) -> None:
    pairs = [(module, gain) for module in shown for gain in module.gains]
    names = sorted({*(module.name for module in shown), *(gain.companion for _, gain in pairs)})
    number = {name: index for index, name in enumerate(names)}
    nodes = [Node(name, modules[name].state == "installed") for name in names]
    arrows = [
        Arrow(number[module.name], number[gain.companion], gain.benefit, gain.kind != "recommended")
        for module, gain in pairs
    ]
    for line in (mermaid if args.mermaid else dot)(nodes, arrows):
        print(line)
