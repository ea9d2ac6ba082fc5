import pytest
import torch

from tests.bench import fakes
from unweave.bench.entries import entries, label_of
from unweave.bench.names import parse_mapping
from unweave.core.errors import UsageError
from unweave.separators._dictionaries import Dictionaries


def test_labels_say_the_options_that_are_not_defaults(monkeypatch):
    fakes.offer(monkeypatch)
    found = entries(["share", "share:share=0.5", "share:share=0.25"], ["ibm1", "ibm1"])
    assert [(e.label, e.kind, e.name, dict(e.options)) for e in found] == [
        ("share", "separator", "share", {}),
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
    assert len(found.weights_sha256) == 64
    assert entries(["spleeter-2stems:mask-exponent=3"])[0].options == {"mask_exponent": 3}


def test_dictionaries_are_weights(tmp_path):
    settings = {"window_s": 0.064, "overlap": 4, "exponent": 1.0, "divergence": "kl"}
    bases = {"voice": torch.rand(257, 3), "noise": torch.rand(257, 3)}
    learned = Dictionaries(bases=bases, sample_rate_hz=8000, settings=settings, rounds=10)
    _, sha256 = learned.write(tmp_path / "duo.toml")
    found = entries([f"nmf:dictionaries={tmp_path / 'duo.toml'}"])[0]
    assert found.stems == ("voice", "noise")
    assert found.weights_sha256 == sha256
    assert entries(["hpss"])[0].weights_sha256 is None


@pytest.mark.parametrize(
    ("separators", "oracles", "words"),
    [
        ([], [], "nothing to benchmark"),
        (["spleeter-2stem"], [], "spleeter-2stems"),
        (["spleeter-2stems:rank=3"], [], "rank"),
        (["spleeter-2stems:rank"], [], "key=value"),
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
