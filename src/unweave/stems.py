"""What `separate` returns: stems by name, that can be saved, plotted, and played in a notebook."""

from __future__ import annotations

import html
import os
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.core.file_names import safe
from unweave.core.files import advice
from unweave.errors import OutputError
from unweave.jobs.naming import same_file_key

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unweave.types import Wave

_PICTURE = (720, 64)  # width and height of a stem's waveform in a notebook, in pixels


@dataclass(frozen=True, eq=False, repr=False)
class Stems(Mapping[str, "Wave"]):
    """A mapping of stem name to wave: numpy float32 `(channel, time)`, all at `sample_rate_hz`."""

    waves: Mapping[str, Wave]
    sample_rate_hz: int

    def __getitem__(self, name: str) -> Wave:
        if name not in self.waves:
            raise KeyError(f"no stem {name!r}; there are {', '.join(self.waves)}")
        return self.waves[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.waves)

    def __len__(self) -> int:
        return len(self.waves)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {wave.shape}" for name, wave in self.items())
        return f"Stems({shapes}, {self.sample_rate_hz} Hz)"

    @property
    def duration_s(self) -> float:
        return max((wave.shape[-1] for wave in self.values()), default=0) / self.sample_rate_hz

    def save(
        self,
        folder: str | os.PathLike[str],
        format: str = "wav",
        bit_depth: int | None = None,
        *,
        overwrite: bool = False,
    ) -> dict[str, Path]:
        """Write every stem to `folder/name.ext` and return the files by stem name.

        The default is 32-bit float WAV, which holds the stems exactly. Where samples are stored as
        integers and a stem would clip, all stems are turned down by one common gain and a warning
        says by how much. Files appear complete or not at all. Raises OutputError when a file exists
        (unless `overwrite`) or cannot be written, UsageError for an unknown format.
        """
        from unweave.audio.formats import encoding
        from unweave.audio.writer import Writer

        channels = next(iter(self.values())).shape[0]
        chosen = encoding(format, bit_depth, self.sample_rate_hz, channels)
        files = {name: Path(folder) / f"{safe(name)}.{chosen.ext}" for name in self}
        if len({same_file_key(file) for file in files.values()}) < len(files):
            raise OutputError(f"{folder}: two stems would be written to one file; save them apart")
        for file in files.values():
            if file.exists() and not overwrite:
                raise OutputError(f"{file}: exists already; pass overwrite=True or another folder")
        gain = self._gain() if chosen.integer else 1.0
        writers: list[Writer] = []
        try:
            for name, file in files.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                writer = Writer(file, chosen, self.sample_rate_hz, channels, tags={"title": name})
                writers.append(writer)
                writer.write(self[name] if gain == 1.0 else self[name] * gain)
                writer.close()
            for writer in writers:
                writer.commit()
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written: {advice(error)}") from error
        finally:
            for writer in writers:
                writer.discard()
        return files

    def plot(self) -> Figure:
        """Spectrograms of the stems, one above the other, on one dB scale (needs matplotlib)."""
        from unweave.viz.spectrogram import draw, picture_of

        pictures = [picture_of(name, [wave], self.sample_rate_hz) for name, wave in self.items()]
        return draw(pictures)

    def _gain(self) -> float:
        import warnings

        import numpy as np

        peak = max((float(np.abs(wave).max(initial=0.0)) for wave in self.values()), default=0.0)
        if peak <= 1.0:
            return 1.0
        # One step of 16 bits below full scale, so that rounding cannot reach past it.
        gain = (1.0 - 2.0**-15) / peak
        warnings.warn(
            f"all stems are turned down by {-20.0 * np.log10(gain):.2f} dB so that none clips; "
            "32-bit float WAV needs no gain",
            stacklevel=3,
        )
        return gain

    def _repr_html_(self) -> str:
        """A player and a waveform for each stem, for notebooks."""
        rows = "".join(
            f"<div style='margin:0 0 12px'><div style='font:600 13px sans-serif'>"
            f"{html.escape(name)}</div>{_waveform(wave)}{_player(wave, self.sample_rate_hz)}</div>"
            for name, wave in self.items()
        )
        return f"<div>{rows}</div>"


def _player(wave: Wave, sample_rate_hz: int) -> str:
    """An HTML player that carries the stem as MP3: a tenth of the size of WAV."""
    import numpy as np

    from unweave.audio.formats import encoding
    from unweave.audio.writer import Writer

    played = wave if wave.shape[0] <= 2 else wave.mean(axis=0, keepdims=True, dtype=np.float32)
    peak = float(np.abs(played).max(initial=0.0))
    played = played / max(1.0, peak)  # in a player only; saved stems keep their level
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stem.mp3"
        chosen = encoding("mp3", None, sample_rate_hz, played.shape[0])
        with Writer(file, chosen, sample_rate_hz, played.shape[0]) as writer:
            writer.write(played.astype(np.float32))
        data = b64encode(file.read_bytes()).decode()
    return (
        f"<audio controls preload='metadata' style='width:{_PICTURE[0]}px;height:32px' "
        f"src='data:audio/mpeg;base64,{data}'></audio>"
    )


def _waveform(wave: Wave) -> str:
    """The stem's highest and lowest sample in each column of pixels, as an inline SVG."""
    import numpy as np

    width, height = _PICTURE
    columns = min(width, wave.shape[-1])
    starts = np.linspace(0, wave.shape[-1], columns, endpoint=False).astype(int)
    high = np.maximum.reduceat(wave.max(axis=0), starts).clip(-1, 1)
    low = np.minimum.reduceat(wave.min(axis=0), starts).clip(-1, 1)
    middle, step = height / 2, width / max(1, columns)
    lines = "".join(
        f"M{(n + 0.5) * step:.1f} {middle * (1 - top):.1f}V{middle * (1 - bottom) + 0.5:.1f}"
        for n, (top, bottom) in enumerate(zip(high, low, strict=True))
    )
    return (
        f"<svg width='{width}' height='{height}' style='display:block;background:#f4f4f6'>"
        f"<path d='{lines}' stroke='#4c5fd7' stroke-width='{max(1.0, step):.1f}'/></svg>"
    )
