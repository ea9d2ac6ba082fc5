"""How many segments at once: as many as there are cores, and no more than memory allows."""

import pytest
import torch

from unweave.core.plan import Segmentation
from unweave.engine.resources import Share, choose_device, choose_share
from unweave.errors import MemoryLimitError, UsageError
from unweave.types import Spec

# A segment of ten seconds at 10 kHz: 100 MB.
SEGMENTS = Spec(
    name="s", stems=("a", "b"), segmentation=Segmentation(length_s=10), bytes_per_sample=1000
)
WHOLE = Spec(name="w", stems=("a", "b"), bytes_per_sample=1000)


def share(*specs: Spec, machine: tuple[int, int | None], **options: object) -> Share:
    """machine: cores, and MB of which the process has 300 already."""
    facts = {
        "wanted": None,
        "groups": 1,
        "length": None,
        "sample_rate_hz": 10_000,
        "limit_mb": None,
        "workers": machine[0],
        "available_mb": machine[1],
        "held_mb": 300.0,
    }
    return choose_share("all", specs, "cpu", **(facts | options))  # type: ignore[arg-type]


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
def test_segments_at_once(cores, available_mb, options, batch) -> None:  # type: ignore[no-untyped-def]
    found = share(SEGMENTS, machine=(cores, available_mb), **options)
    assert found == Share(batch)
    assert found.mb == 100 * batch
    assert found.fits == (available_mb != 310)


def test_a_limit_below_one_segment_gives_advice_that_helps() -> None:
    with pytest.raises(MemoryLimitError, match=r"about 400 MB .* the limit is 10 MB") as caught:
        share(SEGMENTS, machine=(4, 10_000), limit_mb=10)
    assert "shorter" not in str(caught.value)
    assert "raise the memory limit (--max-memory, max_memory_mb)" in str(caught.value)


def test_what_is_held_whole_is_refused_where_it_would_not_fit() -> None:
    found = share(WHOLE, machine=(4, 700), length=399_999)
    assert found == Share(1, 400_000, 700)
    assert found.mb == pytest.approx(400, abs=0.01)
    with pytest.raises(MemoryLimitError, match=r"about 701 MB .* 700 MB: .*shorter"):
        share(WHOLE, machine=(4, 700), length=401_000)
    with pytest.raises(MemoryLimitError, match="about 700 MB"):
        share(WHOLE, machine=(4, 700), length=200_001, groups=2)


def test_a_length_that_nobody_knows_leaves_a_bound() -> None:
    assert share(WHOLE, machine=(4, 700)) == Share(1, 400_000, 700)


def test_members_that_are_run_together_need_their_memory_together() -> None:
    large = (64, 10_000)
    assert share(SEGMENTS, machine=large).batch == 40
    assert share(SEGMENTS, SEGMENTS, machine=large).batch == 20
    with pytest.raises(MemoryLimitError, match="all needs about 500 MB"):
        share(SEGMENTS, SEGMENTS, machine=large, limit_mb=400)
    mixed = share(SEGMENTS, WHOLE, machine=large, limit_mb=1000)
    assert mixed == Share(1, 600_000, 1000)


@pytest.fixture
def cards(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with so many CUDA cards."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: request.param)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("cards", "wanted", "found"),
    [
        (0, "auto", "cpu"),
        (0, "cpu", "cpu"),
        (1, "auto", "cuda"),
        (1, "cuda", "cuda"),
        (1, "cuda:0", "cuda:0"),
        (3, "cuda:2", "cuda:2"),
    ],
    indirect=["cards"],
)
def test_a_device_that_is_there(cards: None, wanted: str, found: str) -> None:
    assert choose_device(wanted) == found


@pytest.mark.parametrize(
    ("cards", "wanted", "words"),
    [
        (0, "cuda", "'cuda' is not available here: use 'auto'"),
        (0, "cuda:0", "'cuda:0' is not available here: use 'auto'"),
        (1, "mps", "'mps' is not available here: use 'auto'"),
        (1, "cuda:1", "'cuda:1' is not available here: there is one card$"),
        (3, "cuda:3", "there are 3 cards, cuda:2 the last$"),
        (1, "cuda:", "unknown device 'cuda:'"),
        (1, "cuda:-1", "unknown device 'cuda:-1'"),
        (1, "cuda:first", "unknown device 'cuda:first'"),
        (1, "cpu:0", "unknown device 'cpu:0'"),
        (1, "abacus", "unknown device 'abacus': use auto, cpu, mps, cuda or cuda:N"),
    ],
    indirect=["cards"],
)
def test_a_device_that_is_not(cards: None, wanted: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        choose_device(wanted)
    assert "\n" not in str(caught.value)
