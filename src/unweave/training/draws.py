"""What chance decides about an example: plain data, drawn apart from being applied.

Nothing here touches sound. An example's draw depends on the recipe, the seed and the example's
number alone, so that it is the same in any process, and after a training was killed and goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unweave.training.recipe import Augmentation, Data

EQ_BANDS = 8  # evenly spaced on the square root of frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What happens to one stem, in this order; the defaults are nothing."""

    speed: float = 1.0  # above 1: shorter and higher
    tempo: float = 1.0  # above 1: shorter
    formants: float = 1.0  # above 1: higher, as from a shorter throat
    eq_db: tuple[float, ...] = ()  # gains of EQ_BANDS bands
    reverb_s: float = 0.0  # in which the room falls by 60 dB
    codec_kbps: int = 0
    gain_db: float = 0.0
    inverted: bool = False
    swapped: bool = False
    silent: bool = False
    seed: int = 0  # of the room's noise, and of later effects' draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Where one stem comes from: `start` is a fraction of what is there to choose from."""

    track: int
    start: float
    circular: bool  # the whole track as a circle, from anywhere
    effects: Effects


def draw(
    number: int, seed: int, chances: Sequence[float], stems: int, data: Data, how: Augmentation
) -> tuple[Piece, ...]:
    """The pieces of example `number`, one for each stem. chances: how often each track
    comes, relative to the others."""
    rng = np.random.default_rng((seed, number))
    chance = np.asarray(chances, np.float64) / np.sum(chances)
    same_track = rng.random() < data.same_track_probability
    track, start = int(rng.choice(len(chance), p=chance)), rng.random()
    effects = [_effects(rng, how) for _ in range(stems)]
    if same_track:
        # What belongs together keeps its time.
        first = effects[0]
        same = [replace(e, speed=first.speed, tempo=first.tempo) for e in effects]
        pieces = [Piece(track=track, start=start, circular=False, effects=e) for e in same]
    else:
        pieces = [
            Piece(
                track=int(rng.choice(len(chance), p=chance)),
                start=rng.random(),
                circular=bool(rng.random() < how.shift),
                effects=e,
            )
            for e in effects
        ]
    spared = int(rng.integers(stems))
    falls = rng.random(stems) < how.drop * stems / max(1, stems - 1)  # on average `drop` of all
    return tuple(
        _dropped(piece) if falls[n] and n != spared else piece for n, piece in enumerate(pieces)
    )


def _effects(rng: np.random.Generator, how: Augmentation) -> Effects:
    """Every value is drawn, used or not: one setting does not change what others draw."""
    happens = dict(zip(
        ("speed", "tempo", "eq", "reverb", "codec", "polarity", "swap"), rng.random(7), strict=True
    ))  # fmt: skip
    speed = np.exp(rng.uniform(-1, 1) * np.log1p(how.speed_by))
    tempo = np.exp(rng.uniform(-1, 1) * np.log1p(how.tempo_by))
    bands = np.clip(rng.normal(0.0, 1.0, EQ_BANDS), -2.5, 2.5) * how.eq_db
    reverb_s, kbps = rng.uniform(0.15, 0.9), int(rng.choice([48, 64, 96, 128]))
    gain_db, seed = rng.normal(0.0, 1.0) * how.gain_db, int(rng.integers(2**31))
    later = np.random.default_rng((seed, 1))  # what came later leaves the draws before as they were
    moves, formants = later.random(), np.exp(later.uniform(-1, 1) * np.log1p(how.formants_by))
    return Effects(
        speed=float(speed) if happens["speed"] < how.speed else 1.0,
        tempo=float(tempo) if happens["tempo"] < how.tempo else 1.0,
        formants=float(formants) if moves < how.formants else 1.0,
        eq_db=tuple(map(float, bands)) if happens["eq"] < how.eq else (),
        reverb_s=float(reverb_s) if happens["reverb"] < how.reverb else 0.0,
        codec_kbps=kbps if happens["codec"] < how.codec else 0,
        gain_db=float(gain_db),
        inverted=bool(happens["polarity"] < how.polarity),
        swapped=bool(happens["swap"] < how.swap),
        seed=seed,
    )


def _dropped(piece: Piece) -> Piece:
    return replace(piece, effects=replace(piece.effects, silent=True))
