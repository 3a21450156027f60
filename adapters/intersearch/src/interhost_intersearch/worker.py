"""One job for intersearch, run by intersearch's own interpreter; never imported by the adapter.

Reads the job as JSON from standard input, and writes the answer as JSON to standard output::

    {"root": "/repo", "model": "m", "embed": "text", "index": ["a.md"], "gone": ["b.md"]}
    {"vector": [0.1, …], "indexed": 1, "failed": 0, "removed": 1}

The model is named at every call, because intersearch deletes all embeddings of another one.

Source: ``reference/modules/intersearch.md`` sections 3.2 and 3.5.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Do what a job asks for."""
    answer: dict[str, Any] = {}
    if job.get("embed"):
        client = import_module("intersearch.embeddings").EmbeddingClient(job["model"])
        answer["vector"] = [float(number) for number in client.embed(job["embed"])]
    if job.get("index") or job.get("gone"):
        store = import_module("intersearch.store").EmbeddingStore(job["root"], model_name=job["model"])
        try:
            answer |= _keep(store, job)
        finally:
            store.close()
    return answer


def _keep(store: Any, job: dict[str, Any]) -> dict[str, int]:
    counts = {"indexed": 0, "failed": 0}
    for name in job["index"]:
        try:
            data = Path(job["root"], name).read_bytes()
            store.index_file(name, data.decode("utf-8", "replace"), sha256(data).hexdigest())
            counts["indexed"] += 1
        except Exception as error:  # whatever is wrong with one file, the others are indexed
            print(f"{name}: {error}", file=sys.stderr)
            counts["failed"] += 1
    return counts | {"removed": sum(bool(store.invalidate(name)) for name in job["gone"])}


if __name__ == "__main__":
    output, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    json.dump(work(json.load(sys.stdin)), output)
