import hashlib
import shutil

import pytest
import torch

from tests.evaluation import fakes
from unweave.errors import UsageError
from unweave.evaluation.entries import entries, label_of
from unweave.evaluation.names import parse_mapping
from unweave.models import cards
from unweave.separators.nmf.dictionaries import Dictionaries


def test_labels_say_the_options_that_are_not_defaults(monkeypatch):
    fakes.offer(monkeypatch)
    found = entries(["share", "share:share=0.5", "share:share=0.25"], ["ibm1", "ibm1"])
    assert [(e.label, e.kind, e.name, dict(e.options)) for e in found] == [
        ("share", "separator", "share", {"share": 0.25}),
        ("share:share=0.5", "separator", "share", {"share": 0.5}),
        ("ibm1", "oracle", "ibm1", {}),
    ]
    assert found[0].stems == ("vocals", "accompaniment")
    assert entries(["share"], settings={"share": 0.75})[0].label == "share:share=0.75"
    assert entries(["share:share=0.5"], settings={"share": 0.75})[0].label == "share:share=0.5"
    assert label_of("x", {"b": True, "a": None, "c": 1.5}) == "x:a=none,b=true,c=1.5"


def test_weights_are_part_of_it():
    found = entries(["spleeter-2stems"])[0]
    assert found.label == "spleeter-2stems"
    assert len(found.ref.weights_sha256) == 64
    given = entries(["spleeter-2stems:mask-exponent=3"])[0]
    assert given.options == found.options | {"mask_exponent": 3}
    assert given.label == "spleeter-2stems:mask_exponent=3.0"
    assert len(found.ref.card_sha256) == 64


def test_a_card_of_ones_own_is_called_by_its_name(tmp_path):
    ours = cards.path("mir1k-unet")
    text = ours.read_text()
    mine, twin, other = (tmp_path / n / name for n, name in (
        ("a", "mine.toml"), ("b", "mir1k-unet.toml"), ("c", "mir1k-unet.toml")))  # fmt: skip
    for path, facts in ((mine, text), (twin, text), (other, text + "\n")):
        path.parent.mkdir()
        path.write_text(facts)
        shutil.copy(ours.with_suffix(".safetensors"), path.with_suffix(".safetensors"))
    labels = [entry.label for entry in entries([str(mine), "mir1k-unet", f"{other}:wiener=1"])]
    sha256 = hashlib.sha256(other.read_bytes()).hexdigest()
    assert labels == ["mine", "mir1k-unet", f"mir1k-unet@{sha256[:8]}:wiener=1"]
    assert entries([str(twin)])[0].label == "mir1k-unet"  # it is that card
    changed = text.replace(
        "sample_rate_hz", "# the settings change and the weights do not\nsample_rate_hz", 1
    )
    before = entries([str(mine)])[0]
    mine.write_text(changed)
    after = entries([str(mine)])[0]
    assert after.ref.weights_sha256 == before.ref.weights_sha256
    assert after.ref.card_sha256 != before.ref.card_sha256
    assert after.identity != before.identity
    assert after.name == "mine"
    assert after.ref.model == str(mine)


def test_files_that_options_name_count_by_their_content(tmp_path):
    bases = {"voice": torch.rand(257, 3), "noise": torch.rand(257, 3)}
    settings = {"window_s": 0.064, "overlap": 4, "exponent": 1.0, "divergence": "kl"}
    learned = Dictionaries(bases=bases, sample_rate_hz=8000, settings=settings, rounds=10)
    learned.write(tmp_path / "duo.toml")
    (entry,) = entries([f"nmf:dictionaries={tmp_path / 'duo.toml'}"])
    [file] = entry.ref.files
    sha256 = hashlib.sha256((tmp_path / "duo.toml").read_bytes()).hexdigest()
    assert (file.option, file.sha256) == ("dictionaries", sha256)


def test_dictionaries_are_weights(tmp_path):
    settings = {"window_s": 0.064, "overlap": 4, "exponent": 1.0, "divergence": "kl"}
    bases = {"voice": torch.rand(257, 3), "noise": torch.rand(257, 3)}
    learned = Dictionaries(bases=bases, sample_rate_hz=8000, settings=settings, rounds=10)
    _, sha256 = learned.write(tmp_path / "duo.toml")
    found = entries([f"nmf:dictionaries={tmp_path / 'duo.toml'}"])[0]
    assert found.stems == ("voice", "noise")
    assert found.ref.weights_sha256 == sha256
    assert entries(["hpss"])[0].ref.weights_sha256 is None


@pytest.mark.parametrize(
    ("separators", "oracles", "words"),
    [
        ([], [], "no entry to benchmark"),
        (["spleeter-2stem"], [], "spleeter-2stems"),
        (["spleeter-2stems:rank=3"], [], "rank"),
        (["spleeter-2stems:rank"], [], "key=value"),
        (["spleeter-2stems:wiener=1.7"], [], "wiener must be a whole number"),
        (["spleeter-2stems:wiener=-1"], [], "wiener must be a whole number, at least 0"),
        (["spleeter-2stems:mask_exponent=nan"], [], "mask_exponent must be a number"),
        (["mir1k-unet:separate_by=masks"], [], "no option 'separate_by'; it takes wiener"),
        ([], ["irm3"], "irm1"),
    ],
)
def test_refused_before_any_work(separators, oracles, words):
    with pytest.raises(UsageError, match=words) as error:
        entries(separators, oracles)
    assert "\n" not in str(error.value)


def test_mappings():
    assert parse_mapping(["a=b", " c = d "]) == {"a": "b", "c": "d"}
    for wrong in ("a", "a=", "=b"):
        with pytest.raises(UsageError, match="--map"):
            parse_mapping([wrong])
