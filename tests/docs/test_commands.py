"""Every command of the documents can be typed as it stands: run on small inputs, or parsed."""

import ast
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import tomli_w
import torch
import typer
from tests import CPU, processes
from tests.apps.voices import RATE_HZ, melody, voice
from tests.beside import packages
from tests.models.networks import waveform
from typer.testing import CliRunner

from unweave import datasets, registry
from unweave.audio.stem_file import metadata
from unweave.audio.stem_file.writer import stem_encoding, stem_writer
from unweave.cli.app import app
from unweave.engine.run import separate_array
from unweave.errors import UsageError
from unweave.evaluation import entries
from unweave.models import cards, store

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if path.name != "CHANGELOG.md"
)
# What is parsed and not run, by how the command begins, and why.
PARSED_ONLY = {
    "unweave train recipes/": "trains for hours, on a dataset that the user has",
    "unweave separate song.wav -m runs/": "needs the weights that the training makes",
    "unweave benchmark --dataset mir-1k": "runs for an hour, on a dataset that the user has",
    "unweave benchmark --dataset musdb18 --root data/musdb18-7s": "runs for an hour, likewise",
    "unweave nmf learn --dataset mir-1k": "learns for minutes, likewise",
    "unweave dataset check data/musdb18 --index": "needs the index of a complete copy",
    "unweave separate -q --json -o out -- $song": "a line of a script: the shell sets the song",
    "unweave models pull htdemucs": "fetches weights that are for research only",
    "unweave separate song.mp3 -m htdemucs": "needs these weights",
    "unweave models add model_scnet": "needs this checkpoint; a RoFormer's is added",
    "unweave models add MDX23C_D1581": "likewise",
    "unweave models add checkpoint-multi_fixed": "likewise",
    "unweave models add UVR-DeNoise.pth": "likewise",
    "unweave models add mine.pth": "likewise",
    "unweave models pull kim-vocals": "fetches hundreds of megabytes",
    "unweave separate song.mp3 -m kim-vocals": "needs these weights",
    "unweave models add UVR-MDX-NET": "needs this graph",
    "unweave models pull uvr-inst-hq-4": "fetches weights",
    "unweave separate song.mp3 -m uvr-inst-hq-4": "needs these weights",
    "unweave models remove": "removes the weights of whoever runs the tests",
    "unweave lyrics align song.mp3": "needs a song that is sung; with its voice, it is run",
    "unweave serve": "serves until it is stopped; tests/server does so",
    "unweave studio": "likewise",
    "unweave catalogue run": "starts Ray, which takes long; tests/cluster does so",
    "unweave catalogue evaluate": "likewise",
    "unweave catalogue retry": "likewise",
    "unweave catalogue status": "needs a run",
    "unweave catalogue verify": "likewise",
    "unweave catalogue export": "likewise",
    "unweave catalogue scan s3:": "needs an object store; tests/cluster has one",
    "unweave report DIR": "needs the scores of a benchmark, which other commands make and report",
}
SERVED = "docs/serve.md"  # its programs need a service: tests/server runs them
UNWEAVE = ("unweave", "~/unweave/bin/unweave")
# Other programs: what they do is not unweave's.
OTHERS = ("pip", "pipx", "uvx", "git", "source", "py", "cd", "python3", "~/unweave/bin/pip")
HEADINGS = ["Idea", "Formula", "When it fails", "Paper"]
SECOND = 8000
# A song for singing games, as docs/lyrics.md has one.
LYRICS = "#TITLE:Song\n#BPM:300\n#GAP:100\n: 0 2 2 La\n: 4 2 2  la\n- 6\n* 8 4 5 li\nE\n"
# A configuration of MSST's, of a small network.
ROFORMER = """
audio: {sample_rate: 16000, chunk_size: 16000}
model: {sample_rate: 16000, stft_n_fft: 128, stft_win_length: 128, stft_hop_length: 32}
training: {instruments: [vocals, other], target_instrument: vocals}
inference: {num_overlap: 2}
"""
# A separator of the reader's own, as docs/benchmark.md names it.
MODULE = """
from tests.evaluation.fakes import Share

def MySeparator(bands):
    return Share(1 / bands)
"""


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[list[str]]:
    """The words of each command, without comments, variables before it and what follows it."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words.pop(0)
        for n, word in enumerate(words):
            if word in (">", "||", "&&", "|"):
                words = words[:n]
                break
        if words:
            found.append(words)
    return found


BLOCKS = [
    pytest.param(commands(block), id=f"{page}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "sh"))
]
INLINE = sorted(
    {
        (page, command)
        for page in PAGES
        for command in re.findall(r"`(unweave [a-z][^`\n]*)`", (ROOT / page).read_text("utf-8"))
    }
)


@pytest.fixture(scope="session")
def original(tmp_path_factory, make_wave, ffmpeg_file, stem_mp4) -> Path:
    """What the documents name: songs, a video, stems, small datasets."""
    here = tmp_path_factory.mktemp("scene")
    song = make_wave(2, 44100)
    ffmpeg_file(here / "song.mp3", "mp3", "libmp3lame", 44100, song)
    (here / "song.txt").write_text(LYRICS)
    ffmpeg_file(here / "clip.mp4", "mp4", "aac", 44100, song, video="mpeg4")
    for name in ("album/one.wav", "album/two.wav", "talk.wav", "song.wav"):
        write(here / name, make_wave(2, 2 * SECOND, SECOND, len(name)))
    for folder, noise in (("true", 0.0), ("found", 0.01)):
        for seed, stem in enumerate(("vocals", "accompaniment")):
            wave = make_wave(1, 2 * SECOND, SECOND, seed) + noise * make_wave(1, 2 * SECOND, SECOND)
            write(here / folder / f"{stem}.wav", wave)
    for seed, stem in enumerate(("vocals", "drums")):
        write(here / "band" / f"{stem}.wav", make_wave(2, 2 * SECOND, SECOND, seed))
    write(here / "voice.wav", voice(melody([4, 3]), 4.0)[None], RATE_HZ)
    (here / "words.txt").write_text("La la la la\nlo lo lo\n")
    labels = metadata.labels(["drums", "bass", "other", "vocals"])
    with stem_writer(
        here / "song.stem.mp4", stem_encoding("aac", SECOND), SECOND, metadata.Metadata(labels)
    ) as writer:
        writer.write(make_wave(10, SECOND, SECOND))
    write(here / "found.flac", make_wave(1, 2 * SECOND, SECOND, 3))
    stems = stem_mp4(here / "A.stem.mp4", frames=50_000, bit_rate=320_000)
    for root in ("musdb18", "data/musdb18", "data/musdb18-7s"):
        for split in ("train", "test"):
            (here / root / split).mkdir(parents=True)
            shutil.copy(stems, here / root / split)
    for stem in ("vocals", "accompaniment"):
        write(here / "estimates/A" / f"{stem}.wav", make_wave(2, 50_000), 44100)
    own_model(here / "mine.toml")
    weights = store.weights(cards.card("mir1k-dnn"))
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    torch.save(tensors, here / "fine-tuned.ckpt")
    pair = waveform.recorded("mel_band_roformer")
    state = {name: torch.from_numpy(array) for name, array in pair.weights.items()}
    torch.save({"state_dict": state}, here / "roformer.ckpt")
    (here / "roformer.yaml").write_text(ROFORMER)
    (here / "my_package").mkdir()
    (here / "my_package/my_module.py").write_text(MODULE)
    for split in ("train", "test-public"):
        write(here / "data/mir-1k" / split / "amy_1_01.flac", 0.3 * make_wave(2, SECOND, SECOND))
    default = store.pull(cards.card(registry.DEFAULT))  # models that the user has are not here
    (here / "cache" / "weights").mkdir(parents=True)
    (here / "cache" / "weights" / default.name).symlink_to(default)
    return here


def own_card() -> str:
    """The card that docs/models.md prints whole."""
    [card] = [block for block in blocks("docs/models.md", "toml") if "[weights]" in block]
    return card


def own_model(path: Path) -> None:
    """That card, and weights as the page makes them, whose hash replaces the page's."""
    [block] = [block for block in blocks("docs/models.md", "python") if "save_file(" in block]
    weights = path.with_suffix(".safetensors")
    exec(block.replace('"mine.safetensors"', repr(str(weights))), {})
    sha256, text = hashlib.sha256(weights.read_bytes()).hexdigest(), own_card()
    path.write_text(re.sub(r'(?<=sha256 = ")\w+', sha256, text))


def write(path: Path, wave: np.ndarray, rate: int = SECOND) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave.T, rate)


@pytest.fixture
def scene(original, tmp_path, monkeypatch) -> Iterator[Path]:
    """A copy of it as the current folder, beside the project's own recipes."""
    shutil.copytree(original, tmp_path, symlinks=True, dirs_exist_ok=True)
    for name in ("recipes", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path / "users"))
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    cards.refresh()
    yield tmp_path
    monkeypatch.undo()
    cards.refresh()


def check_unweave(words: list[str]) -> None:
    """Parse a command: verbs, options, their values, and the separators that a benchmark names."""
    command, context = typer.main.get_command(app), None
    arguments = words[1:]
    while hasattr(command, "commands") and arguments and not arguments[0].startswith("-"):
        context = command.make_context(command.name, [], parent=context, resilient_parsing=True)
        name, command, arguments = command.resolve_command(context, arguments)
        assert command is not None, f"no command {name} in {shlex.join(words)}"
    found = command.make_context(command.name, list(arguments), parent=context)
    if words[1:2] == ["benchmark"]:
        # A card that an earlier command makes is not here.
        there = [name for name in found.params["separators"] if not name.endswith(".toml")]
        assert entries.entries(there, found.params["oracles"])
    if words[1:2] == ["separate"] and not (found.params["model"] or "").endswith(".toml"):
        settings = ",".join(found.params["settings_"] or [])
        assert entries.entries([f"{found.params['model'] or 'spleeter-2stems'}:{settings}"])


def check_script(words: list[str]) -> None:
    """A program of the repository: it is there, and it knows the options."""
    if words[:1] == ["make"]:
        target = words[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
        return
    if "-m" in words:
        path = Path(*words[words.index("-m") + 1].split(".")).with_suffix(".py")
    else:
        path = next(Path(word) for word in words if re.search(r"\.(py|sh)$", word))
    text = (ROOT / path).read_text(encoding="utf-8")
    for option in (word.partition("=")[0] for word in words if word.startswith("--")):
        assert f'"{option}"' in text, f"{path} has no option {option}"


def install(package: str, site: Path) -> None:
    """What pip makes of a package of the repository, in a folder of its own."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
    here = ("--no-build-isolation", "--no-index", "--target", str(site), str(ROOT / package))
    subprocess.run([*pip, *here], check=True)


def run_beside(site: Path, words: list[str]) -> None:
    """A command of unweave where the packages in `site` are installed.

    A verb that they add is run in a process of its own: verbs are found when unweave starts.
    """
    if words[1] in typer.main.get_command(app).commands:
        with packages(site):
            run = CliRunner().invoke(app, words[1:])
        assert run.exit_code == 0, f"{shlex.join(words)}: {run.stderr}"
        return
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(site)])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-m", *words]
    done = processes.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr}"


@pytest.mark.parametrize("block", BLOCKS)
def test_commands_go_as_they_are_written(
    block: list[list[str]], request: pytest.FixtureRequest
) -> None:
    scene = site = None
    if any(words[0] in UNWEAVE for words in block):  # a script is only looked at
        scene = request.getfixturevalue("scene")
    for words in block:
        line = " ".join(words)
        if words[:2] == ["pip", "install"] and "unweave-example" in words[-1]:
            assert scene is not None, "no command uses the package"
            site = scene / "site"
            install(words[-1], site)
        elif site is not None:
            run_beside(site, words)
            continue
        if words[0] == "torchrun":  # what it starts on each machine is looked at
            check_unweave(words[words.index("-m") + 1 :])
            continue
        if words[0] not in UNWEAVE:
            if words[0] not in OTHERS and "-c" not in words:
                check_script(words)
            continue
        check_unweave(words)
        if any(line.startswith(start) for start in PARSED_ONLY):
            continue
        done = CliRunner().invoke(app, words[1:])
        errors = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
        if words[1:3] == ["dataset", "check"]:  # all is well but for the number of tracks
            errors = [text for text in errors if "a complete copy has" not in text]
        else:
            assert done.exit_code == 0, f"{line}: {done.stderr}"
        assert errors == [], line


def test_nothing_is_left_unrun_without_need() -> None:
    lines = [" ".join(words) for block in BLOCKS for words in block.values[0]]
    for start in PARSED_ONLY:
        assert any(line.startswith(start) for line in lines), f"no command begins with {start}"


@pytest.mark.parametrize(("page", "command"), INLINE)
def test_commands_within_a_sentence_have_verbs_and_options_that_exist(
    page: str, command: str
) -> None:
    words = shlex.split(command.replace("...", ""))
    verbs, level = [], typer.main.get_command(app)
    for word in words[1:]:
        if word not in getattr(level, "commands", {}):
            break
        verbs.append(word)
        level = level.commands[word]
    assert verbs or words[1].startswith("-") or words[1] == "COMMAND", command
    known = {option for parameter in level.params for option in parameter.opts} | {"--help", "-h"}
    for word in words:
        if re.fullmatch(r"--?[a-z][a-z-]*", word):
            assert word in known, f"{page}: {command}"


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python") and p != SERVED])
def test_python_runs_as_it_is_written(page: str, scene: Path, monkeypatch) -> None:
    """The blocks of a page one after the other, with the names that a reader would have."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2, 2, 3 * SECOND)).astype(np.float32)
    guess = truth + 0.1 * rng.normal(size=truth.shape).astype(np.float32)
    module = ModuleType("mid_side")  # as the template of a technique is called
    monkeypatch.setitem(sys.modules, "mid_side", module)
    module.__dict__.update({
        "v": truth[0], "d": truth[1], "v_hat": guess[0], "d_hat": guess[1],
        "references": truth, "estimates": guess, "several": [guess, truth + guess],
        "paths": ["talk.wav", "song.mp3"], "true_vocals": rng.normal(size=(2, 44100)),
    })  # fmt: skip
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), module.__dict__)


def test_the_template_of_a_technique_keeps_the_contract(monkeypatch) -> None:
    module = ModuleType("mid_side")
    monkeypatch.setitem(sys.modules, "mid_side", module)
    (block,) = blocks("docs/new-technique.md", "python")
    exec(compile(block, "mid_side.py", "exec"), module.__dict__)
    assert re.findall(r"^\*\*(.+?)\.\*\*", module.__doc__ or "", re.MULTILINE) == HEADINGS
    separator = module.TECHNIQUE(share=0.5)
    assert (separator.spec.name, separator.spec.options["share"]) == ("mid-side", 0.5)
    mix = np.random.default_rng(0).normal(size=(2, 12 * SECOND)).astype(np.float32)
    stems = separate_array(separator, mix, SECOND, execution=CPU, warn=pytest.fail)
    np.testing.assert_allclose(sum(stems.values()), mix, atol=1e-6)
    np.testing.assert_allclose(
        stems["centre"], 0.5 * mix.mean(0, keepdims=True) + 0 * mix, atol=1e-6
    )
    with pytest.raises(UsageError, match=r"share must be a number, above 0, at most 1; got 2"):
        module.TECHNIQUE(share=2)


def test_the_card_that_is_printed_whole_has_what_is_required_and_no_more(scene: Path) -> None:
    facts = tomllib.loads(own_card())
    assert (scene / "mine.safetensors").stat().st_size == facts["weights"]["size_bytes"]
    assert cards.parse("mine", tomli_w.dumps(facts)).bag is None
    for key in facts.keys() - {"config"}:
        less = {name: value for name, value in facts.items() if name != key}
        with pytest.raises(ValueError, match=key):
            cards.parse("mine", tomli_w.dumps(less))


def test_the_technique_of_the_example_has_the_headings_of_every_technique() -> None:
    path = ROOT / "packages/unweave-example/src/unweave_example/mid_side.py"
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert re.findall(r"^\*\*(.+?)\.\*\*", doc, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target):
            assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name


def test_the_synthetic_copies_are_datasets(scene: Path) -> None:
    assert datasets.guess(Path("data/musdb18")) == "musdb18"
    assert datasets.guess(Path("data/mir-1k")) == "mir-1k"
