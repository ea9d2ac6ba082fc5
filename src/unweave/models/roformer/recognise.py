"""RoFormers from their weights: what a card has to say of a checkpoint, published or of one's own.

Shapes give all of the network but the transform's hop; they count where a file of settings says
otherwise, as such files mean two things by the depth of a mask's network. The hop, the chunk that
recordings are cut into and the names of the stems stand in the YAML file that MSST trains with;
else they are as in the published models of the size. The card's notes name settings that contradict
the arrays. Variants of the network that unweave does not have are refused by name.
"""

from __future__ import annotations

import re

from unweave.errors import WeightsError, quoted
from unweave.models.layers import msst
from unweave.models.layers.recognise import RATES_HZ, Arrays, Settings, Told, numbers
from unweave.models.roformer.bands import LARGEST_FRAME, on_mel_scale
from unweave.models.roformer.convert import BRANCH, COMPUTED, known
from unweave.models.roformer.options import ADDED, BARE

ADAPTER = r"\blora_[AB]\b"
# Patterns anywhere in a name, and what has such names; the first that is found counts.
VARIANTS = (
    (r"pope_embed", "PoPE (positions as in PolarFormer)"),
    (r"static_(alpha|beta)|dynamic_(alpha|beta)", "hyper-connections (several residual streams)"),
    (ADAPTER, "LoRA that is not merged into its weights; save them merged"),
    (r"temperature|to_qkv\.0\.", "linear attention"),
    (r"(?i)\bhyper|\bace|\bsegm", "HyperACE"),
    (r"(?i)fno|spectral_conv", "FNO, Fourier neural operators"),
    (r"\blayers\.\d+\.(conv|ff1|ff2)\b|conformer", "a Conformer's convolutions"),
    (r"mask_estimators\.\d+\.(layers|transformer|blocks)", "transformers inside its masks"),
)
STEMS = {  # of published ones, by their count
    1: ("vocals",),
    2: ("vocals", "instrumental"),
    4: ("drums", "bass", "other", "vocals"),
    6: ("bass", "drums", "other", "vocals", "guitar", "piano"),
}
RATE_HZ = 44100
WIDE_HOP = ((256, 12), (384, 12))  # width and depth of BS-RoFormers with a hop of 512
CHUNK_S = 8
QKV = rf"layers\.0\.0\.layers\.0\.0\.{BRANCH}to_qkv\.weight"
GATES = rf"layers\.0\.0\.layers\.0\.0\.{BRANCH}to_gates\.weight"
WIDEN = rf"layers\.0\.0\.layers\.0\.1\.{BRANCH}net\.1\.weight"


def recognise(arrays: Arrays, settings: Settings) -> dict[str, object] | None:
    """The facts of a card, None for weights of another network.

    Raises WeightsError for a variant that unweave does not have, and for settings that contradict
    the arrays.
    """
    if not {"band_split.to_features.0.0.gamma", "band_split.to_features.0.1.weight"} <= set(arrays):
        if arrays and all(re.search(ADAPTER, name) for name in arrays):
            raise WeightsError(
                "it holds LoRA alone, what was learned on top of another model; merge the two and "
                "add that"
            )
        return None
    _check_variant(arrays)
    told = msst.told(settings)
    heads = _shape(arrays, GATES)[0]
    width = arrays["band_split.to_features.0.1.weight"].shape[0]
    depth = _parts(arrays, r"layers\.(\d+)\.")
    mel = "layers.0.0.norm.gamma" in arrays
    usual = 512 if not mel and (width, depth) in WIDE_HOP else 441
    hop = told.get("stft_hop_length", usual, f"a hop of {usual} samples", (1, LARGEST_FRAME))
    inputs = [
        arrays[f"band_split.to_features.{n}.0.gamma"].shape[0]
        for n in range(_parts(arrays, r"band_split\.to_features\.(\d+)\."))
    ]
    rate = int(told.get("sample_rate", RATE_HZ, within=RATES_HZ))
    channels, frame, split = _split(told, inputs, rate if mel else None)
    masks = _parts(arrays, r"mask_estimators\.(\d+)\.")
    chunk = CHUNK_S * rate // hop * hop
    head_width = _shape(arrays, QKV)[0] // 3 // heads
    told.compare(dim=width, depth=depth, heads=heads, dim_head=head_width, num_stems=masks)
    told.compare(num_channels=channels, **({"num_bands": len(inputs)} if mel else {}))
    facts = msst.facts(told, masks, chunk, STEMS.get(masks, ()), frame)
    dense = _parts(arrays, r"mask_estimators\.0\.to_freqs\.0\.0\.(\d+)\.")
    config = {
        "remainder": "complement" in facts,
        **split,
        "hop": hop,
        "normalised": told.get("stft_normalized", False),
        # MSST leaves the lowest bin out unless a file says otherwise; its mel networks do not.
        "zero_dc": told.get("zero_dc", not mel),
        "width": width,
        "depth": depth,
        "time_layers": _parts(arrays, r"layers\.0\.0\.layers\.(\d+)\."),
        "band_layers": _parts(arrays, r"layers\.0\.1\.layers\.(\d+)\."),
        "heads": heads,
        "head_width": head_width,
        "hidden": _shape(arrays, WIDEN)[0],
        "norm_each": mel,
        "skips": told.get("skip_connection", False),
        "value_residual": _value_residual(arrays, told),
        "mask_layers": dense,
        "mask_hidden": arrays["mask_estimators.0.to_freqs.0.0.0.weight"].shape[0],
    }
    return {
        **facts,
        "channels": channels,
        "config": config,
        "notes": told.notes(),
    }


def _parts(arrays: Arrays, pattern: str) -> int:
    """How many parts there are with a number: never more than there are arrays."""
    return len(numbers(arrays, pattern))


def _check_variant(arrays: Arrays) -> None:
    """Raises WeightsError for a network with parts that a RoFormer does not have, by their name."""
    strange = [name for name in arrays if not COMPUTED.fullmatch(name) and not known(name)]
    if not strange:
        return
    for pattern, what in VARIANTS:
        if found := next((name for name in strange if re.search(pattern, name)), None):
            raise WeightsError(f"it has {what}, which unweave lacks: {quoted(found)}")
    raise WeightsError(
        "its authors changed the network, which then needs their own program: it has "
        f"{len(strange)} parameters more, as {quoted(strange[0])}"
    )


def _shape(arrays: Arrays, pattern: str) -> tuple[int, ...]:
    """The shape of the array of such a name. Raises WeightsError where there is none."""
    for name, array in arrays.items():
        if re.fullmatch(pattern, name):
            return array.shape
    raise WeightsError("it lacks the attention of its first block")


def _split(
    told: Told, inputs: list[int], mel_rate_hz: int | None
) -> tuple[int, int, dict[str, object]]:
    """Channels, the samples of a frame, and the settings of bands and frames, of the numbers that
    each band has. mel_rate_hz: where bands follow from the mel scale, the rate that they are for.
    Raises WeightsError."""
    stated = told.get("stft_n_fft", 0)
    likely = (2, 1) if told.get("stereo", True) else (1, 2)
    if not 0 <= stated <= LARGEST_FRAME:
        raise WeightsError(f"its frames have at most {LARGEST_FRAME} samples; got {quoted(stated)}")
    if mel_rate_hz is not None:
        frame = stated or 2048
        try:
            bands = on_mel_scale(len(inputs), mel_rate_hz, frame)
        except (ValueError, ArithmeticError) as error:
            raise WeightsError(str(error)) from error
        fit = [n for n in likely if inputs == [2 * n * (end - first) for first, end in bands]]
        if not fit:
            raise WeightsError(
                f"its {len(inputs)} bands are not those of the mel scale for {mel_rate_hz} Hz and "
                f"frames of {frame} samples; --config names its settings"
            )
        split: dict[str, object] = {"mel_bands": len(inputs), "mel_rate_hz": mel_rate_hz}
    else:
        # Frames have a power of two samples, unless a file says otherwise.
        sizes = {n: sum(inputs) // n - 2 for n in likely if not any(i % (2 * n) for i in inputs)}
        fit = [n for n, size in sizes.items() if size == stated]
        fit += [n for n, size in sizes.items() if not stated and size.bit_count() == 1]
        if not (fit := fit or list(sizes)[: not stated]):
            raise WeightsError(
                f"its bands have {sum(inputs)} numbers together, which no frame of "
                f"{stated or 'some'} samples has"
            )
        frame = sizes[fit[0]]
        split = {"bands": [size // (2 * fit[0]) for size in inputs], "mel_bands": 0}
    return (
        fit[0],
        frame,
        {
            **split,
            "frame_size": frame,
            "window_size": told.get("stft_win_length", frame),
        },
    )


def _value_residual(arrays: Arrays, told: Told) -> str:
    """How values of the first block are mixed in, if they are.

    MSST's experimental class leaves out the sum with the input there; its settings tell it.
    """
    if not any("to_value_residual_mix" in name for name in arrays):
        return ""
    branches = any(".branch." in name for name in arrays)
    if told.get("use_value_residual_learning", False):
        return ADDED if branches else BARE
    if not branches:
        told.assume("that blocks with values of the first one add what they make to their input")
    return ADDED
