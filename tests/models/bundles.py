"""TensorFlow's checkpoints as the tests write and take them apart, with any fault."""

import gzip
import io
import struct
import tarfile

POLYNOMIAL = 0x82F63B78


def _byte(state):
    """What a byte makes of the state, bit by bit as the polynomial says."""
    for _ in range(8):
        state = state >> 1 ^ (POLYNOMIAL if state & 1 else 0)
    return state


BYTES = [_byte(n) for n in range(256)]


def checksum(data):
    """The masked CRC-32C of `data`."""
    state = 0xFFFFFFFF
    for byte in data:
        state = BYTES[(state ^ byte) & 255] ^ state >> 8
    return mask(state ^ 0xFFFFFFFF)


def mask(state):
    return ((state >> 15 | state << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number):
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def message(*fields):
    """Of (number, value): a whole number, bytes, or a tuple for 32 bits."""
    parts = []
    for number, value in fields:
        match value:
            case int():
                parts.append(varint(number << 3) + varint(value))
            case bytes():
                parts.append(varint(number << 3 | 2) + varint(len(value)) + value)
            case (bits,):
                parts.append(varint(number << 3 | 5) + struct.pack("<I", bits))
    return b"".join(parts)


def entry(kind, shape, offset, data, *more, shard=0, size=None, crc=None):
    """A BundleEntryProto for `data`."""
    dims = message(*[(2, message((1, n))) for n in shape])
    size = len(data) if size is None else size
    crc = checksum(data) if crc is None else crc
    fields = ((1, kind), (2, dims), (3, shard), (4, offset), (5, size), (6, (crc,)), *more)
    return message(*fields)


HEADER = message((1, 1), (3, message((1, 1))))  # a BundleHeaderProto of one file with numbers


def block(items):
    """Keys, each as what differs from the one before it, and values; one restart."""
    parts, last = [], b""
    for key, value in items:
        shared = 0
        while shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        own = key[shared:]
        parts.append(varint(shared) + varint(len(own)) + varint(len(value)) + own + value)
        last = key
    return b"".join(parts) + struct.pack("<II", 0, 1)


def table(blocks, *, packed=0):
    """A table of blocks, a list of (last key, content)."""
    parts, handles, at = [], [], 0
    for last, content in blocks:
        handles.append((last, varint(at) + varint(len(content))))
        parts.append(_closed(content, packed))
        at += len(parts[-1])
    meta, index = block([]), block(handles)
    parts += [_closed(meta, 0), _closed(index, 0)]
    footer = varint(at) + varint(len(meta)) + varint(at + len(meta) + 5) + varint(len(index))
    return b"".join(parts) + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def _closed(content, packed):
    content += bytes([packed])
    return content + struct.pack("<I", checksum(content))


def index(entries):
    """The index of a checkpoint, of messages by name, in two blocks."""
    items = sorted({b"": HEADER, **{k.encode(): v for k, v in entries.items()}}.items())
    half = len(items) // 2
    halves = [items[:half], items[half:]]
    return table([(part[-1][0], block(part)) for part in halves if part])


def archive(files):
    """A packed archive of files by name."""
    return gzip.compress(tar(files), 1)


def tar(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def members(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {info.name.removeprefix("./"): tar.extractfile(info).read() for info in tar}


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value & (1 << 64) - 1, at


def read_fields(data):
    at, found = 0, []
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        else:
            length, at = read_varint(data, at) if tag & 7 == 2 else ({5: 4, 1: 8}[tag & 7], at)
            value, at = data[at : at + length], at + length
        found.append((tag >> 3, value))
    return found


def blocks(content):
    """The blocks of a table with values, as contents."""
    _, at = read_varint(content, len(content) - 48)
    _, at = read_varint(content, at)
    offset, at = read_varint(content, at)
    size, at = read_varint(content, at)
    found = []
    for _, handle in entries(content[offset : offset + size]):
        start, at = read_varint(handle, 0)
        length, _ = read_varint(handle, at)
        found.append(content[start : start + length])
    return found


def entries(content):
    end = len(content) - 4 - 4 * struct.unpack_from("<I", content, len(content) - 4)[0]
    at, key, found = 0, b"", []
    while at < end:
        shared, at = read_varint(content, at)
        own, at = read_varint(content, at)
        length, at = read_varint(content, at)
        key = key[:shared] + content[at : at + own]
        found.append((key, content[at + own : at + own + length]))
        at += own + length
    return found


def shapes(content):
    """The shapes that an index says, by name."""
    found = {}
    for part in blocks(content):
        for key, value in entries(part):
            if key:
                dims = dict(read_fields(value)).get(2, b"")
                sizes = [dict(read_fields(dim)).get(1, 0) for n, dim in read_fields(dims) if n == 2]
                found[key.decode()] = tuple(sizes)
    return found


def damaged_table(content, rng, mutated):
    """An index with a value or a block damaged, and every checksum right."""
    parts = blocks(content)
    if rng.random() < 0.6:
        items = [item for part in parts for item in entries(part)]
        n = rng.randrange(len(items))
        which = rng.random() < 0.2
        items[n] = (mutated(items[n][0], rng), items[n][1]) if which else (
            items[n][0], mutated(items[n][1], rng))  # fmt: skip
        return table([(items[-1][0], block(items))])
    n = rng.randrange(len(parts))
    parts[n] = mutated(parts[n], rng)
    return table([(bytes([n]), part) for n, part in enumerate(parts)])


def damaged_archive(content, rng, mutated):
    """An archive with something in it damaged, and every checksum right."""
    files = members(gzip.decompress(content))
    match rng.randrange(3):
        case 0:
            return gzip.compress(mended_tar(bytearray(mutated(gzip.decompress(content), rng))), 1)
        case 1:
            files["model.index"] = damaged_table(files["model.index"], rng, mutated)
        case 2:
            name = "model.data-00000-of-00001"
            files[name] = mutated(files[name], rng)
            found = {
                k.decode(): v for part in blocks(files["model.index"]) for k, v in entries(part)
            }
            found.pop("")
            for key, value in found.items():
                fields = dict(read_fields(value))
                start = fields.get(4, 0)
                data = files[name][start : start + fields.get(5, 0)]
                crc = (checksum(data),)
                found[key] = message(*[(n, v) for n, v in fields.items() if n != 6], (6, crc))
            files["model.index"] = index(found)
    return archive(files)


def mended_tar(data):
    """With the checksum of every header right that still looks like one."""
    for at in range(0, len(data) - 511, 512):
        if data[at + 257 : at + 262] == b"ustar":
            total = sum(data[at : at + 512]) - sum(data[at + 148 : at + 156]) + 256
            data[at + 148 : at + 156] = b"%06o\0 " % total
    return bytes(data)
