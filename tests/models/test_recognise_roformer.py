"""Checkpoints and YAML files of MSST's world become models that separate as the originals do."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import CPU
from tests.models.networks import waveform
from tests.models.test_recognise import separates, state
from unweave.engine.run import separate_array
from unweave.errors import UsageError, WeightsError
from unweave.models import architectures, store
from unweave.models.adapter import NeuralSeparator
from unweave.models.readers import safetensors
from unweave.models.roformer.model import RoFormer, RoFormerConfig
from unweave.models.store import own

YAML = """
audio: {{chunk_size: 9999, sample_rate: 16000, hop_length: 1, num_channels: 2}}
model:
  dim: 6
  stereo: true
  {bands}
  stft_n_fft: 128
  stft_win_length: 128
  stft_hop_length: 32
  sample_rate: 16000
  zero_dc: {zero_dc}
  mask_estimator_depth: 9  # which the arrays know better
  multi_stft_resolutions_window_sizes: !!python/tuple [4096, 2048]
training:
  instruments: {instruments}
  target_instrument: {target}
inference: {{chunk_size: 1600, num_overlap: 4, batch_size: 1, normalize: false}}
"""
BANDS = "freqs_per_bands: !!python/tuple [1, 1, 1, 1, 2, 2, 4, 4, 8, 16, 25]"
FACTS = {
    "bs_roformer": {"bands": BANDS, "zero_dc": "true", "instruments": "[Vocals, Other]"},
    "mel_band_roformer": {"bands": "num_bands: 8", "zero_dc": "false", "instruments": "[vocals]"},
    "bs_roformer_values": {"bands": BANDS, "zero_dc": "false", "instruments": "[vocals, other]"},
}
TARGETS = {"bs_roformer": "null", "mel_band_roformer": "vocals", "bs_roformer_values": "vocals"}
STEMS = {
    "bs_roformer": ("vocals", "other"),
    "mel_band_roformer": ("vocals",),
    "bs_roformer_values": ("vocals", "other"),
}


def written(folder, name, **changes):
    """The YAML file of a pair."""
    file = folder / f"{name}.yaml"
    file.write_text(YAML.format(**{"target": TARGETS[name], **FACTS[name], **changes}))
    return file


def wrapped(form, arrays):
    """As checkpoints hold their arrays, and what files of that form are called."""
    match form:
        case "plain":
            return arrays
        case "lightning":
            inner = {f"model.{name}": each for name, each in arrays.items()}
            return {"state_dict": inner, "epoch": 3, "hyper_parameters": {"lr": 1e-4}}
        case "parallel":
            return {"state": {f"module._orig_mod.{name}": each for name, each in arrays.items()}}
    return {"model_state_dict": arrays, "optimizer_state_dict": {"state": {}, "param_groups": []}}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("bs_roformer", "lightning"),
        ("mel_band_roformer", "training"),
        ("bs_roformer_values", "parallel"),
    ],
)
def test_a_checkpoint_with_its_yaml(mine, tmp_path, name, form):
    pair = waveform.recorded(name)
    file = tmp_path / "Its Model.ckpt"
    torch.save(wrapped(form, state(pair)), file)
    card = own.add(file, config=written(tmp_path, name))
    assert (card.name, card.architecture, card.stems) == ("its-model", "roformer", STEMS[name])
    assert (card.sample_rate_hz, card.channels, card.notes) == (16000, 2, "")
    plan = card.segment
    assert (plan.length, plan.hop, plan.fade, plan.window, plan.edge) == (
        1600, 400, 160, "linear", "reflect",
    )  # fmt: skip
    ours = NeuralSeparator(card, {}, store.weights(card))
    with torch.inference_mode():
        stems = ours(pair.mix, 16000)
        assert waveform.below_db(pair.stems, stems[:, : pair.stems.shape[1]]) > 110
    alone = len(pair.stem_names) == 1
    assert card.target == ("vocals" if alone else None)
    assert card.complement == ("other" if alone and len(card.stems) > 1 else None)
    assert ours.spec.additive == (card.complement is not None)
    if name == "bs_roformer":
        one = ours.select(("other",))
        torch.testing.assert_close(one(pair.mix, 16000), stems[:, 1:])
    if name == "bs_roformer_values":
        assert ours.select(("other",)) is None
        separates(card, 2)


@pytest.mark.parametrize("name", FACTS)
def test_shapes_give_what_a_missing_yaml_does_not(name):
    pair = waveform.recorded(name)
    if name == "mel_band_roformer":  # whose bands are for another rate than the usual one
        with pytest.raises(WeightsError, match="its 8 bands are not those of the mel scale for"):
            architectures.recognised("roformer", pair.weights, {})
        settings = {"model": {"sample_rate": 16000, "stft_n_fft": 128}}
    else:
        settings = {}
    found = architectures.recognised("roformer", pair.weights, settings)
    stated = {key for key in pair.config if key not in ("hop", "zero_dc")}  # which no shape says
    assert {key: found["config"][key] for key in stated} == {
        key: pair.config[key] for key in stated
    }
    stems = ["vocals", "instrumental"] if len(pair.stem_names) == 2 else ["vocals"]
    assert found["stems"] == stems
    said = ("stems called vocals", "a hop of 441", "chunks of ", "4 chunks over each sample")
    assert all(each in found["notes"] for each in said)
    assert found["segment"]["length"] == found["sample_rate_hz"] * 8 // 441 * 441


def test_halves_are_read_as_they_are(mine, tmp_path):
    pair = waveform.recorded("mel_band_roformer")
    config = written(tmp_path, "mel_band_roformer")
    half = {name: each.half() for name, each in state(pair).items()}
    torch.save({name: each.bfloat16() for name, each in half.items()}, tmp_path / "b.pt")
    safetensors_file = tmp_path / "a.safetensors"
    with safetensors_file.open("wb") as stream:
        safetensors.write(stream, {name: each.numpy() for name, each in half.items()})
    for file, least_db in ((safetensors_file, 110), (tmp_path / "b.pt", 10)):
        card = own.add(file, config=config)
        ours = NeuralSeparator(card, {}, store.weights(card))
        with torch.inference_mode():
            assert waveform.below_db(pair.stems, ours(pair.mix, 16000)) > least_db


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("layers.0.0.layers.0.0.pope_embed.freqs", "PoPE"),
        ("layers.0.0.layers.0.0.branch.pope_embed.bias", "PoPE"),
        ("layers.0.0.layers.0.0.static_alpha", "hyper-connections"),
        ("layers.0.0.layers.0.1.dynamic_beta_fn", "hyper-connections"),
        ("layers.0.2.layers.0.0.temperature", "linear attention"),
        ("layers.0.0.layers.0.0.to_qkv.0.weight", "linear attention"),
        ("layers.0.0.layers.0.conv.net.1.weight", "a Conformer's convolutions"),
        ("layers.0.1.layers.0.ff1.ff.net.0.gamma", "a Conformer's convolutions"),
        ("mask_estimators.0.segm.backbone.stem.conv.weight", "HyperACE"),
        ("mask_estimators.0.hyperace.hypergraph.fc.weight", "HyperACE"),
        ("mask_estimators.0.fno.0.weight", "FNO"),
        ("mask_estimators.0.fno_blocks.convs.0.conv.weight", "FNO"),
        ("mask_estimators.0.layers.0.weight", "transformers inside its masks"),
        ("layers.0.0.layers.0.0.to_qkv.lora_A", "LoRA"),
        ("spy.weight", "authors changed the network, .* 1 parameters more, as 'spy.weight'"),
    ],
)
def test_variants_are_refused_by_name(mine, tmp_path, name, words):
    """By what a program of the variant writes, beside a YAML file that says nothing of it."""
    arrays = state(waveform.recorded("bs_roformer")) | {name: torch.zeros(2)}
    torch.save({"state_dict": arrays}, tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match=words) as error:
        own.add(tmp_path / "a.ckpt", config=written(tmp_path, "bs_roformer"))
    assert "\n" not in str(error.value)
    assert "a.ckpt" in str(error.value)
    assert not mine.exists() or not list(mine.glob("*.toml"))


@pytest.mark.parametrize("start", ["", "base_model.model."])
def test_lora_without_what_it_was_trained_on_is_refused_by_name(mine, tmp_path, start):
    pairs = {f"{start}layers.0.0.layers.0.0.to_qkv.lora_{n}": torch.zeros(2, 2) for n in "AB"}
    torch.save(pairs, tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match="it holds LoRA alone"):
        own.add(tmp_path / "a.ckpt")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_merged_lora_is_a_checkpoint_like_any(mine, tmp_path, dtype):
    """W + B A s, as the training merges it; in the numbers that people store such files in."""
    pair = waveform.recorded("bs_roformer")
    arrays, name = state(pair), "layers.0.0.layers.0.0.to_qkv.weight"
    rows, columns = arrays[name].shape
    arrays[name] = arrays[name] + 2.0 * torch.randn(rows, 3) @ torch.randn(3, columns)
    torch.save({"state_dict": {k: v.to(dtype) for k, v in arrays.items()}}, tmp_path / "a.ckpt")
    card = own.add(tmp_path / "a.ckpt", config=written(tmp_path, "bs_roformer"))
    kept = store.weights(card)
    merged = kept["blocks.0.time.attention.0.project.weight"]
    assert merged.dtype in (np.float16, np.float32)
    np.testing.assert_array_equal(merged.astype(np.float32), arrays[name].to(dtype).float().numpy())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"training": {"instruments": ["a", "b", "c"]}}, "name 3 stems, and its arrays are for 2"),
        ({"model": {"stft_hop_length": "many"}}, "'stft_hop_length' must be a number"),
        ({"inference": {"num_overlap": 0}}, "'num_overlap' must be a number from 1 to .*; got 0"),
        ({"inference": {"num_overlap": 10**7}}, "from 1 to .*; got 10000000"),
        ({"audio": {"chunk_size": 0}}, "'chunk_size' must be a number from .*; got 0"),
        ({"audio": {"chunk_size": 1}}, "'chunk_size' must be a number from .*; got 1"),
        ({"audio": {"chunk_size": 10**14}}, "'chunk_size' must be a number from .* to 1e"),
        ({"audio": {"sample_rate": 0}}, "'sample_rate' must be a number from 1 to"),
        ({"model": {"stft_hop_length": 0}}, "'stft_hop_length' must be a number from 1 to"),
        ({"training": {"instruments": ["a", "A", "b"]}}, "name the stem 'a' twice"),
        ({"training": {"instruments": [1, 2]}}, "stems must be a list of names; got"),
        ({"training": {"instruments": "vocals"}}, "stems must be a list of names; got 'vocals'"),
        (
            {"training": {"instruments": ["a", "a"], "target_instrument": "a"}},
            "its arrays are for 2|name the stem 'a' twice",
        ),
        ({"model": {"stft_n_fft": 200}}, "which no frame of 200 samples has"),
        ({"model": {"skip_connection": 3}}, "'skip_connection' must be true or false"),
        ({"audio": {"sample_rate": float("nan")}}, "'sample_rate' must be a number"),
        ({"model": {"stft_n_fft": 10**11}}, "at most 65536 samples; got 100000000000"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(settings, words):
    arrays = waveform.recorded("bs_roformer").weights
    with pytest.raises(WeightsError, match=words) as error:
        architectures.recognised("roformer", arrays, settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("rate", [0, -44100])
def test_a_rate_of_nothing_is_named_where_bands_follow_from_it(rate):
    arrays = waveform.recorded("mel_band_roformer").weights
    with pytest.raises(WeightsError, match=f"'sample_rate' must be a number from 1 .*got {rate}"):
        architectures.recognised("roformer", arrays, {"audio": {"sample_rate": rate}})


def test_settings_that_contradict_the_arrays_are_noted():
    arrays = waveform.recorded("bs_roformer").weights
    known = architectures.recognised("roformer", arrays, {})
    width, depth = (known["config"][name] for name in ("width", "depth"))
    same = {"model": {"dim": width, "depth": depth}, "audio": {"num_channels": known["channels"]}}
    assert "its settings say" not in architectures.recognised("roformer", arrays, same)["notes"]
    others = {"model": {"dim": 10**6, "depth": depth, "heads": "many"}}
    found = architectures.recognised("roformer", arrays, others)
    assert found["config"] == known["config"]
    assert f"dim 1000000 where the arrays have {width}, heads 'many' where" in found["notes"]
    assert "are they those of this checkpoint?" in found["notes"]


def test_what_a_target_leaves_without_a_name_is_noted():
    arrays = waveform.recorded("bs_roformer_values").weights
    alone = {"training": {"target_instrument": "Bass"}}
    found = architectures.recognised("roformer", arrays, alone)
    assert (found["stems"], "complement" in found) == (["bass"], False)
    assert "no name for what the bass leave of the mix" in found["notes"]


def test_numbers_in_names_reserve_nothing():
    """A head or a band far beyond the others is one array more, and nothing is made of it."""
    arrays = waveform.recorded("bs_roformer").weights
    mask = f"mask_estimators.{10**12}.to_freqs.0.0.0.weight"
    found = architectures.recognised("roformer", arrays | {mask: np.zeros((1, 1))}, {})
    assert len(found["stems"]) == 3
    band = f"band_split.to_features.{10**12}.0.gamma"
    with pytest.raises(KeyError):
        architectures.recognised("roformer", arrays | {band: np.zeros(1)}, {})


def test_what_msst_means_by_its_settings():
    arrays = waveform.recorded("bs_roformer_values").weights
    bare = {name.replace("branch.", ""): each for name, each in arrays.items()}
    known = architectures.recognised("roformer", bare, {})
    assert known["config"]["value_residual"] == "added"
    assert "add what they make to their input" in known["notes"]
    experimental = {"model": {"use_value_residual_learning": True}}
    found = architectures.recognised("roformer", bare, experimental)
    assert found["config"]["value_residual"] == "bare"
    inside = {"config": {"inference": {"chunk_size": 640, "num_overlap": 1, "normalize": True}}}
    found = architectures.recognised("roformer", arrays, inside)
    assert found["segment"] == {"length": 640, "hop": 640, "window": "none", "edge": "reflect"}
    assert found["normalise_track"]
    one = {"training": {"instruments": ["drums", "bass", "vocals"], "target_instrument": "bass"}}
    found = architectures.recognised("roformer", arrays, one)
    assert (found["stems"], "complement" in found) == (["bass"], False)


BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(6)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: !!python/object/apply:os.system ['touch spy']", "not plain YAML"),
        ("model: !!python/name:os.system", "not plain YAML"),
        ("model: !!python/object/new:os.system [x]", "not plain YAML"),
        ("model: !unknown 3", "not plain YAML"),
        (BOMB, "more than 100000 values, aliases written out"),
        ("model: &m {m: *m}", "nested without end"),
        ("model: " + "[" * 500, "not plain YAML"),
        ("# " + "x" * 1_000_001, "longer than the 1000000 letters"),
        ("- 1", "holds no settings"),
        ("model: {a: 1", "not plain YAML"),
    ],
)
def test_a_yaml_file_runs_nothing_and_takes_nothing(mine, tmp_path, text, words):
    torch.save(state(waveform.recorded("bs_roformer")), tmp_path / "a.ckpt")
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UsageError, match=words) as error:
        own.add(tmp_path / "a.ckpt", config=tmp_path / "a.yaml")
    assert "\n" not in str(error.value)
    assert "a.yaml" in str(error.value)
    assert not mine.exists() or not list(mine.glob("*.toml"))


def test_segments_are_joined_as_msst_does(mine, tmp_path):
    """A song through the engine, and through a plain version of MSST's program."""
    pair = waveform.recorded("bs_roformer")
    torch.save(state(pair), tmp_path / "a.ckpt")
    config = written(tmp_path, "bs_roformer")
    config.write_text(config.read_text().replace("num_overlap: 4", "num_overlap: 2"))
    card = own.add(tmp_path / "a.ckpt", config=config)
    ours = NeuralSeparator(card, {}, store.weights(card))
    mix = 0.3 * np.random.default_rng(1).standard_normal((2, 5100)).astype(np.float32)
    got = separate_array(ours, mix, 16000, execution=CPU, warn=pytest.fail)
    chunk, step, fade, border = 1600, 800, 160, 800
    long = np.pad(mix, ((0, 0), (border, border)), mode="reflect")
    result, total = np.zeros((2, *long.shape)), np.zeros(long.shape[1])
    for start in range(0, long.shape[1], step):
        part = long[:, start : start + chunk]
        length = part.shape[1]
        mode = "reflect" if length > chunk // 2 else "constant"
        part = np.pad(part, ((0, 0), (0, chunk - length)), mode=mode)
        window = np.ones(chunk)
        if start:
            window[:fade] = np.linspace(0, 1, fade)
        if start + chunk < long.shape[1]:
            window[-fade:] = np.linspace(1, 0, fade)
        with torch.inference_mode():
            stems = ours(torch.from_numpy(part.astype(np.float32))[None], 16000)[0].numpy()
        result[..., start : start + length] += (stems * window)[..., :length]
        total[start : start + length] += window[:length]
    want = (result / total)[..., border:-border]
    for stem, plain in zip(card.stems, want, strict=True):
        np.testing.assert_allclose(got[stem], plain, atol=1e-5)


def test_a_wide_network_is_recognised_by_its_shapes_alone():
    """The published sizes, as shapes without numbers."""
    big = {"width": 384, "depth": 6, "mel_bands": 60, "norm_each": True, "mask_layers": 3}
    big |= {"hidden": 1536, "mask_hidden": 1536, "hop": 441}
    for settings in (RoFormerConfig(zero_dc=True), RoFormerConfig(**big)):
        with torch.device("meta"):
            network = RoFormer(replace(settings, stems=("vocals",)))
        theirs = {original(name): each.shape for name, each in network.state_dict().items()}
        arrays = {
            name: np.broadcast_to(np.float32(0), shape) for name, shape in theirs.items() if name
        }
        found = architectures.recognised("roformer", arrays, {})["config"]
        mel = found.pop("mel_rate_hz", 44100)
        assert RoFormerConfig(**found | {"bands": tuple(found.get("bands", settings.bands)),
                              "mel_rate_hz": mel}) == settings  # fmt: skip


def original(name: str) -> str:
    """What a parameter of ours is called by its authors; nothing for the rotations' rates."""
    axes = {"time": "0", "band": "1"}
    name = re.sub(r"blocks\.(\d+)\.(time|band)\.", lambda m: f"layers.{m[1]}.{axes[m[2]]}.", name)
    name = re.sub(r"attention\.(\d+)\.", r"layers.\1.0.", name)
    name = re.sub(r"feed\.(\d+)\.norm", r"layers.\1.1.net.0", name)
    name = re.sub(r"feed\.(\d+)\.widen", r"layers.\1.1.net.1", name)
    name = re.sub(r"feed\.(\d+)\.narrow", r"layers.\1.1.net.4", name)
    name = re.sub(r"entrances\.(\d+)\.norm", r"band_split.to_features.\1.0", name)
    name = re.sub(r"entrances\.(\d+)\.dense", r"band_split.to_features.\1.1", name)
    name = re.sub(
        r"masks\.(\d+)\.bands\.(\d+)\.(\d+)\.",
        lambda m: f"mask_estimators.{m[1]}.to_freqs.{m[2]}.0.{2 * int(m[3])}.",
        name,
    )
    name = re.sub(r"^norm\.gain", "final_norm.gain", name)
    for ours, theirs in (("project", "to_qkv"), ("gates", "to_gates"), ("out.w", "to_out.0.w")):
        name = name.replace(f"0.{ours}", f"0.{theirs}")
    return "" if name.endswith("_rates") else name.replace("gain", "gamma")
