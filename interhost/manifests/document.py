"""Reading one JSON file of somebody else: whatever is wrong with it becomes one line that names it."""

from __future__ import annotations

import json
import os
import stat

from interhost.errors import InputError

TYPE_CHECKING = False  # read by every command that lists adapters; pathlib and typing cost it 8 ms
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


class AbsentError(InputError):
    """There is no such file, which is often no mistake."""


def read_json(path: str | Path) -> Any:
    """The content of a JSON file.

    Raises:
        AbsentError: It is not there; names the path.
        InputError: It is no file, not readable, or not JSON; names the path.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would keep us waiting
            raise InputError(f"{path}: not a file")
        with open(path, "rb") as file:
            return json.loads(file.read())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AbsentError(f"{path}: {error.strerror}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{path}: not JSON: nested too deeply") from None
