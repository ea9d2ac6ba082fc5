"""Composed songs of which all is known: beats, bars, key, chords, notes, drum hits, and each stem.

Each is written as MIDI from its `Design` and rendered by FluidSynth (`rendered`), drums, bass and
the rest apart, with a voice of MIR-1K laid over. The designs have what makes songs hard: syncopated
bass, chords off the beat and ahead of it, busy drums and fills, drums that leave out the first
beat, tempos that drift or are free, three and six to a bar, changes of key, an instrument that
plays a tune of its own, a voice as loud as the rest or louder.

The voices keep their own time, as they were not sung to these songs. Their key is that of the
songs: it is looked for in the accompaniment of the clips, which is not heard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from benchmarks.analyze.rendered import DRUM_CHANNEL, Hit, midi, render

from unweave.apps.analyze.features import RATE_HZ as TONES_RATE_HZ
from unweave.apps.analyze.features import Tones
from unweave.apps.analyze.key import NAMES, keys

RATE_HZ = 44_100
FIRST_S = 0.5
SECONDS = 22.0
LATE_S = 0.008  # deviation of a player
PAUSE_S = 1.5  # before the voice
FREE = 0.22  # by how much a free tempo slows down towards the end of a phrase
PHRASE = 4  # bars
KICK, SNARE, HAT, OPEN_HAT, PEDAL_HAT, RIDE, CRASH, TOMS = 36, 38, 42, 46, 44, 51, 49, (48, 45, 41)
DRUMS = {"kick": (KICK,), "snare": (SNARE,), "hi-hat": (HAT, OPEN_HAT, PEDAL_HAT)}
LOUD = {"x": 104, "o": 58}
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
QUALITIES = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10), "sus4": (0, 5, 7), "hdim7": (0, 3, 6, 10),
}  # fmt: skip

Chord = tuple[int, str]
"""Semitones above the tonic, and one of QUALITIES."""

# Of songs in major and in minor.
PLAIN: tuple[tuple[Chord, ...], ...] = (
    ((0, "maj"), (7, "maj"), (9, "min"), (5, "maj")),
    ((0, "min"), (8, "maj"), (3, "maj"), (10, "maj")),
)
TURN: tuple[tuple[Chord, ...], ...] = (
    ((0, "maj"), (9, "min"), (2, "min"), (7, "7")),
    ((0, "min"), (5, "min"), (7, "7"), (0, "min")),
)
SUSPENDED: tuple[tuple[Chord, ...], ...] = (
    ((0, "maj"), (4, "min"), (5, "maj"), (7, "sus4"), (7, "maj")),
    ((0, "min"), (10, "maj"), (8, "maj"), (7, "sus4"), (7, "maj")),
)
SEVENTHS: tuple[tuple[Chord, ...], ...] = (
    ((0, "maj7"), (9, "min7"), (2, "min7"), (7, "7")),
    ((0, "min7"), (5, "min7"), (2, "hdim7"), (7, "7")),
)


@dataclass(frozen=True)
class Design:
    """What a song is like. Patterns are of one bar, a letter for each of `parts` of each beat.

    voice: clips of MIR-1K whose names begin so; voice_db: to the rest. drums: a pattern for each
    note of General MIDI, `x` loud, `o` soft. bass: `r` root, `t` third, `f` fifth, `o` octave, `a`
    a semitone below the next root. comp: `x` a chord that sounds to the next one, `s` a short one,
    `1` to `4` one of its notes. each: beats of a chord. ahead: beats by which chords come early.
    programs: of the chords, the bass and the lead, of General MIDI; without a lead the last is
    None. drift: of the tempo, either way; free: whether it is free besides. turns: semitones by
    which the key goes up in the middle.
    """

    name: str
    voice: str
    voice_db: float
    bpm: float
    metre: int
    parts: int
    drums: dict[int, str]
    bass: str
    comp: str
    chords: tuple[tuple[Chord, ...], ...]
    each: float
    programs: tuple[int, int, int | None]
    ahead: float = 0.0
    drift: float = 0.03
    free: bool = False
    turns: int = 0


DESIGNS = (
    Design(
        "rock", "amy_15", 3, 93, 4, 4,
        {KICK: "x.......x.x....o", SNARE: "....x..o....x...", HAT: "x.o.x.o.x.o.x.o."},
        "r..r..r.f..r..o.", "x..x..s...x..s..", PLAIN, 4, (27, 33, None), ahead=0.5,
    ),
    Design(
        "disco", "abjones_2", 0, 126, 4, 4,
        {KICK: "x...x...x...x...", SNARE: "....x.......x..o", HAT: "x.oox.oox.oox.oo",
         OPEN_HAT: "..x...x...x...x."},
        "r.o.r.o.r.o.f.oa", "..s...s...s..s..", TURN, 4, (48, 38, 61),
    ),
    Design(
        "waltz", "amy_4", 3, 152, 3, 2,
        {KICK: "x.....", SNARE: "..o.o.", HAT: "x.xxx."},
        "r....f", "..s.s.", TURN, 3, (0, 32, 73), turns=7,
    ),
    Design(
        "ballad", "abjones_3", 6, 67, 4, 4, {},
        "r.....f...r...f.", "1.2.3.4.3.2.1.2.", SUSPENDED, 4, (0, 32, None), free=True,
    ),
    Design(
        "six-eight", "amy_6", 3, 58, 2, 6,
        {KICK: "x...o.....x.", SNARE: "......x...o.", HAT: "x.oox.x.x.oo"},
        "r...f...o.r.", "x.1.2.3.4.3.", PLAIN, 2, (25, 33, None), turns=5,
    ),
    Design(
        "half-time", "abjones_4", 3, 164, 4, 4,
        {KICK: "x.....x...x.....", SNARE: "........x.....o.", HAT: "x...x...x...x..."},
        "r.r...r...r.f...", "x.....x...s.....", PLAIN, 4, (29, 34, None), ahead=0.5,
    ),
    Design(
        "reggae", "amy_8", 6, 76, 4, 4,
        {KICK: "........x.......", SNARE: "......o.x..o....", HAT: "..x...xo..x...xo"},
        "..r.r..f....r.t.", "..s...s...s...s.", TURN, 4, (16, 33, None), drift=0.02,
    ),
    Design(
        "funk", "abjones_5", 0, 104, 4, 4,
        {KICK: "x..x..x...x..x..", SNARE: "....x..o.o..x..o", HAT: "xoxoxoxoxoxoxo..",
         OPEN_HAT: "..............x."},
        "r..r..o...fr..oa", "..s..s....s..s.s", SEVENTHS, 4, (4, 36, 65), ahead=0.25, turns=5,
    ),
    Design(
        "swing", "amy_5", 3, 148, 4, 3,
        {RIDE: "x..x.ox..x.o", PEDAL_HAT: "...x.....x..", KICK: "o.....o....o",
         SNARE: "..o.....o..."},
        "r..t..f..a..", "..s....s...s", SEVENTHS, 2, (0, 32, None),
    ),
    Design(
        "folk", "amy_7", 6, 84, 3, 4,
        {KICK: "x.....o.....", HAT: "....o...o.o."},
        "r.......f...", "1.324.321.2.", SUSPENDED, 3, (24, 32, 68), free=True, turns=7,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Song:
    """A song and its truth. stems: files of drums, bass, other and vocals, which sum to `mix`.

    keys, chords: start, end and name of each. notes: of bass and other, bass: start, end and MIDI
    number, `(note, 3)`. hits: of each drum, in seconds.
    """

    name: str
    mix: Path
    stems: dict[str, Path]
    bpm: float
    metre: int
    keys: list[tuple[float, float, str]]
    beats_s: np.ndarray
    downbeats_s: np.ndarray
    chords: list[tuple[float, float, str]]
    notes: np.ndarray
    bass: np.ndarray
    hits: dict[str, np.ndarray]


def songs(folder: Path, mir1k: Path, count: int = len(DESIGNS)) -> list[Song]:
    """Make the first songs, or take those that are there. mir1k: with clips, voice on the right."""
    clips = sorted(mir1k.glob("train/*.flac"))
    if not clips:
        raise SystemExit(f"error: {mir1k}: has no train/*.flac; name the folder of MIR-1K")
    return [_song(folder, clips, seed) for seed in range(min(count, len(DESIGNS)))]


def _song(folder: Path, clips: Sequence[Path], seed: int) -> Song:
    design, rng = DESIGNS[seed], np.random.default_rng(seed)
    sung = [clip for clip in clips if clip.name.startswith(f"{design.voice}_")]
    tonic, minor = _key(sung)
    beats_s, bars = _beats(design, rng)
    score = _Score(design, rng, beats_s)
    middle = bars // 2 * design.metre if design.turns else bars * design.metre
    spans = [(0.0, float(middle), tonic)]
    if design.turns:
        spans.append((float(middle), float(bars * design.metre), (tonic + design.turns) % 12))
    starts = [
        (start, (key + above) % 12, quality)
        for low, high, key in spans
        for start, (above, quality) in _course(design, minor, low, high)
    ]
    ends = [*(start for start, *_ in starts[1:]), float(bars * design.metre)]
    chords = [(start, end, *chord) for (start, *chord), end in zip(starts, ends, strict=True)]
    score.drums(bars)
    score.bass(bars, chords)
    score.comp(bars, chords)
    if design.programs[2] is not None:
        score.lead(spans, MINOR if minor else MAJOR)
    programs = dict(enumerate(program or 0 for program in design.programs))
    written = b"".join(midi(part, programs) for part in score.parts.values())
    name = f"{design.name}-{hashlib.sha256(written).hexdigest()[:8]}"
    mix = folder / name / f"{name}.wav"
    stems = {stem: mix.parent / "stems" / f"{stem}.wav" for stem in (*score.parts, "vocals")}
    if not mix.exists():
        _render(score.parts, programs, stems, mix, sung, design.voice_db, float(beats_s[-1]))
    mode = "minor" if minor else "major"
    at = score.at_s
    tones = [*score.parts["bass"], *score.parts["other"]]
    drums = score.parts["drums"]
    return Song(
        name=name,
        mix=mix,
        stems=stems,
        bpm=float(60 / np.median(np.diff(beats_s))),
        metre=design.metre,
        keys=[(at(low), at(high), f"{NAMES[key]} {mode}") for low, high, key in spans],
        beats_s=beats_s[:-1],
        downbeats_s=beats_s[:-1][:: design.metre],
        chords=[(at(low), at(high), f"{NAMES[root]}:{kind}") for low, high, root, kind in chords],
        notes=_table(tones),
        bass=_table(score.parts["bass"]),
        hits={
            drum: np.array(sorted(hit.start_s for hit in drums if hit.number in numbers))
            for drum, numbers in DRUMS.items()
        },
    )


def _key(clips: Sequence[Path]) -> tuple[int, bool]:
    """The tonic of the accompaniment, and whether it is minor."""
    import soxr

    tones = Tones()
    for clip in clips:
        wave, rate_hz = soundfile.read(clip, always_2d=True, dtype="float32")
        tones.push(soxr.resample(wave[:, 0], rate_hz, TONES_RATE_HZ))
    found, _ = keys(tones.track())
    assert found is not None
    tonic, mode = str(found.value).split()
    return NAMES.index(tonic), mode == "minor"


def _beats(design: Design, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """The times of the beats, one more than the bars have, and how many bars there are."""
    beat_s = 60 / design.bpm
    bars = max(6, round(SECONDS / (design.metre * beat_s)))
    place = np.arange(bars * design.metre)
    lengths = 1 + design.drift * np.sin(2 * np.pi * (place / len(place) + rng.random()))
    if design.free:
        phrase = place % (PHRASE * design.metre) / (PHRASE * design.metre)
        lengths *= 1 + FREE * phrase**3 + rng.normal(0, 0.02, len(place))
    return FIRST_S + np.concatenate([[0.0], np.cumsum(beat_s * lengths)]), bars


def _course(design: Design, minor: bool, low: float, high: float) -> list[tuple[float, Chord]]:
    """The beat on which each chord begins, from `low` to `high`, with the tonic at both ends."""
    course = design.chords[minor]
    starts = np.arange(low, high - 1e-6, design.each).tolist()
    return [
        (max(0.0, start - design.ahead), course[n % len(course) if n < len(starts) - 1 else 0])
        for n, start in enumerate(starts)
    ]


class _Score:
    """The notes of a song by its stem."""

    def __init__(self, design: Design, rng: np.random.Generator, beats_s: np.ndarray) -> None:
        self.design, self.rng, self.beats_s = design, rng, beats_s
        self.parts: dict[str, list[Hit]] = {"drums": [], "bass": [], "other": []}

    def at_s(self, beat: float) -> float:
        return float(np.interp(beat, np.arange(len(self.beats_s)), self.beats_s))

    def _add(self, part: str, start: float, end: float, number: int, loud: int, channel: int = 0):
        """A note from beat to beat, as a player keeps it."""
        start_s = max(0.0, self.at_s(start) + float(self.rng.normal(0, LATE_S)))
        length_s = max(0.06, self.at_s(end) - start_s - 0.02)
        velocity = int(np.clip(loud + self.rng.normal(0, 6), 20, 127))
        self.parts[part].append(Hit(start_s, length_s, number, velocity, channel))

    def _grid(self, pattern: str, bars: int) -> list[tuple[float, str]]:
        """Beat and letter of each place of a pattern that has one."""
        return [
            (bar * self.design.metre + n / self.design.parts, letter)
            for bar in range(bars)
            for n, letter in enumerate(pattern)
            if letter != "."
        ]

    def drums(self, bars: int) -> None:
        design = self.design

        def hit(beat: float, number: int, loud: int) -> None:
            self._add("drums", beat, beat + 0.1, number, loud, DRUM_CHANNEL)

        def fills(beat: float) -> bool:
            """The last beat of a phrase, of songs with a snare."""
            phrase = PHRASE * design.metre
            return SNARE in design.drums and beat % phrase >= phrase - 1

        for number, pattern in design.drums.items():
            for beat, letter in self._grid(pattern, bars):
                # Soft hits come and go.
                if not fills(beat) and (letter == "x" or self.rng.random() < 0.7):
                    hit(beat, number, LOUD[letter])
        for first in range(bars * design.metre):
            if fills(first):
                for n in range(4):
                    hit(first + n / 4, SNARE if n < 2 else TOMS[self.rng.integers(3)], 92)
        if design.drums:
            hit(0.0, CRASH, 100)

    def bass(self, bars: int, chords: Sequence[tuple[float, float, int, str]]) -> None:
        places = self._grid(self.design.bass, bars)
        ends = [*(beat for beat, _ in places[1:]), bars * self.design.metre]
        for (beat, letter), end in zip(places, ends, strict=True):
            now = _sounding(chords, beat)
            _, until, root, quality = chords[now]
            if letter == "a":
                note = chords[min(now + 1, len(chords) - 1)][2] - 1
            else:
                note = root + {"r": 0, "o": 0, "t": QUALITIES[quality][1], "f": 7}[letter]
            number = 33 + (note - 33) % 12 + (12 if letter == "o" else 0)
            self._add("bass", beat, min(end, until, beat + 1.5), number, 95, 1)

    def comp(self, bars: int, chords: Sequence[tuple[float, float, int, str]]) -> None:
        places = self._grid(self.design.comp, bars)
        if self.design.ahead:  # what comes early is struck when it comes
            starts = [start for start, *_ in chords]
            kept = [p for p in places if min(abs(p[0] - s) for s in starts) > self.design.ahead]
            places = sorted([*kept, *((start, "x") for start in starts)])
        voicings = [self._voiced(root, QUALITIES[quality]) for _, _, root, quality in chords]
        ends = [*(beat for beat, _ in places[1:]), bars * self.design.metre]
        for (beat, letter), end in zip(places, ends, strict=True):
            now = _sounding(chords, beat)
            voicing, until = voicings[now], chords[now][1]
            if letter.isdigit():
                number = voicing[(int(letter) - 1) % len(voicing)]
                self._add("other", beat, min(until, beat + 1.0), number, 78)
                continue
            length = 0.4 if letter == "s" else max(0.4, min(end, until) - beat)
            for number in voicing:
                self._add("other", beat, beat + length, number, 74)

    def _voiced(self, root: int, tones: Sequence[int]) -> list[int]:
        """MIDI numbers around middle C, in any inversion."""
        low = 53 + int(self.rng.integers(7))
        return sorted(low + (root + tone - low) % 12 for tone in tones)

    def lead(self, spans: Sequence[tuple[float, float, int]], scale: Sequence[int]) -> None:
        """A tune of an instrument: steps and small leaps in the scale, with rests."""
        place = 7
        for low, high, key in spans:
            beat = low + 2.0
            while beat < high:
                length = float(self.rng.choice([0.5, 0.5, 1.0, 1.5]))
                place = int(np.clip(place + self.rng.choice([-3, -1, -1, 0, 1, 1, 2]), 0, 13))
                if self.rng.random() < 0.75:
                    number = 60 + key % 12 + 12 * (place // 7) + scale[place % 7]
                    number -= 12 if key % 12 > 6 else 0
                    self._add("other", beat, min(high, beat + length), number, 84, 2)
                beat += length


def _sounding(chords: Sequence[tuple[float, float, int, str]], beat: float) -> int:
    """The number of the chord that sounds at a beat."""
    return max(n for n, (start, *_) in enumerate(chords) if start <= beat + 1e-6)


def _table(hits: Sequence[Hit]) -> np.ndarray:
    rows = sorted((hit.start_s, hit.start_s + hit.length_s, hit.number) for hit in hits)
    return np.array(rows, np.float64).reshape(-1, 3)


def _render(
    parts: dict[str, list[Hit]],
    programs: dict[int, int],
    stems: dict[str, Path],
    mix: Path,
    clips: Sequence[Path],
    voice_db: float,
    end_s: float,
) -> None:
    """Render everything, up to the end of the last bar."""
    mix.with_name("stems").mkdir(parents=True, exist_ok=True)
    waves, length = {}, round(end_s * RATE_HZ)
    for name, hits in parts.items():
        waves[name] = np.zeros((length, 2), np.float32)
        if hits:
            path = render(hits, {} if name == "drums" else programs, stems[name])
            wave = soundfile.read(path, always_2d=True, dtype="float32")[0][:length]
            waves[name][: len(wave)] = wave
    band = sum(waves.values())
    sung = _voice(clips, length)
    level = np.sqrt(np.mean(band**2) / np.mean(sung**2)) * 10 ** (voice_db / 20)
    waves["vocals"] = np.repeat(level * sung[:, None], 2, axis=1)
    scale = 0.5 / np.abs(band + waves["vocals"]).max()
    total = np.zeros((length, 2), np.float32)
    for name, wave in waves.items():
        whole = (scale * wave).astype(np.float32)
        soundfile.write(stems[name], whole, RATE_HZ, subtype="FLOAT")
        total += whole
    soundfile.write(mix, total, RATE_HZ, subtype="FLOAT")


def _voice(clips: Sequence[Path], length: int) -> np.ndarray:
    """One clip of a singer after another, `(time,)` at RATE_HZ, with a pause before them."""
    import soxr

    parts, at = [np.zeros(round(PAUSE_S * RATE_HZ))], 0
    while sum(map(len, parts)) < length:
        wave, rate_hz = soundfile.read(clips[at % len(clips)], always_2d=True)
        parts.append(soxr.resample(wave[:, 1], rate_hz, RATE_HZ))
        at += 1
    return np.concatenate(parts)[:length].astype(np.float32)
