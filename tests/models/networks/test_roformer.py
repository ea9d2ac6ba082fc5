"""RoFormers: equal to the originals, any bands; what is wrong in one operator shows.

The recorded pairs have every parameter redrawn, and a part of the mix is so quiet that the floor
of the norms shows in what its frames are to the others.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import CPU
from tests.contract.trials import card_of
from tests.models.networks import waveform
from unweave.core.plan import Plan
from unweave.engine.run import separate_array
from unweave.errors import WeightsError
from unweave.models.adapter import NeuralSeparator
from unweave.models.cards import Card
from unweave.models.layers import msst
from unweave.models.roformer import convert as names
from unweave.models.roformer import fast, transformer
from unweave.models.roformer.bands import on_mel_scale, side_by_side
from unweave.models.roformer.convert import convert
from unweave.models.roformer.model import RoFormer, RoFormerConfig, build
from unweave.models.roformer.transformer import rates, rotations

SMALL = {"width": 8, "depth": 2, "heads": 2, "head_width": 4, "hidden": 16, "mask_hidden": 16}
SMALL |= {"frame_size": 128, "window_size": 128, "hop": 32, "bands": (1, 2, 6, 16, 40)}
SMALL |= {"remainder": True}
MEL = {"mel_bands": 8, "mel_rate_hz": 16000, "norm_each": True}
PAIRS = "bs_roformer", "mel_band_roformer", "bs_roformer_values"
EQUAL_DB = 120
# First and last bin of each band of the published networks (librosa's filters), inclusive.
MEL_60 = """
0–6, 4–9, 7–12, 10–15, 13–18, 16–21, 19–24, 22–27, 25–30, 28–33, 31–36, 34–39, 37–42, 40–45, 43–48,
46–52, 49–55, 53–59, 56–64, 60–68, 65–73, 69–78, 74–83, 79–89, 84–96, 90–102, 97–109, 103–117,
110–125, 118–134, 126–144, 135–154, 145–164, 155–176, 165–188, 177–202, 189–216, 203–231, 217–247,
232–264, 248–283, 265–303, 284–324, 304–347, 325–371, 348–397, 372–425, 398–454, 426–486, 455–520,
487–557, 521–596, 558–637, 597–682, 638–730, 683–781, 731–835, 782–894, 836–957, 895–1024
"""


def narrow(card: Card) -> Card:
    """A card of the network with a small one, for segments of a tenth of a second."""
    config = SMALL | {"remainder": card.config.get("remainder", False)}
    config |= {} if not card.config.get("mel_bands") else MEL
    hop = card.segment.hop * 4096 // card.segment.length
    cut = replace(card.segment, length=4096, hop=hop, fade=card.segment.fade and 409)
    return replace(card, config=config, segment=cut)


def agreement(name: str, changes: dict | None = None) -> float:
    """How far our network lies below the original's output, in dB."""
    pair = waveform.recorded(name)
    config = {**pair.config, **(changes or {})}
    network = build(pair.stem_names, pair.channels, config, convert({"": pair.weights}))
    with torch.inference_mode():
        return waveform.below_db(pair.stems, network(pair.mix))


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_original(name: str) -> None:
    assert agreement(name) > EQUAL_DB


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_original_when_rearranged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "TOKENS_AT_ONCE", 150)  # several groups, the last smaller
    pair = waveform.recorded(name)
    network = build(pair.stem_names, pair.channels, pair.config, convert({"": pair.weights}))
    network.prepare_for_cpu()
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, network(pair.mix)) > EQUAL_DB
    waveform.check_idle_threads(network, pair.mix)


@pytest.mark.parametrize(
    "changes",
    [
        {"skips": True, "value_residual": "bare", "heads": 3},  # rows of 3 gates have no pairs
        {"value_residual": "added", "time_layers": 2, **MEL},
        {"band_layers": 2, "window_size": 96},
    ],
)
def test_both_forms_are_the_same_network(changes: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "TOKENS_AT_ONCE", 30)
    torch.manual_seed(0)
    settings = RoFormerConfig(stems=("a", "b", "c"), **SMALL | {"remainder": False} | changes)
    network = RoFormer(settings).eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.dim() == 1 and len(parameter) != settings.head_width // 2:
            torch.nn.init.normal_(parameter, 1)  # gains and biases that matter
    mix = torch.randn(2, 2, 700)
    with torch.inference_mode():
        want = network(mix)
        narrowed = network.select(("b",))
        assert narrowed is not None
        narrowed.prepare_for_cpu()
        assert waveform.below_db(want[:, 1:2], narrowed(mix)) > EQUAL_DB
        assert torch.equal(network(mix), want)  # which shares no part that was rearranged
        network.prepare_for_cpu()
        assert waveform.below_db(want, network(mix)) > EQUAL_DB
    waveform.check_segments(network, channels=2, stems=3, lengths=(1, 64, 1000))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert waveform.below_db(want, network(mix)) > 15


def steps(overlap: int) -> float:
    """How much sharper a stem bends where chunks begin, end or fade than it does elsewhere."""
    weights = waveform.random_arrays(
        RoFormer(RoFormerConfig(stems=("a", "b"), channels=1, **SMALL))
    )
    segment = Plan(**msst.segment(4096, overlap))
    names = {"stems": ("voice", "accompaniment"), "channels": 1}
    card = card_of("trial", architecture="roformer", segment=segment, config=SMALL, **names)
    time = np.arange(20000) / 8000
    swell = 1 + 0.5 * np.sin(2 * np.pi * 1.3 * time)
    mix = 0.2 * np.sin(2 * np.pi * 110 * time) * swell + 0.1 * np.sin(2 * np.pi * 275 * time)
    separator = NeuralSeparator(card, {}, weights)
    found = separate_array(separator, np.float32([mix]), 8000, execution=CPU, warn=pytest.fail)
    bends = np.abs(np.diff(found["voice"][0], 2))
    starts = np.arange(segment.hop - 4096, len(mix), segment.hop)
    places = np.concatenate([starts + n for n in (0, 409, 4096 - 409, 4096)])
    places = places[(places > 100) & (places < len(mix) - 100)]
    around = np.concatenate([bends[n - 3 : n + 3] for n in places])
    return float(around.max() / np.quantile(bends[100:-100], 0.99))


@pytest.mark.parametrize("overlap", [2, 4])
def test_no_level_steps_where_chunks_meet(overlap: int) -> None:
    assert steps(overlap) < 1.3
    assert steps(1) > 5  # which fades nothing, so that they are found where they are


def test_another_pairing_of_rotations_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def halves(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """As other programs rotate: the first half of the numbers with the second."""
        points = turns * torch.complex(*x.chunk(2, dim=-1))
        return torch.cat((points.real, points.imag), dim=-1)

    monkeypatch.setattr(transformer, "rotated", halves)
    assert agreement("bs_roformer") < EQUAL_DB - 60


@pytest.mark.parametrize("name", PAIRS[:2])
def test_another_floor_of_norms_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(transformer, "FLOOR", 5.96e-8)
    assert agreement(name) < EQUAL_DB - 60


@pytest.mark.parametrize(("name", "depth"), [("bs_roformer", -1), ("mel_band_roformer", 1)])
def test_another_depth_of_masks_does_not_fit(name: str, depth: int) -> None:
    layers = waveform.recorded(name).config.get("mask_layers", 2)
    with pytest.raises(WeightsError, match="masks"):
        agreement(name, {"mask_layers": layers + depth})


@pytest.mark.parametrize(
    "changes", [{"zero_dc": False}, {"skips": True}, {"hop": 16}, {"normalised": True}]
)
def test_a_setting_that_no_array_has_is_noticed(changes: dict) -> None:
    assert agreement("bs_roformer", changes) < EQUAL_DB - 60


def test_rates_are_those_of_the_file_or_the_usual_ones() -> None:
    pair = waveform.recorded("bs_roformer")
    kept = {k: v for k, v in pair.weights.items() if "rotary_embed" not in k}
    found = convert({"": kept | {"freq_indices": np.zeros(3)}})
    np.testing.assert_allclose(found["time_rates"], rates(4), rtol=1e-6)
    one = dict(pair.weights)
    one["layers.1.0.layers.0.0.rotary_embed.freqs"] = np.ones(2, np.float32)
    with pytest.raises(WeightsError, match="rotations of its attentions differ"):
        convert({"": one})
    with pytest.raises(WeightsError, match=r"unknown parameter 'layers\.0\.2\.spy'"):
        convert({"": kept | {"layers.0.2.spy": np.zeros(1)}})
    assert not names.known("mask_estimators.0.to_freqs.0.0.1.weight")


def test_attention_sees_how_far_apart_tokens_are_and_not_where_they_are() -> None:
    torch.manual_seed(0)
    x, turns = torch.randn(2, 1, 8), rotations(rates(8), 50)
    query, key = (transformer.rotated(each.expand(50, 8), turns) for each in x)
    scores = query @ key.T
    for apart in (0, 3, -7):
        torch.testing.assert_close(
            scores.diagonal(apart), scores.diagonal(apart)[:1].expand(50 - abs(apart))
        )
    assert scores[0].std() > 0.1


def test_blocks_by_their_definition() -> None:
    """Skips, values of the first block, and both forms of it, on the layers themselves."""
    torch.manual_seed(0)
    x, turns = torch.randn(3, 5, 8), rotations(rates(4), 5)
    settings = RoFormerConfig(**SMALL | {"stems": ("a", "b"), "value_residual": "bare"})
    bare, added = transformer.Transformer(settings, 1, first=False), None
    added = transformer.Transformer(replace(settings, value_residual="added"), 1, first=False)
    added.load_state_dict(bare.state_dict())
    first = torch.randn(3, 2, 5, 4)
    with torch.inference_mode():
        made, values = bare.attention[0](x, turns, first)
        torch.testing.assert_close(bare(x, turns, first)[0], bare.feed[0](made))
        torch.testing.assert_close(added(x, turns, first)[0], x + made + bare.feed[0](x + made))
        assert bare(x, turns, first)[1] is first
        share = bare.attention[0].mix(bare.attention[0].norm(x)).sigmoid()  # (row, token, head)
        mixed = values + share.transpose(1, 2)[..., None] * (first - values)
        bare.attention[0].mix = None
        torch.testing.assert_close(
            bare.attention[0](x, turns, None)[1], values
        )  # values themselves are not mixed
        assert not torch.allclose(mixed, values)


def test_the_bands_of_the_mel_scale() -> None:
    want = [tuple(map(int, pair.split("–"))) for pair in MEL_60.split(",")]
    assert [(first, end - 1) for first, end in on_mel_scale(60, 44100, 2048)] == want
    assert side_by_side((2, 3, 4)) == ((0, 2), (2, 5), (5, 9))
    with pytest.raises(ValueError, match="600 bands on the mel scale are too many"):
        on_mel_scale(600, 44100, 2048)


@pytest.mark.parametrize("changes", [{}, {"remainder": False, **MEL}])
def test_masks_of_ones_give_the_mix(changes: dict) -> None:
    network = RoFormer(RoFormerConfig(stems=("a", "b"), **SMALL | changes)).eval()
    for masks in network.masks:
        for band in masks.bands:
            torch.nn.init.zeros_(band[-1].weight)
            pairs = band[-1].bias.data.unflatten(0, (2, -1, 2))
            pairs[0, :, 0], pairs[0, :, 1], pairs[1] = 1, 0, 100  # real parts one, gates open
    mix = torch.randn(1, 2, 1000)
    with torch.inference_mode():
        torch.testing.assert_close(network(mix)[:, 0], mix, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "changes", [{}, MEL, {"skips": True, "value_residual": "added", "window_size": 96}]
)
def test_segments(changes: dict) -> None:
    torch.manual_seed(0)
    network = RoFormer(RoFormerConfig(stems=("a", "b"), **SMALL | changes)).eval()
    waveform.check_segments(network, channels=2, stems=2, lengths=(1, 64, 1000))


def test_one_head_alone() -> None:
    torch.manual_seed(0)
    settings = RoFormerConfig(stems=tuple("abc"), **SMALL | {"remainder": False})
    network, mix = RoFormer(settings).eval(), torch.randn(1, 2, 500)
    with torch.inference_mode():
        alone = network.select(("b",))
        assert alone is not None
        assert len(alone.masks) == 1
        torch.testing.assert_close(alone(mix), network(mix)[:, 1:2])
        one = RoFormer(replace(settings, remainder=True)).eval()
        assert one.select(("c",)) is None
        torch.testing.assert_close(one(mix).sum(1), mix)


def test_gradient_reaches_every_parameter() -> None:
    network = RoFormer(RoFormerConfig(stems=("a", "b"), **SMALL | {"value_residual": "added"}))
    assert waveform.unreached(network, torch.randn(2, 2, 600)) == {"time_rates", "band_rates"}


def test_mixed_precision() -> None:
    torch.manual_seed(0)
    network = RoFormer(RoFormerConfig(stems=("a", "b"), **SMALL))
    waveform.check_mixed_precision(network, channels=2, apart=("time_rates", "band_rates"))


def test_behind_the_contract() -> None:
    mono = {"stems": ("voice", "accompaniment"), "channels": 1}
    weights = waveform.random_arrays(RoFormer(RoFormerConfig(**mono, **SMALL)))
    waveform.check_behind_the_contract("roformer", SMALL, weights, additive=True)


FOUR_TO_ONE = {"width": 384, "mask_hidden": 1536, "hidden": 1536}
KIM = FOUR_TO_ONE | {"depth": 6, "mel_bands": 60, "norm_each": True, "mask_layers": 3}


@pytest.mark.parametrize(
    ("stems", "changes", "entries", "parameters"),
    [
        (1, {"width": 512, "mask_hidden": 2048, "hidden": 2048}, 699, 159_758_092),
        (1, {}, 699, 51_049_484),
        (6, {}, 1939, 174_656_564),
        (1, KIM, 684, 228_202_852),
        (2, KIM, 1044, 429_668_156),
    ],
)
def test_published_sizes(stems: int, changes: dict, entries: int, parameters: int) -> None:
    """As the originals store it: the rates of rotations with every attention."""
    with torch.device("meta"):
        network = RoFormer(RoFormerConfig(stems=tuple("abcdef"[:stems]), **changes))
    state = {k: v for k, v in network.state_dict().items() if not k.endswith("_rates")}
    attentions = 2 * network.config.depth
    assert len(state) + attentions == entries
    assert sum(value.numel() for value in network.state_dict().values()) == parameters


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frame_size": 127}, "frame_size is even"),
        ({"window_size": 256}, "not below window_size; got 128 and 256"),
        ({"hop": 65}, "hop is 1 to half of window_size, got 65"),
        ({"head_width": 3}, "head_width is even, for rotations, got 3"),
        ({"heads": 0}, "are 1 or more"),
        ({"value_residual": "some"}, "value_residual is '', 'added' or 'bare', got 'some'"),
        ({"bands": (1, 2, 3)}, "bands have 65 bins together, got 6"),
        ({"bands": (65, 0)}, "bands have 1 bin or more"),
        ({"mel_bands": 66}, "mel_bands is at most 65, got 66"),
        ({"mel_bands": 60}, "60 bands on the mel scale are too many"),
        ({"stems": ("a",)}, "two stems or more"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict, words: str) -> None:
    config = SMALL | config
    stems = config.pop("stems", ("a", "b"))
    with pytest.raises(ValueError, match=words):
        build(stems, 1, config, {})
