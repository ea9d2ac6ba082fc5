"""The description of the interface, fuzzed by schemathesis: does any request get a 500?

    benchmarks/server/install.sh
    .venv/bin/python benchmarks/server/fuzz.py [--minutes 10] [--seed 0] [--port 8793]

The service runs with its usual limits but a higher rate. Half of the time identifiers are made up,
the other half they are those of a job that is done and of an upload, and nothing is deleted.
Besides status 500, an answer that the description does not have is a failure.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from unweave import Client

sys.path.insert(0, str(Path(__file__).parent))
from running import Running, clip

HERE = Path(__file__).parent
PROGRAM = HERE / ".venv" / "bin" / "schemathesis"
HOOKS = {**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "fuzz_hooks"}
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"
KNOWN = """
[parameters]
"path.id" = "{job}"
"path.stem" = "harmonic"
[[operations]]
include-path-regex = "/uploads/"
parameters = {{ "path.id" = "{upload}" }}
"""
STREAM = "/api/v1/events"  # which does not end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=8793)
    given = parser.parse_args()
    codes = []
    with tempfile.TemporaryDirectory(prefix="unweave-fuzz-") as name:
        folder = Path(name)
        with Running(folder / "data", given.port, "--requests-per-s", "100000") as service:
            client = Client(service.address)
            client._json("GET", "/openapi.json")  # it is made once
            song = clip(folder / "song.wav", 2.0, given.seed)
            upload = client.upload(song)
            job = client.wait(client.submit({"upload": upload}, model="hpss"))
            (folder / "made-up.toml").write_text("")
            (folder / "known.toml").write_text(KNOWN.format(job=job["id"], upload=upload))
            for config, more in (("made-up", ()), ("known", ("--exclude-method", "DELETE"))):
                command = [
                    *(str(PROGRAM), "--config-file", str(folder / f"{config}.toml"), "run"),
                    *(f"{service.address}/api/v1/openapi.json", "--checks", CHECKS),
                    *("--seed", str(given.seed), "--max-examples", "100000"),
                    *("--exclude-path", STREAM, "--request-timeout", "60", "--no-shrink"),
                    *("--max-time", str(round(30 * given.minutes)), *more),
                ]
                codes.append(subprocess.run(command, check=False, env=HOOKS, cwd=folder).returncode)
            requests = _requests(client)
        log = (folder / "service.log").read_text(errors="replace")
    print(f"| minutes | {given.minutes:g} |\n|---|---|")
    print(f"| requests | {requests} |")
    print(f"| tracebacks in the log of the service | {log.count('Traceback')} |")
    print(f"| runs of schemathesis that found a fault | {sum(map(bool, codes))} of {len(codes)} |")
    if "Traceback" in log:
        print(log[-8000:], file=sys.stderr)
    return any(codes) or "Traceback" in log


def _requests(client: Client) -> int:
    with client._asked("GET", "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    [line] = [line for line in lines if line.startswith("unweave_requests_total ")]
    return int(line.split()[1])


if __name__ == "__main__":
    sys.exit(main())
