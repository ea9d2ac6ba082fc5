"""Similar frames against the slow, obvious search."""

import numpy as np
import pytest
import torch

from unweave.dsp import similar


def obvious(values: np.ndarray, most: int, distance: int) -> list[list[int]]:
    found = []
    for row in values.copy():
        peaks: list[int] = []
        while len(peaks) < most and row.max() > 0:
            peaks.append(int(row.argmax()))
            row[max(0, peaks[-1] - distance + 1) : peaks[-1] + distance] = 0
        found.append(peaks)
    return found


@pytest.mark.parametrize(
    ("columns", "most", "distance"),
    [(50, 100, 3), (50, 5, 1), (7, 3, 10), (300, 100, 20), (1, 4, 2), (20, 1, 4)],
)
def test_peaks_are_the_largest_that_lie_apart(columns: int, most: int, distance: int) -> None:
    values = torch.rand(11, columns, generator=torch.Generator().manual_seed(columns))
    values[values < 0.2] = 0.0
    values[3] = 0.0
    counts, indices = similar.peaks(values, most, distance)
    got = [row[:count].tolist() for row, count in zip(indices, counts.tolist(), strict=True)]
    assert got == obvious(values.numpy(), most, distance)


def test_peaks_of_nothing() -> None:
    counts, indices = similar.peaks(torch.zeros(4, 9), 5, 2)
    assert counts.tolist() == [0, 0, 0, 0]
    assert indices.shape == (4, 0)


@pytest.mark.parametrize(("threshold", "past"), [(0.0, 0), (0.85, 0), (0.0, 25), (0.85, 25)])
def test_similar_frames(threshold: float, past: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spectrogram = torch.rand(12, 80, generator=torch.Generator().manual_seed(5)) ** 3
    spectrogram[:, 17] = 0.0
    unit = spectrogram.double().numpy()
    unit = unit / np.maximum(np.linalg.norm(unit, axis=0), 1e-30)
    cosines = unit.T @ unit
    apart = np.arange(80)[None] - np.arange(80)[:, None]
    cosines[(np.abs(apart) < 6) | (cosines <= threshold)] = 0
    if past:
        cosines[(apart > 0) | (apart < -past)] = 0
    want = obvious(cosines, 7, 6)
    for at_once in (similar.VALUES_AT_ONCE, 800):
        monkeypatch.setattr(similar, "VALUES_AT_ONCE", at_once)
        counts, indices = similar.similar_frames(
            spectrogram, most=7, distance=6, threshold=threshold, past=past
        )
        rows = zip(indices, counts.tolist(), strict=True)
        assert [row[:count].tolist() for row, count in rows] == want
