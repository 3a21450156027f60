"""intersearch's Python library, in a process of its own with a deadline.

Its interpreter is the one that ``uv`` made for the plugin. Nothing is installed and nothing is downloaded from here: a
plugin whose server never ran is not there, and neither is a model that was never loaded. A model brings code of its
own, so the process gets no keys.

Source: ``reference/modules/intersearch.md`` sections 3.2, 3.3 and 3.5; how to call it is interlock's way.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext
from interhost_hookspecs.reading import plain_line, read_object

from interhost_intersearch.store import Index, find_index

INTERPRETER = Path(".venv", "bin", "python")
"""The plugin's own interpreter, below its root."""

_WORKER = Path(__file__).with_name("worker.py")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
_SECRETS = ("*KEY*", "*TOKEN*", "*SECRET*", "*PASSWORD*")
# Loading the model takes seconds on a fast machine; one text after that a tenth of one.
_TIMEOUT = 60.0
_TIMEOUT_FILE = 2.0


class MissingError(Exception):
    """intersearch is not installed, or not ready. ``str()`` says in one line what to do."""


class EngineError(Exception):
    """intersearch did not do it. ``str()`` says why in one line."""


def find_interpreter(ctx: AdapterContext) -> Path:
    """The plugin's interpreter.

    Raises:
        MissingError: There is none.
    """
    root = ctx.module_root()
    if root is None:
        raise MissingError("intersearch is not installed")
    if not (root / INTERPRETER).is_file():
        raise MissingError(f"intersearch has no environment yet: run `uv sync` in {plain_line(str(root))}")
    return root / INTERPRETER


def find_store(project: Path | None, ctx: AdapterContext) -> tuple[Index, str]:
    """The store of a project, and the model that it must be used with.

    Raises:
        MissingError: There is no store that can be used.
    """
    index = find_index(project, ctx)
    head = index.read_head() if index else None
    if index is None or head is None:
        raise MissingError("intersearch has no index of this project; its tool embedding_index makes one")
    if not head[0]:
        raise MissingError("the index does not say which model made it")
    return index, head[0]


def embed(text: str, index: Index, model: str, ctx: AdapterContext) -> array[float]:
    """The embedding of a text, by the model of a store.

    Raises:
        MissingError: intersearch is not ready.
        EngineError: It did not answer in time, or with something else.
    """
    vector = _work({"embed": text}, index, model, _TIMEOUT, ctx).get("vector")
    if not isinstance(vector, list) or not all(isinstance(one, float) for one in vector):
        raise EngineError("intersearch answered no embedding")
    return array("f", vector)


def update(
    names: Sequence[str], gone: Sequence[str], index: Index, model: str, ctx: AdapterContext
) -> Mapping[str, int]:
    """Index files that changed, and forget others.

    Args:
        names: Files, by their paths relative to the project.
        gone: Files that the store should not know any more.
        index: The store.
        model: Its model; another one would empty it.
        ctx: Runs the command.

    Returns:
        How many were ``indexed``, ``failed`` and ``removed``.

    Raises:
        MissingError: intersearch is not ready.
        EngineError: It did not answer in time, or with something else.
    """
    job = {"index": list(names), "gone": list(gone)}
    answer = _work(job, index, model, _TIMEOUT + _TIMEOUT_FILE * len(names), ctx)
    counts = {name: answer.get(name) for name in ("indexed", "failed", "removed")}
    if not all(isinstance(count, int) for count in counts.values()):
        raise EngineError("intersearch did not say what it did")
    return {name: int(count or 0) for name, count in counts.items()}


def _work(job: Mapping[str, object], index: Index, model: str, timeout: float, ctx: AdapterContext) -> dict[str, Any]:
    interpreter = find_interpreter(ctx)
    answer = ctx.run(
        [str(interpreter), "-I", str(_WORKER)],
        timeout=timeout,
        cwd=ctx.home,
        stdin=json.dumps({"root": index.spelling, "model": model, **job}),
        env=_OFFLINE,
        drop=_SECRETS,
    )
    if not answer.ok:
        last = answer.stderr.strip().rpartition("\n")[2]
        raise EngineError(f"intersearch: {plain_line(answer.problem or last) or answer.why}")
    return read_object(answer.stdout)
