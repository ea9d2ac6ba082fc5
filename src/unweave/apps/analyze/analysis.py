"""All that is found in one song: one pass for the features, then one for each finder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unweave.apps._shared.material import Material
from unweave.apps.analyze import measures, pitch, sounds
from unweave.apps.analyze.events import Event, Lane, lane
from unweave.apps.analyze.features import (
    RATE_HZ,
    Pulse,
    PulseTrack,
    Small,
    Timbre,
    Tones,
    ToneTrack,
)
from unweave.apps.analyze.finders import FINDERS
from unweave.apps.analyze.form import form
from unweave.apps.analyze.key import keys
from unweave.apps.analyze.measures import Measured
from unweave.apps.analyze.pitch import Compass, Contour
from unweave.apps.analyze.rhythm import Rhythm, rhythm
from unweave.apps.analyze.sounds import BASS, DRUMS, MIX, TONES, VOICE
from unweave.audio.resampler import Resampler
from unweave.errors import WeightsError
from unweave.types import Wave

# The confidence below which an estimate is left out: about where as many are wrong as right
# (docs/analyze.md). Those of melody and bass are of frames too.
LEAST = {
    "beats": 0.3,
    "downbeats": 0.5,
    "metre": 0.7,
    "tempo": 0.15,
    "key": 0.3,
    "melody": 0.7,
    "bass": 0.7,
    "form": 0.1,
    "activity": 0.5,
}
BASS_WITHOUT_STEM = 0.95  # the same of a bass that is no stem of its own
SILENT_LU = 30.0  # below the mix a stem has only what a separator left in it
LANES = (*LEAST, *(each.lane for each in FINDERS))
METHODS = {
    "beats": "onset strength, autocorrelation, dynamic programming",
    "downbeats": "harmonic change and drums, hidden Markov model",
    "key": "profiles of Krumhansl and Kessler, Temperley, Albrecht and Shanahan",
    "form": "novelty of pitch classes and timbre",
    "activity": "momentary loudness",
    "melody": "swift-f0",
    "bass": "YIN",
}
PASSES = 3 + len(FINDERS)

OnSamples = Callable[[int], None]
"""Is told how many samples were worked on; raises Cancelled."""


@dataclass(frozen=True)
class Estimate:
    """One value of the whole song. source: what it was found on."""

    value: str | float
    confidence: float
    source: str


@dataclass(frozen=True)
class Analysis:
    """Everything that was found. Times are the recording's.

    start_s, duration_s: of the part that was heard. tracks: the mix, each stem and the residual,
    measured. whole: tempo in bpm, metre in beats, key. contours: `melody` and `bass`; they begin at
    `start_s`. compass: of the voice. missing: what could not be looked for, and why.
    """

    start_s: float
    duration_s: float
    tracks: Mapping[str, Measured]
    whole: Mapping[str, Estimate]
    lanes: Sequence[Lane]
    contours: Mapping[str, Contour]
    compass: Compass | None
    unsure: Mapping[str, Estimate] = field(default_factory=dict)
    missing: Sequence[str] = ()

    def lane(self, name: str) -> Lane | None:
        return next((each for each in self.lanes if each.name == name), None)

    def events(self, name: str) -> tuple[Event, ...]:
        found = self.lane(name)
        return found.events if found else ()


@dataclass(frozen=True)
class Features:
    """What one pass through the sound leaves. pulses: of the drums and of the mix; timbre: of the
    mix, `(frame, band)`."""

    samples: int
    tracks: Mapping[str, Measured]
    pulses: tuple[PulseTrack, PulseTrack]
    tones: ToneTrack
    timbre: Small


def analysed(sound: Material, least: float | None, on_samples: OnSamples) -> Analysis:
    """Analyse a song. least: the confidence for every lane instead of LEAST.

    Raises what reading raises, and what `on_samples` raises.
    """
    parts = sounds.roles(sound.stems)
    rate_hz = sound.info.sample_rate_hz
    found = features(sound, on_samples)
    start_s = sound.start / rate_hz
    limits = {name: value if least is None else least for name, value in LEAST.items()}
    if least is None and not _own(sound, parts[BASS]):
        limits["bass"] = BASS_WITHOUT_STEM
    silent = {role: said for role in (VOICE, DRUMS, BASS)
              if (said := _silence(found.tracks, parts[role]))}  # fmt: skip
    drums, mix = found.pulses
    struck = parts[DRUMS]
    if DRUMS in silent:
        struck = sounds.roles(sound.stems, silent=[DRUMS])[DRUMS]
        drums = _pulse(sound, struck, on_samples)
    time = rhythm((drums, mix), found.tones, limits["metre"])
    whole_key, key_events = keys(found.tones)
    rhythm_source = MIX if struck.source == MIX else f"{struck.source} and {MIX}"
    downs_s = np.array([event.start_s for event in time.downbeats])
    events: dict[str, tuple[str, list[Event]]] = {
        "beats": (rhythm_source, list(time.beats)),
        "downbeats": (rhythm_source, list(time.downbeats)),
        "key": (parts[TONES].source, key_events),
        "form": (MIX, form(found.tones, found.timbre, downs_s)),
        "activity": ("each stem", _activity(found.tracks)),
    }
    missing, contours, compass = [], {}, None
    for name, role, follow in (("melody", VOICE, pitch.sung), ("bass", BASS, pitch.bass)):
        if role in silent:
            missing.append(f"{name} is not looked for: {silent[role]}")
            continue
        try:
            contour = follow(sounds.blocks_of(sound, parts[role], on_samples), rate_hz)
        except ImportError:
            missing.append(
                f"{name} needs swift-f0; install it with: pip install 'unweave[analyze]'"
            )
            continue
        contours[name] = contour
        events[name] = parts[role].source, pitch.notes(contour, limits[name])
        if name == "melody":
            compass = pitch.compass(contour, limits[name])
    duration_s = found.samples / rate_hz
    lanes = [
        lane(name, _placed(each, start_s, duration_s), source, METHODS[name], limits[name])
        for name, (source, each) in events.items()
    ]
    for listener in FINDERS:
        if listener.role in silent:
            missing.append(f"{listener.lane} are not looked for: {silent[listener.role]}")
            continue
        try:
            finder = listener.load()
        except ImportError as error:
            missing.append(f"{listener.lane} needs {error.name}, which is not installed")
            continue
        heard_on = parts[listener.role]
        try:
            heard = finder(sounds.blocks_of(sound, heard_on, on_samples), rate_hz)
        except WeightsError as error:
            missing.append(f"{listener.lane} are not looked for: {error}")
            continue
        limit = listener.limit(_own(sound, heard_on)) if least is None else least
        placed = _placed(heard, start_s, duration_s)
        lanes.append(lane(listener.lane, placed, heard_on.source, listener.method, limit))
    whole, unsure = _split(_whole(time, rhythm_source, whole_key, parts[TONES].source), limits)
    return Analysis(
        start_s=start_s,
        duration_s=duration_s,
        tracks=found.tracks,
        whole=whole,
        lanes=lanes,
        contours=contours,
        compass=compass,
        unsure=unsure,
        missing=missing,
    )


def features(sound: Material, on_samples: OnSamples) -> Features:
    """One pass: the measures of the mix, its stems and the residual, and all features."""
    info, names = sound.info, sound.stems
    parts = sounds.roles(names)
    facts = info.sample_rate_hz, info.channels, info.channel_names
    meters = {name: measures.Meter(*facts) for name in (MIX, *names)}
    # By what is heard: where two roles are the same sum, it is followed once.
    drums, mix, tonal = parts[DRUMS], parts[MIX], parts[TONES]
    resamplers = {role: Resampler(info.sample_rate_hz, RATE_HZ, 1) for role in (mix, drums, tonal)}
    pulses = {role: Pulse() for role in (mix, drums)}
    tones = {tonal: Tones()}
    timbres = {mix: Timbre()}
    samples = 0

    def push(role: sounds.Role, wave: Wave) -> None:
        for followers in (pulses, tones, timbres):
            if role in followers:
                followers[role].push(wave[0])

    for tracks in sound.blocks():
        for meter, track in zip(meters.values(), tracks, strict=True):
            meter.push(track)
        for role, resampler in resamplers.items():
            push(role, resampler.push(role.of(tracks).mean(0, keepdims=True)))
        samples += tracks.shape[-1]
        on_samples(tracks.shape[-1])
    for role, resampler in resamplers.items():
        push(role, resampler.flush())
    beats = {role: pulse.track() for role, pulse in pulses.items()}
    return Features(
        samples,
        {name: meter.measured() for name, meter in meters.items()},
        (beats[drums], beats[mix]),
        tones[tonal].track(),
        timbres[mix].track(),
    )


def _pulse(sound: Material, role: sounds.Role, on_samples: OnSamples) -> PulseTrack:
    """Of one sum of the stems, in a pass of its own."""
    pulse, resampler = Pulse(), Resampler(sound.info.sample_rate_hz, RATE_HZ, 1)
    for block in sounds.blocks_of(sound, role, on_samples):
        pulse.push(resampler.push(block.mean(0, keepdims=True))[0])
    pulse.push(resampler.flush()[0])
    return pulse.track()


def _own(sound: Material, role: sounds.Role) -> bool:
    """Whether it is one stem rather than a sum or the mix."""
    return role.source in sound.stems


def _silence(tracks: Mapping[str, Measured], role: sounds.Role) -> str:
    """In words, that a stem is as good as silent beside the mix; empty where it is not."""
    track, mix = tracks.get(role.source), tracks[MIX]
    if track is None or role.source == MIX or mix.lufs is None:
        return ""
    if track.lufs is None:
        return f"the stem '{role.source}' is silent"
    below = mix.lufs - track.lufs
    return f"the stem '{role.source}' is {below:.0f} LU below the mix" if below > SILENT_LU else ""


def _whole(time: Rhythm, rhythm_source: str, key: Event | None, tones: str) -> dict[str, Estimate]:
    found = {}
    if time.tempo_bpm is not None:
        found["tempo"] = Estimate(time.tempo_bpm, time.tempo_confidence, rhythm_source)
    if time.metre is not None:
        found["metre"] = Estimate(time.metre, time.metre_confidence, rhythm_source)
    if key is not None:
        found["key"] = Estimate(key.value, key.confidence, tones)
    return found


def _split(
    found: Mapping[str, Estimate], limits: Mapping[str, float]
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """What is sure enough, and what is not."""
    sure = {name: each for name, each in found.items() if each.confidence >= limits[name]}
    return sure, {name: each for name, each in found.items() if name not in sure}


def _activity(tracks: Mapping[str, Measured]) -> list[Event]:
    return [
        event
        for name, measured in tracks.items()
        if name != MIX or len(tracks) == 1
        for event in measures.passages(measured, name)
    ]


def _placed(events: Sequence[Event], start_s: float, duration_s: float) -> list[Event]:
    """Events of a part, at the times of the recording that it begins at `start_s` of.

    The last frames of a finder may reach beyond the end, and its events with them: these end there.
    """
    return [
        Event(
            event.start_s + start_s,
            min(event.end_s, duration_s) + start_s,
            event.value,
            event.confidence,
        )
        for event in events
        if event.start_s < duration_s
    ]
