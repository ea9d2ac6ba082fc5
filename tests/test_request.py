"""A request is JSON both ways, and its identity tells exactly what is meant to change bytes."""

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.audio.formats import FORMATS
from unweave.errors import UsageError
from unweave.options import Option, options_of
from unweave.request import (
    Execution,
    Inference,
    OptionFile,
    Output,
    SeparationRequest,
    SeparatorRef,
    differences,
    run_options,
)

SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
WORDS = st.text(min_size=1, max_size=8)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), WORDS
)


@st.composite
def outputs(draw) -> Output:
    format = draw(st.sampled_from(sorted(FORMATS)))
    depths = FORMATS[format].bit_depths
    start = draw(st.floats(0, 1e6))
    return Output(
        format=format,
        bit_depth=draw(st.sampled_from([None, *depths])),
        start=start,
        end=draw(st.none() | st.floats(start + 1, 1e7)),
    )


executions = st.builds(
    Execution,
    device=st.sampled_from(["auto", "cpu", "cuda", "cuda:1", "mps"]),
    batch=st.none() | st.integers(1, 99),
    max_memory_mb=st.none() | st.integers(1, 10**6),
)
inferences = st.builds(
    Inference,
    overlap=st.none() | st.floats(0, 0.99),
    shifts=st.integers(0, 99),
    precision=st.sampled_from(["float32", "bfloat16", "float16"]),
    complement=st.none() | st.sampled_from(["instrumental", "minus one"]),
    shift_seed=st.integers(0, 2**31),
)
separators = st.builds(
    SeparatorRef,
    name=WORDS,
    model=WORDS,
    code=WORDS,
    revision=st.integers(0, 99),
    card_sha256=st.none() | SHA,
    weights_sha256=st.none() | SHA,
    options=st.dictionaries(WORDS, VALUES, max_size=4),
    files=st.lists(st.builds(OptionFile, option=WORDS, path=WORDS, sha256=SHA), max_size=2).map(
        tuple
    ),
)
requests = st.builds(
    SeparationRequest,
    separator=separators,
    stems=st.lists(WORDS, min_size=1, max_size=3, unique=True).map(tuple),
    output=outputs(),
    inference=inferences,
    execution=executions,
    engine_revision=st.integers(0, 99),
)


@given(requests)
def test_json_and_back(request_: SeparationRequest) -> None:
    again = SeparationRequest.from_json(json.loads(json.dumps(request_.as_json())))
    assert again == request_
    assert again.identity() == request_.identity()
    assert list(differences(again, request_)) == []


@given(requests, executions)
def test_how_and_where_it_is_computed_does_not_count(
    request_: SeparationRequest, execution: Execution
) -> None:
    files = tuple(
        replace(file, path=f"/elsewhere/{file.path}") for file in request_.separator.files
    )
    separator = replace(request_.separator, files=files, model="elsewhere.toml")
    # An option's own value is the path of its file, which only its content stands for.
    other = replace(request_, execution=execution, separator=separator)
    assert other.identity() == request_.identity()


def changed(request_: SeparationRequest) -> dict[str, SeparationRequest]:
    """The request with each of the facts that change bytes another, one at a time."""
    separator, output = request_.separator, request_.output
    found = {
        name: replace(request_, separator=replace(separator, **{name: value}))
        for name, value in {
            "name": separator.name + "x",
            "code": separator.code + "x",
            "revision": separator.revision + 1,
            "card_sha256": "0" * 63 + "x",
            "weights_sha256": "0" * 63 + "x",
            "options": {**separator.options, "a new one": 1},
            "files": (
                *separator.files,
                OptionFile(option="a new one", path="x", sha256="0" * 63 + "x"),
            ),
        }.items()
    }
    others = {
        "format": "wav" if output.format != "wav" else "flac",
        "bit_depth": 24 if output.bit_depth != 24 else 16,
        "start": output.start + 0.5,
        "end": output.start + 0.75,
    }
    for item in options_of(output):
        others.setdefault(item.name, another(item, getattr(output, item.name)))
    for name, value in others.items():
        depth = {"bit_depth": None} if name == "format" else {}
        if name != "bit_depth" or output.format in ("wav", "flac"):
            found[name] = replace(request_, output=replace(output, **{name: value}, **depth))
    for item in options_of(Inference):
        value = another(item, getattr(request_.inference, item.name))
        inference = replace(request_.inference, **{item.name: value})
        found[item.name] = replace(request_, inference=inference)
    if request_.inference.shifts:
        inference = replace(request_.inference, shift_seed=request_.inference.shift_seed + 1)
        found["shift_seed"] = replace(request_, inference=inference)
    found["engine_revision"] = replace(request_, engine_revision=request_.engine_revision + 1)
    return found


def another(item: Option, value: object) -> object:
    """Another value of an option than `value`."""
    if item.choices:
        return next(choice for choice in item.choices if choice != value)
    if bool in item.types:
        return not value
    if str in item.types:
        return f"{value} too"
    if item.at_most and isinstance(value, (int, float)) and value:
        return 0
    step = 1 if int in item.types else 0.5
    return (value or item.default or item.above or item.at_least or 0) + step  # type: ignore[operator]


def test_a_default_counts_as_it_was_when_work_was_done() -> None:
    kept = {"format": "wav", "bit_depth": 32, "start": 0.0, "end": None}
    run = {"overlap": None, "shifts": 0, "precision": "float32", "complement": None}
    for then, now in ((kept, Output()), (run, Inference())):
        advice = "raise ENGINE_REVISION, and write the new default here"
        assert then.items() <= dataclasses.asdict(now).items(), advice


@settings(deadline=None)
@given(requests)
def test_whatever_changes_bytes_changes_the_identity(request_: SeparationRequest) -> None:
    for fact, other in changed(request_).items():
        assert other.identity() != request_.identity(), fact
        assert list(differences(request_, other)), fact


@pytest.mark.parametrize(("bit_depth", "counts"), [(16, True), (24, True), (32, False)])
def test_the_stems_count_where_they_share_a_gain(bit_depth: int, counts: bool) -> None:
    one = SeparationRequest(
        separator=SeparatorRef(name="a", model="a"),
        stems=("vocals",),
        output=Output(bit_depth=bit_depth),
    )
    two = replace(one, stems=("vocals", "drums"))
    assert (one.identity() != two.identity()) == counts


def test_what_is_in_memory_has_no_identity() -> None:
    separator = SeparatorRef(name="a")
    assert separator.identity() is None
    assert SeparationRequest(separator=separator, stems=("s",)).identity() is None


FIXED = """
from unweave.request import *
print(SeparationRequest(
    separator=SeparatorRef(
        name="hpss", model="hpss", options={"window_s": 0.1, "wiener": 0, "rule": "ä"},
        files=(OptionFile(option="noise", path="/a", sha256="0" * 64),),
    ),
    stems=("harmonic",), output=Output(format="flac", start="1:30.5"),
    execution=Execution(batch=3), engine_revision=1,
).identity())
"""


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_it_is_the_same_in_every_process_and_version_of_python(hash_seed: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", FIXED],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    assert (
        found.stdout.strip() == "193e733bac53548a410142968d98b2d6f728750f9b18972d6947bcf3e27604b1"
    )


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"format": "xyz"}, "format must be one of wav, flac"),
        ({"bit_depth": 20}, "bit_depth must be one of 16, 24, 32; got 20"),
        ({"format": "mp3", "bit_depth": 16}, "mp3 has no bit depth"),
        ({"start": "1:99"}, "the start must be a time"),
        ({"start": 3, "end": 2}, "the end, 2 s, is not after the start, 3 s"),
        ({"device": "abacus"}, "device must be auto, cpu, mps, cuda, or cuda:N"),
        ({"device": "cuda:"}, "device must be auto"),
        ({"device": "cpu:0"}, "device must be auto"),
        ({"batch": 0}, "batch must be a whole number or none, at least 1; got 0"),
        ({"max_memory_mb": True}, "max_memory_mb must be a whole number"),
    ],
)
def test_a_wrong_value_is_one_line(given_: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        run_options(given_)
    assert "\n" not in str(error.value)


def test_options_of_every_separation_are_told_from_the_separators() -> None:
    given_ = {"format": "flac", "shifts": 3, "batch": 2, "rank": 8}
    output, inference, execution, others = run_options(given_)
    assert (output.format, output.bit_depth, inference.shifts) == ("flac", 24, 3)
    assert (execution.batch, others) == (2, {"rank": 8})
