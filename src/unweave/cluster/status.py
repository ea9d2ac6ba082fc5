"""How a run stands, from the manifest and the log alone: no worker is asked."""

from __future__ import annotations

from typing import Any

from unweave.cluster import log, manifest
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.run import so_far


def status(catalogue: Catalogue) -> dict[str, Any]:
    """Counts of the manifest, and of the run where it was begun. Raises InputError."""
    catalogue.check()
    totals = manifest.totals(catalogue)
    found: dict[str, Any] = {
        "catalogue": catalogue.address,
        "run": catalogue.name,
        "rows": totals.current,
        "broken": totals.broken,
        "bytes": totals.bytes,
        "sound_s": round(totals.duration_s, 3),
        "begun": False,
    }
    begun = catalogue.run()
    if begun is None:
        return found
    states = log.states(catalogue, begun.identity, totals.rows)
    progress = so_far(catalogue, totals, states)
    return {
        **found,
        "begun": True,
        "kind": begun.request.kind,
        "model": begun.request.model,
        "stems": list(begun.request.stems),
        "output": begun.output,
        "done": progress.done,
        "failed": progress.failed,
        "left": progress.left,
        "done_sound_s": round(progress.done_s, 3),
        "failures": dict(log.failures(catalogue, begun.identity, totals.rows)),
    }
