"""Running frames through ONNX Runtime on the CPU, and through torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import NDArray

from edgeenh.backends import get_backend
from edgeenh.backends.base import Model, SessionOptions
from edgeenh.pixels import GREY, RGB, Pixels, scaled_shape
from edgeenh.slots import Slot, open_slot
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.graph import FrameGraph
from edgeenh_export.options import Size
from edgeenh_train.networks import Generator

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

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
        pixels: What its pictures are.
        scale: How many times the frame's size it gives.
    """

    def __init__(self, onnx: bytes, precision: str, name: str, pixels: Pixels = RGB, scale: int = 1) -> None:
        self._model = Model(name, onnx, precision, hashlib.sha256(onnx).hexdigest(), pixels=pixels, scale=scale)
        self._slots: dict[Size, Slot] = {}

    def __call__(self, image: Levels, strength: float = 1.0) -> Levels:
        """Enhance a golden frame: uint8 [H,W,3] RGB or uint16 [H,W,1] grey, C-contiguous; returns a new array like it, scaled.

        Raises:
            BackendUnavailable: ONNX Runtime is missing.
            InferenceFailed, IntegrityError: It cannot run the graph.
        """
        out = np.empty(scaled_shape(image.shape, self._model.scale), image.dtype)
        self._slot((image.shape[1], image.shape[0])).run(image, strength, out, self._model.pixels.bits[1])
        return out

    def _slot(self, size: Size) -> Slot:
        if size not in self._slots:
            options = SessionOptions(size[1], size[0], self._model.onnx_precision, device="cpu")
            session = get_backend(BACKEND).open_session(self._model, options)
            self._slots[size] = open_slot(session, (size[1], size[0]), self._model.pixels, self._model.scale)
        return self._slots[size]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the memory back."""
        while self._slots:
            self._slots.popitem()[1].close()


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


def pixels_of(generator: Generator) -> Pixels:
    """What the pictures of a generator are."""
    return next(kind for kind in (RGB, GREY) if kind.channels == generator.channels)


def as_tensor(image: Levels) -> torch.Tensor:
    """A frame [H,W,C] to float32 [1,C,H,W] on its own scale, 0…255 or 0…65535; a new tensor."""
    return torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]


def as_image(tensor: torch.Tensor) -> NDArray[np.float32]:
    """Float [1,C,H,W] to a new float32 array [H,W,C]."""
    return np.ascontiguousarray(tensor[0].permute(1, 2, 0).to(torch.float32).numpy())


def run_generator(generator: Generator, frames: Iterable[GoldenFrame]) -> list[NDArray[np.float32]]:
    """What the checkpoint's own generator makes, in FP32, of frames at strength 1.

    Returns:
        Float32 [H,W,C] each, on the frames' scale (0…255 or 0…65535), not yet rounded; NaN where the network's output is
        none.
    """
    top = float(pixels_of(generator).top)
    with torch.inference_mode():
        return [as_image(generator(as_tensor(frame.image) / top, torch.ones(1)) * top) for frame in frames]


def run_unclamped(graph: FrameGraph, frames: Iterable[GoldenFrame]) -> Iterable[NDArray[np.float32]]:
    """What a graph holds in torch before clamp and rounding, at strength 1, on the frames' scale: float32 [H,W,C] each.

    One at a time.

    In FP16 every feature is really stored in FP16 here. ONNX Runtime's CPU kernels compute an FP16 graph in FP32, and would hide a
    feature that leaves FP16's range on a GPU.
    """
    steps = graph.pixels.top / graph.pixels.scale  # 1 for colour, whose graph stands on the frames' scale
    for frame in frames:
        with torch.inference_mode():
            image = torch.from_numpy(frame.image.astype(np.float32))[None] / steps
            result = (graph.unclamped(image, torch.ones(1)) * steps)[0].numpy()
        yield result
