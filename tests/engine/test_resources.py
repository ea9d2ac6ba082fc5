"""How many segments at once: as many as there are cores, and no more than memory allows."""

import pytest

from unweave.core.plan import Segmentation
from unweave.engine import resources
from unweave.engine.resources import Share, choose_share
from unweave.errors import MemoryLimitError
from unweave.types import Spec

# A segment of ten seconds at 10 kHz: 100 MB.
SEGMENTS = Spec(
    name="s", stems=("a", "b"), segmentation=Segmentation(length_s=10), bytes_per_sample=1000
)
WHOLE = Spec(name="w", stems=("a", "b"), bytes_per_sample=1000)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """machine(cores, available_mb): and 300 MB of it are taken already."""

    def make(cores: int, available_mb: int | None) -> None:
        monkeypatch.setattr(resources, "cores", lambda: cores)
        monkeypatch.setattr(resources, "available_mb", lambda: available_mb)
        monkeypatch.setattr(resources, "current_memory_mb", lambda: 300.0)

    return make


def share(spec: Spec, **options: object) -> Share:
    facts = {
        "wanted": None,
        "groups": 1,
        "length": None,
        "sample_rate_hz": 10_000,
        "limit_mb": None,
    }
    return choose_share(spec.name, [spec], "cpu", **(facts | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cores", "available_mb", "options", "batch"),
    [
        (4, 10_000, {}, 4),
        (4, None, {}, 4),
        (64, 100_000, {}, 40),  # 4 GB, however many cores
        (64, 100_000, {"wanted": 64}, 64),
        (64, 2_000, {}, 17),  # a container of 2 GB on a large host
        (64, 2_000, {"wanted": 64}, 17),
        (64, 310, {}, 1),  # the estimate is no reason to refuse what may well fit
        (4, 10_000, {"limit_mb": 500}, 2),
    ],
)
def test_segments_at_once(machine, cores, available_mb, options, batch) -> None:  # type: ignore[no-untyped-def]
    machine(cores, available_mb)
    assert share(SEGMENTS, **options) == Share(batch)


def test_a_limit_below_one_segment_gives_advice_that_helps(machine) -> None:  # type: ignore[no-untyped-def]
    machine(4, 10_000)
    with pytest.raises(MemoryLimitError, match=r"about 400 MB .* the limit is 10 MB") as caught:
        share(SEGMENTS, limit_mb=10)
    assert "shorter" not in str(caught.value)
    assert "raise --max-memory" in str(caught.value)


def test_what_is_held_whole_is_refused_where_it_would_not_fit(machine) -> None:  # type: ignore[no-untyped-def]
    machine(4, 700)
    assert share(WHOLE, length=399_999) == Share(1, 400_000, 700)
    with pytest.raises(MemoryLimitError, match=r"about 701 MB .* 700 MB: .*shorter"):
        share(WHOLE, length=401_000)
    with pytest.raises(MemoryLimitError, match="about 700 MB"):
        share(WHOLE, length=200_001, groups=2)


def test_a_length_that_nobody_knows_leaves_a_bound(machine) -> None:  # type: ignore[no-untyped-def]
    machine(4, 700)
    assert share(WHOLE, length=None) == Share(1, 400_000, 700)


def test_members_that_are_run_together_need_their_memory_together(machine) -> None:  # type: ignore[no-untyped-def]
    machine(64, 10_000)
    facts = {"groups": 1, "length": None, "sample_rate_hz": 10_000}
    alone = choose_share("all", [SEGMENTS], "cpu", wanted=None, limit_mb=None, **facts)
    two = choose_share("all", [SEGMENTS] * 2, "cpu", wanted=None, limit_mb=None, **facts)
    assert (alone.batch, two.batch) == (40, 20)
    with pytest.raises(MemoryLimitError, match="all needs about 500 MB"):
        choose_share("all", [SEGMENTS] * 2, "cpu", wanted=None, limit_mb=400, **facts)
    mixed = choose_share("all", [SEGMENTS, WHOLE], "cpu", wanted=None, limit_mb=1000, **facts)
    assert mixed == Share(1, 600_000, 1000)
