"""Bandit from its weights: what a card has to say of a checkpoint of its authors or of MSST.

Shapes give the network; how its bands are laid out follows from a rate and a transform, and the
widths of the bands tell whether these are right.
"""

from __future__ import annotations

import re

import numpy as np

from unweave.errors import WeightsError
from unweave.models.bandit.bands import musical
from unweave.models.bandit.convert import FIRST, LAYER, plain
from unweave.models.layers import msst
from unweave.models.layers.recognise import Arrays, Settings, Told, numbers

CELLS = {3: "gru", 4: "lstm"}  # by the gates of an RNN
NORM = re.compile(r"band_split\.norm_fc_modules\.(\d+)\.(?:combined\.0|norm)\.weight")
SIDE_BY_SIDE = "tf_model.seqband.0.0.rnn.weight_hh_l0"
# Of the published ones: their rate, and the samples of a chunk.
PUBLISHED = {True: (44100, 264600), False: (48000, 384000)}  # by whether it is the first one


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for bands, masks and layers that unweave lacks.
    """
    known = plain(arrays)
    found = [(match, known[name]) for name in known if (match := NORM.fullmatch(name))]
    widths = {int(match[1]): array.size // 2 for match, array in found}
    stems = list(dict.fromkeys(n.split(".")[1] for n in known if n.startswith("mask_estim.")))
    if not stems or not widths or sorted(widths) != list(range(len(widths))):
        return None
    if SIDE_BY_SIDE in known:
        raise WeightsError("its RNNs lie side by side ('parallel_mode'), which unweave lacks")
    try:
        hidden = known["tf_model.seqband.0.rnn.weight_hh_l0"]
        joined = known["tf_model.seqband.0.fc.weight"]
        mask = known[f"mask_estim.{stems[0]}.norm_mlp.0.hidden.0.weight"]
        gates, width = hidden.shape[0] // hidden.shape[1], joined.shape[0]
        cell, both = CELLS[gates], joined.shape[1] == 2 * hidden.shape[1]
    except (KeyError, IndexError, ZeroDivisionError):
        return None
    if not both:
        raise WeightsError("its RNNs go in one direction, and unweave's go in both")
    told = msst.told(settings)
    rate_hz, chunk = PUBLISHED[any(name.startswith(FIRST) for name in arrays)]
    told.values["sample_rate"] = told.sample_rate_hz("sample_rate", rate_hz)
    if sorted(told.names()) != sorted(stems):  # masks have the names of their stems
        told.values["sources"] = stems
    bands = _bands(told, [widths[n] for n in sorted(widths)])
    told.compare(emb_dim=width, rnn_dim=hidden.shape[1])
    return {
        **msst.facts(told, len(stems), chunk, stems, bands["frame_size"]),
        "channels": int(told.get("num_channels", 2, "stereo")),
        "config": {
            **bands,
            "width": width,
            "layers": len(numbers(known, LAYER)) // 2,
            "hidden": hidden.shape[1],
            "cell": cell,
            "mask_hidden": mask.shape[0],
            "averaged": told.get("use_freq_weights", True),
        },
        "notes": told.notes(),
    }


def _bands(told: Told, widths: list[int]) -> dict[str, int]:
    """The transform, and how its bins lie in bands. Raises WeightsError."""
    size, hop = told.get("n_fft", 2048), told.get("hop_length", 512)
    rate_hz = int(told.get("fs", told.values["sample_rate"]))
    bands = int(told.get("n_bands", 64 if len(widths) <= 64 else len(widths)))
    try:
        laid = [stop - start for start, stop in musical(rate_hz, int(size), bands)]
    except (ValueError, OverflowError):
        laid = []
    if not np.array_equal(laid, widths):
        raise WeightsError(
            f"its bands are not {bands} of musical width of {size:g} samples at {rate_hz} Hz: "
            "--config states 'fs', 'n_fft' and 'n_bands'; other kinds of bands unweave lacks"
        )
    return {"rate_hz": rate_hz, "frame_size": int(size), "hop": int(hop), "bands": bands}
