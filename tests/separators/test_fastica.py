import numpy as np
import pytest
import torch

from tests.separators.mixtures import RATE_HZ, RECORDED, amari, sdr_db, talkers, tensor
from unweave import registry
from unweave.errors import UsageError
from unweave.separators import fastica
from unweave.separators.fastica import CONTRASTS, FastIca

PEERS = {"logcosh": "logcosh", "exp": "exp", "cubic": "cube"}
ALGORITHMS = {"symmetric": "parallel", "deflation": "deflation"}


def mixture(sources: int, channels: int, seconds: float = 10) -> tuple[np.ndarray, np.ndarray]:
    """Talkers mixed by levels: images `(source, channel, time)`, mixing `(channel, source)`."""
    mixing = np.random.default_rng([sources, channels]).normal(size=(channels, sources))
    return talkers(sources, seconds)[:, None] * mixing.T[..., None], mixing


@pytest.mark.parametrize("sources", [2, 3])
@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_start_ends_where_scikit_learn_ends(
    sources: int, contrast: str, algorithm: str
) -> None:
    given = np.load(RECORDED / f"fastica-{sources}.npz")
    want = given[f"{PEERS[contrast]} {ALGORITHMS[algorithm]}"]
    white, whitener, _ = fastica.whiten(torch.from_numpy(given["mix"]), sources)
    # Both turn components so that they begin positive: a start means the same to both.
    rows = fastica.unmix(
        white,
        torch.from_numpy(given["start"]),
        contrast=contrast,
        algorithm=algorithm,
        tolerance=1e-10,
        iterations=1000,
    )
    got = (rows @ whitener).numpy()
    near = got @ np.linalg.pinv(want)  # which of theirs, with which sign
    order = np.abs(near).argmax(1)
    assert sorted(order) == list(range(sources))
    signs = np.sign(near[np.arange(sources), order])[:, None]
    np.testing.assert_allclose(got, signs * want[order], atol=1e-4 * np.abs(want).max())


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("sources", [2, 4])
def test_ten_seconds_of_talkers_are_found(sources: int, contrast: str, algorithm: str) -> None:
    images, mixing = mixture(sources, sources)
    mix = torch.from_numpy(images.sum(0).astype(np.float32))
    white, whitener, _ = fastica.whiten(mix, sources)
    start = torch.randn(sources, sources, generator=torch.Generator().manual_seed(1)).double()
    rows = fastica.unmix(white, start, contrast=contrast, algorithm=algorithm)
    assert amari((rows @ whitener).numpy() @ mixing) < 0.02


def test_a_step_is_the_papers() -> None:
    """The rule as it is written, with tanh and its derivative."""
    white = torch.randn(3, 200_000, generator=torch.Generator().manual_seed(2))
    rows = torch.randn(3, 3, generator=torch.Generator().manual_seed(3)).double()
    z, y = white.double(), rows @ white.double()
    slopes = {
        "logcosh": (y.tanh(), 1 - y.tanh() ** 2),
        "exp": (y * (-(y**2) / 2).exp(), (1 - y**2) * (-(y**2) / 2).exp()),
        "cubic": (y**3, 3 * y**2),
    }
    for name, (g, slope) in slopes.items():
        want = (g[:, None] * z).mean(-1) - slope.mean(-1)[:, None] * rows
        got = fastica.step(white, rows, CONTRASTS[name])
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_stems_are_what_each_source_adds_to_each_channel_the_loudest_first() -> None:
    images, _ = mixture(3, 3)
    stems = FastIca(sources=3)(tensor(images.sum(0)), RATE_HZ)[0].numpy()
    order = np.argsort(-np.square(images).sum((1, 2)))
    for image, stem in zip(images[order], stems, strict=True):
        assert sdr_db(image, stem) > 31
    np.testing.assert_allclose(stems.sum(0), images.sum(0), atol=1e-6)


def test_more_channels_than_sources() -> None:
    images, _ = mixture(2, 5)
    noise = 0.001 * np.random.default_rng(1).normal(size=images.shape[1:])
    stems = FastIca(sources=2)(tensor(images.sum(0) + noise), RATE_HZ)[0].numpy()
    order = np.argsort(-np.square(images).sum((1, 2)))
    for image, stem in zip(images[order], stems, strict=True):
        assert sdr_db(image, stem) > 37
    left = images.sum(0) + noise - stems.sum(0)  # the residual is noise, three fifths of it
    assert 0.5 < np.square(left).sum() / np.square(noise).sum() < 0.7


def test_one_source_in_two_channels_is_one_stem() -> None:
    wave = talkers(1, 1)
    mix = tensor(np.concatenate([wave, 0.5 * wave]))
    stems = FastIca()(mix, RATE_HZ)
    assert torch.equal(stems[:, 0], mix)
    assert not stems[:, 1].any()


def test_the_seed_is_the_only_chance() -> None:
    # Gaussian noise has no sources, so that where the search begins decides where it ends.
    mix = torch.randn(1, 3, 2000, generator=torch.Generator().manual_seed(0))
    first = FastIca(sources=3, iterations=1)(mix, RATE_HZ)
    torch.manual_seed(5)
    assert torch.equal(FastIca(sources=3, iterations=1)(mix, RATE_HZ), first)
    other = FastIca(sources=3, iterations=1, seed=1)(mix, RATE_HZ)
    assert (other - first).abs().max() > 0.01


def test_it_stops_when_rows_no_longer_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = mixture(2, 2, seconds=1)
    steps = []
    original = fastica.step
    monkeypatch.setattr(fastica, "step", lambda *args: steps.append(1) or original(*args))
    counts = {}
    for tolerance in (1e-2, 1e-12):
        steps.clear()
        FastIca(tolerance=tolerance)(tensor(images.sum(0)), RATE_HZ)
        counts[tolerance] = len(steps)
    assert counts[1e-2] < counts[1e-12] < 50


def test_too_few_channels_name_what_to_use_instead() -> None:
    separator = registry.load("fastica", sources=3)
    assert separator.spec.min_channels == 3
    assert "projet" in separator.spec.instead
    with pytest.raises(UsageError, match=r"fastica needs a channel for each of 3 sources.*projet"):
        separator(torch.zeros(1, 2, 100), RATE_HZ)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("sources", 0, "fastica: sources must be a whole number, at least 2"),
        ("sources", -2, "at least 2"),
        ("sources", 2.5, "a whole number"),
        ("contrast", "kurtosis", "one of logcosh, exp, cubic"),
        ("algorithm", "parallel", "one of symmetric, deflation"),
        ("tolerance", 0.0, "above 0"),
        ("tolerance", float("nan"), "a number"),
        ("iterations", 0, "at least 1"),
        ("seed", -1, "at least 0"),
    ],
)
def test_a_bad_parameter_gets_one_line(option: str, value: object, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as seen:
        registry.load("fastica", **{option: value})
    assert "\n" not in str(seen.value)
