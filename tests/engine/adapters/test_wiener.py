"""The multichannel Wiener filter behind separators that know nothing of it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from tests.separators.songs import RATE_HZ, accompaniment, sdr_db, voice
from unweave import registry
from unweave.core.plan import Segmentation
from unweave.engine.adapters.wiener import Wiener, filtered
from unweave.errors import UsageError
from unweave.signal import centred
from unweave.signal.wiener import multichannel_wiener
from unweave.types import Separator, Spec


@dataclass(frozen=True)
class Fixed:
    """A separator that always gives the same stems."""

    stems: torch.Tensor
    spec: Spec

    def to(self, device: str) -> Separator:
        return self

    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        return self.stems


def panned() -> np.ndarray:
    """A voice on one side and music on the other: `(source, channel, time)`."""
    sides = np.array([[1.0, 0.3], [0.4, 1.0]], np.float32)
    return np.stack([voice(6), accompaniment(6)])[:, None] * sides[..., None]


def test_it_takes_a_source_from_where_it_comes() -> None:
    images = panned()
    mix = images.sum(0)
    # Stems that have some of the other source in them on both sides.
    stems = np.stack([images[0] + 0.4 * images[1], 0.6 * images[1]])
    found = filtered(*(torch.from_numpy(x)[None] for x in (stems, mix)), RATE_HZ, 2)[0].numpy()
    for image, before, after in zip(images, stems, found, strict=True):
        assert sdr_db(image, after) > sdr_db(image, before) + 3


def test_what_the_stems_leave_is_a_source_too() -> None:
    images, hiss = panned(), 0.05 * np.random.default_rng(0).normal(size=(2, 6 * RATE_HZ))
    mix = torch.from_numpy((images.sum(0) + hiss).astype(np.float32))[None]
    stems = torch.from_numpy(images)[None]
    spec = Spec(name="fixed", stems=("a", "b"), additive=False)
    found = Wiener(Fixed(stems, spec), 1)(mix, RATE_HZ)
    assert found.shape == stems.shape
    rest = (mix - found.sum(1))[0].numpy()
    assert sdr_db(hiss, rest) > 9
    everything = Wiener(Fixed(stems, replace(spec, additive=True)), 1)(mix, RATE_HZ)
    torch.testing.assert_close(everything.sum(1), mix, atol=1e-5, rtol=0)


def test_it_is_the_filter_of_the_spectra() -> None:
    images = panned()
    mix, stems = torch.from_numpy(images.sum(0))[None], torch.from_numpy(images)[None]
    size, level = centred.frame_size(0.093, RATE_HZ), mix.abs().max()
    window = centred.hann(size)

    def spectra(wave: torch.Tensor) -> torch.Tensor:
        return centred.analyse(wave / level, size, size // 4, window).transpose(-1, -2)

    want = multichannel_wiener(spectra(stems).abs(), spectra(mix), 3).transpose(-1, -2)
    waves = centred.synthesise(want, size, size // 4, window, mix.shape[-1]) * level
    # They differ by what the guards take.
    assert sdr_db(waves.numpy(), filtered(stems, mix, RATE_HZ, 3).numpy()) > 40


def test_the_spec_says_it() -> None:
    plain, filtered = registry.load("repet-sim"), registry.load("repet-sim", wiener=2)
    assert filtered.spec.options == {**plain.spec.options, "wiener": 2}
    assert filtered.spec.bytes_per_sample > plain.spec.bytes_per_sample
    assert registry.declared("repet-sim")[-1].name == "wiener"


def test_stems_that_fade_are_refused() -> None:
    spec = Spec(name="faded", stems=("a",), segmentation=Segmentation(length_s=1, window="own"))
    with pytest.raises(UsageError, match="an outer filter cannot use"):
        Wiener(Fixed(torch.zeros(1), spec), 1)
