"""The description of the interface, fuzzed by schemathesis: does any request get a 500?

    pip install schemathesis
    .venv/bin/python benchmarks/server/fuzz.py [--minutes 10] [--seed 0] [--port 8793]

The service runs with its usual limits but a higher rate. Besides status 500, an answer that the
description does not have is a failure. The exit code is that of schemathesis.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from unweave import Client

sys.path.insert(0, str(Path(__file__).parent))
from running import Running

CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=8793)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unweave-fuzz-") as name:
        more = ("--requests-per-s", "100000")
        with Running(Path(name) / "data", given.port, *more) as service:
            Client(service.address)._json("GET", "/openapi.json")  # it is made once
            command = [
                *("-m", "schemathesis.cli", "run", f"{service.address}/api/v1/openapi.json"),
                *("--checks", CHECKS, "--seed", str(given.seed), "--phases", "fuzzing"),
                *("--max-examples", "100000", "--exclude-path-regex", "events$"),
                *("--max-time", str(round(60 * given.minutes)), "--request-timeout", "60"),
            ]
            done = subprocess.run([sys.executable, *command], check=False)
        log = (Path(name) / "service.log").read_text(errors="replace")
        print(f"| tracebacks in the log of the service | {log.count('Traceback')} |")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
