"""TensorRT as an engine that shows every result: a plan per graph, built and run once. Not yet run on a GPU.

The plan is built as the runtime builds it (strongly typed, without TF32), of the graph with its results as outputs; what the
builder fuses is then less than in production, which is why the whole graph is run as it is as well.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, ValueInfoProto, helper

from edgeenh.backends.contract import one_line
from edgeenh.backends.tensorrt_build import Flavour, build_plan, last_message, load_flavour, log_messages
from edgeenh.backends.tensorrt_load import RefusedError, load_plan
from edgeenh.cuda.interface import CudaDevice, open_device
from edgeenh.errors import InferenceFailed, JobFailed
from edgeenh_export.explain.surgery import Values


class TensorRtEngine:
    """TensorRT on the first GPU; every `run` builds a plan, runs it once and drops it.

    Args:
        flavour: The TensorRT; None = the one that the runtime would take.
        device: The GPU; None = the first.

    Raises:
        MissingExtra, BackendUnavailable: TensorRT is not installed, or there is no GPU.
    """

    lowers_to: int | None = None

    def __init__(self, flavour: Flavour | None = None, device: CudaDevice | None = None) -> None:
        self._flavour = flavour or load_flavour()
        self.name = f"{self._flavour.name} {self._flavour.version}"
        self._device = device or open_device()

    def run(self, model: ModelProto, feeds: Values) -> dict[str, NDArray[Any]]:
        """See `edgeenh_export.explain.engines.Engine.run`."""
        trt, device = self._flavour.module, self._device
        onnx = bytes(model.SerializeToString(deterministic=True))
        plan = build_plan(trt, onnx, name="a part of the graph", profile=None, pixels=None)
        device.activate()
        with log_messages(trt) as messages:
            try:
                runtime, engine, context, _ = load_plan(trt, plan)
                results = self._execute(context, model, feeds)
                del context, engine, runtime  # in this order: each refers to the next
            except (RuntimeError, ValueError, RefusedError, InferenceFailed) as exc:
                reason = last_message(messages, one_line(exc))
                raise JobFailed(f"{self.name} cannot run a part of the graph: {reason}") from exc
        return results

    def _execute(self, context: Any, model: ModelProto, feeds: Values) -> dict[str, NDArray[Any]]:
        """Inputs to the device, one execution, outputs back."""
        device = self._device
        for value in model.graph.input:
            given = np.ascontiguousarray(feeds[value.name]).reshape(-1).view(np.uint8)
            buffer, staged = device.allocate(given.nbytes), device.pinned(given.nbytes)
            staged[:] = given
            if not context.set_tensor_address(value.name, buffer.address):
                raise RefusedError(f"the plan has no input {value.name}")
            device.to_device(buffer, staged)
        back = {}
        for value in model.graph.output:
            shape, dtype = _shape(value), helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            nbytes = max(1, math.prod(shape) * dtype.itemsize)
            buffer, staged = device.allocate(nbytes), device.pinned(nbytes)
            if not context.set_tensor_address(value.name, buffer.address):
                raise RefusedError(f"the plan has no output {value.name}")
            back[value.name] = (buffer, staged, shape, dtype)
        if not context.execute_async_v3(device.stream):
            raise RefusedError("it does not execute")
        for buffer, staged, _, _ in back.values():
            device.to_host(staged, buffer)
        device.synchronize()
        return {
            name: staged[: math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape).copy()
            for name, (_, staged, shape, dtype) in back.items()
        }


def _shape(value: ValueInfoProto) -> tuple[int, ...]:
    """The shape of a result of a graph of fixed shapes."""
    sides = value.type.tensor_type.shape.dim
    if any(not side.HasField("dim_value") for side in sides):
        raise RefusedError(f"the shape of {value.name} is not known before it is computed")
    return tuple(side.dim_value for side in sides)
