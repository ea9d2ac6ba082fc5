"""Spectrograms for the pages of the techniques: a mix that suits each, and what it makes of it.

Everything is synthesised here but the song, `docs/example.mp3`,
which is on every machine where unweave is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scripts.demo import EXAMPLE
from tests.separators.mixtures import in_a_room
from tests.separators.voices import at_snr, melody, talker

from unweave import registry
from unweave.audio.reader import Reader
from unweave.engine.run import separate_array
from unweave.request import Execution
from unweave.viz.picture import picture_of
from unweave.viz.spectrogram import draw as figure_of

RATE_HZ = 16000
SHADES, GREYS = 192, 64  # of a picture, 256 at most: those of the levels, those of the letters


def song() -> tuple[np.ndarray, int]:
    """Ten seconds in stereo."""
    with Reader(EXAMPLE) as reader:
        rate_hz = reader.info.sample_rate_hz
        wave = np.concatenate(list(reader.blocks(rate_hz)), axis=1)
    return wave[:, : 10 * rate_hz], rate_hz


def two_talkers(seconds: int = 6) -> np.ndarray:
    return np.stack([talker(seconds * RATE_HZ, RATE_HZ, seed) for seed in (1, 2)])


def by_levels() -> tuple[np.ndarray, int]:
    mixing = np.array([[1.0, 0.6], [0.5, 1.0]], np.float32)
    return mixing @ two_talkers(), RATE_HZ


def room() -> tuple[np.ndarray, int]:
    return in_a_room(two_talkers()).sum(0), RATE_HZ


def band_in_a_room() -> tuple[np.ndarray, int]:
    sources = np.stack([talker(6 * RATE_HZ, RATE_HZ, 1), melody(6 * RATE_HZ, RATE_HZ, 1)])
    return in_a_room(sources).sum(0), RATE_HZ


def chords() -> tuple[np.ndarray, int]:
    return melody(6 * 44100, 44100, 1)[None], 44100


def in_noise() -> tuple[np.ndarray, int]:
    clean = talker(6 * RATE_HZ, RATE_HZ, 1)
    hiss = np.random.default_rng(0).standard_normal(len(clean))
    return (clean + at_snr(clean, hiss, 5.0))[None].astype(np.float32), RATE_HZ


@dataclass(frozen=True)
class Scene:
    """What is separated, and what it is in words."""

    caption: str
    make: Callable[[], tuple[np.ndarray, int]]
    options: Mapping[str, object] = field(default_factory=dict)


SONG = "Ten seconds of the example song, `docs/example.mp3`"
TALKERS = "Two synthetic talkers"
SCENES = {
    "auxiva": Scene(f"{TALKERS} in a simulated room, two microphones", room),
    "fastica": Scene(f"{TALKERS}, mixed by levels", by_levels),
    "ft2d": Scene(SONG, song),
    "hpss": Scene(SONG, song),
    "ilrma": Scene("A synthetic talker and plucked chords in a simulated room", band_in_a_room),
    "nmf": Scene("Synthetic plucked chords and a drum", chords),
    "projet": Scene(f"{SONG}, three places", song, {"sources": 3}),
    "repet": Scene(SONG, song),
    "repet-sim": Scene(SONG, song),
    "rpca": Scene(SONG, song),
    "sinusoidal": Scene("Synthetic plucked chords and a drum", chords),
    "spectral-subtraction": Scene("A synthetic talker in white noise, 5 dB below", in_noise),
}


def draw(name: str, target: Path) -> None:
    """Separate a technique's scene and write the picture, a PNG of 256 colours."""
    import matplotlib as mpl
    from PIL import Image

    scene = SCENES[name]
    mix, rate_hz = scene.make()
    separator = registry.load(name, **scene.options)
    found = separate_array(separator, mix, rate_hz, execution=Execution(device="cpu"), warn=print)
    stems = {stem: found[stem] for stem in separator.spec.stems}
    waves = {"mix": mix, **stems}
    figure = figure_of([picture_of(title, [wave], rate_hz) for title, wave in waves.items()])
    figure.set_size_inches(7.4, 0.5 + 1.5 * len(waves))
    for panel in figure.axes:
        panel.tick_params(labelsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    target.parent.mkdir(parents=True, exist_ok=True)
    shades = mpl.colormaps["magma"](np.linspace(0, 1, SHADES))[:, :3]
    greys = np.linspace(0, 1, GREYS)[:, np.newaxis].repeat(3, axis=1)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 * np.concatenate([shades, greys])).astype(np.uint8).tobytes())
    image = Image.open(buffer).convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
    image.save(target, format="PNG", optimize=True)
