"""Records what museval 0.4.1 makes of a track, and what its tools read in our file of it.

    benchmarks/bss_eval/.venv/bin/python -m tests.evaluation.record_museval

Writes tests/data/museval/theirs.json (museval's own scores of the ratio-mask oracle on a synthetic
track whose vocals pause for a second) and read.json (the aggregates that museval's EvalStore finds
in the file that unweave writes). The tests hold unweave against both.
"""

from __future__ import annotations

import json
import tempfile
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import museval
import simplejson

from tests.evaluation.museval_case import OUT, estimates_and_track, our_scores
from unweave.evaluation import scores


def main() -> None:
    estimates, track = estimates_and_track()
    fake = SimpleNamespace(
        name=track.name,
        rate=track.sample_rate_hz,
        subset="test",
        targets=OrderedDict(
            (name, SimpleNamespace(audio=track.stem(name).T.astype("float64")))
            for name in track.stem_names
        ),
    )
    theirs = museval.eval_mus_track(fake, {n: w.T.astype("float64") for n, w in estimates.items()})
    theirs.validate()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "theirs.json").write_text(theirs.json + "\n")

    with tempfile.TemporaryDirectory() as folder:
        path = scores.path_of(Path(folder), "synthetic", "irm1", "test", track.name)
        scores.write(our_scores(), path)
        document = simplejson.loads(path.read_text(), allow_nan=True)
        jsonschema.validate(document, museval.TrackStore("any").schema)
        found = {}
        for how in ("median", "mean"):
            store = museval.EvalStore(frames_agg="median", tracks_agg=how)
            store.add_eval_dir(path.parents[1])
            series = store.agg_frames_tracks_scores()
            found[how] = {f"{target} {metric}": v for (target, metric), v in series.items()}
        methods = museval.MethodStore()
        methods.add_eval_dir(path.parents[1])
        found["method"] = sorted(set(methods.df["method"]))
    (OUT / "read.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
