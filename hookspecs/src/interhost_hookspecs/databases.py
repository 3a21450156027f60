"""SQLite databases of other programs: read beside their writers, without changing anything or leaving a file behind."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from interhost_hookspecs.files import signature

_ROWS = 10_000
_LONGEST = 1 << 20
# A stranger's database may hold a view that never ends.
_STEPS = 2_000_000


def sign_database(path: Path) -> str:
    """What is another text once somebody wrote into a database, without opening it; blank when it is gone."""
    return f"{signature(path)} {signature(_log(path))}"


def read_rows(path: Path, query: str, *values: object) -> list[dict[str, Any]] | None:
    """The rows of an answer by the names of its columns, at most 10,000; no value is longer than 1 MiB.

    What is no UTF-8 in a text is replaced.

    Args:
        path: The database.
        query: The question, with ``?`` for each value.
        values: The values.

    Returns:
        The rows; none where the table was never made, and ``None`` when the database cannot be read.
    """
    import sqlite3  # 5 ms, and only when a database changed

    try:
        # A log with something in it has to be read, too. Without one, "immutable" keeps SQLite from making one.
        log = _log(path)
        mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=0.5)) as database:
            database.set_progress_handler(lambda: 1, _STEPS)
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            answer = database.execute(query, values)
            names = [column[0] for column in answer.description or ()]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchmany(_ROWS)]
    except sqlite3.Error as error:
        return [] if str(error).startswith("no such table") else None
    except (OSError, ValueError):
        return None


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
