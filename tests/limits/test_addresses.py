"""Under `ulimit -v` a library may end the process; what unweave says comes before that."""

import subprocess
import sys

import pytest

pytest.importorskip("resource")


@pytest.mark.parametrize("kilobytes", [600_000, 750_000, 850_000])
@pytest.mark.parametrize("model", ["spleeter-2stems", "hpss"])
def test_too_few_addresses_are_one_line(song, tmp_path, model, kilobytes):
    words = [sys.executable, "-m", "unweave", "separate", "-q", "-m", model, str(song)]
    limited = ["sh", "-c", f'ulimit -v {kilobytes}; exec "$@"', "sh", *words]
    done = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "ulimit -v" in done.stderr
    assert list(tmp_path.rglob("*.wav")) == []
