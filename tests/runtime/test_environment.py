import json
import os
import platform

import pytest

from edgeenh.environment import CPU_FLAGS, cores_allowed, cpu_flags, fingerprint

X86 = "processor : 0\nmodel name\t: Test CPU @ 3 GHz\nflags\t\t: fpu avx2 avx512f fma\n\nprocessor : 1\nflags : none\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd sve\n\nHardware\t: Test Board\n"
NVRM = "NVRM version: NVIDIA UNIX {}  570.86.15  Release Build  (build@host)\nGCC version:  gcc 12.2.0 (Debian)\n"


@pytest.fixture
def root(tmp_path):
    """Make files of another machine under a root of their own: `write("proc/cpuinfo", text)`."""

    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        return tmp_path

    return write


def test_this_machine_has_a_fingerprint_that_is_json_and_stays():
    one = fingerprint()
    assert json.loads(json.dumps(one, allow_nan=False)) == one == fingerprint()
    assert one["python"] == platform.python_version()
    assert one["cpu"]["cores_allowed"] == cores_allowed() >= 1
    assert "numpy" in one["libraries"]


def test_only_the_cores_that_may_be_used_are_counted():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores_allowed() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("cpuinfo", "model", "flags"),
    [(X86, "Test CPU @ 3 GHz", ["avx2", "fma", "avx512f"]), (ARM, "Test Board", ["asimd", "sve"])],
)
def test_the_cpu_is_read_from_proc(root, cpuinfo, model, flags):
    path = root("proc/cpuinfo", cpuinfo)
    cpu = fingerprint(path)["cpu"]
    assert (cpu["model"], cpu["flags"]) == (model, flags)
    assert cpu_flags(path) == tuple(flag for flag in CPU_FLAGS if flag in flags)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "100000 0\n"}, None),
        ({"other": ""}, None),
    ],
)
def test_the_quota_of_the_control_group_is_in_cores(root, files, cores):
    for name, text in files.items():
        path = root(f"sys/fs/cgroup/{name}", text)
    assert fingerprint(path)["cpu"]["quota_cores"] == cores


@pytest.mark.parametrize("module", ["x86_64 Kernel Module", "Open Kernel Module for x86_64"])
def test_gpus_are_read_from_the_driver(root, module):
    root("proc/driver/nvidia/version", NVRM.format(module))
    root("proc/driver/nvidia/gpus/0000:02:00.0/information", "Model: \t\t NVIDIA B\nBus Location: \t 0000:02:00.0\n")
    path = root("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA A\nIRQ: 5\n")
    assert fingerprint(path)["gpus"] == [
        {"name": "NVIDIA A", "bus": None, "driver": "570.86.15"},
        {"name": "NVIDIA B", "bus": "0000:02:00.0", "driver": "570.86.15"},
    ]


def test_memory_and_system_are_read_from_their_files(root):
    root("proc/meminfo", "MemFree: 1 kB\nMemTotal:       2097152 kB\n")
    path = root("etc/os-release", 'NAME=x\nPRETTY_NAME="Test OS 1"\n')
    assert (fingerprint(path)["memory_mib"], fingerprint(path)["os"]) == (2048, "Test OS 1")


def test_what_cannot_be_found_out_is_not_guessed(tmp_path):
    empty = fingerprint(tmp_path)
    assert empty["gpus"] == []
    assert empty["memory_mib"] is None
    assert empty["cpu"]["flags"] == []
    assert empty["cpu"]["quota_cores"] is None
