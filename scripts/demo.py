"""What `make demo` does once unweave is installed: separate a song, draw it, say where things are.

The arguments are a song or a folder of songs, `docs/example.mp3` where empty, and a model, the
default one where empty. A model that is named is fetched where it has to be, and its stems lie in a
folder of its own. Everything goes through the command line, as a user's own run would.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from unweave import registry
from unweave.errors import UnweaveError

UNWEAVE = [sys.executable, "-m", "unweave"]
EXAMPLE = Path(__file__).parents[1] / "docs" / "example.mp3"


def main(song: str, model: str = "") -> int:
    """Separate a file or a folder (empty: the example) into stems/, or stems/MODEL.

    Returns an exit code.
    """
    path = Path(song).expanduser() if song else EXAMPLE
    print(f"== separate: {path.name if not song else path}", flush=True)
    # Stems of a user's own song may be there with other options, and are never written over.
    over = [] if song else ["--overwrite"]
    command = [*UNWEAVE, "separate", *over, *options(model), "--json", "--", str(path)]
    separated = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    files = json.loads(separated.stdout or "{}").get("files", [])
    for done in (file for file in files if file["status"] in ("done", "skipped")):
        print(f"== draw: {Path(done['input']).name}", flush=True)
        command = [*UNWEAVE, "spectrogram", "-q", "--json", "--", done["report_path"]]
        drawn = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if drawn.returncode:
            return drawn.returncode
        print("== done: listen, read, look")
        for stem, file in done["outputs"].items():
            print(f"{stem:>15}  {file}")
        print(f"{'report':>15}  {done['report_path']}")
        print(f"{'picture':>15}  {json.loads(drawn.stdout)['picture']}")
        null_test_db = done["report"]["null_test_db"]
        if null_test_db is not None:
            print(
                f"{'null test':>15}  {null_test_db:.1f} dB (what the stems' sum lacks of the mix)"
            )
    for failed in (file for file in files if file["status"] == "failed"):
        print(f"{'not separated':>15}  {failed['error']}", file=sys.stderr)
    return separated.returncode


def options(model: str) -> list[str]:
    """For another model than the default: its weights, a folder, and all that can be written.

    What the stems leave of the mix is among that, so that the null test is of the whole.
    """
    if not model:
        return []
    folder = f"stems/{Path(model).stem}"
    try:
        stems = ",".join(registry.resolve(model, {})[1])
    except UnweaveError:  # the command says it
        stems = ""
    return ["--model", model, "--pull", "--output", folder, *(["--stems", stems] if stems else [])]


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]) if sys.argv[1:] else main(""))
    except KeyboardInterrupt:  # unweave has said so and cleaned up
        sys.exit(130)
