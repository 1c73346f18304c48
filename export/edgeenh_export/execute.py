"""Running frames through ONNX Runtime on the CPU, and through torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from edgeenh.backends import get_backend
from edgeenh.backends.base import Model, Session, SessionOptions
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.graph import FrameGraph
from edgeenh_export.options import Size
from edgeenh_train.networks import Generator

BACKEND = "onnxruntime"
"""The backend that judges an export: it runs everywhere."""

LARGE = 100_000
"""Multiply-accumulates per pixel from which a network is worth more than one thread: variant `seed`."""


class OnnxRunner:
    """An ONNX on ONNX Runtime's CPU provider; one session per frame size, kept for the next frame of that size.

    Args:
        onnx: The file's bytes.
        precision: What the graph holds: `fp32` or `fp16`.
        name: What messages call the model.
    """

    def __init__(self, onnx: bytes, precision: str, name: str) -> None:
        self._model = Model(name, onnx, precision, hashlib.sha256(onnx).hexdigest())
        self._sessions: dict[Size, Session] = {}

    def __call__(self, image: NDArray[np.uint8], strength: float = 1.0) -> NDArray[np.uint8]:
        """Enhance uint8 [H,W,3] RGB, C-contiguous; returns a new array of the same shape.

        Raises:
            BackendUnavailable: ONNX Runtime is missing.
            InferenceFailed, IntegrityError: It cannot run the graph.
        """
        session = self._session((image.shape[1], image.shape[0]))
        out = np.empty_like(image)
        session.run(image, strength, out)
        return out

    def _session(self, size: Size) -> Session:
        if size not in self._sessions:
            options = SessionOptions(size[1], size[0], self._model.onnx_precision, device="cpu")
            self._sessions[size] = get_backend(BACKEND).open_session(self._model, options)
        return self._sessions[size]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the memory back."""
        while self._sessions:
            self._sessions.popitem()[1].close()


@contextmanager
def torch_threads(macs_per_pixel: float) -> Iterator[None]:
    """While it is open torch computes on one thread, unless the network is a large one; afterwards as before.

    torch's threads wait for each other by spinning. A small network gains little by a second one, and beside a busy process it loses:
    on two cores, one of them taken, variant `n` took 7 s instead of 0.6 s for the frames of an export.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if macs_per_pixel > LARGE else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def as_tensor(image: NDArray[np.uint8]) -> torch.Tensor:
    """uint8 [H,W,3] to float32 [1,3,H,W] on the same scale 0…255; a new tensor."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].to(torch.float32)


def as_image(tensor: torch.Tensor) -> NDArray[np.float32]:
    """Float [1,3,H,W] to a new float32 array [H,W,3]."""
    return np.ascontiguousarray(tensor[0].permute(1, 2, 0).to(torch.float32).numpy())


def run_generator(generator: Generator, frames: Iterable[GoldenFrame]) -> list[NDArray[np.float32]]:
    """What the checkpoint's own generator, unfolded and in FP32, makes of frames at strength 1.

    Returns:
        Float32 [H,W,3] RGB each, on the scale 0…255, not yet rounded; NaN where the network's output is none.
    """
    with torch.inference_mode():
        return [as_image(generator(as_tensor(frame.image) / 255.0, torch.ones(1)) * 255.0) for frame in frames]


def run_unclamped(graph: FrameGraph, frames: Iterable[GoldenFrame]) -> Iterable[NDArray[np.float32]]:
    """What a graph holds in torch before clamp and rounding, at strength 1: float32 [H,W,3] each, one at a time.

    In FP16 every feature is really stored in FP16 here. ONNX Runtime's CPU kernels compute an FP16 graph in FP32, and would hide a
    feature that leaves FP16's range on a GPU.
    """
    for frame in frames:
        with torch.inference_mode():
            result = as_image(graph.unclamped(as_tensor(frame.image), torch.ones(1)))
        yield result
