"""Weights of VR as vocal-remover and UVR name them; only names change.

What only training needs is left out. Some files hold one module under two names: the last one
counts, as for the original.
"""

from __future__ import annotations

import re

from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename, renamed

VALUES = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
TRAINING = re.compile(r"aux\d?_out\.weight")
TWICE = re.compile(r"(.+\.aspp)\.conv6\.(.+)")  # `conv7` is the same module
NETS = (
    ("stg1_low_band_net.", "low."),
    ("stg1_high_band_net.", "high."),
    ("stg2_full_band_net.", "full2."),
    ("stg3_full_band_net.", "full3."),
)
NETS_LSTM = (
    ("stg1_low_band_net.0.", "low1.0."),
    ("stg1_high_band_net.", "high1."),
    ("stg2_low_band_net.0.", "low2.0."),
    ("stg2_high_band_net.", "high2."),
    ("stg3_full_band_net.", "full3."),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    found = only(sources)
    lstm = any(".lstm_dec2." in name for name in found)
    rules = RULES_LSTM if lstm else RULES

    def needed(name: str) -> bool:
        twice = TWICE.fullmatch(name)
        return not (TRAINING.fullmatch(name) or (twice and f"{twice[1]}.conv7.{twice[2]}" in found))

    return renamed(
        {name: array for name, array in found.items() if needed(name)},
        lambda name: f"network.{rename(name, rules)}",
    )


def _layer(theirs: str, ours: str, first: int = 0) -> Rules:
    """A convolution and its norm, `first` the number of the convolution."""
    return (
        (rf"{theirs}\.conv\.{first}\.(weight)", rf"{ours}.conv.\1"),
        (rf"{theirs}\.conv\.{first + 1}\.{VALUES}", rf"{ours}.norm.\1"),
    )


def _pyramid(separable: bool) -> Rules:
    """Of all U-Nets; convolutions 3 to 7 are dilated."""
    rules = (
        *_layer(r"aspp\.conv1\.1", "bottom.mean"),
        *_layer(r"aspp\.conv2", "bottom.point"),
        *_layer(r"aspp\.bottleneck(?:\.0)?", "bottom.join"),
    )
    for theirs, ours in (("3", 0), ("4", 1), ("5", 2), ("[67]", 3)):
        name, place = rf"aspp\.conv{theirs}", f"bottom.dilated.{ours}"
        if separable:
            rules += ((rf"{name}\.conv\.0\.(weight)", rf"{place}.depth.\1"),)
            rules += tuple(_layer(name, f"{place}.point", 1))
        else:
            rules += tuple(_layer(name, place))
    return rules


def _inside(net: tuple[str, str], rules: Rules) -> Rules:
    theirs, ours = net
    return tuple((re.escape(theirs) + old, ours + new) for old, new in rules)


NET: Rules = (
    *(
        rule
        for n in range(5)
        for rule in (
            *_layer(rf"enc{n + 1}\.conv1", f"skip.{n}"),
            *_layer(rf"enc{n + 1}\.conv2", f"down.{n}"),
            *_layer(rf"dec{n + 1}\.conv", f"up.{n}"),
        )
    ),
    *_pyramid(separable=True),
)
NET_LSTM: Rules = (
    *_layer("enc1", "enter"),
    *(
        rule
        for n in range(4)
        for rule in (
            *_layer(rf"enc{n + 2}\.conv1", f"down.{n}.0"),
            *_layer(rf"enc{n + 2}\.conv2", f"down.{n}.1"),
            *_layer(rf"dec{n + 1}\.conv1", f"up.{n}"),
        )
    ),
    *_pyramid(separable=False),
    *_layer(r"lstm_dec2\.conv", "recurrent.conv"),
    (r"lstm_dec2\.lstm\.([a-z_0-9]+)", r"recurrent.lstm.\1"),
    (r"lstm_dec2\.dense\.0\.(weight|bias)", r"recurrent.dense.\1"),
    (rf"lstm_dec2\.dense\.1\.{VALUES}", r"recurrent.norm.\1"),
)
OUT: Rules = ((r"out\.(weight)", r"out.\1"),)
RULES: Rules = (
    *(rule for net in NETS for rule in _inside(net, NET)),
    *_layer("stg2_bridge", "bridge2"),
    *_layer("stg3_bridge", "bridge3"),
    *OUT,
)
RULES_LSTM: Rules = (
    *(rule for net in NETS_LSTM for rule in _inside(net, NET_LSTM)),
    *_layer(r"stg1_low_band_net\.1", "low1.1"),
    *_layer(r"stg2_low_band_net\.1", "low2.1"),
    *OUT,
)
