"""Stem files of unweave and of stemgen, box by box, and as stempeg and mutagen read them.

    benchmarks/stem_files/install.sh
    .venv/bin/python -m benchmarks.stem_files.compare

The sound is noise of 16 bits, in ALAC, so that what a reader gets is right or wrong to the bit.
Printed are the boxes that only one of the files has or that differ, then what the readers say.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from unweave.audio.stem_file import metadata
from unweave.audio.stem_file.boxes import boxes
from unweave.audio.stem_file.check import check, tracks
from unweave.audio.stem_file.writer import rows, stem_encoding, stem_writer

HERE = Path(__file__).parent
PEERS = [str(HERE / ".venv" / "bin" / "python"), str(HERE / "peers.py")]
RATE_HZ, FRAMES = 44100, 100_003
NAMES = ("Drums", "Bass", "Other", "Vox")
CONTAINERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"udta", b"meta"}
CONTAINERS |= {b"ilst"}


def main() -> None:
    sound = np.random.default_rng(0).integers(-3000, 3000, (5, 2, FRAMES)).astype(np.int16)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = folder / "ours.stem.m4a", folder / "theirs.stem.m4a"
        write_ours(ours, sound)
        write_theirs(theirs, sound, folder)
        print_boxes(ours.read_bytes(), theirs.read_bytes())
        for title, path in (("unweave", ours), ("stemgen", theirs)):
            print_reading(title, path, sound, folder)


def write_ours(path: Path, sound: np.ndarray) -> None:
    said = metadata.Metadata(metadata.labels(NAMES))
    wave = (sound / 2.0**15).astype(np.float32)
    with stem_writer(path, stem_encoding("alac", RATE_HZ), RATE_HZ, said) as writer:
        writer.write(rows(wave[0], wave[1:]))


def write_theirs(path: Path, sound: np.ndarray, folder: Path) -> None:
    inputs = []
    for number, wave in enumerate(sound):
        inputs.append(folder / f"{number}.m4a")
        with av.open(str(inputs[-1]), "w", format="mp4") as container:
            stream = container.add_stream("alac", rate=RATE_HZ, layout="stereo")
            stream.codec_context.format = "s16p"
            frame = av.AudioFrame.from_ndarray(wave.T.reshape(1, -1).copy(), "s16", "stereo")
            frame.sample_rate = RATE_HZ
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    described = folder / "metadata.json"
    described.write_bytes(metadata.encoded(metadata.Metadata(metadata.labels(NAMES))))
    command = [*PEERS, "write", str(path), *map(str, inputs), str(described)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"stemgen: {done.stdout}{done.stderr}")


def print_boxes(ours: bytes, theirs: bytes) -> None:
    first, second = dict(walked(ours)), dict(walked(theirs))
    print("| box | unweave | stemgen |\n|---|---|---|")
    for path in dict.fromkeys([*first, *second]):
        one, two = first.get(path), second.get(path)
        if one != two:
            print(f"| {path} | {shown(one)} | {shown(two)} |")
    same = sum(first[path] == second.get(path) for path in first)
    print(f"\n{same} boxes are equal to the byte, sizes of containers aside.\n")


def walked(data: bytes, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Path and content of each box; the content of a container is not its own."""
    count: Counter[str] = Counter()
    for kind, content in boxes(data):
        name = kind.decode("latin-1")
        count[name] += 1
        here = f"{path}/{name}" + (f" {count[name]}" if name == "trak" else "")
        yield here, b"" if kind in CONTAINERS or kind in (b"mdat", b"free") else content
        if kind in CONTAINERS:
            yield from walked(content[4:] if kind == b"meta" else content, here)


def shown(content: bytes | None) -> str:
    if content is None:
        return "none"
    text = content.hex() if len(content) <= 24 else f"{content[:20].hex()}..."
    return f"{len(content)} bytes: {text}"


def print_reading(title: str, path: Path, sound: np.ndarray, folder: Path) -> None:
    waves = folder / "waves.npy"
    done = subprocess.run(
        [*PEERS, "read", str(path), str(waves)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{title}, stempeg and mutagen: {done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    found = np.load(waves).transpose(0, 2, 1)
    names = [stem["name"] for stem in json.loads(said["stem"])["stems"]]
    exact = found.shape == sound.shape and np.array_equal(np.rint(found * 2.0**15), sound)
    print(f"**{title}**: {len(found)} streams of {found.shape[2]} samples by stempeg, ", end="")
    print(f"{'to the bit' if exact else 'not those written'}; mutagen: {said['codec']}, ", end="")
    print(f"{said['length_s']:.6f} s, {said['tags']}, {', '.join(names)}; ", end="")
    print(f"unweave stem check: {check(path) or 'nothing wrong'}; ", end="")
    print(f"enabled: {[int(track.enabled) for track in tracks(path.read_bytes())]}")


if __name__ == "__main__":
    main()
