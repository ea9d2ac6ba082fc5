"""The stems of a catalogue beside those of `unweave separate`, for real recordings of every format.

    python -m benchmarks.cluster.formats --data data

Short excerpts go into an object store on 127.0.0.1 with ten files that are broken. A catalogue of
them is separated by two workers, from the store into the store; `unweave separate` does the same
files in a folder. The same is done with fewer recordings by a network, and on a cluster of two
machines, which are processes here. Every stem must have the same SHA-256, as the store has it, and
every broken file must be named as it is on the command line.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cluster import recordings
from benchmarks.cluster.stores import store

UNWEAVE = [sys.executable, "-m", "unweave"]
OWN_NAMES = "{name}.{input_ext}/{stem}.{ext}"


@dataclass(frozen=True)
class Found:
    """equal: stems with the same bytes. named: broken files whose failure names them. faults: what
    is not as it should be."""

    rows: int
    done: int
    stems: int
    equal: int
    named: int
    faults: tuple[str, ...]


def compared(music: Path, own: Path, bucket: str, model: str, ray: str = "local") -> Found:
    """A folder of recordings by a catalogue in a bucket, and by the command line into `own`."""
    import fsspec

    from unweave.cluster.catalogue import Catalogue
    from unweave.cluster.export import export

    fs = fsspec.filesystem("s3", use_listings_cache=False)
    fs.mkdir(bucket)
    files = sorted(path for path in music.rglob("*") if path.is_file())
    for file in files:
        fs.put_file(str(file), f"{bucket}/music/{file.relative_to(music).as_posix()}")
    at = f"s3://{bucket}/cat"
    _said("catalogue", "scan", at, f"s3://{bucket}/music")
    words = ["-o", f"s3://{bucket}/stems", "-m", model, "--ray", ray, "--actors", "2"]
    _said("catalogue", "run", at, *words, "--cpus-per-actor", "1", "--json")
    names = ["--filename-template", OWN_NAMES, "--jobs", "2", "--json"]
    plain = json.loads(_said("separate", str(music), "-o", str(own), "-m", model, *names))
    errors = {item["input"]: item["error"]["message"] for item in plain["files"] if item["error"]}
    table = own.parent / f"{own.name}.jsonl"
    export(Catalogue(at), table)
    rows = [json.loads(line) for line in table.read_text("utf-8").splitlines()]
    faults, equal, stems, named = list[str](), 0, 0, 0
    for row in rows:
        name = row["address"].removeprefix(f"s3://{bucket}/music/")
        if row["state"] != "done":
            why = errors.get(str(music / name), "").replace(str(music / name), row["address"])
            named += row["address"] in row["reason"]
            if row["reason"] != why:
                faults.append(f"{row['reason']} (the command line: {why or 'it is done'})")
            continue
        here = own / name
        theirs = {path.name: path for path in here.iterdir() if path.name != "report.json"}
        made = row["outputs"].split(f"{row['folder']}/")[1:]
        stems += len(theirs)
        for stem in (each.strip() for each in made):
            data = fs.cat_file(f"{row['folder'].removeprefix('s3://')}/{stem}")
            same = hashlib.sha256(data).digest() == _hash(theirs.pop(stem))
            equal += same
            faults += [] if same else [f"{name}: {stem} has other bytes"]
        faults += [f"{name}: {stem} is not there" for stem in theirs]
    if len(rows) != len(files):
        faults.append(f"{len(rows)} rows of {len(files)} files")
    done = sum(row["state"] == "done" for row in rows)
    return Found(len(rows), done, stems, equal, named, tuple(faults))


def _hash(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _said(*words: str) -> str:
    """What a command prints; files that fail are no error here."""
    found = subprocess.run([*UNWEAVE, *words], capture_output=True, text=True, check=False)
    if found.returncode not in (0, 1):
        raise SystemExit(found.stderr)
    return found.stdout


@contextmanager
def machines(count: int) -> Iterator[Any]:
    """A cluster of Ray on 127.0.0.1 with so many machines, each a process with two processors.

    Gives Ray's `Cluster`, which has its `address`.
    """
    import os

    from unweave.cluster.session import LOOPBACK

    os.environ |= {**LOOPBACK, "RAY_USAGE_STATS_ENABLED": "0"}
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        for _ in range(count - 1):
            cluster.add_node(num_cpus=2, object_store_memory=80 * 2**20)
        yield cluster
    finally:
        cluster.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--fewer", type=int, default=33, help="by a network; on two machines")
    parser.add_argument("--network", default="spleeter-2stems")
    how = parser.parse_args()
    faults = list[str]()
    with tempfile.TemporaryDirectory() as name, store():
        folder = Path(name)
        made = recordings.excerpts(how.data, folder / "all", how.recordings)
        sound = next(path for path in made if path.suffix == ".flac")
        recordings.broken(folder / "all" / "broken", sound)
        for path in (*made[: how.fewer], *(folder / "all" / "broken").iterdir()):
            target = folder / "fewer" / path.relative_to(folder / "all")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
        print("| | files | done | stems | the same bytes | failures, each named |")
        print("|---|---|---|---|---|---|")
        for what, model, on in (
            ("all", "hpss", 1), ("fewer", how.network, 1), ("fewer", "hpss", 2)
        ):  # fmt: skip
            with machines(on) if on > 1 else nullcontext() as cluster:
                bucket = f"{what}-{model}-{on}"
                ray = cluster.address if cluster else "local"
                found = compared(folder / what, folder / f"own-{bucket}", bucket, model, ray)
            where = "one machine" if on == 1 else f"{on} machines"
            print(
                f"| {model}, {where} | {found.rows} | {found.done} | {found.stems} "
                f"| {found.equal} | {found.named} |",
                flush=True,
            )
            faults += found.faults
    print("\n| format | recordings |\n|---|---|")
    counts = Counter(recordings.form_of(n) for n in range(how.recordings))
    for form, count in counts.items():
        print(f"| {form.ending}, {form.codec} | {count} |")
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
