import numpy as np
import pytest

from unweave.signal.partials import Linker, Tracks, chosen_tracks, sharpened
from unweave.signal.peaks import Peaks


def peaks_at(*frames: list[float], prominence_db: float = 20.0) -> Peaks:
    """Frequencies of frame 0, 1, 2 ..."""
    frequency = np.array([f for frame in frames for f in frame])
    number = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    return Peaks(
        number,
        frequency,
        np.ones((len(frequency), 1), np.complex128),
        np.full(len(frequency), prominence_db),
    )


def linker(asleep: int = 0) -> Linker:
    return Linker(steepest=0.03, least_step=0.001, asleep=asleep)


def test_tracks_go_on_begin_and_end() -> None:
    found = linker().link(peaks_at([0.1, 0.2], [0.101, 0.2, 0.3], [0.102, 0.301], [0.2, 0.302]))
    assert found.tolist() == [0, 1, 0, 1, 2, 0, 2, 3, 2]


def test_a_step_too_large_ends_a_track() -> None:
    assert linker().link(peaks_at([0.1], [0.1029])).tolist() == [0, 0]
    assert linker().link(peaks_at([0.1], [0.1031])).tolist() == [0, 1]
    assert linker().link(peaks_at([0.001], [0.0019])).tolist() == [0, 0]  # the least step


@pytest.mark.parametrize(("asleep", "last"), [(0, 1), (1, 1), (2, 0), (3, 0)])
def test_a_track_may_sleep(asleep: int, last: int) -> None:
    found = linker(asleep).link(peaks_at([0.1], [0.4], [0.4], [0.101]))
    assert found.tolist() == [0, 1, 1, 2 * last]


def test_the_nearest_wins_and_the_other_takes_what_is_left() -> None:
    # Both tracks are nearest to 0.1005; the second gets it, the first takes 0.0985.
    found = linker().link(peaks_at([0.0995, 0.1007], [0.0985, 0.1005]))
    assert found.tolist() == [0, 1, 0, 1]
    found = linker().link(peaks_at([0.1], [0.0995, 0.1003]))
    assert found.tolist() == [0, 1, 0]


def test_many_peaks_the_slow_way() -> None:
    rng = np.random.default_rng(3)
    frames = [np.sort(rng.uniform(0.01, 0.4, rng.integers(0, 60))).tolist() for _ in range(80)]
    peaks = peaks_at(*frames)
    alive: dict[int, tuple[float, int]] = {}
    slow: list[int] = []
    count = 0
    for number, frame in enumerate(frames):
        alive = {k: v for k, v in alive.items() if number - v[1] <= 3}
        taken: dict[int, int] = {}
        for _ in range(2):
            tracks = [k for k in alive if k not in taken.values()]
            free = [n for n in range(len(frame)) if n not in taken]
            pairs = []
            for k in tracks:
                n = min(free, key=lambda n: abs(frame[n] - alive[k][0]), default=None)
                if n is not None and k == min(tracks, key=lambda k: abs(frame[n] - alive[k][0])):
                    pairs.append((n, k))
            for n, k in pairs:
                if abs(frame[n] - alive[k][0]) <= max(0.03 * alive[k][0], 0.001):
                    taken[n] = k
        for n, frequency in enumerate(frame):
            if n not in taken:
                taken[n] = count
                count += 1
            alive[taken[n]] = (frequency, number)
            slow.append(taken[n])
    np.testing.assert_array_equal(linker(asleep=2).link(peaks), slow)


def test_lots_of_frames_link_as_the_whole_does() -> None:
    rng = np.random.default_rng(4)
    frames = [np.sort(rng.uniform(0.01, 0.4, 20)).tolist() for _ in range(40)]
    peaks = peaks_at(*frames)
    whole, parts = linker(1).link(peaks), linker(1)
    early = peaks.frame < 17
    lots = [
        Peaks(*(getattr(peaks, name)[some] for name in Peaks.__dataclass_fields__))
        for some in (early, ~early)
    ]
    np.testing.assert_array_equal(np.concatenate([parts.link(lot) for lot in lots]), whole)


def test_short_and_faint_tracks_are_dropped() -> None:
    peaks = peaks_at([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], [0.2, 0.3], [0.2, 0.3])
    faint = np.where(peaks.frequency == 0.3, 5.0, 20.0)
    faint[0:3] = 30.0  # in the mean 0.3 is at 11.25
    peaks = Peaks(peaks.frame, peaks.frequency, peaks.amplitude, faint)
    track = linker().link(peaks)
    assert np.unique(chosen_tracks(peaks, track, 1, 0.0).frequency).tolist() == [0.1, 0.2, 0.3]
    assert np.unique(chosen_tracks(peaks, track, 3, 0.0).frequency).tolist() == [0.2, 0.3]
    both = chosen_tracks(peaks, track, 3, 12.0)
    assert both.frequency.tolist() == [0.2] * 4
    assert both.frame.tolist() == [0, 1, 2, 3]
    assert both.track.tolist() == [0] * 4
    assert len(chosen_tracks(peaks, track, 9, 0.0)) == 0


def test_nothing_gives_nothing() -> None:
    peaks = peaks_at([])
    tracks = chosen_tracks(peaks, linker().link(peaks), 1, 0.0)
    assert len(tracks) == 0
    assert tracks.begins.tolist() == [0]
    assert len(sharpened(tracks, 1024, 128)) == 0


def steps(amplitude: list[float]) -> Tracks:
    count = len(amplitude)
    return Tracks(
        np.zeros(count, np.int64),
        np.arange(count),
        np.full(count, 0.1),
        np.array(amplitude)[:, None] * [[1.0, 0.5]],
        np.zeros((count, 2)),
    )


def test_sudden_edges_are_cut_at_half_and_filled_up() -> None:
    rise = [0.02, 0.1, 0.3, 0.6, 0.85, 0.98]
    sharp = sharpened(steps([*rise, *[1.0] * 20, *rise[::-1]]), 8 * 128, 128)
    assert sharp.frame[[0, -1]].tolist() == [3, 28]
    np.testing.assert_allclose(sharp.amplitude, np.ones((26, 1)) * [[1.0, 0.5]], rtol=0.05)
    low = sharpened(steps([*rise, *[1.0] * 20]), 8 * 128, 128)
    assert low.frame[[0, -1]].tolist() == [3, 25]


def test_soft_edges_stay() -> None:
    slow = steps(np.linspace(0.1, 1, 60).tolist())
    for tracks in (slow, steps([1.0] * 9), steps(np.geomspace(1, 0.2, 40).tolist())):
        same = sharpened(tracks, 8 * 128, 128)
        np.testing.assert_array_equal(same.frame, tracks.frame)
        np.testing.assert_array_equal(same.amplitude, tracks.amplitude)
