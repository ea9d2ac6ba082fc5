"""Dictionaries for NMF: what each stem's spectra look like, kept as two files.

`NAME.toml` is the card: the stems, how spectra were taken, where the examples came from, and the
SHA-256 of `NAME.safetensors`, which holds one matrix of spectra for each stem, in half precision.
Nothing in either can run. A file that is not the one its card names is refused.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unweave.core import toml
from unweave.core.atomic import atomic_path
from unweave.errors import OutputError, UsageError, WeightsError
from unweave.options import Option
from unweave.signal import centred
from unweave.signal.stft import magnitude

WINDOW = "sqrt-hann"
SILENT = 1e-30  # far below the level of anything that sounds
SETTINGS = {"window_s": float, "overlap": int, "exponent": float, "divergence": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionaries:
    """`bases`: of each stem, by name, float32 `(frequency, component)` whose columns sum to 1.

    settings: the options of `nmf` that spectra were taken with, by name. rounds: of updates that
    find activations. origin: for each stem, the
    recordings it was learned from and their length. sha256: of the file of spectra, once kept.
    """

    bases: Mapping[str, Tensor]
    sample_rate_hz: int
    settings: Mapping[str, Any]
    rounds: int
    title: str = ""
    licence: str = ""
    training_data: str = ""
    origin: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    sha256: str = ""

    def write(self, card: Path) -> tuple[Path, str]:
        """Keep both files, each complete or not at all, the card last.

        Returns the file of spectra and its SHA-256. Raises OutputError.
        """
        from safetensors.torch import save

        spectra = {name: bases.half().contiguous() for name, bases in self.bases.items()}
        content = save(spectra)
        target = card.with_suffix(".safetensors")
        sha256 = hashlib.sha256(content).hexdigest()
        text = self._card(target.name, sha256, len(content))
        try:
            card.unlink(missing_ok=True)  # an older card must not name the new spectra
            for file, data in ((target, content), (card, text)):
                with atomic_path(file) as hidden:
                    hidden.write_bytes(data)
        except OSError as error:
            raise OutputError(f"{card}: cannot be written ({error.strerror or error})") from error
        return target, sha256

    def _card(self, file: str, sha256: str, size_bytes: int) -> bytes:
        return toml.dumps({
            "title": self.title,
            "technique": "nmf",
            "stems": list(self.bases),
            "sample_rate_hz": self.sample_rate_hz,
            "rounds": self.rounds,
            "licence": self.licence,
            "training_data": self.training_data,
            "settings": self.settings,
            "weights": {"file": file, "sha256": sha256, "size_bytes": size_bytes},
            "components": {name: bases.shape[1] for name, bases in self.bases.items()},
            "origin": self.origin,
        })  # fmt: skip


def frames(settings: Mapping[str, Any], sample_rate_hz: int) -> tuple[int, int]:
    """Length and hop of frames, in samples."""
    size = centred.frame_size(settings["window_s"], sample_rate_hz)
    return size, size // settings["overlap"]


def magnitudes(spectrum: Tensor, exponent: float) -> Tensor:
    """What is factorised, `(..., frequency, frame)`, in memory of its own."""
    values = magnitude(spectrum)
    return values if exponent == 1 else values.pow_(exponent)


def read(path: str, limits: Iterable[Option]) -> Dictionaries:
    """The dictionaries of a card. Raises WeightsError, one line, for anything that is not right.

    limits: what settings may be, among other options of the technique.
    """
    card = Path(path)
    try:
        facts = tomllib.loads(card.read_bytes().decode())
        if facts["technique"] != "nmf":
            raise WeightsError(f"{path}: is a card for {facts['technique']!r}, not for nmf")
        file = card.parent / Path(str(facts["weights"]["file"])).name
        content = _content(file, facts["weights"]["sha256"])
        settings = {name: kind(facts["settings"][name]) for name, kind in SETTINGS.items()}
        for item in limits:
            if item.name in settings:
                item.check(settings[item.name], path)
        rate_hz = int(facts["sample_rate_hz"])
        rows = frames(settings, rate_hz)[0] // 2 + 1
        return Dictionaries(
            bases=_bases(content, facts["stems"], rows, path),
            sample_rate_hz=rate_hz,
            rounds=int(facts["rounds"]),
            settings=settings,
            title=str(facts["title"]),
            licence=str(facts["licence"]),
            training_data=str(facts["training_data"]),
            origin=facts.get("origin", {}),
            sha256=facts["weights"]["sha256"],
        )
    except UsageError as error:
        raise WeightsError(str(error)) from error
    except OSError as error:
        raise WeightsError(
            f"{path}: the dictionaries cannot be read ({error.strerror or error})"
        ) from error
    except KeyError as error:
        raise WeightsError(f"{path}: not a card of dictionaries: it lacks {error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: not a card of dictionaries ({reason:.120})") from error


def _content(file: Path, sha256: str) -> bytes:
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(
            f"{file}: not the spectra its card names (SHA-256 differs); learn them again"
        )
    return content


def _bases(content: bytes, stems: list[str], rows: int, path: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        arrays = load(content)
    except SafetensorError as error:
        raise WeightsError(f"{path}: damaged spectra ({error})") from error
    if not stems or sorted(arrays) != sorted(stems):
        raise WeightsError(f"{path}: the card and its spectra name different stems")
    if any(a.ndim != 2 or a.shape[0] != rows for a in arrays.values()):
        raise WeightsError(f"{path}: by its card, spectra must have {rows} frequencies")
    bases = {name: arrays[name].float() for name in stems}
    if not all(bool(torch.isfinite(b).all() and (b >= 0).all()) for b in bases.values()):
        raise WeightsError(f"{path}: spectra must be finite and not negative")
    return {name: b / b.sum(0).clamp(min=1e-30) for name, b in bases.items()}
