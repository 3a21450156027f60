"""List the installed adapters: what each consumes, produces and watches, and what is wrong with it.

Nothing of an adapter is imported to list it. An adapter that failed when a host last loaded it is shown as failed.

  interhost list
  interhost list --json | jq -r 'select(.problem != "") | .name'
"""

from __future__ import annotations

import os

from interhost.bus.problem_mark import is_marked
from interhost.bus.state import root_path
from interhost.cli.opening import COMMAND_DEADLINE, add_adapter_options, read_config
from interhost.cli.output import add_format_options, note, print_json, print_table, wants_table
from interhost.host.registry import list_adapters

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from interhost.host.config import Config
    from interhost.host.registry import AdapterEntry


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_adapter_options(parser)
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """List; 1 when there is none."""
    config, failures = read_config(args), _failures()
    records = [_record(entry, config, failures) for entry in list_adapters()]
    if wants_table(args):
        print_table(
            ("ADAPTER", "VERSION", "STATE", "CONSUMES", "PRODUCES", "PROBLEM"),
            [
                (
                    one["name"],
                    one["version"],
                    one["state"],
                    ", ".join(map(str, _list(one["consumes"]))),
                    ", ".join(map(str, _list(one["produces"]))),
                    one["problem"],
                )
                for one in records
            ],
        )
    else:
        for record in records:
            print_json(record)
    if not records:
        note("no adapter is installed; adapters are distributions such as interhost-interphase")
    return 0 if records else 1


def _record(entry: AdapterEntry, config: Config, failures: Mapping[str, str]) -> dict[str, object]:
    problem = entry.problem or failures.get(entry.name, "")
    offer = entry.interbus
    return {
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "state": "disabled" if not config.is_enabled(entry.name) else "failed" if problem else "enabled",
        "consumes": offer.consumes if offer else (),
        "produces": offer.produces if offer else (),
        "observes": {"hooks": offer.hooks, "files": offer.files} if offer else {},
        "problem": problem,
    }


def _failures() -> dict[str, str]:
    """What a host last recorded; where it has found nothing wrong, the database stays closed, which saves 13 ms."""
    root = root_path(os.environ)
    if not is_marked(root) or not os.path.exists(f"{root}/bus.db"):  # listing creates no state
        return {}
    from pathlib import Path

    from interhost.bus.database import Database
    from interhost.bus.store import HostStore

    database = Database(Path(root), deadline=COMMAND_DEADLINE)
    try:
        return {one.adapter: f"{one.stage}: {one.reason}" for one in HostStore(database).problems()}
    finally:
        database.close()


def _list(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()
