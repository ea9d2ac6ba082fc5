"""`unweave info`: what is in a recording."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli.options import JsonList, Quiet, Tracebacks
from unweave.cli.session import Session, session


def info(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Recordings or videos.")],
    loudness: Annotated[
        bool,
        typer.Option("--loudness", help="Decode all of it: exact length, peak, loudness, damage."),
    ] = False,
    as_json: JsonList = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Show the facts of recordings: container, codec, rate, channels, bits, length, tags, cover."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.apps.info import info as facts_of
        from unweave.errors import UnweaveError

        found: list[dict[str, Any]] = []
        codes: list[int] = []
        for file in files:
            try:
                facts = facts_of(file, loudness=loudness)
            except UnweaveError as error:
                current.error(str(error))
                codes.append(error.exit_code)
                message = {"kind": type(error).__name__, "message": str(error)}
                found.append({"path": str(file), "error": message})
                continue
            found.append(facts)
            if not as_json:
                _print(current, facts)
        if as_json:
            current.emit(found)
        raise typer.Exit(codes[0] if len(codes) == len(files) else int(bool(codes)))


def _print(current: Session, facts: dict[str, Any]) -> None:
    from unweave.cli.progress import clock
    from unweave.core.files import shown

    bits = f"{facts['bits']} bit{' float' if facts['float'] else ''}" if facts["bits"] else "lossy"
    length = "unknown" if facts["duration_s"] is None else clock(facts["duration_s"])
    if facts["duration_s"] is not None:
        length += f" ({facts['duration_s']:.3f} s"
        length += f", {facts['samples']} samples)" if facts["samples"] else ")"
    rows = {
        "container": facts["container"],
        "codec": f"{facts['codec']}, {bits}",
        "bit rate": f"{facts['bit_rate'] / 1000:.0f} kbit/s" if facts["bit_rate"] else None,
        "sample rate": f"{facts['sample_rate_hz']} Hz",
        "channels": f"{facts['channels']} ({facts['layout'] or 'no layout given'})",
        "length": length,
        "size": f"{facts['bytes'] / 1e6:.2f} MB",
        "sound streams": facts["audio_streams"] if facts["audio_streams"] > 1 else None,
        "cover": facts["cover"] and f"{facts['cover']['mime']}, {facts['cover']['bytes']} bytes",
    }
    if "peak_dbfs" in facts:
        loud = facts["loudness_lufs"]
        rows["peak"] = f"{facts['peak_dbfs']:z.1f} dBFS"
        rows["loudness"] = "nothing above the gate" if loud is None else f"{loud:.1f} LUFS"
    rows |= {f"tag {key}": value for key, value in facts["tags"].items()}
    current.result(shown(facts["path"]))
    width = max(len(key) for key, value in rows.items() if value is not None)
    for key, value in rows.items():
        if value is not None:
            current.result(f"  {shown(key):<{width}}  {shown(str(value))}")
    for warning in facts.get("warnings", ()):
        current.result(f"  warning: {shown(warning)}")


EXAMPLES = ("unweave info song.mp3", "unweave info --loudness *.wav")
