"""Settings of a whole process, which only a process of its own can show."""

import os
import subprocess
import sys

import pytest

from unweave.engine import allocator

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
