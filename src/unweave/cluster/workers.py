"""The workers of a run: on which cluster, how many, with what each. The command line takes its
options from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from unweave.cluster import session
from unweave.errors import OptionName, UsageError
from unweave.options import check, option
from unweave.request import Execution

MOST_CPUS = 4  # of an actor, unless it is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Ray's actors. Raises UsageError for a wrong value.

    gpus_per_actor: None: one where there are cards, unless the request is for the CPU. ahead: rows
    that one has at a time; it separates one of them, while others are fetched or uploaded.
    """

    ray: str = option(
        session.AUTO,
        "HOST:PORT of a cluster of Ray; local: one of this machine; auto: what RAY_ADDRESS names, "
        "else local",
    )
    actors: int | None = option(None, "workers", at_least=1, unset="all that fit")
    cpus_per_actor: int | None = option(
        None, "processors of each worker", at_least=1, unset="up to four"
    )
    gpus_per_actor: float | None = option(
        None, "cards of each worker, or a share of one", at_least=0, unset="one, if there are any"
    )
    price_per_hour: float | None = option(
        None, "what a worker costs an hour", at_least=0, unset="not known"
    )
    ahead: int = 3

    def __post_init__(self) -> None:
        check(self, owner="")
        gpus = self.gpus_per_actor
        if gpus is not None and 1 < gpus != int(gpus):
            raise UsageError(
                OptionName("gpus_per_actor"),
                f" is a share below 1, or a whole number; got {gpus:g}",
            )

    def on(self, found: session.Cluster, execution: Execution) -> tuple[int, int, float]:
        """How many actors, the processors of each, the cards of each.

        Raises UsageError for more cards than there are, where no number of actors says that the
        cluster will grow.
        """
        gpus = self.gpus_per_actor
        if gpus is None:
            gpus = float(found.gpus > 0 and execution.device != "cpu")
        if gpus > found.gpus and self.actors is None:
            raise UsageError(
                f"the cluster has {found.gpus} graphics cards, and an actor takes {gpus:g}; for a "
                "cluster that grows give ",
                OptionName("actors"),
            )
        room = math.floor(found.gpus / gpus + 1e-9) if gpus else found.cpus
        most = max(1, found.cpus // room) if gpus and room else found.cpus
        cpus = self.cpus_per_actor or max(1, min(MOST_CPUS, most))
        return self.actors or max(1, min(room, found.cpus // cpus)), cpus, gpus


USUAL = Workers()
