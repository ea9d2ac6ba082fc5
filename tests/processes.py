"""Python processes that begin at once: `Popen` and `run` of `subprocess`, without torch's seconds.

One process for each worker of pytest imports the libraries that every command needs, and waits. It
forks for each process that is asked for, which imports unweave by itself, has its own id, streams,
folder, variables and signals, and ends as any Python does.

A test of what is imported and when, of the order of sets (which is the same in all of these) or of
how Python itself is set up starts a Python of its own: `subprocess`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import inspect
import json
import multiprocessing.process
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import Any

LIBRARIES = ("torch", "numpy", "scipy.signal", "av", "soundfile", "typer", "safetensors.numpy")
HIGH = 200  # file descriptors from here on are in nobody's way
STREAMS = 3
NUMBER = 20  # characters
FORKS = sys.platform == "linux"  # others do not fork well, or have no such sockets


class Popen(subprocess.Popen):
    """`subprocess.Popen` for `[sys.executable, "-m" or "-c", ...]`.

    ignored: signals that the process does not notice, as after `nohup`.
    """

    def __init__(self, command: list[Any], *, ignored: tuple[int, ...] = (), **how: Any) -> None:
        self._ignored = [int(number) for number in ignored]
        if ignored and not FORKS:
            how["preexec_fn"] = lambda: _ignore(self._ignored)
        super().__init__(command, **how)

    def _execute_child(self, *given: Any, **named: Any) -> None:
        if not FORKS:
            super()._execute_child(*given, **named)
            return
        how = inspect.signature(super()._execute_child).bind(*given, **named).arguments
        python, *words = [os.fsdecode(word) for word in how["args"]]
        assert python == sys.executable
        assert words[0] in ("-m", "-c")
        status, writing = os.pipe()
        ends = how["p2cread"], how["c2pwrite"], how["errwrite"]
        streams = [own if end == -1 else end for own, end in enumerate(ends)]
        passed = list(how["pass_fds"])
        request = {
            "words": words,
            "folder": os.path.abspath(how["cwd"] or "."),
            "variables": dict(os.environ if how["env"] is None else how["env"]),
            "ignored": self._ignored,
            "session": how["start_new_session"],
            "passed": passed,
        }
        socket.send_fds(_waiting(), [json.dumps(request).encode()], [*streams, *passed, writing])
        os.close(writing)
        self._status = status
        self.pid = int(os.read(status, NUMBER))
        self._child_created = True
        self._close_pipe_fds(
            *(how[end] for end in ("p2cread", "p2cwrite", "c2pread", "c2pwrite")),
            *(how[end] for end in ("errread", "errwrite")),
        )

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if not FORKS:
            return super()._try_wait(wait_flags)
        if wait_flags & os.WNOHANG and not select.select([self._status], [], [], 0)[0]:
            return 0, 0
        ended = int(os.read(self._status, NUMBER))
        os.close(self._status)
        return self.pid, ended

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if not FORKS:
            return super()._internal_poll(*given, **named)
        if self.returncode is None:
            pid, ended = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(ended)
        return self.returncode


def run(
    command: list[Any], *, check: bool = False, timeout: float | None = None, **how: Any
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run`, likewise."""
    if how.pop("capture_output", False):
        how.update(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with Popen(command, **how) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


@cache
def _waiting() -> socket.socket:
    """What to ask, by a socket: it ends when this process does, which closes the socket."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    libraries = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    waiting = subprocess.Popen(
        [sys.executable, "-P", __file__, str(there.fileno())],
        pass_fds=[there.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=libraries,
        start_new_session=True,
    )
    there.close()
    atexit.register(waiting.wait)
    atexit.register(here.close)
    return here


def _wait(link: socket.socket) -> None:
    """Fork for whatever is asked, and return in the new process alone, ready to begin."""
    while True:
        with suppress(ChildProcessError):  # those that have ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        data, ends, _, _ = socket.recv_fds(link, 1 << 20, 64)
        if not data:
            raise SystemExit
        if os.fork() == 0:
            break
        for end in ends:
            os.close(end)
    link.close()
    status = ends.pop()
    child = os.fork()
    if child:  # the parent that tells how it ends
        for end in ends:
            os.close(end)
        os.write(status, b"%*d" % (NUMBER, child))
        os.write(status, b"%*d" % (NUMBER, os.waitpid(child, 0)[1]))
        os._exit(0)
    os.close(status)
    _prepare(json.loads(data), ends)


def _ignore(numbers: list[int]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def _prepare(request: dict[str, Any], ends: list[int]) -> None:
    import fcntl

    high = [fcntl.fcntl(end, fcntl.F_DUPFD, HIGH) for end in ends]
    os.closerange(STREAMS, HIGH)
    for end, place in zip(high, [*range(STREAMS), *request["passed"]], strict=True):
        os.dup2(end, place)
        os.close(end)
    if request["session"]:
        os.setsid()
    _ignore(request["ignored"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    for place, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        words = {"encoding": encoding or old.encoding, "errors": errors or old.errors}
        if name == "stderr":
            words["errors"] = "backslashreplace"
        new = open(place, "w" if place else "r", closefd=False, **words)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    tempfile.tempdir = None
    if "OMP_NUM_THREADS" in os.environ:
        sys.modules["torch"].set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    multiprocessing.process.ORIGINAL_DIR = os.getcwd()  # where children begin
    kind, what, *words = request["words"]
    first = os.getcwd() if kind == "-m" else ""
    added = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.path[:0] = [first, *added]
    sys.argv = [kind, *words]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(what, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # no copy of all this is looked through for garbage
    _wait(socket.socket(fileno=int(sys.argv[1])))
