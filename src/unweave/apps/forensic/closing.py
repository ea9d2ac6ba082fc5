"""The end of a run: the report, the certificate, the signature, and the last entry.

The report is made of the log before it, and the certificate of the log with the report's entry; so
`verify` makes both again, to the byte. The signature is over the hash of the certificate's entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.forensic import case as cases
from unweave.apps.forensic import certificate, keys, page
from unweave.apps.forensic.case import Case
from unweave.core.files import writable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from unweave.apps.forensic.log import Entry

REPORT, CERTIFICATE, SIGNATURE = "report", "certificate", "signature"
MADE: dict[str, Callable[[Path, Sequence[Entry]], bytes]] = {
    REPORT: page.made,
    CERTIFICATE: certificate.made,
}
"""What makes the file of an event of the case's folder and of the entries before it."""


def close(case: Case, key: Ed25519PrivateKey | None, code: int, seconds: float) -> dict[str, Any]:
    """End the run of a case: what was made. Raises OutputError, UsageError."""
    number = len(cases.runs(case.entries))
    names = {REPORT: f"report-{number}.html", CERTIFICATE: f"certificate-{number}.txt"}
    for event, name in names.items():
        with case.staging(name) as staged, writable(case.folder):
            staged.write_bytes(MADE[event](case.folder, case.entries))
            case.place(event, staged, name)
    printed = certificate.printed(case.entries[:-1])  # before the certificate's own
    signed = None
    if key is not None:
        last, signed = case.entries[-1], f"signature-{number}.json"
        with case.staging(signed) as staged, writable(case.folder):
            staged.write_bytes(keys.signature(key, last["number"], last["hash"]))
            case.place(SIGNATURE, staged, signed)
    case.note("end", exit_code=code, seconds=round(seconds, 3))
    return {
        "folder": str(case.folder),
        REPORT: names[REPORT],
        CERTIFICATE: names[CERTIFICATE],
        "signature": signed,
        "entry": printed["number"],
        "log_hash": printed["hash"],
    }
