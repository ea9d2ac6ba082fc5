"""What every separator of the catalog promises (docs/architecture.md), checked on each of them."""

from functools import cache

import numpy as np
import pytest
import torch

from tests.contract import trials
from unweave import catalog
from unweave.core.errors import UsageError
from unweave.core.types import Separator
from unweave.engine.wrap import channel_groups, separate_blocks


@cache
def loaded(name: str) -> Separator:
    load = trials.load if name in trials.names() else catalog.load
    return load(name).to("cpu")


# Only techniques promise it; `test_the_spec_is_complete` notices another separator that does.
EQUIVARIANT = [name for name in catalog.techniques() if loaded(name).spec.scale_equivariant]


@pytest.fixture(params=[*catalog.names(), *trials.names()])
def separator(request: pytest.FixtureRequest) -> Separator:
    return loaded(request.param)


def rate(separator: Separator) -> int:
    return separator.spec.sample_rate_hz or 44100


def song(separator: Separator, length: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Tones that come and go, and noise: `(channel, length)`."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(length) / rate(separator)
    tones = [
        np.sin(2 * np.pi * hz * time_s) * (np.sin(hz * time_s / 300) > 0) for hz in (220, 330, 1760)
    ]
    wave = 0.1 * sum(tones) + 0.05 * rng.normal(size=(channels, length))
    return wave.astype(np.float32)


def separate(separator: Separator, wave: np.ndarray, block: int = 50000) -> np.ndarray:
    blocks = (wave[:, n : n + block] for n in range(0, wave.shape[1], block))
    rows = channel_groups(separator.spec, wave.shape[0])
    parts = separate_blocks(
        separator, blocks, rate(separator), rows, device="cpu", batch=2, warn=pytest.fail
    )
    return np.concatenate([stems for _, stems in parts], axis=-1)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 1023, 30011])
def test_any_length_and_width(separator: Separator, length: int, channels: int) -> None:
    wave = song(separator, length, channels)
    if channels < separator.spec.min_channels:
        with pytest.raises(UsageError, match=f"needs at least {separator.spec.min_channels}"):
            separate(separator, wave)
        return
    stems = separate(separator, wave)
    assert stems.shape == (len(separator.spec.outputs), channels, length)
    assert np.isfinite(stems).all()
    np.testing.assert_allclose(stems.sum(0), wave, atol=1e-5)


def test_longer_than_a_segment(separator: Separator) -> None:
    grid = separator.spec.plan(rate(separator))
    wave = song(separator, 2 * grid.hop + 777 if grid else 100_000)
    stems = separate(separator, wave)
    np.testing.assert_allclose(stems.sum(0), wave, atol=1e-5)
    np.testing.assert_array_equal(separate(separator, wave, block=12345), stems)


def test_silence_stays_silent(separator: Separator) -> None:
    stems = separate(separator, np.zeros((2, 20000), np.float32))
    assert np.abs(stems).max() < 1e-6


def segment(separator: Separator, seed: int) -> torch.Tensor:
    grid = separator.spec.plan(rate(separator))
    length = grid.length if grid else 50000
    return torch.from_numpy(song(separator, length, separator.spec.channels or 2, seed))[None]


def call(separator: Separator, mix: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return separator(mix, rate(separator))


def test_nothing_is_remembered_and_the_input_stays(separator: Separator) -> None:
    a, b = segment(separator, 1), segment(separator, 2)
    before = a.clone()
    first = call(separator, a)
    call(separator, b)
    assert torch.equal(call(separator, a), first)
    assert torch.equal(a, before)


def test_a_batch_equals_its_members(separator: Separator) -> None:
    a, b = segment(separator, 1), segment(separator, 2)
    both = call(separator, torch.cat([a, b]))
    torch.testing.assert_close(both[:1], call(separator, a), atol=1e-5, rtol=0)
    torch.testing.assert_close(both[1:], call(separator, b), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_gain_passes_through_where_promised(name: str) -> None:
    separator = loaded(name)
    a = segment(separator, 1)
    torch.testing.assert_close(
        call(separator, a * 0.5), call(separator, a) * 0.5, atol=1e-5, rtol=0
    )


def test_the_spec_is_complete(separator: Separator) -> None:
    spec = separator.spec
    assert spec.name in {*catalog.names(), *trials.names()}
    assert len(set(spec.stems)) == len(spec.stems) > 0
    assert spec.paper
    assert spec.licence
    assert spec.rest is None or spec.rest in spec.stems
    assert spec.scale_equivariant == (spec.name in EQUIVARIANT)
    assert spec.trained == (spec.weights_sha256 is not None)
    assert isinstance(separator, Separator)


def test_no_network_is_left_out() -> None:
    assert set(trials.TINY) == trials.networks_to_train()


@pytest.mark.parametrize("options", [{"bandwidth": "model"}, {"wiener": 1}, {"mask_exponent": 1.0}])
def test_nothing_is_lost_with_other_options(options: dict) -> None:
    separator = catalog.load("spleeter-2stems", **options).to("cpu")
    wave = song(separator, 60000)
    stems = separate(separator, wave)
    np.testing.assert_allclose(stems.sum(0), wave, atol=1e-5)
    usual = separate(loaded("spleeter-2stems"), wave)
    assert np.abs(stems[0] - usual[0]).max() > 0.01 * np.abs(usual[0]).max()


@pytest.mark.parametrize("name", catalog.names())
def test_a_wiener_filter_goes_behind_any_of_them(name: str) -> None:
    filtered = catalog.load(name, wiener=1).to("cpu")
    wave = song(filtered, 30011)
    stems = separate(filtered, wave)
    np.testing.assert_allclose(stems.sum(0), wave, atol=1e-5)
    assert filtered.spec.options["wiener"] == 1
    plain = separate(loaded(name), wave)
    if np.abs(plain[0]).max() > 0:  # 0.7 s are too short for repet: all is background
        assert np.abs(stems - plain).max() > 1e-4
    assert np.abs(separate(filtered, np.zeros_like(wave))).max() < 1e-6
    assert catalog.load(name, wiener=0).spec.options.get("wiener", 0) == 0
    with pytest.raises(UsageError, match=r"wiener.*got -1") as caught:
        catalog.load(name, wiener=-1)
    assert "\n" not in str(caught.value)
