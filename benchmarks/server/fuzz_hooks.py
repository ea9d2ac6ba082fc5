"""What schemathesis has to be told: how a body of bytes is sent."""

from __future__ import annotations

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def sent(context: schemathesis.SerializationContext, value: object) -> bytes:
    """The bytes themselves; of a body of another kind, its text."""
    return value if isinstance(value, bytes) else str(value).encode()
