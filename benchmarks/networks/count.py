"""What each network costs, at its published and a small size.

    .venv/bin/python -m benchmarks.networks.count

Small sizes are those of recipes/mir-1k: 16 kHz, mono, two stems, at most four million parameters.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from benchmarks.networks.cost import cost
from torch import Tensor, nn

from unweave.models import cards
from unweave.models.bandit import model as bandit
from unweave.models.conv_tasnet import model as conv_tasnet
from unweave.models.deep_clustering import model as deep_clustering
from unweave.models.demucs import model as demucs
from unweave.models.htdemucs import model as htdemucs
from unweave.models.hybrid_demucs import model as hybrid_demucs
from unweave.models.mask_inference import model as mask_inference
from unweave.models.roformer import model as roformer
from unweave.models.scnet import model as scnet
from unweave.models.spectnt import model as spectnt
from unweave.models.spleeter import model as spleeter
from unweave.models.tfc_tdf import model as tfc_tdf
from unweave.models.unet import model as unet
from unweave.training import export
from unweave.training.recipe import read

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "mir-1k"
SPEECH = {"stems": ("one", "other"), **conv_tasnet.SPEECH}


@dataclass(frozen=True)
class Row:
    """A network of one size. segment_s: what is counted; some networks know one length only."""

    title: str
    make: Callable[[], nn.Module]
    channels: int
    stems: int
    sample_rate_hz: int
    segment_s: float = 10.0


class SpleeterNets(nn.Module):
    """Spleeter's networks by themselves: its transform cannot run without numbers."""

    def __init__(self, config: spleeter.SpleeterConfig) -> None:
        super().__init__()
        self.config = config
        self.nets = spleeter.UNets(spleeter.UNet(config) for _ in config.stems)

    def forward(self, mix: Tensor) -> list[Tensor]:
        return self.nets(torch.empty(1, self.config.channels, self.config.frames, self.config.bins))


def published() -> Iterator[Row]:
    dnn = mask_inference.MaskInferenceConfig(recurrent=())
    yield row("DNN", mask_inference.MaskInference, dnn, 16000)
    drnn = mask_inference.MaskInferenceConfig()
    yield row("DRNN-2", mask_inference.MaskInference, drnn, 16000)
    yield row("U-Net", unet.UNet, unet.UNetConfig(), 8192)
    yield row(
        "Deep clustering",
        deep_clustering.DeepClustering,
        deep_clustering.DeepClusteringConfig(masks=False),
        16000,
    )
    chimera = deep_clustering.DeepClusteringConfig()
    yield row("Chimera", deep_clustering.DeepClustering, chimera, 16000)
    yield row("SpecTNT", spectnt.SpecTnt, spectnt.SpecTntConfig(), 16000)
    two = spleeter.SpleeterConfig()
    yield Row("Spleeter, 2 stems", lambda: SpleeterNets(two), 2, 2, 44100, two.segment / 44100)
    music = conv_tasnet.ConvTasNetConfig()
    yield row("Conv-TasNet, music", conv_tasnet.ConvTasNet, music, 44100)
    speech = conv_tasnet.ConvTasNetConfig(**SPEECH)
    yield row("Conv-TasNet, asteroid's defaults", conv_tasnet.ConvTasNet, speech, 8000)
    yield row("Demucs v1", demucs.Demucs, demucs.DemucsConfig(**demucs.V1), 44100)
    yield row("Demucs v2", demucs.Demucs, demucs.DemucsConfig(), 44100)
    hybrid = hybrid_demucs.HybridDemucsConfig()
    yield row("Hybrid Demucs (v3)", hybrid_demucs.HybridDemucs, hybrid, 44100)
    transformed = htdemucs.HTDemucsConfig(length=0)
    yield row("HT Demucs (v4)", htdemucs.HTDemucs, transformed, 44100)
    # Chunks of their authors: the counting transforms no other frames.
    small = scnet.ScNetConfig()
    yield replace(row("SCNet, small", scnet.ScNet, small, 44100), segment_s=11.0)
    voice = tfc_tdf.TfcTdfConfig()
    yield replace(row("MDX23C", tfc_tdf.TfcTdf, voice, 44100), segment_s=261120 / 44100)
    card = cards.card("kim-vocals")
    kim = roformer.RoFormerConfig(stems=card.stems, **card.config)
    mel = row("Mel-Band RoFormer, 384 x 6 (Kim's)", roformer.RoFormer, kim, 44100)
    yield replace(mel, segment_s=8.0)
    yield row("BS-RoFormer, 256 x 12", roformer.RoFormer, roformer.RoFormerConfig(), 44100)
    yield row("Bandit v2", bandit.Bandit, bandit.BanditConfig(), 48000)


def row(title: str, network: Callable, config, rate: int) -> Row:
    return Row(title, lambda: network(config), config.channels, len(config.stems), rate)


def small() -> Iterator[Row]:
    for path in sorted(RECIPES.glob("*.toml")):
        recipe, data = read(path), read(path).data
        yield Row(
            path.stem,
            lambda recipe=recipe: export.network(recipe),
            data.channels,
            len(data.stems),
            data.sample_rate_hz,
        )


def rows() -> Iterator[Row]:
    yield from published()
    yield from small()


if __name__ == "__main__":
    print("| network | rate | channels | stems | parameters | multiply-adds per second of sound |")
    print("|---|---|---|---|---|---|")
    for one in rows():
        found = cost(one.make, one.channels, one.sample_rate_hz, one.segment_s)
        print(
            f"| {one.title} | {one.sample_rate_hz / 1000:g} kHz | {one.channels} | {one.stems} |"
            f" {found.parameters / 1e6:.2f} M | {found.multiply_adds_per_s / 1e9:.3f} G |",
            flush=True,
        )
