"""The pool of actors on a stand-in for Ray that loses actors and machines at random.

`test_ray.py` has the same on Ray itself.
"""

import random
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.cluster import pool
from unweave.cluster.pool import MOST_DEATHS, WorkersError

EACH = 3


class RayActorError(Exception):
    pass


class RayTaskError(Exception):
    def __init__(self, cause):
        super().__init__(str(cause))
        self.cause = cause


class Ray:
    """Calls end in any order; an actor dies with all of its calls.

    kills: tasks that kill their actor. chance: that any other call does. nodes_vanish: deaths are
    those of machines.
    """

    def __init__(self, seed, kills=(), chance=0.0, nodes_vanish=False, raises=None):
        self.draw = random.Random(seed)
        self.kills, self.chance, self.nodes_vanish, self.raises = (
            kills,
            chance,
            nodes_vanish,
            raises,
        )
        self.calls: dict[int, tuple] = {}
        self.dead: set[int] = set()
        self.living: set[int] = set()
        self.number = 0
        self.most = 0
        self.begun: list = []
        self.exceptions = SimpleNamespace(RayActorError=RayActorError, RayTaskError=RayTaskError)

    def actor(self):
        self.number += 1
        me = self.number
        self.living.add(me)

        def method(name):
            return SimpleNamespace(remote=lambda *task: self._call(me, name, *task))

        return SimpleNamespace(
            me=me, **{name: method(name) for name in ("node", "do", "stop", "end")}
        )

    def _call(self, actor, name, task=None):
        self.number += 1
        self.calls[self.number] = (actor, name, task)
        if name == "do":
            self.begun.append(task)
            busy = [call for call in self.calls.values() if call[0] == actor and call[1] == "do"]
            self.most = max(self.most, len(busy))
        return self.number

    def wait(self, calls, *, num_returns, timeout):
        assert len(set(calls)) == len(calls)
        if self.draw.random() < 0.2 and num_returns == 1:
            return [], calls
        return [self.draw.choice(calls)], calls

    def get(self, call):
        actor, name, task = self.calls.pop(call)
        if actor in self.dead:
            raise RayActorError("killed")
        if name == "do" and (task in self.kills or self.draw.random() < self.chance):
            self.dead.add(actor)
            raise RayActorError("killed")
        if name == "do" and task == self.raises:
            raise RayTaskError(KeyError(task))
        return f"node {actor}" if name == "node" else ("result", task)

    def nodes(self):
        return [{"NodeID": f"node {n}", "Alive": not self.nodes_vanish} for n in range(self.number)]

    def kill(self, handle):
        self.living.discard(handle.me)


def worked(ray, tasks, monkey, **how):
    monkey.setitem(sys.modules, "ray", ray)
    todo = iter(tasks)
    found = [
        end for end in pool.results(todo, ray.actor, actors=3, each=EACH, **how) if end is not None
    ]
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 30),
    kills=st.sets(st.integers(0, 29), max_size=2),
)
def test_every_task_ends_once_and_only_those_that_kill_are_put_aside(seed, count, kills):
    with pytest.MonkeyPatch.context() as monkey:
        ray = Ray(seed, kills)
        found = worked(ray, range(count), monkey)
    assert sorted(end.task for end in found) == list(range(count))
    assert {end.task for end in found if end.died} == {n for n in kills if n < count}
    for end in found:
        assert end.result == (None if end.died else ("result", end.task))
        assert end.tries == ray.begun.count(end.task) <= MOST_DEATHS
    assert ray.most <= EACH
    assert not ray.living


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 30))
def test_machines_that_vanish_put_nothing_aside(seed, count):
    with pytest.MonkeyPatch.context() as monkey:
        found = worked(Ray(seed, chance=0.2, nodes_vanish=True), range(count), monkey)
    assert sorted(end.task for end in found) == list(range(count))
    assert not any(end.died for end in found)


def test_workers_that_all_die_at_once_end_the_run(monkeypatch):
    with pytest.raises(WorkersError, match="ended in the middle"):
        worked(Ray(0, chance=1.0, nodes_vanish=True), range(10), monkeypatch)


def test_what_a_task_raises_ends_the_run(monkeypatch):
    ray = Ray(1, raises=5)
    with pytest.raises(KeyError):
        worked(ray, range(10), monkeypatch)
    assert not ray.living


@pytest.mark.parametrize("seed", range(5))
def test_a_stop_gives_what_has_ended_and_begins_nothing(monkeypatch, seed):
    ray, asked = Ray(seed), 0

    def should_stop():
        nonlocal asked
        asked += 1
        return asked > 10

    found = worked(ray, range(1000), monkeypatch, should_stop=should_stop)
    assert len(found) == len(ray.begun) < 40
    assert not ray.living
