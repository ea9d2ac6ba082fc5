import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from unweave.signal.threads import one_thread_each, parallel_map


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
