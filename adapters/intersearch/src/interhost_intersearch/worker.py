"""One job for intersearch, run by intersearch's own interpreter; never imported by the adapter.

Reads the job as JSON from standard input, and writes the answer as JSON to standard output::

    {"root": "/repo", "model": "m", "embed": "text", "index": ["a.md"], "gone": ["b.md"]}
    {"vector": [0.1, …], "indexed": 1, "unchanged": 0, "failed": 0, "removed": 1}

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
    files = {name: data for name in job["index"] if (data := _read(Path(job["root"], name))) is not None}
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    stale = store.stale_paths([{"path": name, "sha256": digest} for name, digest in digests.items()])
    counts = {"indexed": 0, "unchanged": len(files) - len(stale), "failed": 0}
    for name in stale:
        try:
            store.index_file(name, files[name].decode("utf-8", "replace"), digests[name])
            counts["indexed"] += 1
        except Exception as error:  # whatever one file does to the model, the others are indexed
            print(f"{name}: {error}", file=sys.stderr)
            counts["failed"] += 1
    return counts | {"removed": sum(bool(store.invalidate(name)) for name in job["gone"])}


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # it went away
        return None


if __name__ == "__main__":
    output, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    json.dump(work(json.load(sys.stdin)), output)
