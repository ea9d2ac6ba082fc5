"""Names that are made of names: how they are read, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unweave import joining
from unweave.errors import UsageError

WORDS = st.from_regex(r"[a-z][a-z0-9_.-]{0,6}", fullmatch=True)


@given(
    first=st.lists(WORDS, min_size=1, max_size=3),
    steps=st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), max_size=3),
)
def test_a_name_is_its_parts(first: list[str], steps: list[tuple[str, list[str]]]) -> None:
    name = joining.chained("+".join(first), [f"{stem}: {'+'.join(then)}" for stem, then in steps])
    assert joining.models(name) == [*first, *(model for _, then in steps for model in then)]
    assert joining.is_ensemble(name) == (len(first) > 1)
    assert joining.is_chain(name) == bool(steps)
    assert joining.with_parts(name, lambda part: part) == name
    shouted = joining.with_parts(name, str.upper)
    assert joining.models(shouted) == [model.upper() for model in joining.models(name)]
    if steps:
        before, stem, then = joining.step(name)
        assert before == joining.chained("+".join(first), [
            f"{stem}:{'+'.join(then)}" for stem, then in steps[:-1]
        ])  # fmt: skip
        assert (stem, then) == (steps[-1][0], "+".join(steps[-1][1]))


@pytest.mark.parametrize(
    "name", ["a+", "+a", "a++b", "+", "a>b", ">", "a>>b", "a>vocals>", ">vocals>b", "a>v>b>w"]
)
def test_a_name_that_lacks_a_part_is_one_line(name: str) -> None:
    read = joining.step if ">" in name else joining.members
    with pytest.raises(UsageError) as caught:
        read(name)
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("step", ["drums", ":hpss", "drums:", " : ", "a>b:c", 3, ["a:b", "c"]])
def test_a_step_that_is_none_is_one_line(step: object) -> None:
    with pytest.raises(UsageError, match="then names a stem") as caught:
        joining.chained("a", step)
    assert "\n" not in str(caught.value)


def test_weights_are_numbers() -> None:
    assert joining.weights_of(None) == ()
    assert joining.weights_of("2,0.5,1") == (2.0, 0.5, 1.0)
