"""VR equals audio-separator's, bands, windows, level and all, in both versions; it is recognised.

The stems are from benchmarks/networks/vr.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.signal import resample_poly
from torch import Tensor, nn

import unweave
import unweave.models.vr.bands as front_end
from tests import CPU, LONG
from tests.contract.trials import card_of
from tests.models.networks import waveform
from unweave import registry
from unweave.core.plan import Plan
from unweave.engine.adapters.track_normalised import Highest, TrackNormalised
from unweave.engine.run import separate_array
from unweave.errors import WeightsError
from unweave.models.adapter import NeuralSeparator
from unweave.models.layers.weights import settings
from unweave.models.store import own
from unweave.models.vr import network as networks
from unweave.models.vr import options
from unweave.models.vr.bands import resampled
from unweave.models.vr.convert import convert
from unweave.models.vr.model import Vr, VrConfig
from unweave.models.vr.published import BANDS, FACTS
from unweave.models.vr.recognise import _band, recognise
from unweave.testing import check_separator

PAIRS = ["vr", "vr_lstm"]


@dataclass(frozen=True)
class Recorded:
    """weights: by the original's names. stems: `(stem, 2, time)`, whole hops of the mix."""

    settings: dict[str, Any]
    weights: dict[str, np.ndarray]
    mix: np.ndarray
    stems: np.ndarray


@cache
def recorded(name: str) -> Recorded:
    with np.load(waveform.DATA / f"{name}.npz") as file:
        facts = json.loads(str(file["facts"]))
        ends = np.cumsum([int(np.prod(shape)) for shape in facts["shapes"].values()])
        parts = np.split(file["weights"].astype(np.float32), ends[:-1])
        weights = {
            name: part.reshape(shape)
            for (name, shape), part in zip(facts["shapes"].items(), parts, strict=True)
        }
        return Recorded(facts["settings"], weights, file["mix"].astype(np.float32), file["stems"])


def made(name: str, change: Callable[[Any], object] = lambda separator: None) -> TrackNormalised:
    """The separator of a recorded checkpoint, as a card has it."""
    pair = recorded(name)
    facts = recognise(pair.weights, pair.settings)
    assert facts is not None
    chosen = {key: facts[key] for key in ("channels", "config")}
    plan = Plan(**facts["segment"])  # type: ignore[arg-type]
    stems: tuple[str, ...] = tuple(facts["stems"])  # type: ignore[arg-type]
    card = card_of(name, architecture="vr", stems=stems, segment=plan, complement=None, **chosen)
    separator = NeuralSeparator(card, {}, convert({"": pair.weights}))
    change(separator.network)
    return TrackNormalised(separator, Highest(plan, options.level(card.stems, card.config)))


def agreement_db(name: str, change: Callable[[Any], object] = lambda network: None) -> float:
    """How far ours is below what the original made of the recorded mix."""
    pair = recorded(name)
    found = separate_array(made(name, change), pair.mix, 8000, execution=CPU, warn=pytest.fail)
    ours = np.stack([found[stem] for stem in made(name).spec.stems])[..., : pair.stems.shape[-1]]
    return waveform.below_db(torch.from_numpy(pair.stems), torch.from_numpy(ours))


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_original(name: str) -> None:
    assert agreement_db(name) > 110


def another_epsilon(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-2


def dilated_otherwise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.dilation != (1, 1):
            module.dilation = module.padding = (2, 2)


def shaped_less(network: Vr) -> None:
    network.exponents = options.exponents(0, solo=False)


@pytest.mark.parametrize("broken", [another_epsilon, dilated_otherwise, shaped_less])
def test_one_broken_operator_shows(broken: Callable[[Any], None]) -> None:
    assert agreement_db("vr", broken) < 60


def spread(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


@pytest.mark.parametrize(
    ("module", "part", "value"),
    [
        (networks, "twice", spread),
        (front_end, "lowpass", lambda up, down: np.full(2 * max(up, down) + 1, 1 / max(up, down))),
        (options.Level, "__call__", lambda level, wave: np.ones(len(wave), np.float32)),
    ],
)
def test_a_broken_step_between_shows(
    module: Any, part: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, part, value)
    assert agreement_db("vr_lstm") < 60


def test_segments_join_without_seams() -> None:
    """What the masks share is what one piece of all frames would give."""
    separator = made(
        "vr_lstm", lambda network: setattr(network.network, "forward", torch.zeros_like)
    )
    network: Any = separator.separator
    network.network.exponents = 1.0, 1.0
    mix = 0.1 * np.random.default_rng(0).standard_normal((2, 3001)).astype(np.float32)
    found = separate_array(separator, mix, 8000, execution=CPU, warn=pytest.fail)
    front, frames = network.network.front, 400
    ends = 100 * front.hop
    whole = np.pad(mix, ((0, 0), (ends, front.samples(frames) - 3001 - ends)))
    expected = front.synthesise(front.analyse(torch.from_numpy(whole)[None]))[0, :, ends:][:, :3001]
    for stem in separator.spec.stems:
        np.testing.assert_allclose(2 * found[stem], expected, atol=1e-6)
    assert separator.spec.stems == ("instrumental", "vocals")


@LONG
def test_it_keeps_the_contract() -> None:
    check_separator(made("vr").separator)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44100, 14700), (7350, 14700), (32000, 6000), (6000, 32000), (9, 9)]
)
def test_resampling_is_scipys(from_hz: int, to_hz: int) -> None:
    wave = np.random.default_rng(1).standard_normal((1, 2, 1001))
    expected = resample_poly(wave, to_hz, from_hz, axis=-1) if from_hz != to_hz else wave
    found = resampled(torch.from_numpy(wave), from_hz, to_hz)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_channels_come_back() -> None:
    wave = torch.randn(1, 2, 9, dtype=torch.float64)
    for kind, matrix in front_end.CHANNELS.items():
        there = front_end.mixed(wave, matrix)
        torch.testing.assert_close(front_end.mixed(there, front_end.inverse(kind)), wave)


@cache
def foreign(name: str) -> dict[str, np.ndarray]:
    return recorded(name).weights


@pytest.mark.parametrize("md5", FACTS)
def test_every_published_checkpoint_has_its_settings(md5: str) -> None:
    """Bands of all files fit the networks, and segments can be cut."""
    name, _, width, hidden = FACTS[md5]
    bins, top, rows = BANDS[name]
    config: dict[str, Any] = {"bins": bins, "top": top, "bands": [_band(row) for row in rows]}
    built = {"width": width, "hidden": hidden} if width else {"branches": 6}
    chosen = settings(VrConfig, ("a", "b"), 2, {**config, **built})
    plan = Plan(**chosen.segment())
    assert plan.hop == chosen.frames * chosen.front.hop
    assert plan.start(1) + plan.context == -chosen.front.reach * chosen.front.hop


def test_one_of_uvrs_files_needs_no_settings() -> None:
    md5 = next(
        key
        for key, facts in FACTS.items()
        if facts[:2] == ("4band_v2_sn", "Instrumental of karaoke")
    )
    found = recognise(foreign("vr"), {"uvr_md5": md5})
    assert found is not None
    assert (found["stems"], found["target"]) == (["backing", "lead-vocals"], "backing")
    assert (found["sample_rate_hz"], found["notes"]) == (44100, "")
    assert found["normalise_track"]
    config: Any = found["config"]
    assert (config["bins"], config["width"], config["levels"], config["branches"]) == (672, 2, 4, 7)
    assert found["segment"] == {
        "length": (512 - 1 + 2 * 5) * 480, "hop": 256 * 480, "context": 128 * 480,
        "before": (128 + 5 + 256) * 480, "window": "own", "edge": "zeros",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stem", "stems"),
    [
        ("Vocals", ["vocals", "instrumental"]),
        ("No Echo", ["no-echo", "echo"]),
        ("No Reverb", ["dry", "reverb"]),
        ("Noise", ["noise", "no-noise"]),
        ("Wind Inst", ["wind-inst", "no-wind-inst"]),
    ],
)
def test_stems_have_names(stem: str, stems: list[str]) -> None:
    found = recognise(foreign("vr"), {"vr_model_param": "4band_v3", "primary_stem": stem})
    assert found is not None
    assert found["stems"] == stems
    assert found["config"]["solo"] == (stem in ("Vocals", "Wind Inst"))  # type: ignore[index]


def told(**changes: object) -> dict[str, Any]:
    return {**recorded("vr").settings, **changes}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "'vr_model_param: 4band_v3'"),
        ({"vr_model_param": "5band"}, "its bands are '5band', and unweave has "),
        (told(reverse=True), "'reverse', which unweave lacks"),
        (told(window_size=256), "window is above 256"),
        (told(bins=30), "at most 30 bins|multiple of 32"),
        (told(band={"1": 3}), "there is no 1 of 1"),
        (told(band={"7": {}}), "there is no 1 of 1"),
        (told(band={"1": {"sr": "x"}}), "'sr' must be a number"),
        (told(band={"1": {"sr": 0}}), "rate_hz is above 0"),
        (told(band={}), "there are bands"),
    ],
)
def test_what_makes_no_network_is_one_line(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WeightsError, match=words) as found:
        recognise(foreign("vr"), settings)
    assert "\n" not in str(found.value)


def test_other_checkpoints() -> None:
    assert recognise({"a": np.zeros(1)}, {}) is None
    with pytest.raises(WeightsError, match="for 32 bins, and its bands have 672"):
        recognise(foreign("vr_lstm"), {"vr_model_param": "4band_v3"})
    with pytest.raises(WeightsError, match=r"unknown parameter 'stg9\.weight'"):
        convert({"": {**foreign("vr"), "stg9.weight": np.zeros(1)}})


@pytest.mark.parametrize(
    ("version", "wide"), [(5, (32, 4, 5)), (5, (16, 5, 6)), (5, (64, 4, 7)), (5.1, (64, 672, 128))]
)
def test_published_sizes(version: float, wide: tuple[int, int, int]) -> None:
    """Millions of numbers, as the kibibytes by which the original tells its networks."""
    with torch.device("meta"):
        made = networks.Cascade(*wide) if version == 5 else networks.LstmCascade(*wide)
    kibibytes = 4 * sum(each.numel() for each in made.state_dict().values()) / 1024
    published = {(32, 4, 5): 123821, (16, 5, 6): 129605, (64, 4, 7): 537238}.get(wide, 218409)
    assert abs(kibibytes / published - 1) < 0.05


def test_a_file_and_its_bands_become_a_model(mine: None, tmp_path: Path) -> None:
    pair = recorded("vr_lstm")
    tensors = {name: torch.from_numpy(each.copy()) for name, each in pair.weights.items()}
    torch.save(tensors, tmp_path / "de-noise.pth")
    (tmp_path / "bands.json").write_text(json.dumps(pair.settings, indent="\t"))
    card = own.add(tmp_path / "de-noise.pth", config=tmp_path / "bands.json")
    assert (card.architecture, card.stems) == ("vr", ("instrumental", "vocals"))
    model = registry.load(card.name)
    assert not model.spec.additive
    found = separate_array(model, pair.mix, 8000, execution=CPU, warn=pytest.fail)
    ours = np.stack([found[stem] for stem in card.stems])[..., : pair.stems.shape[-1]]
    assert waveform.below_db(torch.from_numpy(pair.stems), torch.from_numpy(ours)) > 110
    gentle = registry.load(card.name, aggression=0)
    assert not np.allclose(
        found["vocals"],
        separate_array(gentle, pair.mix, 8000, execution=CPU, warn=pytest.fail)["vocals"],
    )


def test_it_joins_others_and_is_augmented_as_any_model(mine: None, tmp_path: Path) -> None:
    pair = recorded("vr_lstm")
    (tmp_path / "bands.json").write_text(json.dumps(pair.settings))
    for name, gain in (("one", 1.0), ("two", 0.9)):
        scaled = {key: np.asarray(gain * each, each.dtype) for key, each in pair.weights.items()}
        tensors = {key: torch.from_numpy(each) for key, each in scaled.items()}
        torch.save(tensors, tmp_path / f"{name}.pth")
        own.add(tmp_path / f"{name}.pth", config=tmp_path / "bands.json")

    def stems(model: str, mix: np.ndarray = pair.mix, **options: str) -> dict[str, np.ndarray]:
        return unweave.separate(mix, 8000, model=model, device="cpu", **options)

    one, two, both = stems("one"), stems("two"), stems("one+two")
    loudest = stems("one+two", ensemble="max_wave")
    augmented, inverted = stems("one", tta="invert"), stems("one", -pair.mix)
    assert not np.allclose(one["vocals"], two["vocals"], atol=1e-3)
    for stem, wave in one.items():
        np.testing.assert_allclose(both[stem], (wave + two[stem]) / 2, atol=1e-6)
        np.testing.assert_allclose(augmented[stem], (wave - inverted[stem]) / 2, atol=1e-6)
        larger = np.where(np.abs(wave) >= np.abs(two[stem]), wave, two[stem])
        np.testing.assert_allclose(loudest[stem], larger, atol=1e-6)
