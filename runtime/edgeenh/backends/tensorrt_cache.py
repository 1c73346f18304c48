"""Plans that this station built, kept so that the next start need not build them again.

A plan is native code. One is run only out of the cache's authenticated entries, under a key of everything it depends on;
a plan of another model, size, library, GPU or driver, or one that somebody planted, is not run but built anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgeenh.backends.tensorrt_build import BUILD_OPTIONS, Flavour, Profile, Timings
from edgeenh.backends.tensorrt_load import Kernels
from edgeenh.cache import Cache
from edgeenh.errors import BackendUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from edgeenh.backends.base import Model
    from edgeenh.backends.tensorrt import TensorRtSession

KIND, TIMINGS, KERNELS = "plans", "timings", "kernels"


def plan_key(flavour: Flavour, model: Model, profile: Profile, identity: Mapping[str, str]) -> dict[str, str]:
    """Everything a plan depends on.

    Args:
        flavour: The library, with its exact version.
        model: The graph; its bytes are hashed here.
        profile: Frame sizes.
        identity: `edgeenh.cuda.driver.device_identity` of the GPU.
    """
    return {
        "onnx_sha256": hashlib.sha256(model.onnx).hexdigest(),
        "precision": model.onnx_precision,
        "profile": json.dumps(profile.to_json()),
        "library": f"{flavour.name} {flavour.version}",
        "build_options": BUILD_OPTIONS,
        **identity,
    }


def open_plan(
    cache: Cache, key: Mapping[str, str], build: Callable[[], bytes], run: Callable[[bytes], TensorRtSession]
) -> TensorRtSession:
    """A session of the plan under `key`, from the cache or built and remembered; its `notices` say what was odd.

    Raises:
        EdgeenhError: The plan cannot be built, or a plan that was just built cannot be run.
    """
    kept = cache.recall(key)
    if kept is not None:
        try:
            return _noticed(run(kept), cache)
        except BackendUnavailable as exc:
            cache.remarks.append(f"a plan of an earlier start does not run any more and is built again ({exc})")
    plan = build()
    cache.remember(key, plan)
    return _noticed(run(plan), cache)


@contextmanager
def kept_timings(folder: Path | None, flavour: Flavour, identity: Mapping[str, str]) -> Iterator[Timings]:
    """What full TensorRT measured on this GPU in earlier builds; what it knows at the end is kept, after an error too."""
    cache = Cache(folder, TIMINGS)
    key = {"library": f"{flavour.name} {flavour.version}", **identity}
    before = cache.recall(key) or b""
    timings = Timings(before)
    try:
        yield timings
    finally:
        if timings.data != before:
            cache.remember(key, timings.data)


@contextmanager
def kept_kernels(folder: Path | None, key: Mapping[str, str], plan: bytes) -> Iterator[Kernels]:
    """What TensorRT-RTX compiled for `plan` at an earlier start; what it has after a first frame is kept.

    It is native code, so it comes out of the same authenticated cache as plans do.
    """
    cache = Cache(folder, KERNELS)
    whole = {**key, "plan_sha256": hashlib.sha256(plan).hexdigest()}
    before = cache.recall(whole) or b""
    kernels = Kernels(before)
    yield kernels
    if kernels.data != before:
        cache.remember(whole, kernels.data)


def _noticed(session: TensorRtSession, cache: Cache) -> TensorRtSession:
    session.notices = (*cache.remarks, *session.notices)
    return session
