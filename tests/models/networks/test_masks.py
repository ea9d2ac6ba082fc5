"""The transform that networks on spectra share: there and back, any length; the level."""

import pytest
import torch

from unweave.models.layers.masks import Transform, level


@pytest.mark.parametrize(("size", "hop"), [(64, 16), (64, 32), (64, 48), (96, 32)])
@pytest.mark.parametrize("length", [1, 47, 200, 501])
def test_there_and_back(size: int, hop: int, length: int) -> None:
    transform = Transform(size, hop)
    waves = torch.randn(2, 1, length)
    spectra = transform.analyse(waves)
    assert spectra.shape == (2, 1, -(-length // hop) + 1, size // 2 + 1)
    torch.testing.assert_close(transform.synthesise(spectra, length), waves, atol=1e-5, rtol=1e-5)


def test_a_frame_is_centred_on_its_sample() -> None:
    waves = torch.zeros(1, 1, 400)
    waves[..., 160] = 1.0
    energy = Transform(64, 16).analyse(waves).abs().sum(-1)[0, 0]
    assert int(energy.argmax()) == 10


@pytest.mark.parametrize(("size", "hop"), [(63, 16), (64, 64), (64, 0)])
def test_sizes_that_cannot_be(size: int, hop: int) -> None:
    with pytest.raises(ValueError, match="frame_size"):
        Transform(size, hop)


def test_the_level_does_not_count_silence() -> None:
    transform = Transform(64, 16)
    waves = torch.randn(1, 1, 3200)
    padded = torch.nn.functional.pad(waves, (0, 6400))
    short, long = (float(level(transform.analyse(x))) for x in (waves, padded))
    assert long == pytest.approx(short, rel=0.02)
    assert float(level(transform.analyse(waves * 10))) == pytest.approx(10 * short, rel=1e-3)
    assert float(level(transform.analyse(torch.zeros(1, 1, 100)))) > 0
