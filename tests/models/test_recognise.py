"""A checkpoint in its authors' own format is recognised, becomes a model, and separates as theirs.

The pairs in tests/data/networks have the originals' weights, settings and stems. Some of them are
taken where UNWEAVE_ALL_PAIRS is set:

    UNWEAVE_ALL_PAIRS=1 python -m pytest tests/models/test_recognise.py
"""

import json
import os
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from tests import CPU
from tests.models import bundles, samples
from tests.models.networks import waveform
from unweave import registry
from unweave.engine.run import separate_array
from unweave.errors import UsageError, WeightsError
from unweave.models import architectures, cards, store
from unweave.models.adapter import NeuralSeparator
from unweave.models.readers._shared.crc32c import crc32c, masked
from unweave.models.store import own

RATE = 8000

V3 = {"lstm_layers": 0, "gelu": True, "norm_starts": 1, "dconv_lstm": 1, "dconv_attn": 2}
CASES = {
    # The pair, the class in the file, and what its authors call the settings that matter.
    "demucs_v1": ("demucs.model.Demucs", {"upsample": False}),
    "demucs_v2": ("demucs.model.Demucs", {"resample": True, "segment_length": 4000}),
    "demucs_padded": ("demucs.demucs.Demucs", {"gelu": False, "resample": True}),
    "demucs_v3": ("demucs.demucs.Demucs", V3),
    "demucs_v3_plain": ("demucs.demucs.Demucs", V3 | {"rewrite": False}),
    "hybrid_demucs": ("demucs.hdemucs.HDemucs", {"nfft": 256}),
    "hybrid_demucs_bands": ("demucs.hdemucs.HDemucs", {"multi_freqs": [0.1, 0.3]}),
    "hybrid_demucs_magnitudes": ("demucs.wdemucs.WDemucs", {"cac": False, "hybrid_old": True}),
    "hybrid_demucs_old": ("demucs.hdemucs.HDemucs", {"hybrid_old": True}),
    "conv_tasnet_music": ("demucs.tasnet.ConvTasNet", {"X": 3, "segment_length": 4000}),
}
FURTHER = {"demucs_padded", "demucs_v3_plain", "hybrid_demucs", "hybrid_demucs_old"}
FURTHER |= {"hybrid_demucs_magnitudes"}


def state(pair):
    return {name: torch.from_numpy(each.copy()) for name, each in pair.weights.items()}


def separates(card, channels):
    """It makes its stems of a song of several segments."""
    length = min(3 * card.segment.hop // 2, 20000)
    mix = 0.1 * np.random.default_rng(0).standard_normal((channels, length))
    separator = registry.load(card.name)
    rate = card.sample_rate_hz
    stems = separate_array(separator, mix.astype(np.float32), rate, execution=CPU, warn=pytest.fail)
    assert set(card.stems) <= set(stems)
    assert all(np.isfinite(stem).all() and stem.std() > 1e-6 for stem in stems.values())


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize(
    "name", [each for each in CASES if each not in FURTHER or "UNWEAVE_ALL_PAIRS" in os.environ]
)
def test_demucs_files_say_all(mine, tmp_path, name):
    pair = waveform.recorded(name)
    klass, keywords = CASES[name]
    first = klass == "demucs.model.Demucs" and "upsample" in keywords
    if not first and "segment_length" not in keywords:
        keywords = keywords | {"segment": Fraction(1, 2)}
    keywords = keywords | {"samplerate": RATE}
    file = tmp_path / "Its.th"
    with samples.network(klass) as made:
        parts = (made, [list(pair.stem_names)], keywords, state(pair))
        package = dict(zip(("klass", "args", "kwargs", "state"), parts, strict=True))
        file.write_bytes(samples.saved(parts if first else package, legacy=first))
    card = own.add(file)
    assert (card.name, card.stems, card.notes) == ("its", pair.stem_names, "")
    assert (card.sample_rate_hz, card.channels) == (RATE, pair.channels)
    assert card.normalise_track
    separates(card, pair.channels)
    if "fill" in card.config:  # the pair is one segment, with silence around it
        card = replace(card, config={**card.config, "fill": True})
    ours = NeuralSeparator(card, {}, store.weights(card))
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, ours(pair.mix, RATE)) > 90


@pytest.mark.parametrize("skip", ["skip", "plain"])
def test_conv_tasnet_of_asteroid(mine, tmp_path, skip):
    pair = waveform.recorded(f"conv_tasnet_asteroid_{skip}")
    arguments = {"n_src": 2, "n_blocks": 3, "n_repeats": 2, "sample_rate": RATE}
    content = {"model_name": "ConvTasNet", "state_dict": state(pair), "model_args": arguments}
    torch.save(content, tmp_path / "its.pth")
    card = own.add(tmp_path / "its.pth")
    assert (card.stems, card.sample_rate_hz) == (("stem-1", "stem-2"), RATE)
    assert "stems called stem-1, stem-2" in card.notes
    ours = NeuralSeparator(card, {}, store.weights(card))
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, ours(pair.mix, RATE)) > 90


def test_arrays_alone_are_as_published_and_the_card_says_so(mine, tmp_path):
    pair = waveform.recorded("demucs_v2")
    torch.save(state(pair), tmp_path / "mine.th")
    card = own.add(tmp_path / "mine.th")
    assert card.stems == ("stem-1", "stem-2")
    published = cards.card("demucs").segment
    assert card.segment.hop == published.hop
    said = ("stems called stem-1, stem-2", "44100 Hz", "segments of 40 s", "twice the rate inside")
    assert all(each in card.notes for each in said)
    assert "--config" in card.notes
    (tmp_path / "c.yaml").write_text(
        "training: {instruments: [Speech, Music], samplerate: 8000, segment: 0.5}\n"
        "demucs: {resample: false, stride: 4}\n"
    )
    card = own.add(tmp_path / "mine.th", name="other", config=tmp_path / "c.yaml")
    assert (card.stems, card.sample_rate_hz) == (("speech", "music"), 8000)
    assert (card.notes, card.config["resample"]) == ("", False)
    separates(card, 2)


def test_chunks_and_rate_of_msst_are_read_where_nothing_else_says():
    arrays = waveform.recorded("htdemucs").weights
    audio = {"sample_rate": 8000, "chunk_size": 4096}
    found = architectures.recognised("htdemucs", arrays, {"audio": audio})
    assert (found["sample_rate_hz"], found["segment"]["length"]) == (8000, 4096)
    assert "8000" not in found["notes"]
    assert "segments of" not in found["notes"]
    training = {"samplerate": 16000, "segment": 0.5}
    found = architectures.recognised("htdemucs", arrays, {"audio": audio, "training": training})
    assert (found["sample_rate_hz"], found["segment"]["length"]) == (16000, 8000)


def openunmix():
    """The arrays of each stem."""
    nets = {}
    for name, each in waveform.recorded("openunmix").weights.items():
        stem, _, rest = name.partition("/")
        nets.setdefault(stem, {})[rest] = torch.from_numpy(each.copy())
    return nets


def test_open_unmix_with_its_settings_beside_it(mine, tmp_path):
    torch.save(openunmix()["drums"], tmp_path / "drums-5a48008b.pth")
    (tmp_path / "separator.json").write_text('{"sample_rate": 8000, "nfft": 64, "nhop": 16}')
    (tmp_path / "drums.json").write_text('{"args": {"hidden_size": 8}}')
    card = own.add(tmp_path / "drums-5a48008b.pth")
    assert (card.stems, card.sample_rate_hz, card.notes) == (("drums",), 8000, "")
    assert card.config == {"hidden": 8, "layers": 3, "seen": 20, "frame_size": 64, "hop": 16,
                           "block": 300}  # fmt: skip
    separates(card, 2)


def test_open_unmix_with_all_stems_in_one_file(mine, tmp_path):
    pair = waveform.recorded("openunmix")
    content = {
        f"target_models.{k}.{n}": v for k, net in openunmix().items() for n, v in net.items()
    }
    content |= {"sample_rate": torch.tensor(8000.0), "stft.window": torch.hann_window(64)}
    torch.save(content, tmp_path / "all.pth")
    card = own.add(tmp_path / "all.pth")
    assert (card.stems, card.sample_rate_hz) == (pair.stem_names, 8000)
    assert "a hop of 16 samples" in card.notes
    card = replace(card, config={**card.config, "block": 7})
    ours = NeuralSeparator(card, {}, store.weights(card))
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, ours(pair.mix, 8000)) > 90


def spleeter(count):
    """The shape of each array of a checkpoint of so many networks, by its name."""
    from unweave.models.spleeter.convert import _in_graph

    return {name: shape for n in range(count) for name, _, shape in _in_graph(n)}


@pytest.mark.parametrize(
    ("count", "card"), [(2, "spleeter-2stems"), (4, "spleeter-4stems"), (5, "spleeter-5stems")]
)
def test_spleeter_by_the_count_of_its_networks(count, card):
    arrays = {k: np.broadcast_to(np.float32(0), shape) for k, shape in spleeter(count).items()}
    found = architectures.recognised("spleeter", arrays, {})
    like = cards.card(card)
    assert tuple(found["stems"]) == like.stems
    assert found["role"] == ",".join(like.stems)
    assert found["complement"] == like.complement
    assert {k: tuple(v) if isinstance(v, list) else v for k, v in found["config"].items()} == dict(
        like.config
    )
    assert all(found["segment"][key] == getattr(like.segment, key) for key in found["segment"])
    assert "stems called" in found["notes"]
    assert "activations" in found["notes"]


@pytest.mark.skipif("UNWEAVE_ALL_PAIRS" not in os.environ, reason="UNWEAVE_ALL_PAIRS is not set")
def test_spleeter_from_its_checkpoint_and_its_own_json(mine, tmp_path):
    rng, data, entries = np.random.default_rng(0), [], {}
    at = 0
    for name, shape in spleeter(2).items():
        array = np.full(shape, rng.uniform(0.01, 0.02), np.float32)
        content = array.tobytes()
        crc = masked(crc32c(content))
        entries[name] = bundles.entry(1, shape, at, content, crc=crc)
        data.append(content)
        at += len(content)
    (tmp_path / "model.data-00000-of-00001").write_bytes(b"".join(data))
    (tmp_path / "model.index").write_bytes(bundles.index(entries))
    text = {
        "instrument_list": ["speech", "music"], "sample_rate": 8000, "T": 64, "F": 64,
        "frame_length": 128, "frame_step": 32, "mix_name": "mix",
        "model": {"type": "unet.softmax_unet", "params": {"conv_activation": "ELU"}},
    }  # fmt: skip
    (tmp_path / "its.json").write_text(json.dumps(text))
    card = own.add(tmp_path / "model.index", name="its", config=tmp_path / "its.json")
    assert (card.stems, card.sample_rate_hz, card.notes) == (("speech", "music"), 8000, "")
    assert (card.config["softmax"], card.config["encoder_activation"]) == (True, "elu")
    separates(card, 2)


def test_a_recogniser_says_what_a_file_lacks(mine, tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "names", lambda: ["mir1k-demucs"])
    pair = waveform.recorded("hybrid_demucs_bands")
    file = tmp_path / "a.th"
    torch.save({"state": state(pair)}, file)
    with pytest.raises(WeightsError, match=r"a\.th: taken for hybrid_demucs, but where its bands"):
        own.add(file)
    torch.save({"state": state(pair) | {"encoder.9.spy": torch.zeros(2)}}, file)
    with pytest.raises(WeightsError, match=r"unknown parameter 'encoder\.9\.spy'"):
        own.add(file)
    content = {"state": state(waveform.recorded("conv_tasnet_music"))}
    torch.save(content | {"kwargs": {"norm_type": "cLN"}}, file)
    with pytest.raises(WeightsError, match="its norm_type is 'cLN', and unweave has 'gLN'"):
        own.add(file)
    torch.save(content | {"kwargs": {"sources": ["a", "b"]}}, file)
    with pytest.raises(WeightsError, match="name 2 stems, and its arrays are for 3"):
        own.add(file)
    for key, value in (
        ("samplerate", "many"),
        ("samplerate", float("nan")),
        ("segment", "1e999999999"),  # a Fraction of it would take hours
        ("segment", 1e300),
        ("mask_nonlinear", 1),
    ):
        torch.save(content | {"kwargs": {key: value}}, file)
        with pytest.raises(
            WeightsError, match=rf"a\.th: taken .*, but its setting '{key}' must be"
        ):
            own.add(file)
    torch.save(content | {"kwargs": {"stride": 0}}, file)
    with pytest.raises(WeightsError, match=r"a\.th: taken for conv_tasnet, but"):
        own.add(file)


def test_an_unknown_checkpoint_is_one_line_with_its_first_unknown_name(mine, tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "names", lambda: ["mir1k-demucs", "spleeter-2stems"])
    file = tmp_path / "a.pth"
    torch.save({"blocks.0.spin": torch.zeros(2), "blocks.1.spin": torch.zeros(2)}, file)
    with pytest.raises(WeightsError, match=r"a.pth: .* does not fit is 'blocks\.0\.spin'") as error:
        own.add(file)
    assert "\n" not in str(error.value)
    weights = store.weights(cards.card("mir1k-demucs"))
    torch.save({k: torch.from_numpy(v.copy()) for k, v in weights.items()} | {
        "spy": torch.zeros(2)}, file)  # fmt: skip
    with pytest.raises(WeightsError, match=r"a.pth: .* the first that does not fit is 'spy'"):
        own.add(file)
    with pytest.raises((UsageError, WeightsError)):
        own.add(tmp_path)


MSST = {  # the YAML files of the pairs, in the tables that its authors' have
    "scnet": "audio: {chunk_size: 1001, sample_rate: 8000, num_channels: 2}\n"
    "model: {sources: [a, b], nfft: 128, hop_size: 32, win_size: 128, normalized: true,\n"
    "  band_SR: [0.175, 0.392, 0.433], band_stride: [1, 4, 16]}\n"
    "training: {instruments: [other, vocals], target_instrument: null}\n"
    "inference: {num_overlap: 2}\n",
    "tfc_tdf_kit": "audio: {chunk_size: 992, sample_rate: 8000, num_channels: 2, n_fft: 128,\n"
    "  hop_length: 32, dim_f: 32}\n"
    "model: {act: gelu, norm: InstanceNorm, num_subbands: 4, scale: !!python/tuple [2, 2]}\n"
    "training: {instruments: [Kick, snare, toms], target_instrument: Kick}\n"
    "inference: {num_overlap: 2}\n",
}


@pytest.mark.parametrize("name", MSST)
def test_a_checkpoint_of_msst_with_its_yaml_file(mine, tmp_path, name):
    pair = waveform.recorded(name)
    torch.save(state(pair), tmp_path / "its.ckpt")
    (tmp_path / "its.yaml").write_text(MSST[name])
    card = own.add(tmp_path / "its.ckpt", config=tmp_path / "its.yaml")
    assert (card.stems, card.sample_rate_hz, card.notes) == (pair.stem_names, RATE, "")
    assert card.target == (None if len(pair.stem_names) > 1 else "kick")
    assert (card.segment.edge, card.segment.hop) == ("reflect", card.segment.length // 2)
    ours = NeuralSeparator(card, {}, store.weights(card))
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, ours(pair.mix, RATE)) > 90
