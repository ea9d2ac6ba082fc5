"""What torch.save wrote before version 1.6: five pickles, then the numbers of all storages.

torch/serialization.py, `_legacy_save`: a magic number, the version of the format, facts about the
machine, the object, the keys of its storages in order; then for each of these the count of its
numbers (8 bytes) and the numbers.
"""

from __future__ import annotations

import io

from unweave.errors import quoted
from unweave.models.readers._shared.checkpoints import Numbers, bytes_each
from unweave.models.readers._shared.errors import Refused
from unweave.models.readers._shared.pickles import Storage, unpickle

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001


def rest(stream: io.BytesIO) -> tuple[object, Numbers]:
    """The object, and where its storages are. stream: behind the magic number."""
    version, machine = unpickle(stream), unpickle(stream)
    if version != VERSION:
        raise Refused("it has an unknown version of torch's format")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Refused("its numbers are not little-endian")
    seen: list[Storage] = []
    value = unpickle(stream, seen)
    kinds = {storage.key: storage for storage in seen}
    keys = unpickle(stream)
    if not isinstance(keys, list):
        raise Refused("it has no list of its storages")
    content, at = stream.getbuffer(), stream.tell()
    data: dict[str, memoryview] = {}
    for key in keys:
        if not isinstance(key, str) or key not in kinds or key in data:
            raise Refused(f"it lists a storage {quoted(key)} that it does not use once")
        count = int.from_bytes(content[at : at + 8], "little")
        if count != kinds[key].count:
            raise Refused(f"its storage {quoted(key)} has not {kinds[key].count} numbers")
        end = at + 8 + count * bytes_each(kinds[key])
        data[key] = content[at + 8 : end]
        at = end
    if at != len(content):
        raise Refused(f"it is {len(content)} bytes long, and its storages end after {at}")

    def numbers(storage: Storage) -> memoryview:
        if storage.key not in data:
            raise Refused(f"its storage {quoted(storage.key)} is not in the file")
        return data[storage.key]

    return value, numbers
