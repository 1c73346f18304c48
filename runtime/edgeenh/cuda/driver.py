"""What the NVIDIA driver says about this machine, asked without any CUDA package. Not yet run on a GPU."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

from edgeenh.environment import fingerprint


@functools.cache
def driver_problem(load: Callable[[str], Any] = ctypes.CDLL) -> str:
    """Why CUDA cannot run here, in a few words; empty when a driver answers and shows at least one GPU.

    Asked once per process: a driver does not come or go under a running one. No context is made.

    Args:
        load: Opens the driver's shared library; given by tests.
    """
    try:
        driver = load("libcuda.so.1")
    except OSError:
        return "there is no NVIDIA driver here (libcuda.so.1 not found)"
    if code := int(driver.cuInit(0)):
        return f"the NVIDIA driver does not start (cuInit gave error {code})"
    count = ctypes.c_int(0)
    if code := int(driver.cuDeviceGetCount(ctypes.byref(count))):
        return f"the NVIDIA driver does not count its GPUs (error {code})"
    return "" if count.value else "the NVIDIA driver shows no GPU"


def driver_fix() -> str:
    """What to do when `driver_problem` gives one."""
    return "run on a machine with an NVIDIA GPU and driver (`nvidia-smi` must list it)"


def device_identity(ordinal: int = 0, load: Callable[[str], Any] = ctypes.CDLL) -> dict[str, str]:
    """What a compiled engine depends on: `gpu`, `compute_capability`, and `driver` with its CUDA version.

    What the driver does not tell is empty; where CUDA cannot run, all of it is.
    """
    names = device_names(load)
    if ordinal >= len(names):
        return {"gpu": "", "compute_capability": "", "driver": ""}
    driver, device, number = load("libcuda.so.1"), ctypes.c_int(0), ctypes.c_int(0)
    driver.cuDeviceGet(ctypes.byref(device), ordinal)
    capability = []
    for attribute in (75, 76):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
        failed = driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
        capability.append("" if failed else str(number.value))
    cuda = "" if driver.cuDriverGetVersion(ctypes.byref(number)) else str(number.value)
    module = next((str(gpu["driver"]) for gpu in fingerprint()["gpus"]), "")
    return {"gpu": names[ordinal], "compute_capability": ".".join(capability), "driver": f"{module} (CUDA {cuda})"}


def device_names(load: Callable[[str], Any] = ctypes.CDLL) -> tuple[str, ...]:
    """The names of the GPUs, by ordinal; empty where CUDA cannot run."""
    if driver_problem(load):
        return ()
    driver, count = load("libcuda.so.1"), ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    names = []
    for ordinal in range(count.value):
        device, name = ctypes.c_int(0), ctypes.create_string_buffer(256)
        if driver.cuDeviceGet(ctypes.byref(device), ordinal) or driver.cuDeviceGetName(name, len(name), device):
            name.value = f"CUDA device {ordinal}".encode()
        names.append(name.value.decode(errors="replace"))
    return tuple(names)
