"""Conv-TasNet's weights as asteroid names them (`asteroid.models.ConvTasNet`, free filters, gLN).

Only names and the norms' gamma and beta change; values stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unweave.pretrained.convert._rename import Rules, rename

AFFINE = {"gamma": "weight", "beta": "bias"}
RULES: Rules = (
    (r"(encoder|decoder)\.filterbank\._filters", r"\1.weight"),
    (r"masker\.bottleneck\.0\.(weight|bias)", r"norm.\1"),
    (r"masker\.bottleneck\.1\.(weight|bias)", r"bottleneck.\1"),
    (r"masker\.TCN\.(\d+)\.shared_block\.0\.(weight|bias)", r"blocks.\1.expand.\2"),
    (r"masker\.TCN\.(\d+)\.shared_block\.1\.weight", r"blocks.\1.prelu1.weight"),
    (r"masker\.TCN\.(\d+)\.shared_block\.2\.(weight|bias)", r"blocks.\1.norm1.\2"),
    (r"masker\.TCN\.(\d+)\.shared_block\.3\.(weight|bias)", r"blocks.\1.depthwise.\2"),
    (r"masker\.TCN\.(\d+)\.shared_block\.4\.weight", r"blocks.\1.prelu2.weight"),
    (r"masker\.TCN\.(\d+)\.shared_block\.5\.(weight|bias)", r"blocks.\1.norm2.\2"),
    (r"masker\.TCN\.(\d+)\.res_conv\.(weight|bias)", r"blocks.\1.residual.\2"),
    (r"masker\.TCN\.(\d+)\.skip_conv\.(weight|bias)", r"blocks.\1.skip.\2"),
    (r"masker\.mask_net\.0\.weight", r"prelu.weight"),
    (r"masker\.mask_net\.1\.(weight|bias)", r"masks.\1"),
)


def from_original(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights under the names of `networks.conv_tasnet`.

    Raises WeightsError for a name that the network does not have.
    """
    return {rename(affine(name), RULES): value for name, value in state.items()}


def affine(name: str) -> str:
    """gamma and beta by the names that all other layers have."""
    start, _, last = name.rpartition(".")
    return f"{start}.{AFFINE.get(last, last)}"


def convert(sources: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    (state,) = sources.values()
    return from_original(state)
