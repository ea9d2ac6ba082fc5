"""The parameters of Demucs' classes in their order, by which DiffQ's files tell them apart.

`demucs/demucs.py` and `demucs/hdemucs.py` of the package `demucs`, 3.0 to 4.0: a module's own
parameters come first, then its parts in the order in which its constructor makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from unweave.models.readers._shared.errors import Refused

Parameters = Iterator[tuple[str, tuple[int, ...]]]
MOST_LEVELS = 16
MOST = 1 << 20  # of any other setting

WAVES: Mapping[str, Any] = {
    "audio_channels": 2, "channels": 64, "growth": 2.0, "depth": 6, "rewrite": True,
    "lstm_layers": 0, "kernel_size": 8, "context": 1, "glu": True, "norm_starts": 4,
    "dconv_mode": 1, "dconv_depth": 2, "dconv_comp": 4, "dconv_attn": 4, "dconv_lstm": 4,
}  # fmt: skip
HYBRID: Mapping[str, Any] = {
    "audio_channels": 2, "channels": 48, "channels_time": None, "growth": 2, "nfft": 4096,
    "cac": True, "depth": 6, "rewrite": True, "hybrid": True, "multi_freqs": None,
    "multi_freqs_depth": 2, "freq_emb": 0.2, "kernel_size": 8, "time_stride": 2, "stride": 4,
    "context": 1, "context_enc": 0, "norm_starts": 4, "dconv_mode": 1, "dconv_depth": 2,
    "dconv_comp": 4, "dconv_attn": 4, "dconv_lstm": 4,
}  # fmt: skip


def parameters(klass: str, arguments: object, keywords: object) -> Parameters:
    """The name and the shape of every parameter of the network. Raises Refused."""
    told: dict[str, Any] = {}
    if isinstance(keywords, dict):
        told = {str(key): value for key, value in keywords.items()}
    if isinstance(arguments, (list, tuple)) and arguments:
        told.setdefault("sources", arguments[0])
    sources = told.get("sources")
    if not isinstance(sources, (list, tuple)) or len(sources) > MOST:
        raise Refused("its settings name no stems")
    short = klass.rpartition(".")[2]
    if klass.startswith("demucs.") and short == "Demucs" and "model" not in klass:
        return _waves(_checked(WAVES, told), len(sources))
    if klass.startswith("demucs.") and short in ("HDemucs", "WDemucs"):
        return _hybrid(_checked(HYBRID, told), len(sources))
    raise Refused("it is a quantised network of a class that unweave does not read so")


def _checked(defaults: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """All settings, none of a size that makes the list endless."""
    found = {key: told.get(key, value) for key, value in defaults.items()}
    for key, value in found.items():
        most = MOST_LEVELS if key in ("depth", "dconv_depth", "lstm_layers") else MOST
        if isinstance(value, (int, float)) and not 0 <= value <= most:
            raise Refused(f"its setting {key} is out of range")
    return found


def _waves(k: Mapping[str, Any], stems: int) -> Parameters:
    widths, scale = _widths(k["channels"], k), 2 if k["glu"] else 1
    ins = [k["audio_channels"], *widths]
    for n, width in enumerate(widths):
        name, place = f"encoder.{n}", 3
        yield from _conv(f"{name}.0", width, ins[n], k["kernel_size"])
        yield from _norm(f"{name}.1", width, n, k)
        if k["dconv_mode"] & 1:
            yield from _branches(f"{name}.3", width, n, k)
            place = 4
        if k["rewrite"]:
            yield from _conv(f"{name}.{place}", scale * width, width, 1)
            yield from _norm(f"{name}.{place + 1}", scale * width, n, k)
    for at, n in enumerate(reversed(range(len(widths)))):
        name, place, width = f"decoder.{at}", 0, widths[n]
        outer = ins[n] if n else stems * ins[0]
        if k["rewrite"]:
            yield from _conv(f"{name}.0", scale * width, width, 2 * k["context"] + 1)
            yield from _norm(f"{name}.1", scale * width, n, k)
            place = 3
        if k["dconv_mode"] & 2:
            yield from _branches(f"{name}.{place}", width, n, k)
            place += 1
        yield from _stretch(f"{name}.{place}", width, outer, k["kernel_size"])
        if n:
            yield from _norm(f"{name}.{place + 1}", outer, n, k)
    if k["lstm_layers"]:
        yield from _blstm("lstm", widths[-1], k["lstm_layers"])


def _hybrid(k: Mapping[str, Any], stems: int) -> Parameters:
    parts, freqs, kernel = 2 if k["cac"] else 1, k["nfft"] // 2, k["kernel_size"]
    time, bins = _widths(k["channels_time"] or k["channels"], k), _widths(k["channels"], k)
    audio, levels, embedding = k["audio_channels"], [], 0
    for n in range(len(bins)):
        spectral, last = freqs > 1, 1 < freqs <= kernel
        size = freqs if last else kernel if spectral else 2 * k["time_stride"]
        if last:
            time[n] = bins[n] = max(time[n], bins[n])
        levels.append((n, spectral, last, size))
        if spectral:
            freqs = 1 if last else freqs // max(2, k["stride"])
        embedding = freqs if n == 0 else embedding
    ends = stems * audio
    bands = len(k["multi_freqs"] or ()) + 1
    inner = [parts * audio, *bins], [audio, *time]
    for n, spectral, _, size in levels:
        for name in _copies(f"encoder.{n}", bands, n, k):
            axes = (1,) if spectral else ()
            yield from _down(name, bins[n], inner[0][n], (size, *axes), n, k)
    for at, (n, spectral, _, size) in enumerate(reversed(levels)):
        outer = inner[0][n] if n else parts * ends
        alone = bool(k["multi_freqs"]) and n < k["multi_freqs_depth"]
        for name in _copies(f"decoder.{at}", bands, n, k):
            axes = (1,) if spectral else ()
            yield from _up(name, bins[n], outer, (size, *axes), n, k, alone=alone)
    branch = [level for level in levels if level[1]] if k["hybrid"] else []
    for n, _, last, _ in branch:
        yield from _down(f"tencoder.{n}", time[n], inner[1][n], (kernel,), n, k, empty=last)
    for at, (n, _, last, _) in enumerate(reversed(branch)):
        outer = inner[1][n] if n else ends
        yield from _up(f"tdecoder.{at}", time[n], outer, (kernel,), n, k, empty=last)
    if k["freq_emb"]:
        yield "freq_emb.embedding.weight", (embedding, bins[0])


def _copies(name: str, bands: int, n: int, k: Mapping[str, Any]) -> Iterable[str]:
    """The names of a level's parts: one for each band where it is split."""
    if bands > 1 and n < k["multi_freqs_depth"]:
        return (f"{name}.layers.{band}" for band in range(bands))
    return (name,)


def _down(
    name: str, outer: int, inner: int, kernel: tuple[int, ...], n: int, k: Mapping[str, Any],
    *, empty: bool = False,
) -> Parameters:  # fmt: skip
    yield from _conv(f"{name}.conv", outer, inner, *kernel)
    if empty:
        return
    yield from _norm(f"{name}.norm1", outer, n, k)
    if k["rewrite"]:
        around = (1 + 2 * k["context_enc"],) * len(kernel)
        yield from _conv(f"{name}.rewrite", 2 * outer, outer, *around)
        yield from _norm(f"{name}.norm2", 2 * outer, n, k)
    if k["dconv_mode"] & 1:
        yield from _branches(f"{name}.dconv", outer, n, k)


def _up(
    name: str, outer: int, inner: int, kernel: tuple[int, ...], n: int, k: Mapping[str, Any],
    *, empty: bool = False, alone: bool = False,
) -> Parameters:  # fmt: skip
    yield from _stretch(f"{name}.conv_tr", outer, inner, *kernel)
    yield from _norm(f"{name}.norm2", inner, n, k)
    if empty:
        return
    if k["rewrite"]:
        size = 1 + 2 * k["context"]
        around = (1, size) if alone else (size,) * len(kernel)
        yield from _conv(f"{name}.rewrite", 2 * outer, outer, *around)
        yield from _norm(f"{name}.norm1", 2 * outer, n, k)
    if k["dconv_mode"] & 2:
        yield from _branches(f"{name}.dconv", outer, n, k)


def _branches(name: str, width: int, n: int, k: Mapping[str, Any]) -> Parameters:
    """The residual branches of a level, `DConv`."""
    hidden = int(width / max(1, k["dconv_comp"]))
    for branch in range(k["dconv_depth"]):
        start, place = f"{name}.layers.{branch}", 3
        yield from _conv(f"{start}.0", hidden, width, 3)
        yield from _affine(f"{start}.1", hidden)
        if n >= k["dconv_lstm"]:
            yield from _blstm(f"{start}.{place}", hidden, 2)
            place += 1
        if n >= k["dconv_attn"]:
            for part, size in (("content", hidden), ("query", hidden), ("key", hidden),
                               ("query_decay", 16), ("proj", hidden)):  # fmt: skip
                yield from _conv(f"{start}.{place}.{part}", size, hidden, 1)
            place += 1
        yield from _conv(f"{start}.{place}", 2 * width, hidden, 1)
        yield from _affine(f"{start}.{place + 1}", 2 * width)
        yield f"{start}.{place + 3}.scale", (width,)


def _widths(first: int, k: Mapping[str, Any]) -> list[int]:
    found = [first]
    while len(found) < k["depth"]:
        found.append(int(k["growth"] * found[-1]))
    return found


def _conv(name: str, outer: int, inner: int, *kernel: int) -> Parameters:
    yield f"{name}.weight", (outer, inner, *kernel)
    yield f"{name}.bias", (outer,)


def _stretch(name: str, outer: int, inner: int, *kernel: int) -> Parameters:
    yield f"{name}.weight", (outer, inner, *kernel)
    yield f"{name}.bias", (inner,)


def _norm(name: str, width: int, n: int, k: Mapping[str, Any]) -> Parameters:
    if n >= k["norm_starts"]:
        yield from _affine(name, width)


def _affine(name: str, width: int) -> Parameters:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def _blstm(name: str, width: int, layers: int) -> Parameters:
    for layer in range(layers):
        inner = 2 * width if layer else width
        for way in ("", "_reverse"):
            start, end = f"{name}.lstm", f"l{layer}{way}"
            yield f"{start}.weight_ih_{end}", (4 * width, inner)
            yield f"{start}.weight_hh_{end}", (4 * width, width)
            yield f"{start}.bias_ih_{end}", (4 * width,)
            yield f"{start}.bias_hh_{end}", (4 * width,)
    yield f"{name}.linear.weight", (width, 2 * width)
    yield f"{name}.linear.bias", (width,)
