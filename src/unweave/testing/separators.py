"""What every separator promises (docs/architecture.md), one function for each promise.

A check takes a separator that is ready for the CPU and raises AssertionError where it breaks its
word. What is separated is synthesised, so that a check needs nothing but the separator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from unweave import registry
from unweave.engine.compose import AnySeparator, Composition, Run
from unweave.engine.signal import Signal
from unweave.engine.wrap import channel_groups, separate_blocks
from unweave.errors import SeparatorError, UsageError
from unweave.types import Separator, Wave

if TYPE_CHECKING:
    from torch import Tensor

ROUNDING = 1e-5  # of float32, of sums and transforms of samples about 0.1
SHORT = 48_000  # samples: of a call where the separator takes any length


def check_separator(separator: str | AnySeparator) -> None:
    """Hold a separator to all `CHECKS`. separator: a registered name, or the object itself.

    Raises AssertionError, which names the promise, and whatever the separator raises by itself.
    """
    if isinstance(separator, str):
        check_options(separator)
        separator = registry.load(separator)
    separator = separator.to("cpu")
    for check in CHECKS:
        try:
            check(separator)
        except (AssertionError, SeparatorError) as error:
            promise = (check.__doc__ or "").partition("\n")[0]
            raise AssertionError(f"{separator.spec.name}: {promise} {error}") from error


def check_options(name: str) -> None:
    """Options are declared, refused where they are wrong, and recorded."""
    separator = registry.load(name)
    spec = separator.spec
    declared = registry.declared(name)
    assert spec.name == name or name.endswith(".toml"), f"its spec is called {spec.name!r}"
    defaults = {item.name: item.default for item in declared}
    assert dict(spec.options) == defaults, "Spec.options must hold every default"
    assert json.loads(json.dumps(dict(spec.options))) == dict(spec.options)
    assert registry.load(name, **spec.options).spec == spec
    resolved, outputs = registry.resolve(name, {})
    assert (dict(resolved.options), outputs) == (defaults, spec.outputs)
    try:
        registry.load(name, no_such_option=1)
    except UsageError:
        return
    raise AssertionError("an option that does not exist must be a UsageError")


def spec_is_complete(separator: AnySeparator) -> None:
    """A spec names its stems, its paper and its licence."""
    spec = separator.spec
    assert len(set(spec.stems)) == len(spec.stems) > 0, "stems are names that differ"
    assert spec.paper, "paper is empty"
    assert spec.licence, "licence is empty"
    assert spec.complement is None or spec.complement in spec.stems, (
        "the complement is none of the stems"
    )
    assert isinstance(separator, (Separator, Composition))


def any_length_and_width(separator: AnySeparator) -> None:
    """Stems and residual have the recording's length and channels and sum to it."""
    for channels, length in ((1, 30011), (2, 1), (2, 2), (3, 1023)):
        wave = song(separator, length, channels)
        if channels < separator.spec.min_channels:
            _refuses_channels(separator, wave)
            continue
        _are_complete(separator, separate(separator, wave), wave)


def blocks_do_not_matter(separator: AnySeparator) -> None:
    """The stems do not depend on the blocks in which a recording arrives."""
    grid = separator.spec.plan(rate_hz(separator))
    wave = song(separator, grid.hop + 777 if grid else 60_000)
    if not isinstance(separator, Composition):  # of the same segments it makes the same
        separator = _Remembering(separator)
    stems = separate(separator, wave)
    _are_complete(separator, stems, wave)
    np.testing.assert_array_equal(separate(separator, wave, block=12345), stems)


def silence_stays_silent(separator: AnySeparator) -> None:
    """Silence gives silence."""
    stems = separate(separator, np.zeros((2, 20000), np.float32))
    assert np.abs(stems).max() < 1e-6


def calls_stand_alone(separator: AnySeparator) -> None:
    """A call leaves its input as it is, remembers nothing, and takes each of a batch by itself."""
    import torch

    a, b = segment(separator, 1), segment(separator, 2)
    before = a.clone()
    first = call(separator, a)
    both = call(separator, torch.cat([a, b]))
    second = call(separator, b)
    assert torch.equal(call(separator, a), first)
    assert torch.equal(a, before)
    torch.testing.assert_close(both, torch.cat([first, second]), atol=ROUNDING, rtol=0)


def gain_passes_through(separator: AnySeparator) -> None:
    """Where the spec says so, half the mix gives half the stems."""
    import torch

    if separator.spec.scale_equivariant:
        a = segment(separator, 1)
        half, whole = call(separator, a * 0.5), call(separator, a)
        torch.testing.assert_close(half, whole * 0.5, atol=ROUNDING, rtol=0)


CHECKS: tuple[Callable[[AnySeparator], None], ...] = (
    spec_is_complete,
    any_length_and_width,
    blocks_do_not_matter,
    silence_stays_silent,
    calls_stand_alone,
    gain_passes_through,
)


def rate_hz(separator: AnySeparator) -> int:
    """The separator's own rate, or a usual one."""
    return separator.spec.sample_rate_hz or 44100


def song(separator: AnySeparator, length: int, channels: int = 2, seed: int = 0) -> Wave:
    """Tones that come and go, and noise: `(channels, length)` at `rate_hz`."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(length) / rate_hz(separator)
    tones = [
        np.sin(2 * np.pi * hz * time_s) * (np.sin(hz * time_s / 300) > 0) for hz in (220, 330, 1760)
    ]
    wave = 0.1 * sum(tones) + 0.05 * rng.normal(size=(channels, length))
    found: Wave = wave.astype(np.float32)
    return found


def separate(separator: AnySeparator, wave: Wave, block: int = 50000) -> Wave:
    """All stems and the residual of `wave (channel, time)`, as the engine makes them."""

    def blocks() -> Iterator[Wave]:
        for n in range(0, wave.shape[1], block):
            yield wave[:, n : n + block]

    groups = channel_groups(separator.spec, wave.shape[0])
    parts = separate_blocks(
        separator,
        blocks(),
        rate_hz(separator),
        groups,
        device="cpu",
        batch=2,
        warn=_fail,
        again=blocks,
    )
    return np.concatenate([stems for _, stems in parts], axis=-1)


def _are_complete(separator: AnySeparator, stems: Wave, wave: Wave) -> None:
    assert stems.shape == (len(separator.spec.outputs), *wave.shape)
    assert np.isfinite(stems).all(), "a sample is not finite"
    np.testing.assert_allclose(stems.sum(0), wave, atol=ROUNDING)


class _Remembering:
    """A separator that computes once what it makes of a mix: only what is around it is checked."""

    def __init__(self, separator: Separator) -> None:
        self.spec = separator.spec
        self._separator = separator
        self._made: dict[bytes, Tensor] = {}

    def to(self, device: str) -> _Remembering:
        return _Remembering(self._separator.to(device))

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        key = repr((mix.shape, sample_rate_hz)).encode() + mix.numpy().tobytes()
        if key not in self._made:
            self._made[key] = self._separator(mix, sample_rate_hz)
        return self._made[key].clone()


def _fail(message: str) -> None:
    raise AssertionError(message)


def segment(separator: AnySeparator, seed: int) -> Tensor:
    """One segment of `song`, no longer than it must be: `(1, channel, time)`."""
    import torch

    grid = separator.spec.plan(rate_hz(separator))
    length = grid.length if grid else 30011
    if grid and grid.edge in ("inside", "short"):
        length = min(length, SHORT)
    return torch.from_numpy(song(separator, length, separator.spec.channels or 2, seed))[None]


def call(separator: AnySeparator, mix: Tensor) -> Tensor:
    import torch

    if isinstance(separator, Composition):
        waves = mix.numpy()
        signal = Signal(iter([waves]), rate_hz(separator), lambda: iter([waves]))
        stems = Run(device="cpu", batch=2, warn=_fail)(separator, signal)
        return torch.from_numpy(np.concatenate(list(stems.blocks), axis=-1))
    with torch.inference_mode():
        return separator(mix, rate_hz(separator))


def _refuses_channels(separator: AnySeparator, wave: Wave) -> None:
    said = ""
    try:
        separate(separator, wave)
    except UsageError as error:
        said = str(error)
    wanted = f"needs at least {separator.spec.min_channels}"
    assert wanted in said, "a recording with too few channels must be a UsageError"
