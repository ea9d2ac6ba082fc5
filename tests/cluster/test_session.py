"""What Ray says is kept out of the way; `test_ray.py` has the rest on a cluster."""

import pytest

from unweave.cluster import session
from unweave.errors import UsageError


def test_what_ray_says_goes_to_stderr(capsys):
    from ray._private import worker

    before, words = worker.print_to_stdstream, {"lines": ["it is gone"], "pid": "raylet"}
    with session._words_to_stderr():
        worker.print_to_stdstream({**words, "is_err": False}, ignore_prefix=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert "it is gone" in said.err
    assert worker.print_to_stdstream is before


def test_an_address_with_a_protocol_is_one_line():
    with pytest.raises(UsageError, match="without a protocol"), session.cluster("ray://host:1"):
        pytest.fail("it is there")
