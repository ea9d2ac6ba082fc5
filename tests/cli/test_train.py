"""`unweave train`: its words and exit codes; what it does is in tests/training."""

from pathlib import Path


def test_a_new_recipe(say, here: Path) -> None:
    said = say("train", "--new", "mine")
    assert said.code == 0
    assert "unweave train mine.toml" in said.out
    assert "[network]" in (here / "mine.toml").read_text()
    again = say("train", "--new", "mine")
    assert again.code == 2
    assert "mine.toml: exists already" in again.err


def test_neither_a_recipe_nor_a_new_one(say, here: Path) -> None:
    for words in ((), ("x.toml", "--new", "y")):
        said = say("train", "-q", *words)
        assert said.code == 2
        assert "RECIPE.TOML" in said.err or "Usage" in said.out + said.err


def test_wrong_recipes_are_one_line(say, here: Path) -> None:
    (here / "mine.toml").write_text('[network]\nname = "unet"\n[data]\nroot = "none"\n')
    for words, expected in (
        (("none.toml",), "none.toml: no such file"),
        (("mine.toml",), "none: no such folder"),
        (("mine.toml", "--resume"), "leave out --resume"),
        (("mine.toml", "--set", "data.colour=1"), "has no 'colour'"),
    ):
        said = say("train", *words)
        assert said.code in (1, 2)
        assert expected in said.err
        assert said.err.count("\n") == 1
        assert not (here / "runs").exists()


def test_a_folder_becomes_weights(say, here: Path) -> None:
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    for track in "ab":
        (here / "my-recordings" / track).mkdir(parents=True)
        for stem in ("vocals", "accompaniment"):
            wave = 0.1 * rng.standard_normal(8000).astype(np.float32)
            soundfile.write(here / "my-recordings" / track / f"{stem}.wav", wave, 8000)
    say("train", "--new", "mine")
    text = (here / "mine.toml").read_text()
    for line, instead in (
        ("sample_rate_hz = 44100", "sample_rate_hz = 8000"), ("channels = 2", "channels = 1"),
        ('["a track\'s name"]', '["b"]'), ("seconds = 6.0", "seconds = 0.5"),
        ("steps = 100000", "steps = 2"), ("validate_every = 1000", "validate_every = 2"),
        ("batch = 4", "batch = 1"), ("workers = 2", "workers = 0"),
        ("filters = [48, 64, 96, 128]", "filters = [4, 4, 4, 4]"),
        ("frame_size = 4096", "frame_size = 512"),
        ("hop = 1024", "hop = 128"), ("recurrent = 128", "recurrent = 4"),
    ):  # fmt: skip
        assert line in text
        text = text.replace(line, instead)
    (here / "mine.toml").write_text(text)
    said = say("train", "mine.toml")
    assert said.code == 0, said.err
    assert "unweave separate SONG -m runs/mine/mine.toml" in said.out
    done = say(
        "separate", "my-recordings/a/vocals.wav", "-m", "runs/mine/mine.toml", "-o", "out", "-q"
    )
    assert done.code == 0, done.err
    assert len(list((here / "out").rglob("*.wav"))) == 2
