"""The door from Python."""

import ast
import importlib
import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import unweave
from tests.jobs.fakes import RATE_HZ, Share, noise, spec, write_noise
from unweave.api import as_wave
from unweave.errors import InputError, OutputError, UsageError
from unweave.types import Audio


def test_import_brings_neither_torch_nor_numpy():
    code = "import unweave, sys; print(unweave.__version__, {'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())
    assert done.stdout.split() == [project["project"]["version"], "set()"]


def test_names_of_the_package():
    assert set(unweave.__all__) <= set(dir(unweave))
    for name in unweave.__all__:
        getattr(unweave, name)
    with pytest.raises(AttributeError, match="nonsense"):
        unweave.nonsense  # noqa: B018
    assert "spleeter-2stems" in unweave.list_separators()


def test_type_checkers_see_the_names_that_there_are():
    tree = ast.parse(Path(unweave.__file__).read_text())
    [block] = [
        node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)
    ]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: node.module for node in imports for alias in node.names}
    assert homes == unweave._HOMES
    assert sorted([*homes, "__version__"]) == sorted(unweave.__all__)
    # Seen by a type checker, this would make every name right.
    assert not any(isinstance(n, ast.FunctionDef) and n.name == "__getattr__" for n in tree.body)


def test_the_page_of_names_is_true():
    page = Path(__file__).parents[1].joinpath("docs/api.md").read_text()
    listed = re.findall(r"^::: (\S+)$", page, re.MULTILINE)
    for path in listed:
        home, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(home), name), path
    missing = {f"unweave.{name}" for name in unweave.__all__ if name != "__version__"} - {*listed}
    assert {name for name in missing if f"`{name}`" not in page} == set()


def test_one_can_tell_what_has_a_call():
    assert isinstance(unweave.load("hpss"), unweave.Separator)
    assert not isinstance(unweave.load("spleeter-hpss"), unweave.Separator)


def test_what_belongs_to_files_is_refused_with_the_place_for_it():
    for name, where in (("format", "Stems.save"), ("on_block", "stream"), ("overwrite", "Stems")):
        with pytest.raises(UsageError, match=f"'{name}' is an option of files: .*{where}"):
            unweave.separate(noise(), RATE_HZ, model="hpss", **{name: "x"})


def test_a_separation_in_memory_can_be_stopped():
    seen = []
    with pytest.raises(unweave.Cancelled):
        unweave.separate(
            noise(5.0), RATE_HZ, model=Share(), on_progress=seen.append, should_stop=lambda: seen
        )
    assert seen
    assert seen[-1].done_s < 5.0


def test_a_stream_can_be_stopped_from_outside(tmp_path):
    source, seen = write_noise(tmp_path / "a.wav", seconds=5.0), []
    stream = unweave.stream(source, tmp_path / "out", Share(), should_stop=lambda: bool(seen))
    with stream, pytest.raises(unweave.Cancelled):
        list(map(seen.append, stream))
    assert not list(tmp_path.glob("out/**/*.wav"))
    with pytest.raises(UsageError, match="'on_block'"):
        unweave.stream(source, tmp_path / "out", Share(), on_block=print)


def test_array_in_stems_out():
    mix = noise(3.3)
    before = mix.copy()
    seen = []
    stems = unweave.separate(mix, RATE_HZ, model=Share(), on_progress=seen.append)
    assert list(stems) == ["vocals", "accompaniment"]
    assert len(stems) == 2
    assert stems.sample_rate_hz == RATE_HZ
    assert stems.duration_s == pytest.approx(3.3)
    for wave in stems.values():
        assert wave.shape == mix.shape
        assert wave.dtype == np.float32
    np.testing.assert_allclose(stems["vocals"], 0.25 * mix, atol=1e-7)
    np.testing.assert_allclose(sum(stems.values()), mix, atol=1e-7)
    np.testing.assert_array_equal(mix, before)
    assert seen[-1].done_s == seen[-1].total_s == pytest.approx(3.3)


def test_what_may_be_given():
    mix = noise(1.0)
    expected = unweave.separate(mix, RATE_HZ, model=Share())
    for same in (torch.from_numpy(mix), mix.astype(np.float64), np.asfortranarray(mix)):
        given = unweave.separate(same, RATE_HZ, model=Share())
        np.testing.assert_array_equal(given["vocals"], expected["vocals"])
    audio = unweave.separate(Audio(mix, RATE_HZ), model=Share())
    np.testing.assert_array_equal(audio["vocals"], expected["vocals"])
    mono = unweave.separate(mix[0], RATE_HZ, model=Share())
    assert mono["vocals"].shape == (1, mix.shape[1])


@pytest.mark.parametrize(
    ("dtype", "value", "becomes"),
    [
        (np.int16, -32768, -1.0),
        (np.int16, 16384, 0.5),
        (np.int32, 2**30, 0.5),
        (np.int8, -64, -0.5),
        (np.uint8, 128, 0.0),
        (np.uint8, 192, 0.5),
        (np.float16, 0.5, 0.5),
        (np.float64, 1.5, 1.5),
    ],
)
def test_numbers_are_scaled_by_their_type(dtype, value, becomes):
    wave = as_wave(np.full((2, 5), value, dtype))
    assert wave.dtype == np.float32
    np.testing.assert_array_equal(wave, np.full((2, 5), becomes, np.float32))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((44100, 2)), r"\(channel, time\).*\(44100, 2\).*\.T"),
        (np.zeros((1, 2, 100)), r"\(channel, time\).*\(1, 2, 100\)"),
        (np.float32(1), "got float32"),
        (np.zeros((2, 0)), r"with samples"),
        (np.zeros(0), r"with samples"),
        (np.zeros((2, 9), np.int64), "int64"),
        (np.zeros((2, 9), np.uint16), "uint16"),
        (np.zeros((2, 9), complex), "complex128"),
        (np.zeros((2, 9), bool), "bool"),
        ([[0.0, 0.1]], "got list"),
        (None, "got NoneType"),
    ],
)
def test_what_may_not_be_given(array, says):
    with pytest.raises(ValueError, match=says):
        unweave.separate(array, 44100, model=Share())


def test_rates_that_mean_nothing():
    with pytest.raises(ValueError, match="needs sample_rate_hz"):
        unweave.separate(noise(), model=Share())
    for rate in (0, -1, 44100.5, float("nan"), float("inf"), "44100"):
        with pytest.raises(ValueError, match="positive whole number"):
            unweave.separate(noise(), rate, model=Share())
    with pytest.raises(ValueError, match="has its own rate"):
        unweave.separate("song.wav", 44100, model=Share())


def test_stems_that_are_asked_for():
    mix = noise()
    only = unweave.separate(mix, RATE_HZ, model=Share(), stems=["accompaniment"])
    assert list(only) == ["accompaniment"]
    with pytest.raises(UsageError, match="no stem 'drums'"):
        unweave.separate(mix, RATE_HZ, model=Share(), stems=["drums"])
    with pytest.raises(UsageError, match="sum to the mix"):
        unweave.separate(mix, RATE_HZ, model=Share(), stems=["residual"])
    loose = Share(spec(complement=None, additive=False))
    stems = unweave.separate(mix, RATE_HZ, model=loose, stems=["vocals", "residual"])
    assert list(stems) == ["vocals", "residual"]
    assert np.abs(stems["residual"]).max() < 1e-6
    with pytest.raises(KeyError, match="no stem 'bass'; there are vocals"):
        stems["bass"]


def test_nan_counts_as_silence():
    mix = noise()
    mix[0, 100] = np.nan
    mix[1, 200] = np.inf
    stems = unweave.separate(mix, RATE_HZ, model=Share())
    assert all(np.isfinite(wave).all() for wave in stems.values())


def test_real_song_by_path_and_by_file(song, tmp_path):
    stems = unweave.separate(song)
    assert stems.sample_rate_hz == 44100
    from unweave.audio.reader import Reader

    with Reader(song) as reader:
        mix = np.concatenate(list(reader.blocks(10_000)), axis=-1)
    np.testing.assert_allclose(stems["vocals"] + stems["accompaniment"], mix, atol=1e-6)
    # It is a separation and not a copy: the voice enters after two seconds.
    before, after = stems["vocals"][:, :80_000], stems["vocals"][:, 120_000:400_000]
    assert np.square(before).mean() < 1e-3 * np.square(after).mean()

    report = unweave.separate_file(song, tmp_path, bandwidth="full")
    options = {"bandwidth": "full", "mask_exponent": 2.0, "wiener": 0}
    assert report["request"]["separator"]["options"] == options
    for name, wave in stems.items():
        written, rate = soundfile.read(tmp_path / song.stem / f"{name}.wav", dtype="float32")
        assert rate == 44100
        np.testing.assert_array_equal(written.T, wave)
    assert unweave.separate_file(song, tmp_path) == report  # skipped: it is the default
    with pytest.raises(OutputError, match="overwrite"):
        unweave.separate_file(song, tmp_path, bandwidth="model")


def test_separate_file_with_a_loaded_model(tmp_path):
    source = write_noise(tmp_path / "a.wav")
    model = Share(spec(name="mine", options={"a": 1}))
    report = unweave.separate_file(
        source, tmp_path / "out", model, stems=["vocals"], filename_template="{stem}.{ext}"
    )
    assert report["request"]["separator"]["name"] == "mine"
    assert report["request"]["separator"]["model"] is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.json",
        "vocals.wav",
    ]


def test_separate_file_raises_what_went_wrong(tmp_path):
    with pytest.raises(InputError, match=r"gone\.mp3"):
        unweave.separate_file(tmp_path / "gone.mp3", tmp_path, Share())
    with pytest.raises(InputError, match=r"gone\.mp3"):
        unweave.separate(tmp_path / "gone.mp3", model=Share())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"no_such_option": 3}, "is loaded already, 'no_such_option' would not be applied"),
        ({"stem": ["vocals"]}, "'stem' would not be applied; give options to unweave.load"),
        ({"model": None}, "model must be a name, or a separator"),
        ({"model": Share}, "model must be a name, or a separator"),
        ({"model": "hpss", "stem": ["harmonic"]}, "hpss has no option 'stem'; it takes window_s"),
        ({"model": "hpss", "power": "high"}, "hpss: power must be a number"),
        ({"stems": [None]}, "stems are names, as 'vocals' is; got None"),
        ({"stems": ["kazoo"]}, "has no stem 'kazoo'; it has vocals, accompaniment; 'unw"),
    ],
)
def test_what_would_not_be_applied_is_an_error_before_work(tmp_path, arguments, says):
    for separate in (
        lambda **given: unweave.separate("gone.wav", **given),
        lambda **given: unweave.separate_file("gone.wav", tmp_path, **given),
    ):
        with pytest.raises(UsageError, match=says) as caught:
            separate(**{"model": Share(), **arguments})
        assert "--" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_misspelt_argument_of_separate_file_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="'overwrit' would not be applied"):
        unweave.separate_file("gone.wav", tmp_path, Share(), overwrit=True)


def test_a_seed_that_a_loaded_separator_would_not_hear_is_an_error(tmp_path):
    source = write_noise(tmp_path / "a.wav")
    with pytest.raises(UsageError, match="'seed' would not be applied; give options to unweave"):
        unweave.separate_file(source, tmp_path, Share(), seed=7)
    seeded = Share(spec(options={"seed": 7}))
    report = unweave.separate_file(source, tmp_path, seeded, seed=7)
    assert report["request"]["separator"]["options"] == {"seed": 7}


def test_one_stem_by_its_name():
    mix = noise(1.0)
    assert list(unweave.separate(mix, RATE_HZ, model=Share(), stems="vocals")) == ["vocals"]
    both = unweave.separate(mix, RATE_HZ, model=Share(), stems="vocals, accompaniment")
    assert list(both) == ["vocals", "accompaniment"]


def test_an_open_file_is_no_recording(tmp_path):
    for file in (io.BytesIO(b""), open(write_noise(tmp_path / "a.wav"), "rb")):
        with file, pytest.raises(ValueError, match=r"got an open file .*give its path"):
            unweave.separate(file, model=Share())


@pytest.mark.parametrize("name", ["spleeter-2stems", "mir1k-chimera"])
def test_a_separator_says_what_it_is(name):
    shown = repr(unweave.load(name, wiener=1))
    assert shown.startswith(f"<{name} (vocals, accompaniment): ")
    assert "wiener=1" in shown


def test_only_a_part(tmp_path):
    mix = noise(3.0)
    soundfile.write(tmp_path / "a.wav", mix.T, RATE_HZ, "FLOAT")
    part = mix[:, RATE_HZ // 2 : 2 * RATE_HZ]
    for given, rate_hz in ((mix, RATE_HZ), (Audio(mix, RATE_HZ), None), (tmp_path / "a.wav", None)):
        stems = unweave.separate(given, rate_hz, model=Share(), start=0.5, end="0:02")
        np.testing.assert_allclose(stems["vocals"], 0.25 * part, atol=1e-7)
    with pytest.raises(InputError, match=r"the mix: lasts 3\.000 s"):
        unweave.separate(mix, RATE_HZ, model=Share(), end=4)
    with pytest.raises(UsageError, match="is not after the start"):
        unweave.separate(mix, RATE_HZ, model=Share(), start=1, end=1)


@pytest.mark.parametrize(
    ("model", "given", "seed"),
    [
        ("hpss", {"seed": 7}, 0),
        ("fastica", {"seed": 7}, 7),
        (None, {}, 5),
    ],
)
def test_a_report_has_the_seed_that_was_applied(tmp_path, model, given, seed):
    source = write_noise(tmp_path / "a.wav", seconds=0.5)
    separator = model or unweave.load("fastica", seed=5)
    report = unweave.separate_file(source, tmp_path, separator, **given)
    assert report["request"]["separator"]["options"].get("seed", 0) == seed


def test_only_a_part_in_files(tmp_path):
    from unweave.jobs.verify import verify

    mix = noise(3.0)
    soundfile.write(tmp_path / "a.wav", mix.T, RATE_HZ, "FLOAT")

    def run(**part):
        return unweave.separate_file(tmp_path / "a.wav", tmp_path / "out", "hpss", **part)

    report = run(start="0:00.5", end=2)
    assert report["input"]["samples"] == 1.5 * RATE_HZ
    stems = [
        soundfile.read(tmp_path / "out" / "a" / item["path"], always_2d=True)[0].T
        for item in report["stems"]
    ]
    np.testing.assert_allclose(sum(stems), mix[:, RATE_HZ // 2 : 2 * RATE_HZ], atol=1e-6)
    assert run(start=0.5, end=2.0) == report  # is finished already
    with pytest.raises(OutputError):  # another part is another request
        run(start=0.5)
    assert verify(tmp_path / "out" / "a").agrees
