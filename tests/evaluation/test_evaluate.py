import json
import math

import numpy as np
import pytest
import soundfile
import torch

import unweave
from tests.evaluation.fakes import waves
from tests.evaluation.test_scoring import estimates_of
from unweave.errors import InputError, UsageError
from unweave.evaluation import metrics, scores
from unweave.evaluation.evaluate import evaluate_files

RATE_HZ = 8000
STEMS = ("vocals", "drums", "bass", "other")


@pytest.fixture
def pair():
    references = waves(samples=RATE_HZ + 500, channels=1)
    return references, estimates_of(references)


def put(folder, stems, rate_hz=RATE_HZ, ending="wav"):
    folder.mkdir(parents=True)
    for name, wave in stems.items():
        soundfile.write(folder / f"{name}.{ending}", wave.T, rate_hz, subtype="FLOAT")
    return folder


def test_dictionaries_arrays_tensors(pair):
    references, estimates = pair
    found = unweave.evaluate(references, estimates, RATE_HZ)
    assert found.stems == STEMS
    assert set(found["vocals"]) == {
        *("SDR", "SIR", "ISR", "SAR", "global SDR", "SI-SDR", "SNR"),
        *("SDR of MSST", "L1-freq", "Aura STFT"),
    }
    shuffled = {name: estimates[name] for name in reversed(STEMS)}
    assert unweave.evaluate(references, shuffled, RATE_HZ)["drums"] == found["drums"]
    arrays = unweave.evaluate(
        np.stack(list(references.values())),
        torch.from_numpy(np.stack(list(estimates.values()))),
        RATE_HZ,
    )
    assert list(arrays["stem 2"].values()) == pytest.approx(list(found["drums"].values()))
    flat = [np.concatenate(list(stems.values())) for stems in (references, estimates)]
    mono = unweave.evaluate(*flat, RATE_HZ, "global")  # (stem, time)
    assert mono["stem 2"] == unweave.evaluate(references, estimates, RATE_HZ, "global")["drums"]
    titles = [table.title for table in found.tables()]
    assert len(titles) == 3
    assert all(table.aggregation for table in found.tables())


def test_scores_that_know_frequencies_are_those_of_44100_hz(pair):
    references, estimates = pair
    more = {"bleedless", "fullness", "Aura MRSTFT", "log-WMSE"}
    usual = set(unweave.evaluate(references, estimates, RATE_HZ, "global")["bass"])
    found = unweave.evaluate(references, estimates, 44_100, "global")
    assert set(found["bass"]) == usual | more
    mix = sum(references.values())
    backed = {name: stems | {"accompaniment": sum(stems[n] for n in STEMS[1:])}
              for name, stems in (("true", references), ("found", estimates))}  # fmt: skip
    beside = unweave.evaluate(backed["true"], backed["found"], 44_100, "global")
    expected = metrics.log_wmse(references["bass"][None], estimates["bass"][None], mix)[0]
    for each in (found, beside):  # whose mix is the sum of the stems
        assert each["bass"]["log-WMSE"] == pytest.approx(expected, abs=1e-5)
    alone = [{"bass": stems["bass"]} for stems in (references, estimates)]
    assert set(unweave.evaluate(*alone, 44_100, "global")["bass"]) == (usual | more) - {"log-WMSE"}


def test_the_accompaniment_stands_apart(pair):
    references, estimates = pair
    alone = unweave.evaluate(references, estimates, RATE_HZ)
    assert alone.scores.among_stems == {}  # nothing is derived that was not given
    rest = sum(estimates[name] for name in STEMS[1:])
    found = unweave.evaluate(references, estimates | {"accompaniment": rest}, RATE_HZ)
    for name in STEMS[1:]:
        assert found[name] == alone[name]
    labels = [row.label for row in found.tables()[0].rows]
    assert labels == [*STEMS, "accompaniment", "vocals among stems"]
    assert found.tables()[0].rows[-1].values == alone.tables()[0].rows[0].values


def test_lengths(pair):
    references, estimates = pair
    exact = unweave.evaluate(references, estimates, RATE_HZ)
    longer = {n: np.concatenate([w, np.ones((1, 7), np.float32)], 1) for n, w in estimates.items()}
    found = unweave.evaluate(references, longer, RATE_HZ)
    assert found["bass"] == exact["bass"]
    assert sum("7 samples longer" in text for text in found.warnings) == 4
    shorter = estimates | {"bass": estimates["bass"][:, :-5]}
    found = unweave.evaluate(references, shorter, RATE_HZ)
    assert [text for text in found.warnings if "5 samples shorter" in text]
    padded = estimates | {"bass": np.pad(shorter["bass"], ((0, 0), (0, 5)))}
    assert found["bass"] == unweave.evaluate(references, padded, RATE_HZ)["bass"]


def test_names_that_do_not_match(pair):
    references, estimates = pair
    found = unweave.evaluate(references, {"voice": estimates["vocals"]} | dict(
        list(estimates.items())[1:3]), RATE_HZ)  # fmt: skip
    assert found.scores.missing == ("other",)
    assert any("other" in text for text in found.warnings)
    with pytest.raises(UsageError, match="--map"):
        unweave.evaluate(references, {"violin": estimates["vocals"]}, RATE_HZ)
    mapped = unweave.evaluate(
        references, {"violin": estimates["vocals"]}, RATE_HZ, mapping={"violin": "vocals"}
    )
    assert mapped.stems == ("vocals",)


def test_what_cannot_be_waves():
    wave = np.zeros((2, 100))
    with pytest.raises(ValueError, match="channel, time"):
        unweave.evaluate({"a": np.zeros((1, 2, 3))}, {"a": wave}, RATE_HZ)
    with pytest.raises(ValueError, match="no stem"):
        unweave.evaluate({}, {"a": wave}, RATE_HZ)
    with pytest.raises(ValueError, match="channels"):
        unweave.evaluate({"a": wave}, {"a": wave[:1]}, RATE_HZ)
    with pytest.raises(UsageError, match="v3-sources"):
        unweave.evaluate({"a": wave}, {"a": wave}, RATE_HZ, "v5")


def test_folders(tmp_path, pair):
    references, estimates = pair
    put(tmp_path / "true", references | {"mixture": sum(references.values())})
    put(tmp_path / "found", {name.title(): wave for name, wave in estimates.items()})
    found = evaluate_files(tmp_path / "true", tmp_path / "found")
    expected = unweave.evaluate(references, estimates, RATE_HZ)
    for name in STEMS:
        assert found[name] == pytest.approx(expected[name], abs=1e-4)
    found.save(tmp_path / "out.json")
    again = scores.read(tmp_path / "out.json")
    np.testing.assert_allclose(
        again.targets["bass"]["SDR"], found.scores.targets["bass"]["SDR"], atol=1e-5
    )
    assert json.loads((tmp_path / "out.json").read_text())["targets"][0]["frames"]


def test_an_accompaniment_without_a_reference_of_its_own(tmp_path, pair):
    references, estimates = pair
    rest = sum(estimates[name] for name in STEMS[1:])
    put(tmp_path / "true", references)
    put(tmp_path / "found", {"vocals": estimates["vocals"], "instrumental": rest})
    found = evaluate_files(tmp_path / "true", tmp_path / "found")
    assert found.stems == ("vocals", "accompaniment")
    truth = {"vocals": references["vocals"], "accompaniment": sum(
        references[name] for name in STEMS[1:])}  # fmt: skip
    expected = unweave.evaluate(
        truth, {"vocals": estimates["vocals"], "accompaniment": rest}, RATE_HZ
    )
    assert found["accompaniment"] == pytest.approx(expected["accompaniment"], abs=1e-3)
    assert found.scores.missing == ()


def test_files_that_mean_the_same_stem_are_named(tmp_path, pair):
    references, estimates = pair
    true = put(tmp_path / "true", references)
    both = put(tmp_path / "both", {"vocals": estimates["vocals"], "Voice": estimates["drums"]})
    for one, other in ((true, both), (both, true)):
        with pytest.raises(InputError, match=r"both/.*same stem as"):
            evaluate_files(one, other)
    found = evaluate_files(true, both, mapping={"VOICE": "drums"})
    assert found["drums"] == pytest.approx(
        unweave.evaluate(references, {"vocals": estimates["vocals"], "drums": estimates["drums"]},
                         RATE_HZ)["drums"], abs=1e-4)  # fmt: skip
    with pytest.raises(UsageError, match=r"--map vox=vocals.*voice, vocals"):
        evaluate_files(true, both, mapping={"vox": "vocals"})


def test_a_reference_without_an_estimate_is_said(tmp_path, pair):
    references, estimates = pair
    own = {name: references[name] for name in ("vocals", "drums")}
    own["accompaniment"] = references["bass"]
    given = {"vocals": estimates["vocals"], "accompaniment": estimates["bass"]}
    found = unweave.evaluate(own, given, RATE_HZ)
    assert found.scores.missing == ("drums",)
    assert any("drums" in text for text in found.warnings)


def test_values_that_are_not_finite_are_named(tmp_path, pair):
    references, estimates = pair
    bad = estimates | {"bass": np.full_like(estimates["bass"], np.nan)}
    with pytest.raises(ValueError, match="estimates: bass: holds values that are not finite"):
        unweave.evaluate(references, bad, RATE_HZ)
    put(tmp_path / "true", references)
    put(tmp_path / "bad", bad)
    with pytest.raises(InputError, match=r"bad/bass\.wav: holds samples that are not finite"):
        evaluate_files(tmp_path / "true", tmp_path / "bad")


def test_arrays_are_read_as_separate_reads_them(pair):
    references, estimates = pair
    expected = unweave.evaluate(references, estimates, RATE_HZ, "global")
    shorts = {n: np.round(np.clip(w, -1, 1 - 2**-15) * 2**15).astype(np.int16)
              for n, w in references.items()}  # fmt: skip
    found = unweave.evaluate(shorts, estimates, RATE_HZ, "global")
    for stem in STEMS:
        assert found[stem] == pytest.approx(expected[stem], abs=1e-2)
    wave = np.zeros((44100, 2), np.float32)
    sparse = torch.zeros(2, 100).to_sparse()
    for references, says in [
        ({"vocals": wave}, r"references: vocals: .*\(44100, 2\).*\.T"),
        (wave, r"references: expected \(stem, channel, time\).*\(44100, 2\)"),
        (np.zeros((2, 44100, 2), np.float32), r"references: stem 1: .*\.T"),
        (None, "references: .*got NoneType"),
        ({"vocals": None}, "references: vocals: .*got NoneType"),
        ({"vocals": sparse}, "to_dense"),
        ({"vocals": np.zeros((1, 9), np.int64)}, "int64"),
    ]:
        with pytest.raises(ValueError, match=says):
            unweave.evaluate(references, {"vocals": np.zeros((1, 100), np.float32)}, RATE_HZ)
    for rate in (0, -1, math.nan, math.inf, None, "44100", 44100.5):
        with pytest.raises(ValueError, match="positive whole number"):
            unweave.evaluate(expected.scores.targets or shorts, estimates, rate)


def test_an_evaluation_is_shown_as_its_tables(pair):
    references, estimates = pair
    estimates = {f"{name}": wave for name, wave in list(estimates.items())[:3]}
    found = unweave.evaluate(references, estimates, RATE_HZ)
    for text in (str(found), found._repr_html_()):
        assert len(text) < 3500
        for word in ("BSS Eval v4", "SIR", "drums", f"{found['drums']['SDR']:.2f}", "no other"):
            assert word in text
    assert found._repr_html_().count("<table ") == 3
    named = unweave.evaluate({"<b>": references["vocals"]}, {"<b>": references["drums"]}, RATE_HZ)
    assert "<b>" not in named._repr_html_()


def test_two_files(tmp_path, pair):
    references, estimates = pair
    put(tmp_path / "a", {"song": references["vocals"]})
    put(tmp_path / "b", {"guess": estimates["vocals"]})
    found = evaluate_files(tmp_path / "a" / "song.wav", tmp_path / "b" / "guess.wav")
    assert found.stems == ("song",)
    assert any("SIR" in text for text in found.warnings)


def test_files_that_are_not_alike(tmp_path, pair):
    references, estimates = pair
    true = put(tmp_path / "true", references)
    with pytest.raises(InputError, match=r"(?s)vocals.*16000 Hz.*bass\.wav has 8000"):
        evaluate_files(true, put(tmp_path / "rate", {"vocals": estimates["vocals"]}, 16000))
    stereo = {"vocals": np.repeat(estimates["vocals"], 2, axis=0)}
    with pytest.raises(InputError, match=r"2 channel\(s\).*has 1"):
        evaluate_files(true, put(tmp_path / "stereo", stereo))
    with pytest.raises(InputError, match="no such file"):
        evaluate_files(true, tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no sound files"):
        evaluate_files(true, tmp_path / "empty")
    twice = put(tmp_path / "twice", {"vocals": estimates["vocals"]})
    soundfile.write(twice / "Vocals.flac", estimates["vocals"].T, RATE_HZ)
    with pytest.raises(InputError, match="same stem"):
        evaluate_files(true, twice)
