"""How many workers there are, and with what each."""

import pytest

from unweave.cluster.session import Cluster
from unweave.cluster.workers import Workers
from unweave.errors import UsageError
from unweave.request import Execution


@pytest.mark.parametrize(
    ("workers", "cluster", "expected"),
    [
        (Workers(), Cluster(16, 0, 1), (4, 4, 0.0)),
        (Workers(), Cluster(2, 0, 1), (1, 2, 0.0)),
        (Workers(cpus_per_actor=1), Cluster(2, 0, 1), (2, 1, 0.0)),
        (Workers(actors=100), Cluster(2, 0, 1), (100, 2, 0.0)),
        (Workers(), Cluster(16, 2, 1), (2, 4, 1.0)),
        (Workers(gpus_per_actor=0.5), Cluster(16, 2, 1), (4, 4, 0.5)),
        (Workers(gpus_per_actor=0.0), Cluster(16, 2, 1), (4, 4, 0.0)),
        (Workers(actors=9, gpus_per_actor=1.0), Cluster(4, 0, 1), (9, 4, 1.0)),
    ],
)
def test_workers_fill_the_cluster(workers, cluster, expected):
    assert workers.on(cluster, Execution()) == expected


def test_workers_that_cannot_be(tmp_path):
    for wrong in (
        {"actors": 0},
        {"cpus_per_actor": 0},
        {"gpus_per_actor": -1.0},
        {"gpus_per_actor": 1.5},
    ):
        with pytest.raises(UsageError):
            Workers(**wrong)
    with pytest.raises(UsageError, match="0 graphics cards"):
        Workers(gpus_per_actor=1.0).on(Cluster(4, 0, 1), Execution())
    assert Workers().on(Cluster(8, 1, 1), Execution(device="cpu"))[2] == 0.0
