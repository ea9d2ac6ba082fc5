"""The learning rate rises, stays, falls."""

import pytest

from unweave.training.module import rate_factor
from unweave.training.recipe import Schedule


def test_up_level_and_down() -> None:
    schedule = Schedule(steps=100, warmup=10, decay=20)
    rates = [rate_factor(step, schedule) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:81] == [1.0] * 72
    assert rates[90] == pytest.approx(0.5)
    assert rates[100] == 0.0
    assert rates[80:] == sorted(rates[80:], reverse=True)


def test_without_either() -> None:
    schedule = Schedule(steps=10, warmup=0, decay=0)
    assert [rate_factor(step, schedule) for step in range(10)] == [1.0] * 10
