"""The certificate: one page of text with the hashes of the evidence and of the log."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from unweave.apps.forensic import case as cases
from unweave.apps.forensic import keys
from unweave.apps.forensic.log import Entry
from unweave.core.files import shown

WIDTH = 78


def printed(entries: Sequence[Entry]) -> Entry:
    """The entry whose hash a certificate shows: the last before it."""
    return entries[-1]


def made(folder: Path, entries: Sequence[Entry]) -> bytes:
    """The certificate of a case, of all that the log says by now."""
    run = cases.runs(entries)[-1][0]
    machine = run["machine"]
    last = printed(entries)
    lines = ["CERTIFICATE OF AN EXAMINATION OF RECORDINGS", ""]
    lines += _facts(
        {
            "Operator": run["operator"],
            "Time (UTC)": last["time"],
            "Machine": f"{machine['host']}, {machine['processor']}, {machine['system']}",
            "Program": f"unweave {machine['unweave']}, commit {machine['commit'] or 'not known'}",
            "": f"SHA-256 of its files {machine['code_sha256']}",
        }
    )
    lines += ["", "EVIDENCE"]
    for entry in evidence(entries):
        lines += ["", *_wrapped(f"{entry['number_of']}. {shown(entry['path'])}")]
        lines += _wrapped(f"{entry['looked']['before']['bytes']} bytes", "   ")
        lines += _wrapped(f"SHA-256 {entry['sha256']}", "   ")
        lines += _wrapped(again(entry, entries), "   ")
    lines += ["", "THE LOG", ""]
    lines += _wrapped(
        f"The log of the case has {last['number']} entries up to here. Each holds the hash of the "
        f"one before, and they hold the SHA-256 of every file of the case, the report among them. "
        f"The hash of entry {last['number']} is"
    )
    lines += ["", f"  {last['hash']}", ""]
    lines += _wrapped(
        "Whoever changes anything in the case has to change this hash. To check the case, and to "
        "repeat all that was computed:"
    )
    lines += ["", "  unweave verify CASE --log-hash HASH", ""]
    if run["public_key"]:
        lines += _wrapped(
            "The log is signed with Ed25519, in the file of the case that begins with 'signature'. "
            f"The public key is {run['public_key']}, its fingerprint {_fingerprint(run)}."
        )
    else:
        lines += _wrapped(
            "The log is not signed. A log that was written anew from its beginning is found by "
            "comparing the hash above, on paper, with the one in the case."
        )
    lines += ["", "WHAT THIS DOES NOT SAY", ""]
    lines += _wrapped(
        "The hashes show that files are the same as when they were examined. They do not show "
        "where a recording comes from, when it was made, or that it was not edited before."
    )
    lines += ["", "", "Signed: ______________________________    Date: ____________________", ""]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def evidence(entries: Sequence[Entry]) -> list[Entry]:
    """The entry of each piece of evidence, the first that names it."""
    found: dict[int, Entry] = {}
    for entry in entries:
        if entry["event"] == "evidence" and not cases.is_lost(entry, entries):
            found.setdefault(entry["number_of"], entry)
    return list(found.values())


def again(entry: Entry, entries: Sequence[Entry]) -> str:
    """What the last look at a piece of evidence saw, in words."""
    looks = [
        each
        for each in entries
        if each["event"] == "evidence again" and each["copy"] == entry["copy"]
    ]
    if not looks:
        return "It was not looked at again: the examination was not finished."
    same = looks[-1]["same"]
    if not same["content"]:
        return f"After the examination its content was another: SHA-256 {looks[-1]['sha256']}."
    if not same["modified"]:
        return "After the examination its content was the same; the time of its last change was not"
    access = (
        "the times of its last change and last access were the same too."
        if same["accessed"]
        else "the time of its last change was the same too, that of its last access was not."
    )
    return f"After the examination its content had the same SHA-256; {access}"


def is_unchanged(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether the last look at a piece of evidence saw what the first did."""
    looks = [
        each["same"]
        for each in entries
        if each["event"] == "evidence again" and each["copy"] == entry["copy"]
    ]
    return bool(looks) and all(same["content"] and same["modified"] for same in looks)


def _fingerprint(run: Entry) -> str:
    return keys.fingerprint(run["public_key"])


def _facts(pairs: dict[str, str]) -> list[str]:
    lines = []
    for name, value in pairs.items():
        lines += _wrapped(shown(value), f"{name:<12}", " " * 12)
    return lines


def _wrapped(words: str, first: str = "", indent: str | None = None) -> list[str]:
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if indent is None else indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
