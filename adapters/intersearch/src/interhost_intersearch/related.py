"""What is related to new work, as advice: the nearest files of the project's store.

A document that was indexed is compared by the embedding it has; only for others a model is loaded. How near is near
enough is a policy of this adapter: intersearch has none.

Source: ``reference/modules/intersearch.md`` sections 3.1 and 3.6.
"""

from __future__ import annotations

import math
from array import array
from operator import mul
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, Advice, Intent, Outcome
from interhost_hookspecs.files import read_text, short_name
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line

from interhost_intersearch.engine import EngineError, MissingError, embed, find_interpreter, find_store
from interhost_intersearch.store import Index

_MOST = 3
_TEXT = 8000
_REMEMBERED = 200


def advise_related(intent: Intent[Any], subject: Path | str, ctx: AdapterContext) -> Outcome:
    """Say which files of the project are nearest to a document, or to work that is described.

    Args:
        intent: What it is about.
        subject: The document, or the description.
        ctx: Knows the store.
    """
    if not ctx.config.is_on("related_documents"):
        return Outcome.skipped("related_documents is off")
    try:
        find_interpreter(ctx)
        index, model = find_store(intent.project_dir, ctx)
        name = short_name(subject, index.project) if isinstance(subject, Path) else subject
        vector = index.read_vector(name) if isinstance(subject, Path) else None
        if vector is None:
            text = (read_text(subject) if isinstance(subject, Path) else subject)[:_TEXT]
            if not text.strip():
                return Outcome.skipped(f"there is no text to compare with: {plain_line(name)}")
            vector = embed(text, index, model, ctx)
    except MissingError as error:
        return Outcome.skipped(str(error))
    except EngineError as error:
        return Outcome.failed(str(error))
    found = rank(vector, index, leave_out=name, least=ctx.config.number("least_score"))
    name = plain_line(name)
    return _advise(found, name, intent, ctx) if found else Outcome.skipped(f"nothing in the index is near {name}")


def rank(vector: array[float], index: Index, *, leave_out: str, least: float) -> list[tuple[float, str]]:
    """The nearest files that are still there, with their scores, the nearest first.

    Args:
        vector: What they are compared with.
        index: The store; what it has of another length is of another model.
        leave_out: The path that is not looked for.
        least: The least score, a cosine.
    """
    length = math.hypot(*vector)
    scored = (
        (_dot(vector, other) / (length * math.hypot(*other) or math.inf), path)
        for path, other in index.list_vectors()
        if path != leave_out and len(other) == len(vector)
    )
    near = sorted(((score, path) for score, path in scored if score >= least), reverse=True)
    # intersearch never forgets a file that was deleted.
    there = ((score, path) for score, path in near if path.isprintable() and (index.project / path).is_file())
    return [one for one, _ in zip(there, range(_MOST), strict=False)]


def _dot(one: array[float], other: array[float]) -> float:
    return float(sum(map(mul, one, other)))


def _advise(found: list[tuple[float, str]], name: str, intent: Intent[Any], ctx: AdapterContext) -> Outcome:
    """Say it, unless the same was said of the same."""
    paths, said = [path for _, path in found], recall(ctx, "related")
    key = f"{intent.context_id}:{name}"
    if said.get(key) == paths:
        return Outcome.skipped(f"said before: {', '.join(paths)}")
    keep(ctx, "related", {**said, key: paths}, most=_REMEMBERED)
    listed = ", ".join(f"{path} ({score:.2f})" for score, path in found)
    text = f"Related to {name}, by meaning: {listed}. The scores are intersearch's cosines; 1 is the same."
    ctx.advise(Advice(text=text, context_id=intent.context_id))
    return Outcome.done(f"advised: {', '.join(paths)}")
