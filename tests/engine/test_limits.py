"""What a process may take, as the kernel's own files say it: here in folders made for the test."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from unweave.engine import limits

MB = 10**6
Machine = Callable[[dict[str, object]], None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """machine(files): a system with these files under its root, and 8 GB of memory free."""
    monkeypatch.setattr(limits, "ROOT", tmp_path)
    monkeypatch.setattr(limits, "current_memory_mb", lambda: 100.0)

    def make(files: dict[str, object]) -> None:
        meminfo = {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    8000000 kB\n"}
        for name, content in (meminfo | files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(content))

    return make


V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/job\n4:memory:/docker/ab/job\n1:name=systemd:/\n"}
V2 = {"proc/self/cgroup": "0::/system.slice/unweave.service\n"}
HERE = "sys/fs/cgroup/system.slice/unweave.service"


def test_without_groups_it_is_what_the_machine_has(machine: Machine) -> None:
    machine({})
    assert limits.available_mb() == 8192 + 100


def test_version_2(machine: Machine) -> None:
    machine(V2 | {f"{HERE}/memory.max": 700 * MB, f"{HERE}/memory.current": 300 * MB})
    assert limits.available_mb() == 400 + 100


def test_files_that_can_be_dropped_count_as_free(machine: Machine) -> None:
    stat = f"anon 1\ninactive_file {250 * MB}\n"
    machine(
        V2
        | {
            f"{HERE}/memory.max": 700 * MB,
            f"{HERE}/memory.current": 300 * MB,
            f"{HERE}/memory.stat": stat,
        }
    )
    assert limits.available_mb() == 650 + 100


def test_a_group_around_ours_binds_too(machine: Machine) -> None:
    machine(
        V2
        | {
            f"{HERE}/memory.max": "max",
            f"{HERE}/memory.current": 300 * MB,
            "sys/fs/cgroup/system.slice/memory.max": 2000 * MB,
            "sys/fs/cgroup/system.slice/memory.current": 1500 * MB,
        }
    )
    assert limits.available_mb() == 500 + 100


@pytest.mark.parametrize("folder", ["docker/ab/job", "docker", "."])
def test_version_1_from_the_host_or_from_within_the_container(
    machine: Machine, folder: str
) -> None:
    top = "sys/fs/cgroup/memory"
    machine(
        V1
        | {
            f"{top}/memory.limit_in_bytes": 9223372036854771712,
            f"{top}/{folder}/memory.limit_in_bytes": 700 * MB,
            f"{top}/{folder}/memory.usage_in_bytes": 300 * MB,
            f"{top}/{folder}/memory.stat": f"cache 5\ntotal_inactive_file {50 * MB}\n",
        }
    )
    assert limits.available_mb() == 450 + 100


def test_no_limit_is_none(machine: Machine) -> None:
    machine(V1 | {"sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712})
    assert limits.available_mb() == 8192 + 100


def test_a_group_that_is_full_leaves_what_is_held(machine: Machine) -> None:
    machine(V2 | {f"{HERE}/memory.max": 700 * MB, f"{HERE}/memory.current": 900 * MB})
    assert limits.available_mb() == 100


def test_the_shell_s_limit_of_addresses(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine({})
    monkeypatch.setattr(limits, "_pages", lambda: (600 * MB, 100 * MB))
    monkeypatch.setattr(resource, "getrlimit", lambda which: (800 * MB, 900 * MB))
    assert limits.available_mb() == 200 + 100


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        (V2 | {f"{HERE}/cpu.max": "max 100000"}, 8),
        (V2 | {f"{HERE}/cpu.max": "150000 100000"}, 2),
        (V2 | {f"{HERE}/cpu.max": "10000 100000"}, 1),
        (V2 | {"sys/fs/cgroup/system.slice/cpu.max": "300000 100000"}, 3),
        (V1 | {"sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": -1}, 8),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": 400000,
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": 100000,
            },
            4,
        ),
    ],
)
def test_processors(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, files: dict[str, object], count: int
) -> None:
    machine(files)
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert limits.cores() == count
