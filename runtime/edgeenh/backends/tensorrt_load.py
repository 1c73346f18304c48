"""From a plan to an execution context: one path for `tensorrt` 10, 11 and `tensorrt_rtx`. Not yet run on a GPU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeenh.backends.tensorrt_build import process_logger


class RefusedError(Exception):
    """TensorRT said no by its return value."""


@dataclass(slots=True)
class Kernels:
    """What TensorRT-RTX compiled for a plan on this GPU, in its own form (its runtime cache).

    Attributes:
        data: Its bytes.
        cache: The library's object that collects them while a session runs; None where the flavour has none.
    """

    data: bytes = b""
    cache: Any = field(default=None, repr=False)


def load_plan(trt: Any, plan: bytes, kernels: Kernels | None = None) -> tuple[Any, Any, Any, bool]:
    """Runtime, engine and execution context of a plan, and whether the library captures CUDA graphs by itself.

    Args:
        trt: The flavour's module.
        plan: A plan that this station built.
        kernels: What to give it of earlier starts; its `cache` is set where the flavour has one.

    Raises:
        RefusedError: The plan does not load, or gives no context.
    """
    runtime = trt.Runtime(process_logger(trt))
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise RefusedError("it does not load")
    own_graph = False
    if not hasattr(engine, "create_runtime_config"):
        context = engine.create_execution_context()
    else:
        config = engine.create_runtime_config()
        own_graph = _configure(trt, config, kernels)
        context = engine.create_execution_context(config)
    if context is None:
        raise RefusedError("it gives no execution context")
    return runtime, engine, context, own_graph


def keep_kernels(kernels: Kernels | None) -> None:
    """Read what was compiled, after a first frame."""
    if kernels is not None and kernels.cache is not None:
        kernels.data = bytes(kernels.cache.serialize())


def _configure(trt: Any, config: Any, kernels: Kernels | None) -> bool:
    """Set what TensorRT-RTX offers and full TensorRT does not; returns whether it will capture graphs."""
    if hasattr(config, "dynamic_shapes_kernel_specialization_strategy"):
        # compile for our one frame size now; by default it swaps kernels while the first frames run
        eager = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        config.dynamic_shapes_kernel_specialization_strategy = eager
    if kernels is not None and hasattr(config, "create_runtime_cache"):
        kernels.cache = config.create_runtime_cache()
        if kernels.data:
            kernels.cache.deserialize(kernels.data)  # False: of another version or GPU; compiled again then
        config.set_runtime_cache(kernels.cache)
    if not hasattr(config, "cuda_graph_strategy"):
        return False
    config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
    return True
