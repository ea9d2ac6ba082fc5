"""Sizes of published models, as a file of MSST's settings has them, and where their original is.

Chunks are those of the models; each sample lies in one. Plain data: both environments read it.
"""

from __future__ import annotations

from typing import Any

FOUR = ["drums", "bass", "other", "vocals"]
TWO = ["vocals", "instrumental"]
ROFORMER = {
    "stereo": True, "num_stems": 1, "time_transformer_depth": 1, "freq_transformer_depth": 1,
    "dim_head": 64, "heads": 8, "flash_attn": True, "stft_n_fft": 2048, "stft_win_length": 2048,
    "stft_hop_length": 441, "mask_estimator_depth": 2, "attn_dropout": 0, "ff_dropout": 0,
}  # fmt: skip
BS = ROFORMER | {"zero_dc": True}  # MSST's default, not that of the original
MEL = ROFORMER | {"num_bands": 60, "sample_rate": 44100, "match_input_audio_length": True}
SCNET = {
    "sources": FOUR, "audio_channels": 2, "nfft": 4096, "hop_size": 1024, "win_size": 4096,
    "normalized": True, "band_stride": [1, 4, 16], "band_kernel": [3, 4, 16],
    "conv_depths": [3, 2, 1], "compress": 4, "conv_kernel": 3, "expand": 1,
}  # fmt: skip
SMALL = {"dims": [4, 32, 64, 128], "band_SR": [0.175, 0.392, 0.433], "num_dplayer": 6}
XL = {"dims": [4, 64, 128, 256], "band_SR": [0.23, 0.37, 0.4], "num_dplayer": 8}
MDX23C = {
    "num_subbands": 4, "num_channels": 128, "growth": 128, "num_scales": 5, "scale": [2, 2],
    "num_blocks_per_scale": 2, "bottleneck_factor": 4, "norm": "InstanceNorm", "act": "gelu",
}  # fmt: skip


def settings(
    chunk: int, model: dict[str, Any], stems: list[str], target: str | None = None, **audio: int
) -> dict[str, Any]:
    """What a file of settings says."""
    return {
        "audio": {"chunk_size": chunk, "sample_rate": 44100, "num_channels": 2, **audio},
        "model": model,
        "training": {"instruments": stems, "target_instrument": target},
        "inference": {"num_overlap": 1},
    }


# By name: the package of the original, its class, and the settings.
SIZES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "mel-384x6": (
        "mel_band_roformer",
        "MelBandRoformer",
        settings(352800, MEL | {"dim": 384, "depth": 6}, ["vocals", "other"], "vocals"),
    ),
    "bs-512x12": (
        "bs_roformer",
        "BSRoformer",
        settings(352800, BS | {"dim": 512, "depth": 12}, ["vocals", "other"], "vocals"),
    ),
    "bs-256x12": (
        "bs_roformer",
        "BSRoformer",
        settings(
            448000,
            BS | {"dim": 256, "depth": 12, "stft_hop_length": 512},
            ["vocals", "other"],
            "vocals",
        ),
    ),
    "mel-256x12-two": (
        "mel_band_roformer",
        "MelBandRoformer",
        settings(573300, MEL | {"dim": 256, "depth": 12, "num_stems": 2}, TWO),
    ),
    "scnet-small": ("pymss_core.modules.scnet", "SCNet", settings(485100, SCNET | SMALL, FOUR)),
    "scnet-xl": ("pymss_core.modules.scnet", "SCNet", settings(485100, SCNET | XL, FOUR)),
    "mdx23c": (
        "pymss_core.modules.mdx23c_tfc_tdf_v3",
        "TFC_TDF_net",
        settings(
            261120,
            MDX23C,
            ["vocals", "other"],
            hop_length=1024,
            n_fft=8192,
            dim_f=4096,
        ),
    ),
    "mdx-net-hq": (
        "audio_separator.separator.architectures.mdx_separator",
        "MDXSeparator",
        # The numbers of UVR's table, by its names; chunks overlap as they do in audio-separator.
        settings(261120, {}, TWO)
        | {"mdx_n_fft_scale_set": 6144, "mdx_dim_f_set": 3072, "mdx_dim_t_set": 8}
        | {"compensate": 1.022, "primary_stem": "Instrumental"},
    ),
    "htdemucs": (
        "demucs.htdemucs",
        "HTDemucs",
        settings(343980, {"bottom_channels": 512, "dconv_mode": 3, "segment": 7.8}, FOUR),
    ),
}
# The same graph, which unweave has ONNX Runtime run.
SIZES["mdx-net-hq-onnx"] = SIZES["mdx-net-hq"]
OPTIONS = {"mdx-net-hq-onnx": ("runtime=onnxruntime",)}
# Small ones with the same chunk, step and channels, for whole songs and long recordings.
TINY = {"dim": 16, "depth": 1, "heads": 2, "dim_head": 8}
THIN = {"dims": [4, 8, 8, 8], "num_dplayer": 2, "conv_depths": [1, 1, 1]}
NARROW = {"num_channels": 8, "growth": 2, "num_scales": 2, "num_blocks_per_scale": 1}
for _name, _like, _model in (
    ("small-mel", "mel-384x6", TINY),
    ("small-bs", "bs-512x12", TINY),
    ("small-scnet", "scnet-small", THIN),
    ("small-mdx23c", "mdx23c", NARROW),
):
    _package, _kind, _settings = SIZES[_like]
    SIZES[_name] = _package, _kind, {**_settings, "model": _settings["model"] | _model}
PUBLISHED = tuple(name for name in SIZES if not name.startswith("small-"))
TITLES = {
    "small-mel": "Mel-Band RoFormer, small",
    "small-bs": "BS-RoFormer, small",
    "small-scnet": "SCNet, smaller",
    "small-mdx23c": "TFC-TDF v3, small",
    "mel-384x6": "Mel-Band RoFormer 384 x 6, one stem (Kim's)",
    "bs-512x12": "BS-RoFormer 512 x 12, one stem (1297)",
    "bs-256x12": "BS-RoFormer 256 x 12, one stem",
    "mel-256x12-two": "Mel-Band RoFormer 256 x 12, two stems (deux)",
    "scnet-small": "SCNet, small",
    "scnet-xl": "SCNet, XL",
    "mdx23c": "MDX23C",
    "mdx-net-hq": "MDX-Net, Inst HQ",
    "mdx-net-hq-onnx": "MDX-Net, Inst HQ, by ONNX Runtime",
    "htdemucs": "HT Demucs",
}
ROFORMERS = PUBLISHED[:4]
