"""A mix as TOML: what is written reads back, and what is wrong is named with its line."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unweave.apps.remix import mix_file
from unweave.apps.remix.mix import Mix, Strip, merged
from unweave.core.stem_names import canonical
from unweave.errors import UsageError


def _value(least: float, most: float) -> st.SearchStrategy:
    number = st.floats(least, most)
    times = st.lists(st.floats(0, 1e5), min_size=1, max_size=4, unique=True).map(sorted)
    points = times.flatmap(
        lambda ts: st.tuples(*(number for _ in ts)).map(lambda vs: tuple(zip(ts, vs, strict=True)))
    )
    return number | points


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
STRIPS = st.builds(
    Strip,
    gain=_value(-60, 60),
    mute=st.booleans(),
    solo=st.booleans(),
    pan=_value(-1, 1),
    width=_value(0, 2),
    tilt=st.floats(-6, 6),
    match=st.none() | st.just("/songs/a reference.wav"),
)
TEMPOS = st.none() | st.floats(1, 960) | st.just(((0.0, 120.0), (8.5, 90.0)))
MIXES = st.builds(
    Mix,
    stems=st.dictionaries(TEXT.map(canonical), STRIPS.filter(lambda s: s != Strip()), max_size=3),
    sensitivity=st.floats(0, 1),
    loudness=st.none() | st.floats(-60, 0),
    tempo=TEMPOS,
    markers=st.lists(st.tuples(st.floats(0, 1e5), TEXT), max_size=3).map(tuple),
)


@given(MIXES)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_reads_back(tmp_path: Path, mix: Mix) -> None:
    file = tmp_path / "mix.toml"
    file.write_bytes(mix_file.text_of(mix))
    assert mix_file.read(file) == mix


def test_a_file_as_people_write_it(tmp_path: Path) -> None:
    file = tmp_path / "mix.toml"
    file.write_text(
        "sensitivity = 0.8\n"
        'markers = [[0, "Intro"]]\n'
        "[stems.Voice]  # another word for vocals\n"
        "gain = [[0, 0], [30, -6]]\n"
        'match = "other/ref.wav"\n'
        "[stems.drums]\nmute = true\n"
    )
    vocals = Strip(gain=((0, 0), (30, -6)), match=str(tmp_path / "other" / "ref.wav"))
    strips = {"vocals": vocals, "drums": Strip(mute=True)}
    assert mix_file.read(file) == Mix(stems=strips, sensitivity=0.8, markers=((0.0, "Intro"),))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("sensitivty = 1", 1, "unknown key 'sensitivty'; perhaps you mean sensitivity"),
        (
            "\n# so\n[stems.vocals]\ngain = -3\n\ngian = 1\n",
            6,
            "unknown key 'gian'; perhaps .* gain",
        ),
        ("[stems]\nvocals = { gain = 1, loud = 2 }", 2, "unknown key 'loud'; there are gain, "),
        ("[stems.vocals]\ngain = [\n [0, 0],\n [1, 61],\n]\npan = 0", 2, "-60 to 60 dB; got 61"),
        ("[stems.vocals]\ngain = nan", 2, "gain must be a number from -60 to 60 dB; got nan"),
        ("[stems.vocals]\ngain = inf", 2, "got inf"),
        ("[stems.vocals]\ngain = '3'", 2, "got '3'"),
        ("[stems.vocals]\ngain = []", 2, "there are none"),
        ("[stems.vocals]\ngain = [[1, 0], [1, 2]]", 2, "in order of time; 1 s comes after 1 s"),
        ("[stems.vocals]\npan = 1.1", 2, "pan must be a number from -1 to 1; got 1.1"),
        ("[stems.vocals]\ntilt = [[0, 1]]", 2, "tilt must be a number"),
        ("[stems.vocals]\nmute = 1", 2, "mute must be true or false; got 1"),
        ("[stems.vocals]\nmatch = 3", 2, "match must be the path of a recording"),
        ("stems = 3", 1, "stems must be a table"),
        ("[stems]\nvocals = 3", 2, "stems.vocals must be a table"),
        ("[stems.vocals]\nmute = true\n[stems.voice]\ngain = 1", 3, "'voice' is .* there already"),
        ("loudness = 3", 1, "loudness must be a number from -60 to 0 LUFS; got 3"),
        ("tempo = [[1, 120]]", 1, "the first tempo is that at 0 s; got 1 s"),
        ("markers = [['a', 0]]", 1, "markers are pairs of seconds and a name"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    file = tmp_path / "mix.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=f"mix.toml, line {line}: .*{message}") as error:
        mix_file.read(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"gain = = 3", b"\xff\xfe", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000]
)
def test_what_is_no_toml_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mix.toml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"mix.toml: is not TOML: ") as error:
        mix_file.read(file)
    assert "\n" not in str(error.value)


def test_the_line_is_found_with_one_look_at_each_statement(monkeypatch) -> None:
    table = "# {0}\n[stems.s{0}]\ngain = 1.0\nnote = ''\n\n"
    last = "[stems.last]\nwords = '''\n[stems.last]\ngain = 3\n'''\n\ngain = 2.0\n"
    text = "".join(map(table.format, range(300))) + last
    read, characters = tomllib.loads, []

    def counted(part: str):
        characters.append(len(part))
        return read(part)

    monkeypatch.setattr(tomllib, "loads", counted)
    assert mix_file.line_of(text, ("stems", "last", "gain")) == text.count("\n")
    assert mix_file.line_of(text, ("stems", "s7", "gain")) == 5 * 7 + 3
    assert sum(characters) < 10 * len(text)


def test_what_is_given_wins_over_the_file() -> None:
    mix = Mix(stems={"vocals": Strip(gain=-3.0, pan=0.5)}, sensitivity=0.5)
    found = merged(mix, {"gain": {"Voice": 2}, "mute": {"drums": True}}, sensitivity=None)
    strips = {"vocals": Strip(gain=2.0, pan=0.5), "drums": Strip(mute=True)}
    assert found == Mix(stems=strips, sensitivity=0.5)


def test_solo_mutes_all_others_and_what_the_stems_leave() -> None:
    mix = Mix(stems={"bass": Strip(solo=True), "drums": Strip(solo=True, gain=3.0)})
    found = mix.strips(("vocals", "drums", "Bass"), "it")
    assert {stem: strip.mute for stem, strip in found.items()} == {
        "vocals": True, "drums": False, "Bass": False, "residual": True,
    }  # fmt: skip


def test_a_stem_that_there_is_not_is_told_with_those_there_are() -> None:
    mix = Mix(stems={"vocalls": Strip(mute=True)})
    with pytest.raises(UsageError) as error:
        mix.strips(("vocals", "drums"), "spleeter")
    assert str(error.value) == (
        "spleeter has no stem 'vocalls'; it has vocals, drums, residual; perhaps you mean vocals"
    )
