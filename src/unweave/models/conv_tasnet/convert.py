"""Conv-TasNet's weights under the names of its two published forms.

asteroid (`asteroid.models.ConvTasNet`, free filters, gLN): only names and the norms' gamma and beta
change. Demucs: norms are `(1, filter, 1)` there, and the decoder is a matrix
`(channel * kernel, filter)`; all else maps one to one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename, renamed

VALUES = r"(weight|bias)"
AFFINE = {"gamma": "weight", "beta": "bias"}
ASTEROID: Rules = (
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

BLOCK = r"separator\.network\.2\.(\d+)\.(\d+)\.net"

DEMUCS: Rules = (
    (r"encoder\.conv1d_U\.weight", r"encoder.weight"),
    (rf"separator\.network\.0\.{VALUES}", r"norm.\1"),
    (r"separator\.network\.1\.weight", r"bottleneck.weight"),
    (rf"{BLOCK}\.0\.weight", r"\1.\2.expand.weight"),
    (rf"{BLOCK}\.1\.weight", r"\1.\2.prelu1.weight"),
    (rf"{BLOCK}\.2\.{VALUES}", r"\1.\2.norm1.\3"),
    (rf"{BLOCK}\.3\.net\.0\.weight", r"\1.\2.depthwise.weight"),
    (rf"{BLOCK}\.3\.net\.1\.weight", r"\1.\2.prelu2.weight"),
    (rf"{BLOCK}\.3\.net\.2\.{VALUES}", r"\1.\2.norm2.\3"),
    (rf"{BLOCK}\.3\.net\.3\.weight", r"\1.\2.residual.weight"),
    (r"separator\.network\.3\.weight", r"masks.weight"),
    (r"decoder\.basis_signals\.weight", r"decoder.weight"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError for a name that neither form has.
    """
    state = only(sources)
    if "encoder.conv1d_U.weight" in state:
        return _from_demucs(state)
    return renamed(state, lambda name: rename(_affine(name), ASTEROID))


def _from_demucs(state: Mapping[str, np.ndarray]) -> Arrays:
    filters, channels, kernel = state["encoder.conv1d_U.weight"].shape
    per_repeat = 1 + max(
        (int(match[2]) for name in state if (match := re.match(BLOCK, name))), default=0
    )
    ours = {}
    for name, value in state.items():
        new = rename(_affine(name), DEMUCS)
        if name.endswith(("gamma", "beta")):
            value = value.reshape(-1)
        elif new == "decoder.weight":
            value = value.T.reshape(filters, channels, kernel)
        if match := re.match(r"(\d+)\.(\d+)\.", new):  # repeat, block in it
            new = f"blocks.{int(match[1]) * per_repeat + int(match[2])}.{new[match.end() :]}"
        ours[new] = value
    return ours


def _affine(name: str) -> str:
    """gamma and beta by the names that all other layers have."""
    start, _, last = name.rpartition(".")
    return f"{start}.{AFFINE.get(last, last)}"
