"""Processes that die, that do not stop, and that are idle."""

import os
import time

import pytest

from unweave.core.children import Children, Parent


def serve(pipe, patience_s):
    parent = Parent(pipe, patience_s)
    for job in parent.jobs():
        parent.tell(os.getpid())
        if job == "die":
            os._exit(9)
        while job == "deaf" or (job == "tidy" and not parent.stopped.is_set()):
            time.sleep(0.01)
        parent.tell("done")


@pytest.fixture
def children():
    made = Children(serve, 0.5)
    yield made
    made.end()


def said(children):
    """The next message, and the child that has sent it."""
    while not (heard := list(children.listen())):
        pass
    [(child, message)] = heard
    return child, message


def test_an_idle_child_takes_the_next_job_and_a_dead_one_is_replaced(children):
    numbers = []
    for job in ("one", "two", "die", "three"):
        children.hand(job)
        child, number = said(children)
        assert child.process.pid == number
        numbers.append(number)
        child, end = said(children)
        assert end == (None if job == "die" else "done")
        child.job = None
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


def test_a_child_that_died_while_idle_costs_nothing(children):
    children.hand("one")
    child, number = said(children)
    said(children)
    child.job = None
    child.process.kill()
    child.process.join()
    children.hand("two")
    child, other = said(children)
    assert other != number
    assert said(children) == (child, "done")


@pytest.mark.parametrize(("job", "last"), [("tidy", "done"), ("deaf", None)])
def test_told_to_stop_a_child_has_time_to_end_well(children, job, last):
    children.hand(job)
    said(children)
    children.stop()
    child, message = said(children)
    assert child.stopping
    assert message == last
