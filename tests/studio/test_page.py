"""What a person does with the page: drop, watch, listen, mix, loop, export, cancel, reload."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.studio.conftest import TAIL, heard, is_part
from tests.studio.pictures import LYRICS
from tests.studio.stub import RATE, Job, Stub, synthetic

Open = Callable[..., Any]
NAME = "夜の歌 – <b>Überraschung</b> & so.wav"
DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) {
    data.items.add(new File([Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))], name));
  }
  for (const type of ['dragover', 'drop']) {
    window.dispatchEvent(new DragEvent(type, { dataTransfer: data, cancelable: true }));
  }
}"""


def drop(page: Any, *names: str, size: int = 1000) -> None:
    content = base64.b64encode(b"x" * size).decode()
    page.evaluate(DROP, [[name, content] for name in names])


def playing(page: Any, stub: Stub, job: Job) -> Any:
    page.goto(f"{stub.address}/#/job/{job.id}")
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    return page


def shown_s(page: Any) -> float:
    """The place in the song that the page shows."""
    minutes, seconds = page.locator(".place span").first.inner_text().split(":")
    return 60 * int(minutes) + float(seconds)


def until(true: Callable[[], bool], limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def mixed(job: Job, gains: dict[str, float]) -> np.ndarray:
    """The sum in double precision, rounded once."""
    total = sum(gains.get(name, 1.0) * wave.astype(np.float64) for name, wave in job.stems.items())
    return np.asarray(total).astype(np.float32)


def done(stub: Stub, page: Any, name: str = "song.wav", seconds: float = 2.0) -> Job:
    job = stub.add(name, stems=synthetic(seconds))
    page.wait_for_selector(f"[data-job={job.id}].done")
    return job


def test_a_dropped_song_is_separated_heard_and_kept(stub: Stub, open_page: Open) -> None:
    stub.speed = 0
    page = open_page()
    page.wait_for_selector(".model-button strong")
    drop(page, NAME, size=9_000_000)
    page.wait_for_url("**/#/job/*")
    assert page.locator("h1").inner_text() == NAME  # as text, never as HTML
    assert page.locator("h1 b").count() == 0
    assert next(iter(stub.uploads.values()))["data"] == b"x" * 9_000_000
    job = next(iter(stub.jobs.values()))
    assert job.options == {"model": "spleeter-4stems", "format": "wav"}
    stub.change(job, state="running", available=3 * RATE)
    page.get_by_role("button", name="Play", exact=True).click()
    until(lambda: shown_s(page) > 2)
    page.get_by_text("Waiting for the next seconds").wait_for()
    stub.change(job, state="done", available=job.frames)
    until(lambda: shown_s(page) > 4)
    assert page.locator(".player-status").inner_text() == ""
    page.reload()
    page.wait_for_selector(f"[data-job={job.id}].done")


def test_what_is_heard_is_the_stems_to_the_sample(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page, seconds=30.0)
    playing(page, stub, job)
    until(lambda: is_part(heard(page), mixed(job, {})))


def test_mute_and_gain_are_exact(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page, seconds=30.0)
    playing(page, stub, job)
    page.get_by_role("button", name="Mute drums").click()
    page.get_by_role("slider", name="Gain of bass").fill("-6")
    expected = mixed(job, {"drums": 0.0, "bass": 10 ** (-6 / 20)})
    until(lambda: is_part(heard(page), expected))
    page.get_by_role("button", name="Solo vocals").click()
    alone = mixed(job, {name: float(name == "vocals") for name in job.stems})
    until(lambda: is_part(heard(page), alone))


def test_the_original_takes_the_place_of_the_stems(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page, seconds=30.0)
    playing(page, stub, job)
    page.keyboard.press("m")  # of the first row: the original has it nevertheless
    page.keyboard.press("c")
    whole = np.asarray(sum(job.stems.values()), dtype=np.float32)
    until(lambda: is_part(heard(page), whole))


def test_a_loop_repeats_exactly_its_frames(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page, seconds=30.0)
    page.goto(f"{stub.address}/#/job/{job.id}")
    box = page.locator(".timeline").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 25)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.26, box["y"] + 25, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Loop", pressed=True).wait_for()
    loop = page.evaluate(
        "JSON.parse(localStorage.getItem(Object.keys(localStorage)"
        ".find((key) => key.startsWith('player ')))).marks"
    )
    start, end = loop
    assert 0.2 * RATE < end - start < 0.45 * RATE
    page.mouse.click(box["x"] + box["width"] * 0.255, box["y"] + 25)
    page.get_by_role("button", name="Play", exact=True).click()
    once = mixed(job, {})[start:end]
    until(lambda: is_part(heard(page), np.concatenate([once] * 4)))


def test_keys_work_the_mixer(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page)
    page.goto(f"{stub.address}/#/job/{job.id}")
    page.wait_for_selector(".tick")  # the mixer, which listens to keys
    for key in ("ArrowDown", "m", "2", "Shift+3", ".", "<", "+", "k"):
        page.keyboard.press(key)
    saved = page.evaluate(
        "JSON.parse(localStorage.getItem(Object.keys(localStorage)"
        ".find((key) => key.startsWith('player '))))"
    )
    assert saved["rows"]["drums"] == {"gain": 1, "pan": -0.05, "mute": False, "solo": False}
    assert saved["rows"]["bass"]["solo"] is True
    assert saved["semitones"] == 1
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press(" ")
    page.get_by_role("button", name="Pause", exact=True).wait_for()


def test_another_key_and_tempo_change_what_is_heard(stub: Stub, open_page: Open) -> None:
    page = open_page()
    seconds = 60
    time_s = np.arange(seconds * RATE)[:, None] / RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32).repeat(2, axis=1)
    job = stub.add("tone.wav", stems={"vocals": tone, "rest": 0 * tone})
    page.wait_for_selector(f"[data-job={job.id}].done")
    page.goto(f"{stub.address}/#/job/{job.id}")
    page.wait_for_selector(".tick")  # the mixer, which listens to keys
    for _ in range(12):
        page.keyboard.press("k")
    page.get_by_role("spinbutton", name="Tempo").press("Home")  # 50 %
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()

    def pitch_hz() -> float:
        spectrum = np.abs(np.fft.rfft(heard(page)[:, 0] * np.hanning(TAIL)))
        return float(np.argmax(spectrum)) * RATE / TAIL

    def clocks() -> tuple[float, float]:
        return shown_s(page), page.evaluate("heard[0].context.currentTime")

    until(lambda: abs(pitch_hz() - 880) < 2 * RATE / TAIL)
    song_s, clock_s = clocks()
    page.wait_for_timeout(2000)
    later_song_s, later_clock_s = clocks()
    assert abs((later_song_s - song_s) / (later_clock_s - clock_s) - 0.5) < 0.1


def test_what_is_heard_is_exported(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page)
    page.goto(f"{stub.address}/#/job/{job.id}")
    page.get_by_role("slider", name="Gain of vocals").fill("3.5")
    page.get_by_role("slider", name="Pan of bass").fill("-0.5")
    page.get_by_role("button", name="Mute other").click()
    page.get_by_role("button", name="Export").click()
    page.get_by_role("combobox", name="Format").select_option("flac")
    page.get_by_role("button", name="Make the remix").click()
    page.wait_for_url("**/#/job/*")
    wanted = next(body for method, path, body in stub.requests if method == "POST" and body)
    assert wanted == {
        "kind": "remix",
        "source": {"job": job.id},
        "options": {
            "gain": {"vocals": 3.5},
            "pan": {"bass": -0.5},
            "solo": ["vocals", "drums", "bass"],
            "format": "flac",
        },
    }


def test_a_job_is_cancelled_done_again_and_deleted(stub: Stub, open_page: Open) -> None:
    stub.speed = 0
    page = open_page()
    job = stub.add("song.wav")
    page.get_by_role("button", name="Cancel song.wav").click()
    page.get_by_role("button", name="Do song.wav again").click()
    stub.speed = 1000
    page.wait_for_selector(f"[data-job={job.id}].done")
    page.locator(f"[data-job={job.id}]").hover()
    page.get_by_role("button", name="Delete song.wav").click()
    page.wait_for_selector(f"[data-job={job.id}]", state="detached")
    assert stub.jobs == {}


def test_a_broken_upload_goes_on_where_it_was(stub: Stub, open_page: Open) -> None:
    stub.cut_uploads = 1
    page = open_page()
    page.wait_for_selector(".model-button strong")
    drop(page, "long.wav", size=10_000_000)
    page.wait_for_url("**/#/job/*")
    assert len(stub.uploads) == 1
    assert next(iter(stub.uploads.values()))["data"] == b"x" * 10_000_000


def test_after_a_gap_the_page_shows_what_is(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page, "stays.wav")
    gone = done(stub, page, "goes.wav")
    stub.offline = True
    page.get_by_text("The service does not answer").first.wait_for()
    with stub.changed:
        del stub.jobs[gone.id]
    stub.change(job, state="failed", error="the disk was full")
    stub.offline = False
    page.get_by_text("the disk was full").wait_for(timeout=20_000)
    page.wait_for_selector(f"[data-job={gone.id}]", state="detached")
    assert page.get_by_text("The service does not answer").count() == 0


def test_a_model_is_chosen_and_fetched(stub: Stub, open_page: Open) -> None:
    page = open_page()
    page.locator(".model-button").click()
    dialog = page.get_by_role("dialog", name="Choose a model")
    dialog.get_by_placeholder("Name, stem or licence").fill("open-unmix")
    dialog.get_by_role("button", name="Fetch the weights of umxl").click()
    dialog.get_by_text("Here", exact=True).wait_for()
    dialog.get_by_role("radio").check()
    dialog.get_by_text("Options").click()
    dialog.get_by_label("mask exponent").fill("4")
    dialog.get_by_label("mask exponent").blur()
    dialog.get_by_role("button", name="Use for new songs").click()
    drop(page, "song.wav")
    page.wait_for_url("**/#/job/*")
    job = list(stub.jobs.values())[-1]
    assert job.options == {"model": "umxl", "format": "wav", "mask_exponent": 4}


def test_a_name_made_of_names_is_a_model(stub: Stub, open_page: Open) -> None:
    page = open_page()
    page.locator(".model-button").click()
    dialog = page.get_by_role("dialog", name="Choose a model")
    search = dialog.get_by_placeholder("Name, stem or licence")
    search.fill("spleeter-4stems+none")
    dialog.get_by_text("there is no such model").wait_for()
    search.fill("spleeter-4stems+umxl")
    dialog.get_by_role("radio", checked=True).wait_for()
    dialog.get_by_role("button", name="Fetch and use").click()
    page.wait_for_selector(".row.done", state="attached")  # its weights
    page.reload()
    page.locator(".model-button", has_text="spleeter-4stems+umxl").wait_for()
    drop(page, "song.wav")
    page.wait_for_url("**/#/job/*")
    wanted = [job.options["model"] for job in stub.jobs.values()]
    assert wanted == ["spleeter-4stems+umxl"] * 2


def test_a_job_that_waits_for_room_says_so(stub: Stub, open_page: Open) -> None:
    stub.speed = 0
    page = open_page()
    job = stub.add("song.wav", waits_for="disk")
    page.locator(f"[data-job={job.id}]").get_by_text("Waits: the disk is full").wait_for()
    page.goto(f"{stub.address}/#/job/{job.id}")
    page.get_by_text("Delete finished jobs, or make room there").wait_for()
    stub.change(job, waits_for=None)
    page.get_by_text("This job waits for its turn").wait_for()


def test_what_can_be_downloaded(stub: Stub, open_page: Open) -> None:
    page = open_page()
    stereo = done(stub, page)
    five = stub.add("five.wav", stems=synthetic(1.0, channels=5))
    for job, count in ((stereo, 1), (five, 0)):
        page.goto(f"{stub.address}/#/job/{job.id}")
        page.get_by_text("Download", exact=True).click()
        page.get_by_role("link", name="The report").wait_for()
        links = page.get_by_role("link", name="All stems in one stem file (.stem.mp4)")
        assert links.count() == count
        assert page.get_by_role("link", name="vocals MP3").count() == 1
    page.goto(f"{stub.address}/#/job/{stereo.id}")
    page.get_by_text("Download", exact=True).click()
    link = page.get_by_role("link", name="All stems in one stem file (.stem.mp4)")
    assert link.get_attribute("href") == f"/api/v1/jobs/{stereo.id}/song.stem.mp4"


def test_what_a_busy_service_refuses_is_asked_for_again(stub: Stub, open_page: Open) -> None:
    page = open_page()
    job = done(stub, page)
    page.evaluate("localStorage.setItem('show', 'both')")
    page.reload()
    stub.busy = 12
    page.goto(f"{stub.address}/#/job/{job.id}")
    loaded = "[...document.querySelectorAll('.spectrum img')].filter((one) => one.naturalWidth)"
    until(lambda: page.evaluate(f"{loaded}.length") == 2 * (len(job.stems) + 1))  # two a row
    until(lambda: set(stub.drawn) == {*job.stems, "mix"})
    assert stub.busy == 0


def test_diagnosis_is_words_that_can_be_copied(stub: Stub, open_page: Open) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{stub.address}/#/about")
    page.get_by_role("row", name="Longest recording (h:min:s) 10:00:00").wait_for()
    assert "_" not in page.locator(".facts").first.inner_text()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    assert "  Processor cores: 2\n" in text


def test_language_and_colours_are_chosen(stub: Stub, open_page: Open) -> None:
    page = open_page(locale="de-AT")
    page.get_by_text("Ein Lied in seine Spuren zerlegen").wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"
    page.get_by_label("Sprache").select_option("en")
    page.get_by_text("Take a song apart").wait_for()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.reload()
    page.get_by_text("Take a song apart").wait_for()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


AXE = Path(__file__).parents[2] / "studio" / "node_modules" / "axe-core" / "axe.min.js"


def test_nothing_serious_keeps_people_out(stub: Stub, open_page: Open) -> None:
    stub.add("failed.wav", state="failed", error="failed.wav holds no sound")
    for scheme, width in (("light", 1280), ("dark", 360)):
        page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
        job = stub.add("song.wav")
        page.wait_for_selector(f"[data-job={job.id}].done", state="attached")
        for path in ("", f"job/{job.id}", f"lyrics/{job.id}", "about"):
            page.goto(f"{stub.address}/#/{path}")
            page.wait_for_timeout(300)
            assert findings(page) == [], (path, scheme)
        page.goto(f"{stub.address}/#/job/{job.id}")
        page.wait_for_selector(".tick")  # the mixer, which listens to keys
        page.keyboard.press("?")
        assert findings(page) == [], ("keys", scheme)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Export").click()
        page.get_by_role("dialog", name="Export what is heard").wait_for()
        assert findings(page) == [], ("export", scheme)
        page.keyboard.press("Escape")
        page.get_by_text("Download", exact=True).click()
        page.get_by_role("link", name="The report").wait_for()
        assert findings(page) == [], ("downloads", scheme)
        page.keyboard.press("Escape")
        if width < 1000:
            page.get_by_role("button", name="Tools").click()
        page.locator(".count-in summary").click()
        page.get_by_role("spinbutton", name="Beats", exact=True).wait_for()
        assert findings(page) == [], ("count-in", scheme)
        page.evaluate("([key, song]) => localStorage.setItem(key, song)",
                      [f"lyrics {job.id}", json.dumps(LYRICS)])  # fmt: skip
        page.goto(f"{stub.address}/#/lyrics/{job.id}")
        page.locator(".syllable").first.wait_for()
        page.get_by_text("Save", exact=True).click()
        page.get_by_role("button", name="UltraStar").wait_for()
        assert findings(page) == [], ("lyrics", scheme)
        page.keyboard.press("Escape")
        page.goto(f"{stub.address}/#/")
        page.locator(".model-button").click()
        page.wait_for_selector(".model")
        assert findings(page) == [], ("models", scheme)
        page.context.close()


def findings(page: Any) -> list[tuple[str, str]]:
    """What axe-core calls serious or critical."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_nothing_is_wider_than_a_small_screen(stub: Stub, open_page: Open) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    job = stub.add("a very long name of a song " * 5)
    page.wait_for_selector(f"[data-job={job.id}].done")
    for path in ("", f"job/{job.id}", f"lyrics/{job.id}", "about"):
        page.goto(f"{stub.address}/#/{path}")
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
