"""A file in, files out: complete, exact, honest about what happened."""

import itertools
import json
import os
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile
import torch

import unweave
from tests.engine.fakes import Halves, halves
from unweave.audio.reader import Reader
from unweave.core.atomic import sha256
from unweave.core.plan import Segmentation
from unweave.engine import executor as executors
from unweave.engine import report, resources, run
from unweave.engine.ahead import Decoding
from unweave.engine.run import separate_array, separate_file
from unweave.errors import Cancelled, InputError, MemoryLimitError, OutputError, UsageError
from unweave.request import (
    Execution,
    Inference,
    Output,
    SeparationRequest,
    SeparatorRef,
    run_options,
)
from unweave.types import Progress

FACTS = {
    "sample_rate_hz": 44100,
    "channels": 2,
    "segmentation": Segmentation(length_s=0.5, fade_s=0.05),
}
SCHEMA = json.loads((Path(report.__file__).parents[1] / "core" / "report.schema.json").read_text())


def song(path: Path, wave: np.ndarray, rate: int = 44100, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, wave.T, rate, subtype=subtype)
    return path


def noise(
    seconds: float = 1.3, channels: int = 2, rate: int = 44100, level: float = 0.2
) -> np.ndarray:
    shape = (channels, round(seconds * rate))
    return (
        (np.random.default_rng(5).normal(size=shape) * level).clip(-0.99, 0.99).astype(np.float32)
    )


def separate(
    source: Path, folder: Path, separator: Halves | None = None, **options: object
) -> dict:
    separator = separator or halves(**FACTS)
    extension = options.get("format", "wav")
    stems = options.pop("stems", separator.spec.outputs)
    outputs = {stem: folder / f"{stem}.{extension}" for stem in stems}
    output, inference, execution, others = run_options(options)
    request = request_for(separator, outputs, output, inference, execution)
    report_path = folder / "report.json"
    return separate_file(source, outputs, report_path, lambda: separator, request, **others)


def request_for(
    separator: Halves,
    stems: Iterable[str],
    output: Output = Output(),
    inference: Inference = Inference(),
    execution: Execution = Execution(),
) -> SeparationRequest:
    return SeparationRequest(
        separator=SeparatorRef(name=separator.spec.name, options=separator.spec.options),
        stems=tuple(stems),
        output=output,
        inference=inference,
        execution=execution,
    )


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0].T


def test_stems_and_report(tmp_path: Path) -> None:
    wave = noise()
    got = separate(song(tmp_path / "song.wav", wave), tmp_path / "out")
    jsonschema.validate(got, SCHEMA)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == got
    stems = [read(tmp_path / "out" / entry["path"]) for entry in got["stems"]]
    np.testing.assert_allclose(sum(stems), wave, atol=1e-6)
    assert got["null_test_db"] < -120
    assert got["gain_db"] == 0
    assert got["execution"]["passes"] == 1
    assert got["warnings"] == []
    for entry, stem in zip(got["stems"], stems, strict=True):
        path = tmp_path / "out" / entry["path"]
        assert entry["sha256"] == sha256(path)
        assert entry["bytes"] == path.stat().st_size
        assert entry["peak_dbfs"] == pytest.approx(20 * np.log10(np.abs(stem).max()), abs=0.01)
    assert got["input"]["sha256"] == sha256(tmp_path / "song.wav")
    assert got["input"]["samples"] == wave.shape[1]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "report.json",
        "rest.wav",
        "some.wav",
    ]


def test_twice_the_same_bytes(tmp_path: Path) -> None:
    source = song(tmp_path / "song.wav", noise())
    first, second = separate(source, tmp_path / "a"), separate(source, tmp_path / "b", batch=5)
    assert [s["sha256"] for s in first["stems"]] == [s["sha256"] for s in second["stems"]]


@pytest.mark.parametrize("bits", [16, 24])
def test_integers_that_would_clip_share_one_gain(tmp_path: Path, bits: int) -> None:
    class Loud(Halves):
        def __call__(self, mix, sample_rate_hz):  # type: ignore[no-untyped-def]
            return super().__call__(mix, sample_rate_hz) * 8

    spec = halves(**FACTS, additive=False).spec
    wave = noise()
    got = separate(song(tmp_path / "song.wav", wave), tmp_path / "out", Loud(spec), bit_depth=bits)
    assert got["execution"]["passes"] == 2
    assert got["gain_db"] < 0
    gain = 10 ** (got["gain_db"] / 20)
    stems = [read(tmp_path / "out" / entry["path"]) for entry in got["stems"]]
    assert max(np.abs(stem).max() for stem in stems) <= 1 - 2.0**-16
    np.testing.assert_allclose(sum(stems) / gain, wave, atol=2 / 2**bits / gain + 1e-4)
    assert any("above full scale" in line for line in got["warnings"])


def test_float_output_keeps_what_is_above_full_scale(tmp_path: Path) -> None:
    wave = noise() * 4
    got = separate(song(tmp_path / "song.wav", wave), tmp_path / "out")
    assert got["execution"]["passes"] == 1
    np.testing.assert_allclose(read(tmp_path / "out" / "rest.wav"), 0.75 * wave, atol=1e-5)


def test_24_bits_null_up_to_rounding(tmp_path: Path) -> None:
    wave = np.round(noise() * 2**23) / 2**23
    source = song(tmp_path / "song.wav", wave, subtype="PCM_24")
    separate(source, tmp_path / "out", bit_depth=24)
    lost = read(tmp_path / "out" / "some.wav") + read(tmp_path / "out" / "rest.wav") - wave
    assert np.abs(lost).max() <= 2 * 0.5 / 2**23 + 1e-7  # each stem rounds by half a step


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda w: w * 0, "silent"),
        (lambda w: w + np.float32(0.1), "DC offset of +0.1"),
        (lambda w: np.clip(w * 20, -1, 1), "clipped"),
        (lambda w: np.where(np.arange(w.shape[1]) % 5000 == 7, np.nan, w), "NaN or infinite"),
        (lambda w: np.where(np.arange(w.shape[1]) % 5000 == 7, np.inf, w), "NaN or infinite"),
    ],
)
def test_faults_are_told_and_stems_stay_finite(tmp_path: Path, spoil, words: str) -> None:  # type: ignore[no-untyped-def]
    wave = spoil(noise()).astype(np.float32)
    got = separate(song(tmp_path / "song.wav", wave), tmp_path / "out")
    jsonschema.validate(got, SCHEMA)
    assert any(words in line for line in got["warnings"]), got["warnings"]
    stems = [read(tmp_path / "out" / entry["path"]) for entry in got["stems"]]
    clean = np.where(np.isfinite(wave), wave, 0)
    np.testing.assert_allclose(sum(stems), clean, atol=1e-5)


@pytest.mark.parametrize(
    ("rate", "channels"), [(8000, 1), (48000, 1), (96000, 2), (192000, 3), (44100, 24)]
)
@pytest.mark.parametrize("length", [1, 2, 4801])
def test_rate_channels_and_length_are_the_input_s(
    tmp_path: Path, rate: int, channels: int, length: int
) -> None:
    wave = noise(channels=channels)[:, :length]
    got = separate(song(tmp_path / "song.wav", wave, rate), tmp_path / "out")
    for entry in got["stems"]:
        facts = soundfile.info(tmp_path / "out" / entry["path"])
        assert (facts.samplerate, facts.channels, facts.frames) == (rate, channels, length)
    assert got["null_test_db"] < -90


def test_some_stems_only(tmp_path: Path) -> None:
    source = song(tmp_path / "song.wav", noise())
    got = separate(source, tmp_path / "out", stems=("some",))
    assert [entry["stem"] for entry in got["stems"]] == ["some"]
    assert got["null_test_db"] < -120  # of all stems, written or not


@pytest.mark.parametrize("format", ["wav", "flac"])
@pytest.mark.parametrize("stems", [("some",), ("rest",), ("some", "rest")])
@pytest.mark.parametrize(("level", "share"), [(0.2, 0.25), (0.2, 10), (2.0, 0.25), (2.0, 0.025)])
def test_every_stem_is_as_long_as_the_recording_whichever_stem_is_loud(
    tmp_path: Path, level: float, share: float, stems: tuple[str, ...], format: str
) -> None:
    separator = Halves(halves(**FACTS).spec, share)
    wave = noise(4) * np.float32(level / 0.2)
    got = separate(
        song(tmp_path / "song.wav", wave),
        tmp_path / "out",
        separator,
        stems=stems,
        format=format,
        bit_depth=16,
    )
    gain = 10 ** (got["gain_db"] / 20)
    right = {"some": share * wave, "rest": (1 - share) * wave}
    for entry in got["stems"]:
        found = read(tmp_path / "out" / entry["path"])
        assert entry["samples"] == found.shape[1] == wave.shape[1]
        np.testing.assert_allclose(found, gain * right[entry["stem"]], atol=2e-4)
    highest = max(np.abs(right[stem]).max() for stem in stems)
    assert (got["execution"]["passes"], got["gain_db"] < 0) == (
        (2, True) if highest > 1 else (1, False)
    )


def test_a_stem_that_lacks_samples_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(run.Writer):
        def write(self, block):  # type: ignore[no-untyped-def]
            super().write(block if self.samples else block[:, 1:])

    monkeypatch.setattr(run, "Writer", Forgetful)
    with pytest.raises(OutputError, match=r"some\.wav: would hold 57329 of 57330 samples"):
        separate(song(tmp_path / "song.wav", noise()), tmp_path / "out")
    assert files(tmp_path / "out") == []


def test_the_batch_that_is_reported_is_the_one_that_memory_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small(Halves):
        def __call__(self, mix, sample_rate_hz):  # type: ignore[no-untyped-def]
            if mix.shape[0] > 2:
                raise torch.OutOfMemoryError("too much")
            return super().__call__(mix, sample_rate_hz)

    # Another name for the CPU, so that it is given batches as an accelerator is.
    monkeypatch.setattr(resources, "choose_device", lambda wanted: "cpu:0")
    got = separate(
        song(tmp_path / "song.wav", noise(6)),
        tmp_path / "out",
        Small(halves(**FACTS).spec),
        batch=8,
    )
    assert got["execution"]["batch"] == 2
    assert sum("out of memory" in line for line in got["warnings"]) == 2


def test_the_whole_time_counts_loading_once(tmp_path: Path) -> None:
    source = song(tmp_path / "song.wav", noise())
    outputs = {stem: tmp_path / "out" / f"{stem}.wav" for stem in ("some", "rest")}

    def load() -> Halves:
        time.sleep(0.3)
        return halves(**FACTS)

    before = time.perf_counter()
    request = request_for(halves(**FACTS), outputs)
    report = separate_file(source, outputs, tmp_path / "out" / "report.json", load, request)
    seconds = report["execution"]["seconds"]
    wall = time.perf_counter() - before
    assert seconds["load"] >= 0.3
    assert seconds["load"] + seconds["separate"] <= seconds["total"] + 0.002  # each is rounded
    assert seconds["total"] <= wall + 0.001


def test_a_source_tree_that_is_not_installed_writes_reports_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.delitem(vars(unweave), "__version__", raising=False)
    monkeypatch.setattr(metadata, "version", missing)
    got = separate(song(tmp_path / "song.wav", noise()), tmp_path / "out")
    monkeypatch.delitem(vars(unweave), "__version__", raising=False)
    jsonschema.validate(got, SCHEMA)
    assert got["execution"]["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "m4a", "ogg", "opus"])
def test_a_region_is_the_same_samples_of_any_format(
    tmp_path: Path, make_wave, extension: str
) -> None:  # type: ignore[no-untyped-def]
    path, rate = tmp_path / f"song.{extension}", 48000
    wave = make_wave(2, 3 * rate, rate)
    with run.Writer(path, run.encoding(extension, None, rate, 2), rate, 2) as writer:
        writer.write(wave)
    with Reader(path) as reader:
        right = np.concatenate(list(reader.blocks(rate)), axis=1)[:, 35_999:86_401]
    part = {"start": 35_999 / rate, "end": 86_401 / rate}
    got = separate(path, tmp_path / "out", **part)
    jsonschema.validate(got, SCHEMA)
    assert got["input"]["samples"] == 86_401 - 35_999
    assert got["input"]["start"] == 35_999
    assert part.items() <= got["request"]["output"].items()
    assert got["input"]["sha256"] == sha256(path)
    stems = [read(tmp_path / "out" / entry["path"]) for entry in got["stems"]]
    np.testing.assert_allclose(sum(stems), right, atol=1e-6)


def test_a_region_beyond_the_end_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"song\.wav: lasts 1\.300 s"):
        separate(song(tmp_path / "song.wav", noise()), tmp_path / "out", start=1, end=2)
    assert files(tmp_path / "out") == []


class Meanwhile(Halves):
    """Does something to the disk while a recording is being separated."""

    def to(self, device):  # type: ignore[no-untyped-def]
        type(self).act()
        return self


def during_the_run(act) -> Halves:  # type: ignore[no-untyped-def]
    separator = type("Acting", (Meanwhile,), {"act": staticmethod(act)})
    return separator(halves(**FACTS).spec)


@pytest.mark.parametrize("change", ["grows", "is touched", "is another"])
def test_a_recording_that_changes_meanwhile_gives_one_error(tmp_path: Path, change: str) -> None:
    source = song(tmp_path / "song.wav", noise())

    def act() -> None:
        if change == "grows":
            source.write_bytes(source.read_bytes() + bytes(8))
        elif change == "is touched":
            os.utime(source, ns=(0, 0))
        else:
            os.replace(song(tmp_path / "new.wav", noise()), source)

    with pytest.raises(InputError, match=r"song\.wav: changed while it was read") as caught:
        separate(source, tmp_path / "out", during_the_run(act))
    assert len(str(caught.value).splitlines()) == 1
    assert files(tmp_path / "out") == []


def test_a_file_that_appears_meanwhile_is_replaced_only_if_asked(tmp_path: Path) -> None:
    source, mine = song(tmp_path / "song.wav", noise()), tmp_path / "out" / "rest.wav"
    separator = during_the_run(lambda: (mine.parent.mkdir(), mine.write_text("mine")))
    with pytest.raises(OutputError, match=r"out/rest\.wav: appeared during the run"):
        separate(source, tmp_path / "out", separator)
    assert files(tmp_path / "out") == [mine]
    assert mine.read_text() == "mine"
    separate(source, tmp_path / "out", replace=True)
    assert read(mine).shape == noise().shape


def test_an_output_folder_that_vanishes_is_what_the_error_names(tmp_path: Path) -> None:
    calls = itertools.count()

    def stop() -> bool:
        if next(calls) == 2:
            (tmp_path / "out").rename(tmp_path / "moved")
        return False

    with pytest.raises(OutputError, match="out: was moved or emptied during the run"):
        separate(song(tmp_path / "song.wav", noise(3)), tmp_path / "out", should_stop=stop)
    assert not (tmp_path / "out").exists()


def test_progress_ends_at_the_end(tmp_path: Path) -> None:
    seen: list[Progress] = []
    separate(song(tmp_path / "song.wav", noise()), tmp_path / "out", on_progress=seen.append)
    assert [p.done_s for p in seen] == sorted(p.done_s for p in seen)
    assert seen[-1].done_s == pytest.approx(1.3, abs=1e-4)
    assert seen[-1].total_s == pytest.approx(1.3, abs=1e-4)


def files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()] if folder.exists() else []


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    calls = iter([False, False, True])
    with pytest.raises(Cancelled):
        separate(
            song(tmp_path / "song.wav", noise(3)),
            tmp_path / "out",
            should_stop=lambda: next(calls, True),
        )
    assert files(tmp_path / "out") == []


def test_a_failing_separator_leaves_nothing(tmp_path: Path) -> None:
    class Broken(Halves):
        def __call__(self, mix, sample_rate_hz):  # type: ignore[no-untyped-def]
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        separate(
            song(tmp_path / "song.wav", noise()), tmp_path / "out", Broken(halves(**FACTS).spec)
        )
    assert files(tmp_path / "out") == []


def test_no_room_for_the_whole_signal_is_said_with_both_figures(tmp_path: Path) -> None:
    separator = halves(channels=2, sample_rate_hz=44100, bytes_per_sample=1e6)
    with pytest.raises(MemoryLimitError, match=r"needs about \d+ MB .* the limit is 900 MB"):
        separate(
            song(tmp_path / "song.wav", noise()), tmp_path / "out", separator, max_memory_mb=900
        )


@pytest.mark.parametrize("known", [True, False])
def test_no_room_for_a_recording_that_does_not_say_how_long_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ffmpeg_file, known: bool
) -> None:  # type: ignore[no-untyped-def]
    """As an MP3 without a header that counts its frames."""
    monkeypatch.setattr(executors, "current_memory_mb", lambda: 0.0)
    options = {} if known else {"muxer_options": {"write_xing": "0"}, "bit_rate": 320_000}
    codec = ("flac", "flac") if known else ("mp3", "libmp3lame")
    kind = "s16" if known else "flt"
    source = ffmpeg_file(tmp_path / "song", *codec, 44100, noise(3), sample_format=kind, **options)
    if not known:
        assert Decoding(source).info.frames is None
    separator = halves(channels=2, sample_rate_hz=44100, bytes_per_sample=1e3)
    with pytest.raises(MemoryLimitError, match=r"100 MB.*shorter recording"):
        separate(source, tmp_path / "out", separator, max_memory_mb=100)
    assert files(tmp_path / "out") == []
    separate(source, tmp_path / "out", separator, max_memory_mb=1000)
    a_part = {"start": 1.0, "end": 1.5, "max_memory_mb": 100}
    assert separate(source, tmp_path / "part", separator, **a_part)["input"]["samples"] == 22050


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"stems": ("drums",)}, UsageError, "stems must be some of some, rest; got drums"),
        ({"device": "abacus"}, UsageError, "device must be auto, cpu, mps, cuda, or cuda:N"),
        ({"batch": 0}, UsageError, "batch must be a whole number or none, at least 1"),
    ],
)
def test_bad_requests(tmp_path: Path, options: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        separate(song(tmp_path / "song.wav", noise()), tmp_path / "out", **options)
    assert files(tmp_path / "out") == []


def test_a_missing_file_and_a_file_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.wav"):
        separate(tmp_path / "nowhere.wav", tmp_path / "out")
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="out"):
        separate(song(tmp_path / "song.wav", noise()), tmp_path / "out")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        RuntimeError("std::bad_alloc"),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("can't start new thread"),
        ImportError("libopus.so: failed to map segment from shared object"),
    ],
)
def test_a_system_without_memory_is_said_in_one_line(tmp_path: Path, error: Exception) -> None:
    class Hungry(Halves):
        def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
            raise error

    separator = Hungry(halves(**FACTS).spec)
    with pytest.raises(MemoryLimitError, match=r"^the system gives no more memory: use .*$"):
        separate(song(tmp_path / "song.wav", noise()), tmp_path / "out", separator)
    assert files(tmp_path / "out") == []
    with pytest.raises(MemoryLimitError):
        separate_array(separator, noise(), 44100, warn=print)
