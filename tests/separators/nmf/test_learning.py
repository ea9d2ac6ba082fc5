"""Frames that dictionaries are learned from: all of a few, a fair choice of many, never more."""

import gc

import pytest
import torch
from torch import Tensor

from unweave.separators.nmf import learning
from unweave.signal import centred

SIZE = 64
BINS = SIZE // 2 + 1


def recording(seed: int, samples: int = 2000, channels: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(channels, samples, generator=generator)


def all_frames(recordings: list[Tensor]) -> Tensor:
    window = centred.hann(SIZE, shape=learning.WINDOW)
    lots = [
        centred.analyse(wave / wave.square().mean().sqrt(), SIZE, SIZE // 2, window)
        for wave in recordings
    ]
    return torch.cat([lot.transpose(0, 1).flatten(1) for lot in lots], dim=1)


def test_of_few_frames_all_are_kept_in_their_order() -> None:
    recordings = [recording(n) for n in range(3)]
    torch.testing.assert_close(learning.training_frames(recordings, SIZE), all_frames(recordings))


def test_of_many_frames_every_part_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as fit, all different, from recordings in proportion to their length."""
    monkeypatch.setattr(learning, "MOST_FRAMES", 200)
    recordings = [recording(n) for n in range(10)]
    every, found = all_frames(recordings), learning.training_frames(recordings, SIZE, seed=3)
    assert found.shape == (BINS, 200)
    plain = [torch.view_as_real(some.T.contiguous()).flatten(1) for some in (found, every)]
    apart = torch.cdist(*plain, compute_mode="donot_use_mm_for_euclid_dist")
    nearest = apart.min(1)
    assert float(nearest.values.max()) < 1e-3
    assert len(set(nearest.indices.tolist())) == 200
    per_recording = torch.bincount(nearest.indices * 10 // every.shape[1], minlength=10)
    assert int(per_recording.min()) >= 8  # 20 each on average; 8 is three deviations below
    again = learning.training_frames(recordings, SIZE, seed=3)
    torch.testing.assert_close(found, again, rtol=0, atol=0)
    assert not torch.equal(found, learning.training_frames(recordings, SIZE, seed=4))


def test_what_sounded_together_stays_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_FRAMES", 100)
    recordings = [recording(n) for n in range(6)]
    one = learning.training_frames(recordings, SIZE)
    other = learning.training_frames([-wave for wave in recordings], SIZE)
    torch.testing.assert_close(one, -other)


def test_no_more_is_kept_for_more_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spectra that are in memory whenever the next recording is asked for."""
    monkeypatch.setattr(learning, "MOST_FRAMES", 100)

    def held() -> int:
        found = {
            tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
            for tensor in gc.get_objects()
            if type(tensor) is Tensor and tensor.is_complex()
        }
        return sum(found.values())

    before, kept = held(), []

    def recordings():
        for n in range(12):
            kept.append(held() - before)
            yield recording(n, channels=1)

    learning.training_frames(recordings(), SIZE)
    assert max(kept) <= 2 * 100 * BINS * 8
    assert kept[-1] == kept[2]
