"""Put tables into ``docs/performance.md``: ``make bench > bench.txt; python3 -m benchmarks.record bench.txt``.

Each stands there between ``<!-- benchmark NAME -->`` and ``<!-- end -->``; those that were not run stay as they are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

_PAGE = Path("docs/performance.md")
_HEAD = re.compile(r"^(\d{4}-\d\d-\d\d, .*)\n(.*)\n\n## ", re.MULTILINE)
_SECTION = re.compile(r"^## (?P<name>\w+) \((?P<took>[^)]*)\)\n\n.*\n\n(?P<table>(?:\|.*\n)+)", re.MULTILINE)
_PLACE = re.compile(r"<!-- benchmark (?P<name>\w+) -->\n.*?<!-- end -->", re.DOTALL)


def main(argv: Sequence[str]) -> int:
    """Record; 1 when the page has no place for one of the tables."""
    (output,) = argv
    text = Path(output).read_text("utf-8")
    if (head := _HEAD.search(text)) is None:
        print(f"{output} is no output of the benchmarks", file=sys.stderr)
        return 1
    tables = {
        found["name"]: f"Measured on {head[1]}; {head[2]}; {found['took']}.\n\n{found['table']}"
        for found in _SECTION.finditer(text)
    }
    page = _PAGE.read_text("utf-8")
    places = {found["name"] for found in _PLACE.finditer(page)}

    def replace(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- benchmark {name} -->\n{tables[name]}<!-- end -->" if name in tables else found[0]

    _PAGE.write_text(_PLACE.sub(replace, page), "utf-8")
    for name in sorted(tables.keys() - places):
        print(f"{_PAGE} has no place for {name}", file=sys.stderr)
    return 0 if tables.keys() <= places else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
