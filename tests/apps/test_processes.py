"""What a use is asked for goes to child processes whole."""

import pickle
from functools import partial
from pathlib import Path

from unweave.apps import analyze, karaoke, remix, restore
from unweave.engine.executor import shared


def test_uses_and_orders_survive_the_way_to_another_process(tmp_path: Path) -> None:
    song = tmp_path / "song.txt"
    song.write_text("#TITLE:x\n#BPM:120\n: 0 4 0 la\nE\n")
    options = {"seed": 3, "start": 0.5, "format": "flac"}
    voice = karaoke.Settings(guide_db=-6)
    noise = restore.settings(noise="0-1")
    mix = remix.in_force(None, {"gain": {"harmonic": -3}})
    orders = {
        karaoke: karaoke.ordered(voice, "repet", options, lyrics=song),
        remix: remix.ordered(mix, "hpss", options),
        restore: restore.ordered(noise, options, by_stem=True, model="hpss", voice="harmonic"),
        analyze: analyze.ordered("hpss", options, exports=["csv"]),
    }
    for app, order in orders.items():
        there = pickle.loads(pickle.dumps(partial(app.USE.work, order)))(shared())
        assert (there.func.__self__, there.keywords["order"]) == (app.USE, order)
