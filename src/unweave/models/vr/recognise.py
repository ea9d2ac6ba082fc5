"""VR from its weights: what a card has to say of a checkpoint of UVR's versions 5 and 5.1.

Shapes give what it is built of. The bands and the stem stand in UVR's table, where the file is one
of UVR's, or in the settings of the user, by UVR's names: a band file (`modelparams`) or its name
(`vr_model_param`), and `primary_stem`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unweave.errors import Unstated, WeightsError, quoted
from unweave.models.layers.recognise import Arrays, Settings, Told, count
from unweave.models.vr.options import bytes_per_sample
from unweave.models.vr.published import BANDS, FACTS, KARAOKE, Row

WINDOW = 512  # frames, UVR's own
# UVR's names of stems, and what the stem and the rest are called here.
STEMS = {
    "vocals": ("vocals", "instrumental"),
    "instrumental": ("instrumental", "vocals"),
    f"vocals{KARAOKE}": ("lead-vocals", "backing"),
    f"instrumental{KARAOKE}": ("backing", "lead-vocals"),
    "no reverb": ("dry", "reverb"),
    "dry": ("dry", "reverb"),
}
# Stems that are one source, whose masks UVR shapes the other way.
SOLO = frozenset((
    "vocals", "other", "bass", "drums", "guitar", "piano", "synthesizer", "strings", "woodwinds",
    "brass", "wind inst",
))  # fmt: skip
LACKING = "reverse", "mid_side_b", "stereo_w"  # of a band file; no published checkpoint has them
FIRST = "stg1_low_band_net.enc1.conv1.conv.0.weight"
FIRST_LSTM = "stg1_low_band_net.0.enc1.conv.0.weight"
DENSE = "stg3_full_band_net.lstm_dec2.dense.0.weight"


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for bands that nobody states, and for some that unweave lacks.
    """
    if FIRST in arrays:
        built = _built(arrays)
    elif {FIRST_LSTM, DENSE, "out.weight"} <= arrays.keys():
        built = _built_with_lstm(arrays)
    else:
        return None
    from unweave.models.vr.model import VrConfig

    known = FACTS.get(str(settings.get("uvr_md5")))
    told = Told({}, "")
    told.values = {**_of_uvr(known), **settings}
    stem = told.get("primary_stem", "Instrumental", "all but the voice as its first stem").lower()
    solo = stem in SOLO
    stem += KARAOKE * bool(told.get("is_karaoke", False))
    other = stem.removeprefix("no ") if stem.startswith("no ") else f"no {stem}"
    names = STEMS.get(stem, (stem, other))
    stems = tuple(name.replace(" ", "-") for name in names)
    bands = _bands(told, lstm="hidden" in built)
    if built.get("bins", bands["bins"]) != bands["bins"]:
        raise WeightsError(
            f"its arrays are for {built['bins']} bins, and its bands have {bands['bins']}"
        )
    config = {
        **bands,
        **built,
        "window": int(told.get("window_size", WINDOW)),
        "solo": solo,
    }
    try:
        made = VrConfig(stems, **config)
    except ValueError as error:
        raise WeightsError(f"its bands: {error}") from error
    return {
        "stems": list(stems),
        "target": stems[0],
        "channels": 2,
        "sample_rate_hz": made.front.bands[-1].rate_hz,
        "normalise_track": True,
        "segment": made.segment(),
        "config": config,
        "bytes_per_sample": bytes_per_sample(config, 2, 2, 0),
        "notes": told.notes(),
    }


def _built(arrays: Arrays) -> dict[str, int]:
    """What a network of version 5 is built of."""
    net = "stg1_low_band_net"
    return {
        "width": arrays[FIRST].shape[0],
        "levels": count(arrays, rf"{net}\.enc(\d+)\.") - 1,
        "branches": count(arrays, rf"{net}\.aspp\.conv(\d+)\.") - 1,
    }


def _built_with_lstm(arrays: Arrays) -> dict[str, int]:
    """What a network of version 5.1 is built of."""
    half, hidden = arrays[DENSE].shape
    return {"width": arrays["out.weight"].shape[1], "hidden": hidden, "bins": 2 * half}


def _of_uvr(known: tuple[str, str, int, int] | None) -> dict[str, object]:
    if known is None:
        return {}
    bands, stem, _, _ = known
    return {
        "vr_model_param": bands,
        "primary_stem": stem.removesuffix(KARAOKE),
        "is_karaoke": stem.endswith(KARAOKE),
    }


def _bands(told: Told, *, lstm: bool) -> dict[str, Any]:
    """The settings of a network that are those of its bands. Raises WeightsError."""
    if isinstance(found := told.values.get("band"), dict):
        return _of_file(told, found, lstm=lstm)
    name = told.values.get("vr_model_param")
    if name is None:
        raise Unstated(
            "UVR's table has no such checkpoint: its bands have to be stated, by a file for "
            "--config that is one of UVR's 'modelparams', or holds 'vr_model_param: 4band_v3' and "
            "'primary_stem: Vocals', say"
        )
    if name not in BANDS:
        raise WeightsError(f"its bands are {quoted(name)}, and unweave has {', '.join(BANDS)}")
    bins, top, rows = BANDS[str(name)]
    return {"bins": bins, "top": list(top), "bands": [_band(row) for row in rows]}


def _of_file(told: Told, bands: Mapping[Any, Any], *, lstm: bool) -> dict[str, Any]:
    """The same of a band file. Raises WeightsError."""
    for key in LACKING:
        if told.get(key, False):
            raise WeightsError(f"its bands are {key!r}, which unweave lacks")
    kinds = [kind for kind in ("mid_side", "mid_side_b2") if told.get(kind, False)]
    every = kinds[0] if kinds else "stereo"
    rows = []
    for n in range(1, len(bands) + 1):
        band = bands.get(n, bands.get(str(n)))
        if not isinstance(band, dict):
            raise WeightsError(f"its bands are numbered from 1; there is no {n} of {len(bands)}")
        own = Told({}, "")
        own.values = band
        # UVR heeds a band's own in version 5.1, and those of all bands in version 5.
        channels = own.get("convert_channels", "stereo") if lstm else every
        numbers = (int(own.get(key, 0)) for key in ("sr", "hl", "n_fft", "crop_start", "crop_stop"))
        rows.append((*numbers, _pair(own, "hpf"), _pair(own, "lpf"), channels))
    bins = int(told.get("n_bins", 0)) or int(told.get("bins", 0))
    made = [_band(row) for row in rows]
    return {"bins": bins, "top": list(_pair(told, "pre_filter")), "bands": made}


def _pair(told: Told, key: str) -> tuple[int, ...]:
    """The bins of a filter; none where there is none."""
    start = int(told.get(f"{key}_start", 0))
    return (start, int(told.get(f"{key}_stop", 0))) if start > 0 else ()


def _band(row: Row) -> dict[str, Any]:
    """A row as a table of `vr.bands.Band`."""
    rate_hz, hop, size, start, stop, rise, fall, channels = row
    band = {"rate_hz": rate_hz, "hop": hop, "frame_size": size, "start": start, "stop": stop}
    filters = {"rise": list(rise), "fall": list(fall)}
    return {**band, **{key: bins for key, bins in filters.items() if bins}, "channels": channels}
