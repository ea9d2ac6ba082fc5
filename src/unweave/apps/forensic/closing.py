"""The end of a run: the report, the certificate, the last entry, and the signature over it.

The report is made of the log before it, and the certificate of the log with the report's entry; so
`verify` makes both again, to the byte.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.forensic import case as cases
from unweave.apps.forensic import certificate, keys, page
from unweave.apps.forensic.case import Case
from unweave.core.files import atomic_write, writable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from unweave.apps.forensic.log import Entry

REPORT, CERTIFICATE = "report", "certificate"
SIGNATURE = "signature-{}.json"
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
    printed = certificate.printed(case.entries[:-1])
    end = case.note("end", exit_code=code, seconds=round(seconds, 3))
    signed = None
    if key is not None:
        signed = SIGNATURE.format(number)
        atomic_write(case.folder / signed, keys.signature(key, end["number"], end["hash"]))
    return {
        "folder": str(case.folder),
        REPORT: names[REPORT],
        CERTIFICATE: names[CERTIFICATE],
        "signature": signed,
        "entry": printed["number"],
        "log_hash": printed["hash"],
    }
