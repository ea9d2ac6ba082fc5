"""The originals of our networks, small and in published sizes, with our settings of the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import nn

from unweave.models.bandit import model as bandit
from unweave.models.conv_tasnet import model as conv_tasnet
from unweave.models.demucs import model as demucs
from unweave.models.htdemucs import model as htdemucs
from unweave.models.hybrid_demucs import model as hybrid_demucs
from unweave.models.roformer import model as roformer
from unweave.models.scnet import model as scnet
from unweave.models.tfc_tdf import model as tfc_tdf

PEERS = (
    "asteroid-0.7.0",
    "demucs-4.1.0",
    "demucs-2.0.3",
    "pymss-core-0.1.14",
    "mdxnet-infer-0.1.0",
    "msst-ccc011a",
    "bs-roformer-infer-0.1.5",
    "bs-roformer-1.2.4",
)
FOUR = ("drums", "bass", "other", "vocals")
SIX = (*FOUR, "guitar", "piano")
THREE, TWO = FOUR[1:], FOUR[2:]
TITLES = {
    "conv_tasnet_asteroid_skip": "Conv-TasNet, skip paths",
    "conv_tasnet_asteroid_plain": "Conv-TasNet, no skip paths",
    "conv_tasnet_music": "Conv-TasNet, music",
    "demucs_padded": "Demucs v2",
    "demucs_v1": "Demucs v1, `padded = false`",
    "demucs_v2": "Demucs v2, `padded = false`",
    "demucs_v3": "Demucs v3",
    "demucs_v3_plain": "Demucs v3, `rewrite = false`",
    "htdemucs": "HT Demucs",
    "htdemucs_plain": "HT Demucs, no bottleneck",
    "hybrid_demucs": "Hybrid Demucs",
    "hybrid_demucs_old": "Hybrid Demucs, `old_padding`",
    "hybrid_demucs_magnitudes": "Hybrid Demucs, `magnitudes`",
    "hybrid_demucs_bands": "Hybrid Demucs, `bands`",
    "scnet": "SCNet",
    "scnet_masked": "SCNet, masks",
    "tfc_tdf": "TFC-TDF v3",
    "tfc_tdf_batch": "TFC-TDF v3, norms of batches",
    "tfc_tdf_kit": "TFC-TDF v3, one stem",
    "bandit": "Bandit v2",
    "bandit_first": "Bandit Plus",
    "bs_roformer": "BS-RoFormer",
    "bs_roformer_values": "BS-RoFormer, value residual",
    "mel_band_roformer": "Mel-Band RoFormer",
}


@dataclass(frozen=True)
class Case:
    """One original and our network of the same settings."""

    name: str
    original: Callable[[], nn.Module]
    ours: Any  # the module in unweave.models
    stems: tuple[str, ...]
    channels: int
    config: dict[str, Any]
    samples: int
    quiet: bool = False  # a part of the mix is so quiet that norms have to guard against it


def asteroid(published: bool) -> Iterator[Case]:
    from asteroid.models import ConvTasNet

    speech = {key: value for key, value in conv_tasnet.SPEECH.items() if key != "channels"}
    if published:
        title = "Conv-TasNet, skip paths"
        yield Case(title, lambda: ConvTasNet(2), conv_tasnet, TWO, 1, speech, 16000)
        return
    small = {"n_filters": 20, "bn_chan": 12, "hid_chan": 16, "n_blocks": 3, "n_repeats": 2}
    ours = {"filters": 20, "bottleneck": 12, "hidden": 16, "blocks": 3, "repeats": 2}
    for name, skip in (("skip", 10), ("plain", 0)):
        original, config = ConvTasNet(2, skip_chan=skip, **small), speech | ours | {"skip": skip}
        case = f"conv_tasnet_asteroid_{name}"
        yield Case(case, lambda o=original: o, conv_tasnet, TWO, 1, config, 1600)


def demucs_today(published: bool) -> Iterator[Case]:
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs

    v2 = {"gelu": False, "norm_starts": 99, "dconv_mode": 0, "lstm_layers": 2}
    if published:
        yield Case("Demucs v2", lambda: Demucs(FOUR, **v2), demucs, FOUR, 2, {}, 132300)
        v3, plain = dict(demucs.V3), {"rewrite": False}
        yield Case("Demucs v3", lambda: Demucs(FOUR), demucs, FOUR, 2, v3, 132300)
        title = TITLES["demucs_v3_plain"]
        yield Case(title, lambda: Demucs(FOUR, **plain), demucs, FOUR, 2, v3 | plain, 132300)
        for title, theirs, ours in HYBRIDS:
            original = lambda kw=theirs: HDemucs(FOUR, **kw)  # noqa: E731
            yield Case(title, original, hybrid_demucs, FOUR, 2, ours, 220500)
        yield from ht_demucs(published)
        return
    small, ours = {"channels": 4, "depth": 3}, {"width": 4, "depth": 3}
    yield Case("demucs_padded", lambda: Demucs(TWO, **small, **v2), demucs, TWO, 2, ours, 3001)
    # Long enough that the LSTMs of the second level work in chunks.
    deeper = {"norm_starts": 1, "dconv_comp": 2, "dconv_lstm": 1, "dconv_attn": 2}
    ours |= {"norm_from": 1, "compress": 2, "lstm_from": 1, "attention_from": 2}
    for name, plain in (("demucs_v3", {}), ("demucs_v3_plain", {"rewrite": False})):
        v3 = dict(demucs.V3) | ours | plain
        original = Demucs(TWO, **small, **deeper, **plain)
        yield Case(name, lambda o=original: o, demucs, TWO, 2, v3, 2501)
    small |= {"depth": 4, "nfft": 256}
    ours = ours | {"frame_size": 256}
    del ours["depth"]
    for name, theirs, settings in (
        ("hybrid_demucs", {}, {"old_padding": False}),
        ("hybrid_demucs_old", {"hybrid_old": True}, {"old_padding": True}),
        (
            "hybrid_demucs_magnitudes",
            {"hybrid_old": True, "cac": False, "audio_channels": 2, "norm_starts": 999},
            {"old_padding": True, "magnitudes": True, "norm_from": 999},
        ),
        (
            "hybrid_demucs_bands",
            {"nfft": 1024, "depth": 5, "growth": 1, "norm_starts": 999, "dconv_attn": 999}
            | {"multi_freqs": [0.1, 0.3], "multi_freqs_depth": 2},
            {"frame_size": 1024, "growth": 1, "norm_from": 999, "attention_from": 999}
            | {"bands": [0.1, 0.3], "banded_levels": 2},
        ),
    ):
        channels = theirs.get("audio_channels", 1)
        original = HDemucs(TWO, **{"audio_channels": 1} | small | deeper | theirs)
        settings = ours | settings
        yield Case(name, lambda o=original: o, hybrid_demucs, TWO, channels, settings, 4001)
    yield from ht_demucs(published)


# Published settings, theirs and ours: `hdemucs_mmi`, members of `mdx_extra`, members of `mdx`.
HYBRIDS = (
    ("Hybrid Demucs", {}, {}),
    ("Hybrid Demucs, `old_padding`", {"hybrid_old": True}, {"old_padding": True}),
    ("Hybrid Demucs, `magnitudes`", {"cac": False}, {"magnitudes": True}),
    (
        "Hybrid Demucs, `magnitudes`, `old_padding`, no norms",
        {"cac": False, "hybrid_old": True, "norm_starts": 999},
        {"magnitudes": True, "old_padding": True, "norm_from": 999},
    ),
    (
        "Hybrid Demucs, `bands`, no norms",
        {"multi_freqs": [0.1, 0.3], "multi_freqs_depth": 2, "norm_starts": 999},
        {"bands": [0.1, 0.3], "banded_levels": 2, "norm_from": 999},
    ),
)


def ht_demucs(published: bool) -> Iterator[Case]:
    from demucs.htdemucs import HTDemucs

    def v4(stems: tuple[str, ...], **settings: Any) -> Callable[[], nn.Module]:
        return lambda: HTDemucs(stems, **settings)

    if published:
        size = {"dconv_mode": 3, "segment": Fraction(39, 5)}
        four = v4(FOUR, bottom_channels=512, **size)
        yield Case("HT Demucs, 4 stems", four, htdemucs, FOUR, 2, {}, 343980)
        plain = {"bottleneck": 0}
        yield Case("HT Demucs, 6 stems", v4(SIX, **size), htdemucs, SIX, 2, plain, 343980)
        return
    small = {"audio_channels": 1, "channels": 8, "depth": 2, "nfft": 256, "samplerate": 1000}
    small |= {"dconv_comp": 4, "t_layers": 3, "t_heads": 2, "t_hidden_scale": 2.0}
    ours = {"width": 8, "frame_size": 256, "levels": 2, "compress": 4}
    ours |= {"layers": 3, "heads": 2, "hidden": 2.0}
    filled = ours | {"length": 4100, "bottleneck": 24}
    size = {"dconv_mode": 3, "bottom_channels": 24, "segment": Fraction(41, 10)}
    yield Case("htdemucs", v4(TWO, **small, **size), htdemucs, TWO, 1, filled, 4001)
    plain = ours | {"length": 0, "bottleneck": 0, "branches_up": False, "cross_first": True}
    size = {"dconv_mode": 1, "t_cross_first": True, "use_train_segment": False}
    yield Case("htdemucs_plain", v4(THREE, **small, **size), htdemucs, THREE, 1, plain, 4001)


def demucs_then(published: bool) -> Iterator[Case]:
    """v2 without normalisation inside, as that package had it (its command took the track's)."""
    from demucs.model import Demucs
    from demucs.tasnet import ConvTasNet

    def v(stems: tuple[str, ...], **settings: Any) -> Callable[[], nn.Module]:
        return lambda: Demucs(stems, **settings)

    v1, v2 = dict(demucs.V1), dict(demucs.V2) | {"normalise": False}
    if published:
        title = "Conv-TasNet, music"
        yield Case(title, lambda: ConvTasNet(FOUR, X=10), conv_tasnet, FOUR, 2, {}, 44100)
        yield Case("Demucs v2, `padded = false`", v(FOUR), demucs, FOUR, 2, v2, 88200)
        large = {"channels": 100, "resample": False}
        yield Case("Demucs v1, `padded = false`", v(FOUR, **large), demucs, FOUR, 2, v1, 88200)
        return
    theirs = {"N": 24, "L": 20, "B": 12, "H": 16, "X": 3, "R": 2}
    size = {"filters": 24, "bottleneck": 12, "hidden": 16, "blocks": 3, "repeats": 2}
    music = ConvTasNet(THREE, **theirs)
    yield Case("conv_tasnet_music", lambda: music, conv_tasnet, THREE, 2, size, 2000)
    small, ours = {"channels": 4, "depth": 3}, {"width": 4, "depth": 3}
    yield Case("demucs_v2", v(TWO, **small), demucs, TWO, 2, v2 | ours, 3001)
    yield Case("demucs_v1", v(TWO, **small, resample=False), demucs, TWO, 2, v1 | ours, 3001)


def scnets(original: Callable[..., nn.Module], name: str, **settings: Any) -> Case:
    """A small SCNet of one of its originals."""
    theirs = {"dims": [4, 8, 8], "nfft": 128, "hop_size": 32, "win_size": 128, "num_dplayer": 2}
    theirs |= {"conv_depths": [2, 1, 1]}
    ours = {"widths": [8, 8], "frame_size": 128, "hop": 32, "layers": 2, "branches": [2, 1, 1]}
    return Case(name, lambda: original(TWO, **theirs), scnet, TWO, 2, ours | settings, 1001)


def tfc_tdfs(
    name: str, stems: tuple[str, ...], published: bool, **model: Any
) -> tuple[dict[str, Any], Case]:
    """What a YAML file says of a TFC-TDF, and its case without the original."""
    size = {"n_fft": 2048, "hop_length": 512, "dim_f": 1024} if published else {}
    audio = {"n_fft": 128, "hop_length": 32, "dim_f": 32, "num_channels": 2, **size}
    size = {"num_channels": 128, "growth": 128, "num_scales": 5, "bottleneck_factor": 4}
    small = {"num_channels": 6, "growth": 2, "num_scales": 2, "bottleneck_factor": 2}
    shape = (size if published else small) | {"num_blocks_per_scale": 2, "num_subbands": 4}
    given = shape | {"norm": "InstanceNorm", "act": "gelu", "scale": [2, 2], **model}
    training = {"instruments": stems, "target_instrument": stems[0] if len(stems) == 1 else None}
    ours: dict[str, Any] = {
        "frame_size": audio["n_fft"],
        "hop": audio["hop_length"],
        "bins": audio["dim_f"],
        "width": given["num_channels"],
        "growth": given["growth"],
        "levels": given["num_scales"],
        "narrow": given["bottleneck_factor"],
    }
    # Frames are whole strides, as in a chunk of the original.
    samples = (255 if published else 31) * audio["hop_length"]
    facts = {"audio": audio, "model": given, "training": training}
    return facts, Case(name, nn.Identity, tfc_tdf, stems, 2, ours, samples)


KIT = ("kick", "snare", "toms", "hh", "ride", "crash")


def pymss(published: bool) -> Iterator[Case]:
    """The originals of MSST, in a package of somebody else's."""
    from pymss_core.config import AttrDict
    from pymss_core.modules.mdx23c_tfc_tdf_v3 import TFC_TDF_net
    from pymss_core.modules.scnet import SCNet

    if published:
        yield Case("SCNet", lambda: SCNet(FOUR), scnet, FOUR, 2, {}, 485100)
    else:
        yield scnets(SCNet, "scnet")
    settings, case = tfc_tdfs("tfc_tdf", KIT if published else TWO, published)
    given = AttrDict(settings)
    yield replace(case, original=lambda: TFC_TDF_net(given))
    if not published:
        batch = {"norm": "BatchNorm", "act": "elu0.5", "scale": [4, 2]}
        settings, case = tfc_tdfs("tfc_tdf_batch", TWO, published, **batch)
        ours = {"norm": "batch", "activation": "elu", "alpha": 0.5, "frame_stride": 4}
        other = AttrDict(settings)
        original = lambda: TFC_TDF_net(other)  # noqa: E731
        yield replace(case, original=original, config=case.config | ours)
    yield from bandits(published)


FILM = ("speech", "music", "sfx")


def bandits(published: bool) -> Iterator[Case]:
    """Bandit v2, which has each channel by itself, and the first one on one channel."""
    from pymss_core.modules.bandit.core import MultiMaskMultiSourceBandSplitRNNSimple
    from pymss_core.modules.bandit_v2.bandit import Bandit

    gru, lstm = {"rnn_type": "GRU"}, {"rnn_type": "LSTM"}
    if published:
        v2 = gru | {"fs": 48000, "n_sqm_modules": 8}
        original = lambda: Bandit(1, FILM, **v2)  # noqa: E731
        yield Case("Bandit v2", original, bandit, FILM, 1, {}, 96000)
        return
    theirs = {"emb_dim": 8, "rnn_dim": 6, "mlp_dim": 10, "n_fft": 128, "win_length": 128}
    theirs |= {"hop_length": 32, "n_sqm_modules": 2, "fs": 8000, "n_bands": 8}
    ours = {"width": 8, "hidden": 6, "mask_hidden": 10, "frame_size": 128, "hop": 32}
    ours |= {"layers": 2, "rate_hz": 8000, "bands": 8}
    v2 = lambda: Bandit(1, FILM, **theirs, **gru)  # noqa: E731
    yield Case("bandit", v2, bandit, FILM, 2, ours, 1001)
    musical = {"band_specs": "musical"}
    first = lambda: MultiMaskMultiSourceBandSplitRNNSimple(1, TWO, **theirs, **lstm, **musical)  # noqa: E731
    yield Case("bandit_first", first, bandit, TWO, 1, ours | {"cell": "lstm"}, 1001)


def mdxnet(published: bool) -> Iterator[Case]:
    """MDX23C for the parts of a drum kit."""
    from mdxnet_infer import config
    from mdxnet_infer.model import TFC_TDF_net

    settings, case = tfc_tdfs("tfc_tdf_kit", KIT if published else KIT[:1], published)
    given = config.MDX23CConfig(
        audio=config.AudioConfig(**settings["audio"]),
        model=config.ModelConfig(**settings["model"]),
        training=config.TrainingConfig(**settings["training"]),
    )
    yield replace(case, original=lambda: TFC_TDF_net(given, torch.device("cpu")))


def masked(published: bool) -> Iterator[Case]:
    """SCNet with masks, which no package has: two files of MSST itself."""
    from msst_scnet.scnet_masked import SCNet

    if published:
        yield Case("SCNet, masks", lambda: SCNet(FOUR), scnet, FOUR, 2, {"mask_width": 64}, 485100)
    else:
        yield scnets(SCNet, "scnet_masked", mask_width=64)


# Theirs and ours of small RoFormers, and the bins of their bands, of 65.
TINY = {"dim": 6, "depth": 2, "stereo": True, "dim_head": 4, "heads": 2, "flash_attn": False}
TINY |= {"stft_n_fft": 128, "stft_win_length": 128, "stft_hop_length": 32}
TINY_OURS = {"width": 6, "depth": 2, "head_width": 4, "heads": 2, "hidden": 24}
TINY_OURS |= {"mask_hidden": 24}
TINY_OURS |= {"frame_size": 128, "window_size": 128, "hop": 32}
TINY_BANDS = (1, 1, 1, 1, 2, 2, 4, 4, 8, 16, 25)
# Of the published classes that are small enough to compare in full.
CLASS = {"dim": 256, "depth": 12, "stereo": True, "dim_head": 64, "heads": 8, "flash_attn": True}
CLASS |= {"time_transformer_depth": 1, "freq_transformer_depth": 1, "stft_hop_length": 512}


def roformers(published: bool) -> Iterator[Case]:
    from bs_roformer import BSRoformer
    from mel_band_roformer import MelBandRoformer

    if published:
        original = lambda: BSRoformer(**CLASS)  # noqa: E731
        yield Case("BS-RoFormer", original, roformer, ("vocals",), 2, {}, 131072)
        return
    deep = {"time_transformer_depth": 2, "freq_transformer_depth": 1, "zero_dc": True}
    ours = TINY_OURS | {"time_layers": 2, "zero_dc": True, "bands": TINY_BANDS}
    bands = BSRoformer(num_stems=2, freqs_per_bands=TINY_BANDS, **TINY, **deep)
    yield Case("bs_roformer", lambda: bands, roformer, TWO, 2, ours, 1600, quiet=True)
    deep = {"time_transformer_depth": 1, "freq_transformer_depth": 2, "sample_rate": 16000}
    deep |= {"num_bands": 8, "mask_estimator_depth": 2, "match_input_audio_length": True}
    ours = TINY_OURS | {"band_layers": 2, "mel_bands": 8, "mel_rate_hz": 16000, "norm_each": True}
    ours |= {"mask_layers": 3}
    mel = MelBandRoformer(**TINY, **deep)
    yield Case("mel_band_roformer", lambda: mel, roformer, ("vocals",), 2, ours, 1600, quiet=True)


def roformers_then(published: bool) -> Iterator[Case]:
    """The program of 2026, which takes values of the first block along."""
    from bs_roformer import BSRoformer

    if published:
        return
    deep = {"time_transformer_depth": 1, "freq_transformer_depth": 1, "num_residual_streams": 1}
    ours = TINY_OURS | {"value_residual": "added", "bands": TINY_BANDS}
    bands = BSRoformer(freqs_per_bands=TINY_BANDS, **TINY, **deep)
    yield Case("bs_roformer_values", lambda: bands, roformer, ("vocals",), 2, ours, 1600)


EACH = (
    asteroid, demucs_today, demucs_then, pymss, mdxnet, masked, roformers, roformers_then,
)  # fmt: skip
CASES = dict(zip(PEERS, EACH, strict=True))


def randomise(network: nn.Module, rng: np.random.Generator) -> None:
    """Weights that keep signals near one, biases and gains that differ, all float16 numbers."""
    for name, parameter in network.named_parameters():
        value = rng.standard_normal(tuple(parameter.shape), dtype=np.float32)
        if parameter.dim() > 1 and not name.endswith(("gamma", "beta", "pos_embed_f")):
            value /= np.sqrt(parameter[0].numel())
        else:
            middle = 0.5 if name.endswith("scale") else float(name.endswith(("weight", "gamma")))
            value = middle + 0.3 * value
        parameter.data = torch.from_numpy(value.astype(np.float16).astype(np.float32))
    for name, buffer in network.named_buffers():  # running statistics
        if name.endswith(("running_mean", "running_var")):
            value = 0.3 * rng.standard_normal(tuple(buffer.shape), dtype=np.float32)
            value = 0.5 + np.abs(value) if name.endswith("var") else value
            buffer.data = torch.from_numpy(value.astype(np.float16).astype(np.float32))
