"""Templates and the values put into them: nothing leaves the output folder."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unweave.core.file_names import safe
from unweave.core.files import shown
from unweave.errors import UsageError
from unweave.jobs.naming import DEFAULT_TEMPLATE, check_template, fill, same_file_key

VALUES = {
    "name": "song",
    "stem": "vocals",
    "ext": "wav",
    "model": "spleeter-2stems",
    "input_ext": "mp3",
    "parent": "album",
}


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (DEFAULT_TEMPLATE, "song/vocals.wav"),
        ("{parent}/{name}.{input_ext}/{model}-{stem}.{ext}",
         "album/song.mp3/spleeter-2stems-vocals.wav"),
        ("{stem}.{ext}", "vocals.wav"),
        ("a//./{stem}.{ext}", "a/vocals.wav"),
        ("{{{name}}} {stem}.{ext}", "{song} vocals.wav"),
    ],
)  # fmt: skip
def test_fill(template, path):
    check_template(template)
    assert fill(template, VALUES) == Path(path)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{name}.{ext}", "{stem}"),
        ("{name}/{stem}", "{ext}"),
        ("{artist}/{stem}.{ext}", "{artist}"),
        ("{}/{stem}.{ext}", "{}"),
        ("{0}{stem}.{ext}", "{0}"),
        ("{name.__class__}/{stem}.{ext}", "unknown"),
        ("{name[0]}/{stem}.{ext}", "unknown"),
        ("{name!r}/{stem}.{ext}", "bare"),
        ("{name:>99}/{stem}.{ext}", "bare"),
        ("{name/{stem}.{ext}", "{name"),
        ("{stem}.{ext}}", "read"),
        ("../{stem}.{ext}", "leaves"),
        ("a/../../{stem}.{ext}", "leaves"),
        ("/tmp/{stem}.{ext}", "leaves"),
        ("~/{stem}.{ext}", "leaves"),
        ("C:/{stem}.{ext}", "leaves"),
        ("a\\{stem}.{ext}", "backslash"),
        ("a\n{stem}.{ext}", "control"),
        ("a\0{stem}.{ext}", "control"),
        ("{stem}.{ext}/", "folder"),
    ],
)
def test_templates_that_are_refused(template, says):
    with pytest.raises(UsageError, match="--filename-template") as error:
        check_template(template)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        ("plain", "plain"),
        ("-dash", "-dash"),
        ("🎵 é", "🎵 é"),
        ("a/b\\c", "a_b_c"),
        ("new\nline\ttab\x00nul\x7f", "new_line_tab_nul_"),
        ("\u2028", "_"),
        ("\udce9", "_"),
        ("C:evil", "C_evil"),
        ("AC: DC", "AC: DC"),
        (".", "_"),
        ("..", "__"),
        ("", "_"),
        ("  ", "__"),
        ("...x", "...x"),
    ],
)
def test_safe(value, becomes):
    assert safe(value) == becomes


@given(st.dictionaries(st.sampled_from(sorted(VALUES)), st.text(max_size=400)))
def test_no_value_leaves_the_folder(values):
    path = fill("{parent}/{name}-{model}.{input_ext}/{stem}.{ext}", {**VALUES, **values})
    assert not path.is_absolute()
    assert len(path.parts) == 3
    for part in path.parts:
        assert part not in (".", "..")
        assert not {"/", "\\", "\0", "\n"} & set(part)
        assert len(part.encode()) <= 230


def test_long_names_keep_their_extension():
    path = fill(
        "{name} - {parent} - {stem}.{ext}", {**VALUES, "name": "ü" * 120, "parent": "y" * 99}
    )
    assert len(str(path).encode()) <= 230
    assert path.suffix == ".wav"


def test_same_file_key_is_as_blind_as_file_systems_are():
    assert same_file_key(Path("A/Ärger.wav")) == same_file_key(Path("a/ärger.WAV"))
    decomposed = unicodedata.normalize("NFD", "Ärger")
    assert same_file_key(Path("Ärger")) == same_file_key(Path(decomposed))
    assert same_file_key(Path("x/../a")) == same_file_key(Path("a"))
    assert same_file_key(Path("a")) != same_file_key(Path("b"))


def test_same_file_key_follows_links(tmp_path):
    (tmp_path / "b").symlink_to("a")
    assert same_file_key(tmp_path / "b/x.wav") == same_file_key(tmp_path / "a/x.wav")


def test_shown_is_one_printable_line():
    assert shown("a\nb\x1b[31m\udce9") == "a\\nb\\x1b[31m\\udce9"
    assert shown(Path("🎵 é")) == "🎵 é"


def test_long_names_that_differ_at_the_end_stay_different():
    from unweave.evaluation import scores

    start = 300 * "x"
    one, two = (fill(DEFAULT_TEMPLATE, {**VALUES, "name": f"{start}{end}"}) for end in "ab")
    assert one != two
    rows = [scores.path_of(Path(), "folder", "hpss", "all", f"{start}{end}") for end in "ab"]
    assert len(set(rows)) == 2
    for path in (one, two, *rows):
        assert max(len(part.encode()) for part in path.parts) <= 230


def test_default_names_of_pictures_fit_too():
    from unweave.viz.spectrogram import _default_output

    names = {str(_default_output(Path(f"{240 * 'x'}{end}.wav"))) for end in "ab"}
    assert len(names) == 2
    assert max(map(len, names)) <= 230
