"""What a use is asked for goes to child processes whole."""

import pickle
from pathlib import Path

from unweave.apps import analyze, karaoke, remix, restore


def test_orders_survive_the_way_to_another_process(tmp_path: Path) -> None:
    song = tmp_path / "song.txt"
    song.write_text("#TITLE:x\n#BPM:120\n: 0 4 0 la\nE\n")
    options = {"seed": 3, "start": 0.5, "format": "flac"}
    orders = (
        karaoke.ordered(karaoke.Settings(guide_db=-6), "repet", options, lyrics=song),
        remix.ordered(remix.in_force(None, {"gain": {"harmonic": -3}}), "hpss", options),
        restore.ordered(
            restore.settings(noise="0-1"), options, by_stem=True, model="hpss", voice="harmonic"
        ),
        analyze.ordered("hpss", options, exports=["csv"]),
    )
    for order in orders:
        assert pickle.loads(pickle.dumps(order)) == order
