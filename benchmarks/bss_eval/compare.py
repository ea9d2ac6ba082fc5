"""Do our scores equal museval 0.4.1's and mir_eval 0.8's?

    benchmarks/bss_eval/install.sh
    benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/compare.py [data/musdb18-7s] \
        [--decoded]

A row for each case: how many scores, and our largest difference in dB from the reference. Music is
16-bit WAV, as people keep it: every score is defined. With `--decoded` it is as a decoder gives it,
in float: a codec has left nothing but rounding above 16 kHz, and museval's scores depend on
rounding (docs/metrics.md). So these rows have a second part: how many scores museval gives *again*
within 1e-5 dB when everything is multiplied by 0.7, which changes no definition and only rounds
differently; our largest difference from those; and for the rest ours beside museval's own.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mir_eval import separation
from museval.metrics import bss_eval

from unweave.evaluation import metrics

RATE_HZ = 44100
GAIN = 0.7
AGAIN_DB = 1e-5
TRACKS = (0, 20, 40, 80, 60)
HEAD = ("case", "scores", "largest difference, dB")
DECODED = ("case", "scores", "ours", "again", "ours, again", "ours, rest", "museval, rest")

Score = Callable[[Any, Any], Any]


def synthetic(stems: int, channels: int, seconds: float, seed: int = 0) -> tuple[Any, Any]:
    """Coloured, beating noise, and estimates that are filtered, leak and hiss."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE_HZ)
    refs = rng.standard_normal((stems, channels, length))
    refs[..., 1:] += 0.9 * refs[..., :-1]
    beat = 1.1 + np.sin(np.arange(length) / RATE_HZ * rng.uniform(3, 9, (stems, 1, 1)))
    refs *= 0.05 * beat
    ests = refs + 0.2 * rng.uniform(size=(stems, 1, 1)) * (refs.sum(0) - refs)
    ests[..., 7:] += 0.3 * refs[..., :-7]
    return refs, ests + 0.002 * rng.standard_normal(refs.shape)


def v4_theirs(framewise: bool, window: int = RATE_HZ) -> Score:
    def score(refs: Any, ests: Any) -> Any:
        turned = (np.moveaxis(x, 1, 2) for x in (refs, ests))
        return np.stack(bss_eval(*turned, window=window, hop=window,
                                 framewise_filters=framewise)[:4])  # fmt: skip

    return score


def v4_ours(framewise: bool, window: int = RATE_HZ) -> Score:
    def score(refs: Any, ests: Any) -> Any:
        found = metrics.bss_eval_v4(
            refs, ests, window=window, hop=window, framewise_filters=framewise
        )
        return np.stack([found.sdr, found.isr, found.sir, found.sar])

    return score


def sources_theirs(refs: Any, ests: Any) -> Any:
    return np.stack(separation.bss_eval_sources(refs[:, 0], ests[:, 0]))


def sources_ours(refs: Any, ests: Any) -> Any:
    found = metrics.bss_eval_v3_sources(refs[:, 0], ests[:, 0])
    return np.stack([found.sdr, found.sir, found.sar, found.permutation])


def images_theirs(refs: Any, ests: Any) -> Any:
    return np.stack(separation.bss_eval_images(*(np.moveaxis(x, 1, 2) for x in (refs, ests))))


def images_ours(refs: Any, ests: Any) -> Any:
    found = metrics.bss_eval_v3_images(refs, ests)
    return np.stack([found.sdr, found.isr, found.sir, found.sar, found.permutation])


def row(
    name: str, theirs: Score, ours: Score, refs: Any, ests: Any, *, twice: bool = False
) -> None:
    one = theirs(refs, ests)
    difference = abs(one - ours(refs, ests))
    cells = [name, str(one.size), f"{difference.max():.1e}"]
    if twice:
        own = abs(one - theirs(GAIN * refs, GAIN * ests))
        again = own < AGAIN_DB
        parts = (difference[again], difference[~again], own[~again])
        cells += [str(int(again.sum())), *(f"{x.max():.1e}" if x.size else "-" for x in parts)]
    print("| " + " | ".join(cells) + " |", flush=True)


def music(root: Path | None) -> Iterator[tuple[str, Any, Any]]:
    """Stems and their IRM2 estimates: the excerpt in the stempeg wheel, then some songs."""
    from unweave import datasets
    from unweave.evaluation import oracles
    from unweave.evaluation.scores import BSS_EVAL_V4

    with tempfile.TemporaryDirectory() as folder:
        spec = importlib.util.find_spec("stempeg")
        assert spec is not None
        assert spec.origin is not None
        excerpt = next(Path(spec.origin).parent.rglob("*.stem.mp4"))
        train = Path(folder) / "train"
        train.mkdir()
        (train / excerpt.name).symlink_to(excerpt)
        tracks = list(datasets.load("musdb18", Path(folder), "train"))
        if root is not None:
            songs = datasets.load("musdb18", root, "train")
            tracks += [songs[n] for n in TRACKS]
        for track in tracks:
            stems = {stem: track.stem(stem) for stem in track.stems}
            found = oracles.oracle("irm2", track.mix(), stems, BSS_EVAL_V4)
            refs, ests = (np.stack([x[name] for name in stems]) for x in (stems, found))
            yield track.name, refs.astype(float), ests.astype(float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("musdb", type=Path, nargs="?", help="the folder musdb18-7s")
    parser.add_argument("--seconds", type=float, default=60, help="of the synthetic stereo")
    parser.add_argument("--decoded", action="store_true", help="only the music, not rounded")
    given = parser.parse_args()
    head = DECODED if given.decoded else HEAD
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    cases = list(music(given.musdb))
    if given.decoded:
        for name, x, y in cases:
            row(f"v4, {name}", v4_theirs(False), v4_ours(False), x, y, twice=True)
        return
    for channels in (1, 2):
        refs, ests = synthetic(3, channels, 5)
        mixed = ests[[2, 0, 1]]
        if channels == 1:
            row("v3 sources, permuted", sources_theirs, sources_ours, refs, mixed)
        row(f"v3 images, {channels} ch, permuted", images_theirs, images_ours, refs, mixed)
    few = slice(2 * RATE_HZ, 4 * RATE_HZ)
    for name, *signals in cases:
        x, y = (np.round(wave * 2**15) / 2**15 for wave in signals)
        row(f"v4, {name}, 16 bit", v4_theirs(False), v4_ours(False), x, y)
    refs, ests = synthetic(4, 2, given.seconds)
    length = f"synthetic {given.seconds:g} s"
    row(f"v4, {length}", v4_theirs(False), v4_ours(False), refs, ests)
    row(f"v4 framewise, 2 s of {length}", v4_theirs(True), v4_ours(True),
        refs[..., few], ests[..., few])  # fmt: skip
    for name, *signals in cases:
        x, y = (np.round(wave[..., few] * 2**15) / 2**15 for wave in signals)
        row(f"v4 framewise, 2 s of {name}, 16 bit", v4_theirs(True), v4_ours(True), x, y)


if __name__ == "__main__":
    main()
