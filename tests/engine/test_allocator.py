"""Settings of a whole process, which only a process of its own can show."""

import os
import subprocess
import sys

import numpy as np
import pytest

from unweave.engine import allocator
from unweave.engine.overlap_add import apart, copied

SETTLE = """
import os
from unweave.engine import allocator
allocator.use_large_pages()
print(os.environ.get(allocator.LARGE_PAGES))
allocator.settle()
print(os.environ.get(allocator.LARGE_PAGES))
allocator.use_large_pages()
print(os.environ.get(allocator.LARGE_PAGES))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="large pages are asked for on Linux alone")
@pytest.mark.parametrize(
    ("given", "found"),
    [({}, ["None", "None", "1"]), ({"THP_MEM_ALLOC_ENABLE": "0"}, ["0", "0", "0"])],
)
def test_a_program_that_has_settled_asks_for_large_pages_unless_the_user_says_no(
    given: dict, found: list[str]
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "THP_MEM_ALLOC_ENABLE"}
    done = subprocess.run(
        [sys.executable, "-c", SETTLE], env=environment | given, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == found


# A thread has a heap before `settle` can be called, as those of Ray's workers have.
EARLY = """
import resource, threading
import numpy as np
from unweave.engine import allocator
begun, settled = threading.Event(), threading.Event()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    early = np.ones(10_000)
    begun.set()
    settled.wait()
    for _ in range(2):  # the first time nothing is kept yet
        before = faults()
        for _ in range(10):
            blocks = [np.ones(900_000) for _ in range(20)]
            del blocks
    print(faults() - before)

thread = threading.Thread(target=work)
thread.start()
begun.wait()
allocator.settle()
settled.set()
thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's settings")
def test_a_process_that_is_begun_with_the_settings_keeps_memory_in_threads_too() -> None:
    def pages_anew(more: dict[str, str]) -> int:
        words = [sys.executable, "-c", EARLY]
        done = subprocess.run(words, env=os.environ | more, capture_output=True, check=True)
        return int(done.stdout)

    assert pages_anew(allocator.of_children()) < 100 < pages_anew({})


# torch keeps the frames of whoever imports it; nobody searches for garbage afterwards.
LOAD = """
import gc, weakref
from unweave import registry
from unweave.models import store
gc.disable()
read, arrays = store.weights, []

def weights(card):
    found = read(card)
    arrays.extend((array.nbytes, weakref.ref(array)) for array in found.values())
    return found

store.weights = weights
separator = registry.load("spleeter-2stems").to("cpu")
print(sum(size for size, array in arrays if array() is not None) / sum(size for size, _ in arrays))
"""


def test_weights_that_are_arranged_anew_are_let_go_without_a_search_for_garbage() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, check=True)
    assert float(done.stdout) < 0.2


# Of everything that waits between segments, whether it lies in the heap; and a plain array.
WAITS = """
import sys
import numpy as np
from unweave.core.plan import Plan
from unweave.engine import allocator
from unweave.engine.overlap_add import OverlapAdd, segments
from unweave.engine.stream import stream

allocator.settle()
plan = Plan(length=200_000, hop=150_000, window="triangle", edge=sys.argv[1])
kept = [np.ones((1, 2, 200_000), np.float32)]
mix = [np.ones((1, 2, 50_000), np.float32)] * 11
join = OverlapAdd(plan)
for wave, place in segments(mix, plan):
    kept += [wave, join.add(np.stack([wave, wave], 1), place)]
half = lambda mix, _: mix[:, None] * 0.5
kept += stream(half, mix, plan, 8000, device="cpu", batch=1, warn=print)
[heap] = [line.split()[0] for line in open("/proc/self/maps") if line.endswith("[heap]\\n")]
first, end = (int(number, 16) for number in heap.split("-"))
for each in kept:
    if each.nbytes >= 1 << 19:
        print(int(first <= each.ctypes.data < end))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
@pytest.mark.parametrize("edge", ["centred", "reflect", "anchored"])
def test_sound_that_waits_lies_outside_the_heap(edge: str) -> None:
    done = subprocess.run([sys.executable, "-c", WAITS, edge], capture_output=True, check=True)
    plain, *waiting = done.stdout.decode().split()
    assert plain == "1"
    assert set(waiting) == {"0"}
    assert len(waiting) > 7


@pytest.mark.parametrize("shape", [(0,), (2, 3), (2, 0, 5), (1, 2, 131_071), (2, 2, 131_072)])
def test_arrays_apart_are_like_any_other(shape: tuple[int, ...]) -> None:
    wave = apart(shape)
    assert (wave.shape, wave.dtype) == (shape, np.float32)
    np.testing.assert_array_equal(wave, 0)
    wave += 1
    other = copied(wave)
    wave += 1
    np.testing.assert_array_equal(other, np.ones(shape))


def test_an_array_apart_that_does_not_fit_is_an_error_of_memory() -> None:
    with pytest.raises(MemoryError):
        apart((1 << 50,))
