"""Chains sum to the mix: lead voice, backing voices and accompaniment leave nothing of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, seed, settings
from hypothesis import strategies as st

import unweave
from tests.models.networks.test_roformer import SMALL
from unweave.core import toml
from unweave.models.readers import safetensors
from unweave.models.roformer.model import RoFormer, RoFormerConfig

CASES = int(os.environ.get("UNWEAVE_CASES", "4"))
VOICES = ("lead-vocals", "backing-vocals")
STEMS = (*VOICES, "accompaniment")
FORMATS = [("wav", 16), ("flac", 16), ("wav", 32)]
STEP = {16: 2**-15, 32: 2e-7}  # of a stem, full scale 1


def model(path: Path, stems: tuple[str, str]) -> str:
    """A small RoFormer with random weights, which makes the first stem; the second is the rest."""
    torch.manual_seed(len(path.name))
    network = RoFormer(RoFormerConfig(stems=stems, channels=2, **SMALL))
    arrays = {name: each.numpy() for name, each in network.state_dict().items()}
    with path.with_suffix(".safetensors").open("wb") as stream:
        safetensors.write(stream, arrays)
    digest, size_bytes = safetensors.pin(arrays)
    facts = {
        "version": 2, "title": path.stem, "licence_code": "MIT", "licence_weights": "MIT",
        "paper": "none", "training_data": "none", "architecture": "roformer", "stems": stems,
        "target": stems[0], "complement": stems[1], "sample_rate_hz": 8000, "channels": 2,
        "segment": {"length": 4096, "hop": 2048, "window": "linear", "fade": 409,
                    "edge": "reflect"},
        "config": SMALL, "weights": {"sha256": digest, "size_bytes": size_bytes},
    }  # fmt: skip
    path.write_bytes(toml.dumps(facts))
    return str(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """One that takes out vocals, and one that takes the lead voice out of vocals."""
    folder = tmp_path_factory.mktemp("models")
    return (
        model(folder / "first.toml", ("vocals", "accompaniment")),
        model(folder / "leads.toml", ("lead-vocals", "backing")),
    )


@seed(0)
@settings(deadline=None, max_examples=CASES)
@given(
    rate_hz=st.sampled_from([8000, 11025]),
    channels=st.integers(1, 2),
    samples=st.integers(1, 12_000),
    form=st.sampled_from(FORMATS),
    joined=st.booleans(),
    chosen=st.lists(st.sampled_from(STEMS), unique=True, min_size=1, max_size=2),
    rest=st.booleans(),
)
def test_lead_backing_and_accompaniment_are_the_mix(
    models: tuple[str, str],
    rate_hz: int,
    channels: int,
    samples: int,
    form: tuple[str, int],
    joined: bool,
    chosen: list[str],
    rest: bool,
) -> None:
    """Whatever the networks make, in every format. Some of the stems alone are as they are beside
    the others, and with a complement they sum to the mix as well."""
    first, lead = models
    mix = np.random.default_rng(samples).uniform(-0.3, 0.3, (samples, channels)).astype(np.float32)
    how: dict[str, Any] = {"model": f"{first}+repet" if joined else first}
    how |= {"then": f"vocals:{lead}", "format": form[0], "bit_depth": form[1]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        soundfile.write(folder / "song.wav", mix, rate_hz, "FLOAT")

        def stems(to: str, **more: Any) -> dict[str, np.ndarray]:
            """As the files hold them, at the level of the mix."""
            report = unweave.separate_file(folder / "song.wav", folder / to, **how, **more)
            gain = 10 ** (report["gain_db"] / 20)
            found = {
                each["stem"]: soundfile.read(folder / to / "song" / each["path"], always_2d=True)[0]
                for each in report["stems"]
            }
            return {stem: wave / gain for stem, wave in found.items()}

        whole = stems("all")
        some = stems("some", stems=chosen, **({"complement": "rest"} if rest else {}))
    assert sorted(whole) == sorted(STEMS)
    assert sorted(some) == sorted([*chosen, "rest"] if rest else chosen)
    step = 2 * STEP[form[1]] * max(1.0, *(np.abs(wave).max() for wave in whole.values()))
    for parts in (whole, some) if rest else (whole,):
        np.testing.assert_allclose(sum(parts.values()), mix, rtol=0, atol=len(parts) * step)
    for stem in () if rest else chosen:
        np.testing.assert_allclose(some[stem], whole[stem], rtol=0, atol=step)
