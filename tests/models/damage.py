"""Damaged checkpoints by the thousand, read in a process that is watched.

    python -m tests.models.damage FOLDER COUNT SEED

reads COUNT damaged copies of each file in FOLDER (`samples.py` makes them), and prints as JSON what
went wrong: an error that is not one line of WeightsError, ten seconds without an answer, more than
half a gigabyte of memory, an import, a process or another file, arrays that are not what the file
says. Half of the copies are damaged inside of their checksums, which are right again.
"""

import encodings.cp437
import encodings.raw_unicode_escape  # noqa: F401
import gzip
import io
import json
import pickle
import random
import resource
import signal
import struct
import sys
import zipfile
from pathlib import Path

from safetensors import deserialize

from tests.models import bundles, onnx
from unweave.errors import WeightsError
from unweave.models import readers
from unweave.models.mdx_net.shapes import check
from unweave.models.readers.onnx_graph import GRAPH, parsed

READERS = {  # by the ending of a file, or by its name
    ".index": "tensorflow", ".tgz": "tensorflow", ".safetensors": "safetensors", ".onnx": "onnx",
    "graph.onnx": "onnx-graph",
}  # fmt: skip
ROOM_BYTES = 512 << 20
PATIENCE_S = 10
FORBIDDEN = ("os.", "subprocess.", "socket.", "import", "exec", "compile", "ctypes.", "shutil.")
NUMBERS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40,
           2**63 - 1, 2**64 - 1)  # fmt: skip


def reader_of(path):
    return READERS.get(path.name, READERS.get(path.suffix, "torch-zip"))


class TooSlow(BaseException):
    """No answer in time."""


def mutated(data, rng):
    """`data` with one to three things wrong."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data)) if data else 0
        end = min(len(data), at + rng.choice((1, 2, 4, 8, 30, 500)))
        match rng.randrange(9):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                data[at : at + 1] = bytes([(data[at] if data else 0) ^ 1 << rng.randrange(8)])
            case 2:
                del data[at:end]
            case 3:
                del data[at:]
            case 4:
                data[at:at] = data[at:end] * rng.choice((1, 2, 100))
            case 5:
                data[at:at] = rng.randbytes(rng.choice((1, 4, 20)))
            case 6:
                width = rng.choice((1, 2, 4, 8))
                number = rng.choice(NUMBERS) & (1 << 8 * width) - 1
                data[at : at + width] = number.to_bytes(width, rng.choice(("little", "big")))
            case 7:
                other = rng.randrange(len(data)) if data else 0
                data[at:end] = data[other : other + end - at]
            case 8:
                data[at:at] = rng.choice(PIECES)
    return bytes(data)


# Instructions of pickles, and parts of messages, that a byte here or there seldom makes.
PIECES = (
    b"cos\nsystem\nX\x04\x00\x00\x00true\x85R", b"cbuiltins\neval\n", b"\x93", b"}", b"]", b"(",
    b"t", b"\x85", b"\x85" * 3000, b"s", b"u", b"b", b"R", b"Q", b"h\x00", b"q\x00", b"2", b"0",
    b".", b"r\xff\xff\xff\xff", b"\x95" + b"\xff" * 8, b"\x8e" + b"\xff" * 8,
    b"\x8b\xff\xff\xff\x7f", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x12\x0a", b"../",
    b"[[[[", b"\xff\xfe",
)  # fmt: skip


def mended(path, content, rng):
    """Damaged below the checksums of the file, which are right; None where there are none."""
    if path.suffix == ".th" and content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        # The pickle is what says most.
        name = rng.choice([*members, *[n for n in members if n.endswith(".pkl")] * 8])
        members[name] = mutated(members[name], rng)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        return stream.getvalue()
    if path.suffix == ".gz":
        return gzip.compress(mutated(gzip.decompress(content), rng), 1)
    if path.suffix == ".safetensors":
        length = int.from_bytes(content[:8], "little")
        header = mutated(content[8 : 8 + length], rng)
        return struct.pack("<Q", len(header)) + header + content[8 + length :]
    if path.suffix == ".index":
        return bundles.damaged_table(content, rng, mutated)
    if path.suffix == ".tgz":
        return bundles.damaged_archive(content, rng, mutated)
    if path.suffix == ".onnx":
        return onnx.damaged(content, rng, mutated)
    return None


def said(path, content):
    """The shapes of the arrays by what another reader finds in `content`, None where none can."""
    if path.suffix == ".safetensors":
        return {name: tuple(found["shape"]) for name, found in deserialize(content)}
    if path.suffix == ".tgz":
        return bundles.shapes(bundles.members(gzip.decompress(content))["model.index"])
    if path.suffix == ".index":
        return bundles.shapes(content)
    if path.suffix == ".onnx":
        return onnx.shapes(content, used=path.name == "graph.onnx")
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    stream = io.BytesIO(content)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(stream) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            stream = io.BytesIO(archive.read(name))
    elif path.name.startswith("legacy"):
        for _ in range(3):
            Shapes(stream).load()
    value = Shapes(stream).load()
    state = value[3] if isinstance(value, tuple) else value.get("state", value)
    return {name.removeprefix("module."): item.shape for name, item in state.items()}


class Shapes(pickle.Unpickler):
    """Python's own unpickler with tensors and arrays as their shapes."""

    def find_class(self, module, name):
        return {
            "_rebuild_tensor_v2": lambda *a: Shape(a[2]), "_rebuild_parameter": lambda a, *_: a,
            "OrderedDict": Dict, "_reconstruct": lambda *a: Shape(), "encode": lambda *a: a[0],
        }.get(name, Anything)  # fmt: skip

    def persistent_load(self, pid):
        return None


class Shape:
    def __init__(self, shape=None):
        self.shape = shape

    def __setstate__(self, state):
        self.shape = state[1] if isinstance(state, tuple) and len(state) > 1 else None


class Anything(Shape):
    def __init__(self, *arguments):
        super().__init__()


class Dict(dict):
    def __setstate__(self, state):
        pass


def complaint(path, content, whole, inside):
    """Whether the damaged file at `path` is refused, and what is wrong with how, if anything is.

    whole: the arrays of the sound file. inside: whether the damage lies below the checksums.
    """
    name = reader_of(path)
    signal.alarm(PATIENCE_S)
    watch.append(str(path.parent))
    try:
        arrays = readers.reader(name)(path)
        readers.settings(name, path)
        if name == "onnx-graph":  # whether it can run is for the network to say, in one line too
            _run_on_shapes(path, arrays)
    except WeightsError as error:
        text = str(error)
        good = len(text.splitlines()) == 1 and text.startswith(str(path.parent)) and len(text) < 500
        return True, None if good else f"not a line: {text!r}"
    except (Exception, TooSlow) as error:
        return True, f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
        watch.pop()
    return False, _wrong(path, content, arrays, whole, inside)


def _run_on_shapes(path, arrays):
    shapes = {name: array.shape for name, array in arrays.items()}
    try:
        check(parsed(arrays[GRAPH]), shapes, (1, 4, 16, 4))
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from error


def _wrong(path, content, arrays, whole, inside):
    if sum(array.nbytes for array in arrays.values()) > 4 * len(content) + (1 << 22):
        return "its arrays are larger than the file"
    found = {name: (array.shape, array.tobytes()) for name, array in arrays.items()}
    # Checksums of archives and tables cover everything that decides on the arrays.
    if not inside and path.suffix in (".tgz", ".index", ".gz", ".th") and path.name != "legacy.th":
        return None if found == whole else "damage that a checksum covers was not seen"
    try:
        shapes = said(path, content)
    except MemoryError:  # one byte can make Python's own unpickler reserve gigabytes
        return None
    except Exception as error:
        return f"another reader fails where ours does not: {type(error).__name__}: {error}"
    ours = {name: shape for name, (shape, _) in found.items()}
    if path.name == "graph.onnx":  # whose names are others
        ours, shapes = sorted(v for k, v in ours.items() if k != GRAPH), sorted(shapes.values())
    return None if shapes == ours else f"{ours} and not the {shapes} of another reader"


watch = []
events = []


def _audit(event, arguments):
    if watch and event.startswith(FORBIDDEN):
        events.append(f"{event} {arguments!r:.100}")
    if watch and event == "open" and not str(arguments[0]).startswith(watch[0]):
        events.append(f"{event} {arguments!r:.100}")


def _too_slow(*_):
    raise TooSlow(f"no answer in {PATIENCE_S} s")


def main(folder, count, seed):
    samples = sorted(path for path in Path(folder).iterdir() if ".data-" not in path.name)
    sound = {path: path.read_bytes() for path in samples}
    whole = {}
    for path in samples:
        name = reader_of(path)
        arrays = readers.reader(name)(path)
        readers.settings(name, path)
        whole[path] = {k: (array.shape, array.tobytes()) for k, array in arrays.items()}
    signal.signal(signal.SIGALRM, _too_slow)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    sys.addaudithook(_audit)
    wrong, refused = [], {}
    for path in samples:
        refused[path.name] = [0, 0]  # of those damaged from outside, and inside of checksums
        for n in range(count):
            rng = random.Random(f"{seed} {path.name} {n}")
            content = mended(path, sound[path], rng) if n % 2 else None
            inside = content is not None
            content = content if inside else mutated(sound[path], rng)
            path.write_bytes(content)
            no, why = complaint(path, content, whole[path], inside)
            refused[path.name][inside] += no
            if why or events:
                wrong.append(f"{path.name} {seed} {n}: {why or events.pop()}")
        path.write_bytes(sound[path])
    print(json.dumps({"wrong": wrong, "refused": refused}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
