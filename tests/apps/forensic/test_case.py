"""A case from the first byte to the last: what stays untouched, what is found, what comes back."""

import json
import os
import re
import shlex
import shutil
import stat
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.apps.forensic import fakes
from unweave.apps import forensic
from unweave.apps.forensic import case as cases
from unweave.apps.forensic import closing, findings, listening, log, pictures, rates, steps
from unweave.apps.forensic.page import command, figure
from unweave.errors import Cancelled, InputError, OutputError, UsageError

HPSS = "hpss:harmonic"
EVERY = findings.ALL


@pytest.fixture(scope="module", autouse=True)
def _finders():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "ALL", fakes.FINDERS)
        yield


@pytest.fixture
def quick(monkeypatch) -> None:
    """Pictures without a drawing, which is most of the time of a short recording."""

    def make(_info: object, _blocks: object, _places: object, into: Path) -> None:
        for name in (pictures.WAVEFORM, pictures.SPECTROGRAM):
            (into / name).write_bytes(b"picture")

    monkeypatch.setattr(pictures, "make", make)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return new_key(tmp_path_factory.mktemp("keys"))


def new_key(folder: Path) -> tuple[Path, Path]:
    """An Ed25519 key and its public half, in PEM."""
    from cryptography.hazmat.primitives import serialization as how
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made = Ed25519PrivateKey.generate()
    pem = how.Encoding.PEM
    files = folder / "key.pem", folder / "public.pem"
    files[0].write_bytes(made.private_bytes(pem, how.PrivateFormat.PKCS8, how.NoEncryption()))
    files[1].write_bytes(made.public_key().public_bytes(pem, how.PublicFormat.SubjectPublicKeyInfo))
    return files


@pytest.fixture(scope="module")
def original(tmp_path_factory, key):
    """A signed case of one recording, its evidence beside it."""
    here = tmp_path_factory.mktemp("original")
    evidence = fakes.recording(here / "<i>call&.wav")
    os.utime(evidence, ns=(1_600_000_000_000_000_000, 1_500_000_000_123_456_789))
    before = evidence.stat()
    [report] = forensic.forensic(evidence, here / "case", technique=HPSS, sign=key[0])
    return here, report, before


@pytest.fixture
def case(original, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(original[0] / "case", tmp_path / "case"))


def entries(case: Path) -> tuple:
    return log.read((case / log.NAME).read_bytes()).entries


def test_the_evidence_is_as_it_was(original) -> None:
    here, report, before = original
    after = (here / "<i>call&.wav").stat()
    for time in ("st_size", "st_mtime_ns", "st_atime_ns", "st_ctime_ns", "st_ino"):
        assert getattr(after, time) == getattr(before, time), time
    [entry] = [e for e in entries(here / "case") if e["event"] == "evidence again"]
    assert entry["same"] == {"content": True, "modified": True, "accessed": True}
    copy = here / "case" / report["evidence"]["copy"]
    assert copy.read_bytes() == (here / "<i>call&.wav").read_bytes()
    assert not copy.stat().st_mode & stat.S_IWUSR


def test_a_case_holds_findings_sheet_pictures_voice_report_and_certificate(original) -> None:
    here, report, _ = original
    found = {p.relative_to(here / "case").as_posix() for p in (here / "case").rglob("*.*")}
    assert found - {log.NAME} == {
        *(f"01-_i_call&/{name}" for name in (
            "copy/_i_call&.wav", "findings/findings.json", "findings/listening.csv",
            "findings/listening.txt", "pictures/waveform.png", "pictures/spectrogram.png",
            "voice-hpss/voice.wav", "voice-hpss/rest.wav", "voice-hpss/spectrogram.png",
        )),
        "report-1.html", "certificate-1.txt", "signature-1.json",
    }  # fmt: skip
    steps_, tags = (
        [each for each in report["findings"] if each["kind"] == kind]
        for kind in ("test-step", "test-tag")
    )
    assert [each["start_s"] for each in steps_] == [1.0]
    assert steps_[0]["figure"] == pytest.approx(12.0, abs=0.5)
    assert "<script>" in tags[0]["words"]
    assert "broken: unexpected ZeroDivisionError: no figure" in report["warnings"]


class Tags(HTMLParser):
    """All tags of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_report_escapes_what_files_say_and_asks_the_network_for_nothing(original) -> None:
    page = (original[0] / "case" / "report-1.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;bold&lt;/b&gt;" in page
    assert "1. &lt;i&gt;call&amp;.wav" in page
    tags = Tags()
    tags.feed(page)
    assert not {"script", "link", "iframe", "i", "b"} & {tag for tag, _ in tags.found}
    for _, attributes in tags.found:
        assert not any(name.startswith("on") for name in attributes)
        if "src" in attributes:
            assert (attributes["src"] or "").startswith("data:image/png;base64,")
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page
    assert "False alarms:</strong> not measured" in page
    assert "Not measured: broken" in page


def test_the_report_states_how_often_findings_are_right(original) -> None:
    page = unescape((original[0] / "case" / "report-1.html").read_text())
    document = json.loads((Path(findings.__file__).parent / rates.FILE).read_text())
    assert document["edits"]
    for edit in document["edits"].values():
        said = f'{edit["title"]}</th><td class="words">{edit["found"]} of {edit["planted"]}: '
        assert said in page
    controls, false = (document["measured"][name] for name in ("controls", "false_alarms"))
    assert f"{false} of {controls} untouched recordings: " in page


def test_rates_are_of_kinds_that_there_are() -> None:
    kinds = {kind.name for finder in EVERY for kind in finder.kinds}
    found = rates.rates()
    assert {name for edit in found.edits.values() for name in edit.kinds} <= kinds
    assert set(found.kinds) <= kinds
    for each in found.edits.values():
        assert 0 <= each.found <= each.planted > 0


def test_the_last_hash_stands_on_report_and_certificate(original) -> None:
    here, report, _ = original
    all_ = {each["number"]: each for each in entries(here / "case")}
    page = next(each for each in all_.values() if each["event"] == "report")
    assert all_[page["number"] - 1]["hash"] in (here / "case/report-1.html").read_text()
    assert page["hash"] in (here / "case/certificate-1.txt").read_text()
    assert report["case"]["log_hash"] == page["hash"]


def test_a_case_comes_out_again_on_another_day(original, key) -> None:
    here, report, _ = original
    done = forensic.verify(here / "case", log_hash=report["case"]["log_hash"], public_key=key[1])
    assert (done.agrees, done.differs, done.notes) == (True, (), ())
    assert (
        done.repeated == done.checked - 2
    )  # the copy is what they are made of; the key is not there
    assert done.versions_differ == {}


def test_one_flipped_bit_in_any_file_is_found_and_named(original, case) -> None:
    names = [*sorted(p for p in case.rglob("*") if p.is_file()), original[0] / "<i>call&.wav"]
    assert len(names) == 14
    for path in names:
        data = path.read_bytes()
        mode = path.stat()
        path.chmod(0o644)
        path.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1])
                         + data[len(data) // 2 + 1 :])  # fmt: skip
        found = forensic.verify(case, replay=False)
        path.write_bytes(data)
        os.utime(path, ns=(mode.st_atime_ns, mode.st_mtime_ns))
        assert not found.agrees, path
        assert path.name in found.differs[0]
    assert forensic.verify(case, replay=False).agrees


def test_files_that_are_gone_or_new_are_named(case) -> None:
    (case / "report-1.html").rename(case / "report-2.html")
    found = forensic.verify(case, replay=False)
    assert found.differs == ("report-1.html: is missing", "report-2.html: is not in the log")


def test_what_the_program_would_not_make_again_is_named(tmp_path, quick) -> None:
    """A log and a file that agree, but were not made by the steps that the log names."""
    case = tmp_path / "case"
    forensic.forensic(fakes.recording(tmp_path / "song.wav", 2), case, technique="none")
    forge(case, lambda path: path.name == "listening.txt")
    found = forensic.verify(case)
    assert found.differs == (
        "01-song/findings/listening.txt: comes out differently when it is repeated",
        "report-1.html: comes out differently when it is repeated",
        "certificate-1.txt: comes out differently when it is repeated",
    )


def forge(case: Path, which) -> None:
    """Change a file and write the whole log anew, each hash right."""
    data, before = b"", log.START
    for entry in entries(case):
        facts = {k: v for k, v in entry.items() if k not in ("number", "before", "hash")}
        for name in entry.get("files", {}):
            if which(case / name):
                (case / name).write_text("Nothing was found.\n")
                facts["files"] |= cases.listed(case / name, name)
        made, text = log.line(facts, entry["number"], before)
        data, before = data + text, made["hash"]
    (case / log.NAME).write_bytes(data)


def test_a_rewritten_log_is_found_by_the_printed_hash_and_by_the_signature(case, original) -> None:
    printed = original[1]["case"]["log_hash"]
    forge(case, lambda path: path.name == "listening.txt")
    found = forensic.verify(case, log_hash=printed, replay=False)
    assert [words.split(":")[0] for words in found.differs] == [log.NAME, "signature-1.json"]
    assert printed in found.differs[0]


def test_a_case_that_another_key_signed_is_named(case, key, tmp_path) -> None:
    found = forensic.verify(case, public_key=new_key(tmp_path)[1], replay=False)
    assert found.differs == ("log.jsonl: run 1 is not signed by the key that was given",)
    with pytest.raises(UsageError, match="is no public key"):
        forensic.verify(case, public_key=key[0])


def test_a_second_run_may_be_signed_by_another_key(case, original, key, tmp_path) -> None:
    other = new_key(tmp_path)
    evidence = original[0] / "<i>call&.wav"
    [report] = forensic.forensic(evidence, case, technique=HPSS, sign=other[0])
    assert report["case"]["signature"] == "signature-2.json"
    assert forensic.verify(case, replay=False).agrees
    for number, public in ((2, key[1]), (1, other[1])):
        found = forensic.verify(case, public_key=public, replay=False)
        assert found.differs == (
            f"log.jsonl: run {number} is not signed by the key that was given",
        )
    signature = case / "signature-2.json"
    signature.chmod(0o644)
    shutil.copy(case / "signature-1.json", signature)
    assert not forensic.verify(case, replay=False).agrees


def test_evidence_that_is_elsewhere_is_a_note(case, original, tmp_path) -> None:
    evidence = original[0] / "<i>call&.wav"
    moved = tmp_path / "moved.wav"
    shutil.copy(evidence, moved)
    evidence.rename(evidence.with_suffix(".off"))
    try:
        found = forensic.verify(case, replay=False)
        assert found.agrees
        assert "the evidence is not there" in found.notes[0]
        assert forensic.verify(case, recording=moved, replay=False).notes == ()
    finally:
        evidence.with_suffix(".off").rename(evidence)


def test_a_second_run_adds_and_repeats_nothing(case, original, tmp_path, quick) -> None:
    before = {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}
    other = fakes.recording(tmp_path / "other.wav", 2, seed=1)
    evidence = original[0] / "<i>call&.wav"
    found = forensic.forensic([evidence, other], case, technique="none", operator="B. Jones")
    assert [each["case"]["report"] for each in found] == ["report-2.html"] * 2
    for path, data in before.items():
        assert path.read_bytes()[: len(data)] == data
        assert path.name == log.NAME or path.read_bytes() == data
    new = entries(case)[len(log.read(before[case / log.NAME]).entries) :]
    assert [each["event"] for each in new] == [
        "run", "evidence", "done already", "done already", "evidence again",
        "evidence", "step", "step", "evidence again", "report", "certificate", "end",
    ]  # fmt: skip
    page = (case / "report-2.html").read_text()
    assert "voice-hpss" in page  # of the first run
    assert "2. other.wav" in page
    assert forensic.verify(case, replay=False).agrees


def test_what_holds_no_sound_is_named_and_the_others_go_on(tmp_path, quick) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound at all")
    good = fakes.recording(tmp_path / "good.wav", 1)
    with pytest.raises(InputError, match=r"bad\.wav"):
        forensic.forensic([bad, good], tmp_path / "case", technique="none")
    events = [each["event"] for each in entries(tmp_path / "case")]
    assert events == [
        "case", "run", "failed", "evidence", "step", "step", "evidence again", "report",
        "certificate", "end",
    ]  # fmt: skip
    assert "Not examined: " in (tmp_path / "case/report-1.html").read_text()
    assert sorted(p.name for p in (tmp_path / "case").iterdir()) == [
        "01-good", "certificate-1.txt", "log.jsonl", "report-1.html",
    ]  # fmt: skip
    assert forensic.verify(tmp_path / "case", replay=False).agrees


def test_a_cancelled_run_leaves_what_was_finished(tmp_path, quick) -> None:
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return any(each["event"] == "step" for each in entries(tmp_path / "case"))

    song = fakes.recording(tmp_path / "song.wav", 2)
    with pytest.raises(Cancelled):
        forensic.forensic(song, tmp_path / "case", technique="none", should_stop=stop)
    events = [each["event"] for each in entries(tmp_path / "case")]
    assert events == ["case", "run", "evidence", "step", "cancelled"]
    assert sorted(p.name for p in (tmp_path / "case").iterdir()) == ["01-song", "log.jsonl"]
    assert sorted(p.name for p in (tmp_path / "case/01-song").iterdir()) == ["copy", "findings"]
    assert forensic.verify(tmp_path / "case").agrees
    forensic.forensic(song, tmp_path / "case", technique="none")
    after = [each["event"] for each in entries(tmp_path / "case")]
    assert after[5:8] == ["run", "evidence", "done already"]
    assert "Run 1 of this case was cancelled" in (tmp_path / "case/report-2.html").read_text()


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("torn", [b"", b'{"before":"12'])
def test_a_kill_between_log_and_name_is_made_up_for(tmp_path, monkeypatch, torn, quick) -> None:
    song = fakes.recording(tmp_path / "song.wav", 2)
    folder = tmp_path / "case"

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(cases, "_move", killed)
        patch.setattr(cases, "_remove", lambda path: None)
        with pytest.raises(KilledError):
            forensic.forensic(song, folder, technique="none")
    assert not (folder / "01-song/copy").exists()
    log.append(folder / log.NAME, torn)
    found = forensic.verify(folder, replay=False)
    assert [words.split(": ")[1] for words in found.differs][-1] == "is missing"
    forensic.forensic(song, folder, technique="none")
    [entry] = [each for each in entries(folder) if each["event"] == "interrupted"]
    assert (entry["restored"], entry["lost"]) == ([3], [])
    assert entry.get("torn", "") == torn.hex()
    assert (folder / "01-song/copy/song.wav").read_bytes() == song.read_bytes()
    assert forensic.verify(folder, replay=False).agrees


def test_what_was_logged_and_is_lost_is_made_anew(tmp_path, monkeypatch, quick) -> None:
    song = fakes.recording(tmp_path / "song.wav", 1)
    folder = tmp_path / "case"
    with monkeypatch.context() as patch:
        patch.setattr(cases, "_move", lambda *_: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            forensic.forensic(song, folder, technique="none")
    forensic.forensic(song, folder, technique="none")
    [entry] = [each for each in entries(folder) if each["event"] == "interrupted"]
    assert (entry["restored"], entry["lost"]) == ([], [3])
    assert forensic.verify(folder, replay=False).agrees


def test_a_log_that_was_changed_takes_no_more(case, original) -> None:
    data = (case / log.NAME).read_bytes()
    (case / log.NAME).write_bytes(data.replace(b'"seed":0', b'"seed":1', 1))
    with pytest.raises(UsageError, match=r"log\.jsonl: line 2 is not as it was written"):
        forensic.forensic(original[0] / "<i>call&.wav", case)


def test_one_run_at_a_time(case, original) -> None:
    with cases.opened(case), pytest.raises(OutputError, match="another run is at work there"):
        forensic.forensic(original[0] / "<i>call&.wav", case, technique="none")


def test_what_cannot_be_is_said_before_any_work(tmp_path, key, original) -> None:
    song = fakes.recording(tmp_path / "song.wav", 1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/other.txt").write_text("words")
    inside = original[0] / "case" / original[1]["evidence"]["copy"]
    for given, message in (
        ({"technique": "hpss"}, "has no stem of a voice, it has harmonic, percussive"),
        ({"technique": "nothing"}, "no model is called 'nothing'"),
        ({"technique": ["none", "hpss"]}, "goes without others"),
        ({"sign": key[1]}, "is no private key in PEM"),
        ({"mains_hz": 55.0}, "--mains-hz takes 50 or 60; got 55"),
        ({"operator": "two\nlines"}, "--operator takes a name in one line"),
        ({"colour": 1}, "there is no option 'colour'"),
        ({"case": tmp_path / "full"}, "is no case, and holds other.txt"),
        ({"case": song}, "is a file; name a folder with --case"),
        ({"paths": [song, song.with_name("b.wav")], "case": None}, "name its folder with --case"),
        ({"paths": inside, "case": original[0] / "case"}, "lies in the case"),
    ):
        words = {"paths": song, "case": tmp_path / "case", "technique": "none", **given}
        with pytest.raises(UsageError, match=message):
            forensic.forensic(**words)
        assert not (tmp_path / "case").exists()
    with pytest.raises(UsageError, match="is no case"):
        forensic.verify(tmp_path)
    with pytest.raises(InputError, match="is a folder"):
        forensic.forensic(tmp_path, tmp_path / "case")


def test_findings_that_begin_together_are_one_place() -> None:
    found = [
        {"id": n, "kind": "k", "words": "w", "start_s": start, "end_s": end}
        for n, (start, end) in enumerate([(5.0, None), (None, None), (0.5, 9.0), (1.4, 1.5)])
    ]
    described = {"id": 9, "kind": "test-about", "words": "w", "start_s": 0.0, "end_s": 60.0}
    places = listening.places([described, *found])
    assert [(p.start_s, p.end_s, p.listen_s, len(p.found)) for p in places] == [
        (0.5, 9.0, 0.0, 2), (5.0, 5.0, 2.0, 1),
    ]  # fmt: skip
    assert listening.code(3723.0046) == "1:02:03.005"
    assert listening.table(places).splitlines()[1] == (
        "1,0:00:00.000,0:00:00.500,0:00:09.000,0.5,9.0,k,w"
    )


def test_what_describes_a_recording_is_in_the_report_and_no_place_to_listen_at(original) -> None:
    here, report, _ = original
    page = (here / "case" / "report-1.html").read_text()
    short, rest = page.split("<h2>2.")
    assert "About it" not in short
    assert "Steps of level: 1" in short
    assert "It is a recording." in rest
    assert "absent hz" not in page
    assert any(each["kind"] == "test-about" for each in report["findings"])
    sheet = (here / "case" / "01-_i_call&" / "findings" / "listening.txt").read_text()
    assert "About it" not in sheet
    assert "Steps of level" in sheet


def test_a_table_wider_than_the_screen_scrolls_by_itself(original) -> None:
    page = (original[0] / "case" / "report-1.html").read_text()
    tables = re.findall(r'(<div class="scroll">)?<table( class="signed")?', page)
    assert len(tables) >= 5
    assert all(scrolls or signed for scrolls, signed in tables)


@pytest.mark.parametrize(
    ("value", "text"),
    [(18056.2, "18056"), (-27.9, "-27.9"), (202.04, "202"), (0.00002, "0.00002"), (0.0, "0"),
     (1.0 / 3, "0.3333"), (-4000.0, "-4000")],
)  # fmt: skip
def test_figures_are_written_without_powers_of_ten(value: float, text: str) -> None:
    found = {"figure": value, "limit": value, "unit": "Hz"}
    assert figure(found) == f"{text} Hz (limit {text} Hz)"


def test_the_command_line_in_the_report_can_be_typed_again() -> None:
    words = ["unweave", "forensic", "a talk.wav", "--operator", "A. O'Hara"]
    assert shlex.split(command(words)) == words


def test_figures_of_numpy_and_what_is_not_finite_are_json() -> None:
    import numpy as np

    value = {"a": np.float32(0.5), "b": float("nan"), "c": (np.int64(2), "x")}
    assert json.dumps(steps.plain(value)) == '{"a": 0.5, "b": null, "c": [2, "x"]}'


def test_every_file_of_the_end_of_a_run_can_be_made_again() -> None:
    assert set(closing.MADE) == {"report", "certificate"}
