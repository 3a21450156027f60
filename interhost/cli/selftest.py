"""Run the conformance cases of the interbase interface against an implementation; ours when none is named.

Each call is made in a process of its own, with stand-ins for the programs. Exits 1 when a case fails. The cases are
data, for other languages to use: docs/conformance.md.

  interhost interbase selftest
  interhost interbase selftest --bash ~/.intermod/interbase/interbase.sh
  interhost interbase selftest --python my_interbase --case 'in_sprint/*' --case get_bead/set
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from interhost.cli.output import note, print_json, print_table, wants_table
from interhost.shells.libraries import packaged_file

TYPE_CHECKING = False  # the other actions of 'interhost interbase' do not pay for the runner
if TYPE_CHECKING:
    from interhost.interbase.conformance.run import Implementation, Outcome

_SHOWN = {"pass": "ok", "fail": "FAIL", "skip": "-"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The action's own options."""
    parser.add_argument("--bash", action="append", default=[], metavar="FILE", help="this shell library; repeatable")
    parser.add_argument("--python", action="append", default=[], metavar="MODULE", help="this module; repeatable")
    parser.add_argument("--case", action="append", default=[], metavar="NAME|GLOB", help="only these; repeatable")


def run(args: argparse.Namespace) -> int:
    """Run the cases; 1 when one fails."""
    from interhost.interbase.conformance.cases import choose, read_cases
    from interhost.interbase.conformance.run import Implementation, run_cases

    implementations = [Implementation("bash", file) for file in args.bash]
    implementations += [Implementation("python", module) for module in args.python]
    if not implementations:
        library = str(packaged_file("interbase", "interbase.sh"))
        implementations = [Implementation("bash", library), Implementation("python", "interhost.interbase")]
    implementations = list(dict.fromkeys(implementations))
    found: list[Outcome] = []
    for outcome in run_cases(choose(read_cases(), args.case), implementations):
        found.append(outcome)
        if not wants_table(args):
            print_json(_record(outcome))
    if wants_table(args):
        _tabulate(found, implementations)
    count = {kind: sum(one.result == kind for one in found) for kind in _SHOWN}
    skipped = f", {count['skip']} not for that language" if count["skip"] else ""
    note(f"{count['pass']} passed, {count['fail']} failed{skipped}")
    return 1 if count["fail"] else 0


def _record(outcome: Outcome) -> dict[str, object]:
    return {
        "case": outcome.case.name,
        "says": outcome.case.says,
        "beyond": outcome.case.beyond,
        "language": outcome.implementation.language,
        "implementation": outcome.implementation.name,
        "result": outcome.result,
        "why": outcome.why,
        "seconds": round(outcome.seconds, 3),
    }


def _tabulate(found: Iterable[Outcome], implementations: list[Implementation]) -> None:
    """A line for each case, a column for each implementation, and a line of its own for each that failed."""
    results: dict[str, dict[Implementation, Outcome]] = {}
    for outcome in found:
        results.setdefault(outcome.case.name, {})[outcome.implementation] = outcome
    names = [one.language if len(implementations) < 3 else one.name for one in implementations]
    print_table(
        ("CASE", *(name.upper() for name in names), "SAYS"),
        [
            (name, *(_SHOWN[ended[one].result] for one in implementations), ended[implementations[0]].case.says)
            for name, ended in results.items()
        ],
    )
    for name, ended in results.items():
        for one, outcome in ended.items():
            if outcome.result == "fail":
                note(f"{name}: {one.language} {one.name}: {outcome.why}")
