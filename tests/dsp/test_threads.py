import threading

import torch

from unweave.dsp.threads import each


def test_results_come_in_order_and_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    seen: set[tuple[int, bool]] = set()

    def work(n: int) -> int:
        seen.add((torch.get_num_threads(), torch.is_inference_mode_enabled()))
        return n * n

    torch.set_num_threads(2)
    try:
        with torch.inference_mode():
            assert each(work, range(20)) == [n * n for n in range(20)]
        assert seen == {(1, True)}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_one_thread_divides_nothing() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        names = each(lambda _: threading.current_thread().name, range(3))
    finally:
        torch.set_num_threads(before)
    assert set(names) == {threading.current_thread().name}
