"""What every separation promises, held against many that are drawn.

Drawn are the separator, the stems that are asked for, format and bit depth, and the recording's
level, channels, rate and length; some separate again, with other options, into the same folder. The
suite draws some hundred cases. More of them, and others, on request:

    UNWEAVE_CASES=10000 UNWEAVE_SEED=1 python -m pytest tests/engine/test_promises.py -q -s
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests import CPU
from tests.engine.fakes import Halves, halves
from unweave import load, request
from unweave.audio.formats import encoding
from unweave.audio.reader import Reader
from unweave.core import atomic
from unweave.core.plan import Segmentation
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.complement import Complement
from unweave.engine.adapters.ensemble import Ensemble
from unweave.engine.adapters.renamed import Renamed
from unweave.engine.adapters.track_normalised import TrackNormalised
from unweave.engine.compose import AnySeparator
from unweave.engine.run import separate_file
from unweave.errors import OutputError
from unweave.request import Inference, SeparationRequest, SeparatorRef

CASES = int(os.environ.get("UNWEAVE_CASES", "120"))
SEED = int(os.environ.get("UNWEAVE_SEED", "0"))
FORMATS = [
    *(("wav", bits) for bits in (16, 24, 32)),
    *(("flac", bits) for bits in (16, 24)),
    *((lossy, None) for lossy in ("mp3", "m4a", "ogg", "opus")),
]
FACTS = {"segmentation": Segmentation(length_s=0.05, fade_s=0.01)}
SEPARATORS: dict[str, AnySeparator] = {
    "a quiet stem and the rest": halves(**FACTS),
    "a loud stem and the rest": Halves(halves(**FACTS).spec, 2.5),
    "a residual": Halves(halves(**FACTS, complement=None, additive=False).spec, 2.0),
    "the whole at once": halves(),
    "of one channel at 16 kHz": halves(**FACTS, channels=1, sample_rate_hz=16000),
    "of two channels": halves(**FACTS, channels=2),
    "hpss": load("hpss"),
}


@dataclass(frozen=True)
class Output:
    """What is asked for."""

    separator: str
    stems: tuple[str, ...]
    format: str
    bits: int | None


@dataclass(frozen=True)
class Song:
    """A recording: noise at a level, where 1.0 is full scale."""

    channels: int
    rate_hz: int
    length: int
    level: float

    def wave(self) -> np.ndarray:
        noise = np.random.default_rng(self.length).uniform(-1, 1, (self.channels, self.length))
        return (self.level * noise).astype(np.float32)


@st.composite
def outputs(draw: st.DrawFn) -> Output:
    name = draw(st.sampled_from(sorted(SEPARATORS)))
    names = SEPARATORS[name].spec.outputs
    stems = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    return Output(name, tuple(stems), *draw(st.sampled_from(FORMATS)))


@st.composite
def songs(draw: st.DrawFn, most_channels: int) -> Song:
    rate_hz = draw(st.sampled_from([8000, 16000, 22050, 44100, 48000, 96000]))
    length = draw(st.integers(1, 40) | st.integers(rate_hz // 8, rate_hz // 4))
    level = draw(st.sampled_from([0.0, 1e-4, 0.3, 0.5, 1.0, 1.5, 6.0]))
    return Song(draw(st.integers(1, most_channels)), rate_hz, length, level)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Song, Output, Output | None]:
    first = draw(outputs())
    again = draw(st.sampled_from([False, False, False, True]))
    second = draw(outputs()) if again else None
    stereo = any(output and output.format == "mp3" for output in (first, second))
    return draw(songs(2 if stereo else 6)), first, second


@pytest.fixture(scope="module", autouse=True)
def a_disk_that_is_fast() -> Iterator[None]:
    """That files are on the disk before they have names is what other tests look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "fsync", lambda handle: None)
        yield
    print(f"\n{CASES} cases, seed {SEED}")


@seed(SEED)
@settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(cases())
def test_every_separation_keeps_its_promises(case: tuple[Song, Output, Output | None]) -> None:
    song, first, second = case
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name, "song.wav"), Path(name, "out")
        mix = song.wave()
        soundfile.write(source, mix.T, song.rate_hz, "FLOAT")
        keeps_its_promises(run(source, folder, first), folder, song, mix, first)
        if second is None:
            return
        before = contents(folder)
        if set(paths(folder, second).values()) & set(paths(folder, first).values()):
            with pytest.raises(OutputError, match="appeared during the run"):
                run(source, folder, second)
            assert contents(folder) == before
            for path in folder.iterdir():
                path.unlink()
            run(source, folder, first)
        report = run(source, folder, second, replace=True)
        others = set(paths(folder, first).values()) - set(paths(folder, second).values())
        for path in others:
            assert path.read_bytes() == before[path.name]
            path.unlink()
        keeps_its_promises(report, folder, song, mix, second)


def run(
    source: Path,
    folder: Path,
    asked: Output,
    *,
    complement: str | None = None,
    replace: bool = False,
) -> dict:
    return separate_file(
        source,
        paths(folder, asked),
        folder / "report.json",
        lambda: {**SEPARATORS, **COMPOSED}[asked.separator],
        SeparationRequest(
            separator=SeparatorRef(name=asked.separator),
            stems=tuple(asked.stems),
            output=request.Output(format=asked.format, bit_depth=asked.bits),
            inference=Inference(complement=complement),
            execution=CPU,
        ),
        replace=replace,
    )


def paths(folder: Path, asked: Output) -> dict[str, Path]:
    return {stem: folder / f"{stem}.{asked.format}" for stem in asked.stems}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def keeps_its_promises(
    report: dict, folder: Path, song: Song, mix: np.ndarray, asked: Output
) -> None:
    target = encoding(asked.format, asked.bits, song.rate_hz, song.channels)
    files = paths(folder, asked)
    assert set(contents(folder)) == {"report.json", *(path.name for path in files.values())}
    assert report["input"]["samples"] == song.length
    stems = []
    for entry, path in zip(report["stems"], files.values(), strict=True):
        assert entry["samples"] == song.length
        with Reader(path) as reader:
            info = reader.info
            stem = np.concatenate(list(reader.blocks(song.rate_hz)), axis=1)
            assert reader.warnings == []
        assert (info.channels, info.sample_rate_hz) == (song.channels, target.sample_rate_hz)
        assert abs(stem.shape[1] / target.sample_rate_hz - song.length / song.rate_hz) < (
            1e-9 if target.sample_rate_hz == song.rate_hz else 1 / target.sample_rate_hz
        )
        stems.append(stem)
    gain = 10 ** (report["gain_db"] / 20)
    peak_db = max(entry["peak_dbfs"] for entry in report["stems"])
    assert report["execution"]["passes"] == (1 if report["gain_db"] == 0 else 2)
    if target.integer:
        assert peak_db <= 0
        if report["execution"]["passes"] == 2:  # no quieter than need be
            assert peak_db == pytest.approx(0, abs=0.01)
    names = SEPARATORS[asked.separator].spec.outputs
    everything = set(asked.stems) == set(names)
    if everything or "residual" not in names:
        null_db = report["null_test_db"]
        assert (null_db is None) == (song.level == 0)
        assert null_db is None or null_db < -100
    if everything and target.bit_depth:
        step = 0.0 if target.bit_depth == 32 else 2.0 ** -(target.bit_depth - 1)
        rounding = len(stems) * 0.5 * step + 1e-5 * max(1.0, song.level * 9)
        # The highest integer is a step below full scale.
        rounding += len(stems) * step
        np.testing.assert_allclose(sum(stems), gain * mix, atol=rounding)


# ---- what else is asked for ----


AT_8_KHZ = {"segmentation": Segmentation(length_s=0.05), "sample_rate_hz": 8000, "channels": 2}


def parted(*stems: str, share: float = 0.25, additive: bool = True, **facts: object) -> Halves:
    """Two stems; the second is what the first leaves, where they are additive."""
    complement = stems[1] if additive else None
    named = {"stems": stems, "additive": additive, "complement": complement}
    return Halves(halves(**{**AT_8_KHZ, **named, **facts}).spec, share)


VOICE = parted("vocals", "rest")
LEAD = parted("lead", "backing", share=0.5)
MIXED = Ensemble((VOICE, parted("vocals", "rest", share=0.5)))
COMPOSED: dict[str, AnySeparator] = {
    "a network": VOICE,
    "at one level": TrackNormalised(VOICE),
    "renamed": Renamed(VOICE, ("rest", "vocals"), ("band", "voice")),
    "a mean": MIXED,
    "a median": Ensemble(MIXED.members, "median_wave"),
    "a complement in an ensemble": Ensemble(
        (Complement(parted("vocals", "drums", additive=False), "rest", ("vocals",)), VOICE)
    ),
    "an ensemble of other stems": Ensemble((*MIXED.members, parted("drums", "bass"))),
    "an ensemble of two rates": Ensemble(
        (*MIXED.members, parted("drums", "bass", sample_rate_hz=16000))
    ),
    "a chain": Chain(VOICE, "vocals", LEAD),
    "a chain on the complement": Chain(VOICE, "rest", LEAD),
    "a chain that leaves a residual": Chain(
        VOICE, "vocals", parted("lead", "backing", additive=False)
    ),
    "a chain of three": Chain(Chain(VOICE, "rest", LEAD), "backing", parted("drums", "bass")),
    "a chain behind an ensemble": Chain(MIXED, "rest", LEAD),
}
LEFT = "left"


@st.composite
def asked_twice(draw: st.DrawFn) -> tuple[Song, list[tuple[Output, str | None]]]:
    """All stems of a separator, and some with or without a complement, in one format."""
    name = draw(st.sampled_from(sorted(COMPOSED)))
    spec = COMPOSED[name].spec
    some = draw(st.lists(st.sampled_from(spec.stems), min_size=1, unique=True))
    stems = tuple(stem for stem in spec.stems if stem in some)
    whole = len(stems) == len(spec.outputs)
    complement = None if whole else draw(st.sampled_from([None, LEFT]))
    kind = draw(st.sampled_from([("wav", 32), ("wav", 16), ("flac", 24)]))
    rate_hz = draw(st.sampled_from([8000, 11025, 44100]))
    song = Song(2, rate_hz, draw(st.integers(1, rate_hz // 10)), 0.2)  # nothing of it clips
    named = stems if complement is None else (*stems, complement)
    return song, [
        (Output(name, spec.outputs, *kind), None),
        (Output(name, named, *kind), complement),
    ]


@seed(SEED)
@settings(
    max_examples=CASES // 4,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(asked_twice())
def test_a_stem_has_its_bytes_whatever_else_is_asked_for(
    case: tuple[Song, list[tuple[Output, str | None]]],
) -> None:
    """And all of them sum to the mix, at any rate."""
    song, requests = case
    with tempfile.TemporaryDirectory() as name:
        source, made = Path(name, "song.wav"), []
        mix = song.wave()
        soundfile.write(source, mix.T, song.rate_hz, "FLOAT")
        for n, (asked, complement) in enumerate(requests):
            folder = Path(name, str(n))
            run(source, folder, asked, complement=complement)
            made.append({stem: path.read_bytes() for stem, path in paths(folder, asked).items()})
            whole = {*asked.stems} == {*COMPOSED[asked.separator].spec.outputs}
            if whole or complement is not None:
                stems = [soundfile.read(path)[0].T for path in paths(folder, asked).values()]
                step = 2.0 ** (1 - (asked.bits or 0)) if asked.bits != 32 else 1e-6
                np.testing.assert_allclose(sum(stems), mix, rtol=0, atol=len(stems) * step)
        every, some = made
        assert all(some[stem] == every[stem] for stem in some if stem != requests[1][1])
