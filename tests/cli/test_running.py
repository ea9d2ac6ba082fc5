"""How a separator is run, and which one, said on the command line."""

import numpy as np
import soundfile


def test_a_model_by_quality_and_what_its_stem_leaves(song, say, here):
    asked = ("separate", song, "--quality", "fast", "--stems", "vocals", "--end", "2")
    done = say(*asked, "--complement", "instrumental", "-v")
    assert done.code == 0, done.err
    assert "fast for vocals: spleeter-2stems (MIT; " in done.err
    assert "null test -1" in done.out
    mix, vocals, instrumental = (
        soundfile.read(path, dtype="float32")[0]
        for path in (song, *(f"stems/{song.stem}/{n}.wav" for n in ("vocals", "instrumental")))
    )
    mix = mix[: len(vocals)]
    assert len(vocals) == len(instrumental) == 2 * 44100
    np.testing.assert_allclose(vocals + instrumental, mix, rtol=0, atol=1e-4)  # another decoder
    again = say(*asked, "--complement", "instrumental", "--json")
    assert again.json["counts"]["skipped"] == 1
    [file] = again.json["files"]
    assert file["report"]["request"]["inference"]["complement"] == "instrumental"
    assert say("verify", f"stems/{song.stem}").code == 0
    other = say(*asked, "--complement", "rest")
    assert other.code == 1
    assert "made with complement instrumental, now rest" in other.err


def test_what_cannot_be_is_one_line(song, say, here):
    for words, said in {
        ("--quality", "best", "-m", "hpss"): "--quality chooses the model: leave out --model",
        ("--quality", "best", "--stems", "lute"): "no model has lute",
        ("--overlap", "1"): "overlap must be a number or none, at least 0, at most 0.99",
        ("--complement", "rest"): "leave nothing for 'rest': name those to take",
    }.items():
        done = say("separate", song, *words)
        assert done.code == 2
        assert said in done.err
        assert done.err.count("\n") == 1
    assert not list(here.iterdir())
