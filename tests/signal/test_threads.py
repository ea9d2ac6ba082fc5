import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from unweave.engine.workers import Workers
from unweave.signal.threads import one_thread_each, parallel_map, together, with_idle


def test_results_come_in_order_and_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    seen: set[tuple[int, bool]] = set()

    def work(n: int) -> int:
        seen.add((torch.get_num_threads(), torch.is_inference_mode_enabled()))
        return n * n

    torch.set_num_threads(2)
    try:
        with torch.inference_mode():
            assert parallel_map(work, range(20)) == [n * n for n in range(20)]
        assert seen == {(1, True)}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_one_thread_divides_nothing() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        names = parallel_map(lambda _: threading.current_thread().name, range(3))
    finally:
        torch.set_num_threads(before)
    assert set(names) == {threading.current_thread().name}


class Held:
    def __init__(self, _: int) -> None:
        pass


def of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("order", ["as they came", "the other way round"])
def test_two_at_a_time_leave_what_was_there(three_threads: None, order: str) -> None:
    """Each in a thread of its own, as in a server; the second one's thread is new to torch."""
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        contexts = [one_thread_each(), one_thread_each()]
        servers = [one, other]
        for server, context in zip(servers, contexts, strict=True):
            limit = server.submit(context.__enter__).result()
            with ThreadPoolExecutor(1, initializer=limit) as worker:
                assert worker.submit(torch.get_num_threads).result() == 1
        pairs = list(zip(servers, contexts, strict=True))
        for server, context in pairs if order == "as they came" else pairs[::-1]:
            server.submit(context.__exit__, None, None, None).result()
        assert of_a_new_thread() == 3
        for server in servers:  # and those that were there have their cores for the next time
            together = threading.Barrier(2, timeout=60)  # passed by two threads at once only

            def meet(_: int, together: threading.Barrier = together) -> int:
                together.wait()
                return threading.get_ident()

            seen = server.submit(parallel_map, meet, range(2)).result()
            assert threading.get_ident() not in seen
            assert len(set(seen)) == 2


def test_while_another_is_at_work_nobody_gets_threads_back(three_threads: None) -> None:
    """Some libraries below torch know one number for the whole process only."""
    with one_thread_each() as limit:
        with ThreadPoolExecutor(1, initializer=limit) as worker:
            worker.submit(int).result()
        with one_thread_each():
            pass
        assert of_a_new_thread() == 1
    assert of_a_new_thread() == 3


def test_idle_threads_take_a_share_of_the_work_and_busy_ones_none() -> None:
    """Two pieces of work that wait for each other end only where two threads have them."""
    together, names = threading.Barrier(2, timeout=10), set()

    def meet(n: int) -> int:
        assert torch.is_inference_mode_enabled()
        names.add(threading.current_thread().name)
        together.wait()
        return n * n

    def both() -> list[int]:
        with torch.inference_mode():
            return with_idle(meet, range(4))

    with Workers(2).at_work() as pool:
        assert pool.submit(both).result() == [0, 1, 4, 9]
        assert len(names) == 2
        begun, over = threading.Event(), threading.Event()
        busy = pool.submit(lambda: (begun.set(), over.wait(10)))
        begun.wait(10)
        alone = pool.submit(with_idle, lambda n: threading.current_thread().name, range(9)).result()
        held = weakref.ref(pool.submit(with_idle, Held, range(2)).result()[0])
        assert held() is None  # though the busy thread has not seen yet that nobody needs it
        over.set()
        busy.result()
    assert len(alone) == 9
    assert len(set(alone)) == 1


def test_idle_threads_help_with_the_longest_piece_and_compute_as_the_caller_does() -> None:
    """The first piece ends only where somebody who has done the second helps with its parts."""
    waiting = threading.Barrier(2, timeout=10)

    def part(n: int) -> bool:
        waiting.wait()
        return torch.is_autocast_enabled("cpu")

    def long() -> list[bool]:
        return with_idle(part, range(2))

    def both() -> list[object]:
        with torch.autocast("cpu", torch.bfloat16):
            return together(long, lambda: torch.is_autocast_enabled("cpu"))

    with Workers(2).at_work() as pool:
        assert pool.submit(both).result() == [[True, True], True]


def test_work_that_fails_says_so_whoever_did_it() -> None:
    def fail(n: int) -> None:
        raise ValueError(n)

    assert with_idle(str, range(3)) == ["0", "1", "2"]  # where nobody is beside
    with Workers(2).at_work() as pool, pytest.raises(ValueError, match=r"^[0-3]$"):
        pool.submit(with_idle, fail, range(4)).result()
