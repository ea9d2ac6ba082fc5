import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.separators.mixtures import RATE_HZ, sdr_db, tensor
from tests.separators.voices import melody, talker
from unweave import registry
from unweave.errors import UsageError
from unweave.separators import projet
from unweave.separators.projet import Projet


def panned(seconds: float = 5, places: tuple[int, ...] = (-100, 0, 100)) -> np.ndarray:
    """Talkers and a melody at places on a pan knob: images `(source, channel, time)`."""
    length = int(seconds * RATE_HZ)
    waves = [talker(length, RATE_HZ, n) for n in range(len(places) - 1)]
    waves.insert(1, melody(length, RATE_HZ, 0))
    angles = [math.pi / 4 * (1 + place / 100) for place in places]
    return np.stack(
        [
            np.stack([math.cos(angle) * wave, math.sin(angle) * wave])
            for wave, angle in zip(waves, angles, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("sources", "places"), [(3, (-100, 0, 100)), (5, (-50, 0, 50)), (4, (-100, -33, 33, 100))]
)
def test_more_sources_than_channels(sources: int, places: tuple[int, ...]) -> None:
    images = panned(places=places)
    separator = Projet(sources=sources)
    mix = tensor(images.sum(0))
    stems = dict(zip(separator.spec.stems, separator(mix, RATE_HZ)[0].numpy(), strict=True))
    for place, image in zip(places, images, strict=True):
        side = "left" if place < 0 else "right"
        stem = stems[f"{side}-{abs(place)}" if place else "centre"]
        assert sdr_db(image, stem) - sdr_db(image, images.sum(0)) > 8
    np.testing.assert_allclose(sum(stems.values()), images.sum(0), atol=1e-5)


@pytest.mark.parametrize(("sources", "share"), [(2, 0.98), (3, 0.98), (5, 0.9), (7, 0.7), (8, 0.4)])
def test_one_source_on_a_place_goes_there_most_of_all(sources: int, share: float) -> None:
    wave = talker(2 * RATE_HZ, RATE_HZ, 0)
    for n in range(sources):
        angle = math.pi / 2 * n / (sources - 1)
        mix = tensor(np.stack([math.cos(angle) * wave, math.sin(angle) * wave]))
        energy = Projet(sources=sources)(mix, RATE_HZ)[0].square().sum((1, 2))
        assert energy.argmax() == n
        assert energy[n] > share * mix.square().sum()


def test_names_are_places_on_a_pan_knob() -> None:
    assert Projet(sources=5).spec.stems == (
        "left-100",
        "left-50",
        "centre",
        "right-50",
        "right-100",
    )
    assert Projet(sources=2).spec.stems == ("left-100", "right-100")
    for sources in range(2, 9):
        spec = Projet(sources=sources).spec
        assert len(set(spec.stems)) == sources
        assert ("centre" in spec.stems) == (sources % 2 == 1)
        assert spec.complement in spec.stems


def test_the_table_holds_what_the_updates_give() -> None:
    """A mix bin by bin through the updates themselves, and through the table."""
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.randn(1, 2, 40, 50, dtype=torch.complex64, generator=generator)
    spectrum[:, 1, :, :25] *= 0.1  # ... and some of it nearly on the left
    spectrum[:, 1, :20] = 0.7 * spectrum[:, 0, :20]  # ... and some where nothing else is
    left, right = spectrum[0].to(torch.complex128)
    cross, along = 2 * (left * right.conj()).real, left.abs() ** 2 - right.abs() ** 2
    focus = torch.hypot(cross, along) / (left.abs() ** 2 + right.abs() ** 2)
    exact = projet.filters(
        torch.atan2(cross, along).reshape(-1), focus.reshape(-1).clamp(max=1), 5, 0.4
    )
    want = torch.einsum(
        "jcdn,dn->jcn", exact.to(left.dtype), spectrum[0].reshape(2, -1).to(left.dtype)
    )
    places, values = projet.places_of(spectrum), projet.table(5, 0.4)
    for part, image in zip(values.split(4, dim=1), want, strict=True):
        got = projet.image(part, places, spectrum).reshape(2, -1)
        assert (
            sdr_db(
                spectrum.numpy(),
                (spectrum.reshape(2, -1) - got + image).reshape(spectrum.shape).numpy(),
            )
            > 64
        )


def test_the_updates_are_those_of_the_divergence() -> None:
    """Kullback-Leibler multiplicative updates: the loss never rises and the sums agree."""
    gains, _ = projet.fan(4, 0.4)
    magnitudes = torch.rand(projet.LINES, 30, dtype=torch.float64)
    found = magnitudes.mean(0).expand(4, -1)
    seen = []
    for _ in range(projet.ROUNDS):
        ratio = magnitudes / (gains @ found)
        found = found * (gains.T @ ratio) / gains.sum(0)[:, None]
        model = gains @ found
        seen.append(float((magnitudes * (magnitudes / model).log() - magnitudes + model).sum()))
    assert all(b <= a + 1e-12 for a, b in pairwise(seen))
    torch.testing.assert_close(projet.solve(magnitudes, gains), found)


def test_matrices_of_a_bin_share_it_out() -> None:
    direction = torch.linspace(-math.pi, math.pi, 50).double()
    for focus in (0.0, 0.7, 1.0):
        matrices = projet.filters(direction, torch.full((50,), focus).double(), 5, 0.4)
        unit = torch.eye(2).double()[..., None].expand(2, 2, 50)
        torch.testing.assert_close(matrices.sum(0), unit)


def test_opposite_phase_goes_to_the_sides() -> None:
    wave = talker(2 * RATE_HZ, RATE_HZ, 0)
    separator = Projet(sources=5)
    energy = separator(tensor(np.stack([wave, -wave])), RATE_HZ)[0].square().sum((1, 2))
    assert energy[0] + energy[4] > 0.9 * energy.sum()


def test_mono_is_refused_with_advice() -> None:
    spec = registry.load("projet").spec
    assert (spec.channels, spec.min_channels) == (2, 2)
    assert "mono" in spec.instead


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("sources", 0, "projet: sources must be a whole number, at least 2"),
        ("sources", 1000, "at most 8"),
        ("width", 0.0, "above 0"),
        ("width", float("nan"), "a number"),
        ("window_s", -1.0, "above 0"),
        ("overlap", 5, "one of 2, 4, 8, 16"),
    ],
)
def test_a_bad_parameter_gets_one_line(option: str, value: object, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as seen:
        registry.load("projet", **{option: value})
    assert "\n" not in str(seen.value)
