"""How each peer is run, uint8 RGB in host memory to uint8 RGB in host memory, as ours is.

A peer's time does not depend on its weights, so networks that edgeenh has no weights for get random ones. Each has the settings that its own
documentation recommends for latency on a CPU; what they are stands beside the code.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgeenh.backends.base import SessionInfo
from edgeenh.errors import BackendUnavailable

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

Enhance = Callable[["Levels", float], "Levels"]
"""uint8 [H,W,3] RGB and a strength to a new picture of the same shape; rivals know no strength and ignore it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is opened.

    Attributes:
        name: One of `catalogue.PEERS`.
        onnx: The bundle's FP32 graph.
        size: (width, height) of the frames.
        threads: CPU threads it may use.
        checkpoint_sha256: Of the checkpoint that the bundle was made of.
    """

    name: str
    onnx: bytes
    size: tuple[int, int]
    threads: int
    checkpoint_sha256: str


SEED = 0


class PeerSession:
    """A peer behind the interface of a session: it writes into the caller's `out`."""

    def __init__(self, name: str, enhance: Enhance, provider: str, version: str) -> None:
        self._enhance = enhance
        self.info = SessionInfo(name, provider, "CPU", "fp32", version, "")

    def run(self, image: Levels, strength: float, out: Levels) -> None:
        """As `Session.run`."""
        np.copyto(out, self._enhance(image, strength))

    def close(self) -> None:
        """Nothing is held beyond the object."""


def open_peer(wanted: Wanted) -> PeerSession:
    """Open a peer.

    Raises:
        BackendUnavailable: Something that it needs is missing; the message says what.
    """
    try:
        return _OPENERS[wanted.name](wanted)
    except ImportError as exc:
        raise BackendUnavailable(f"{wanted.name} needs {exc.name or exc}: pip install 'edgeenh[peers]'") from exc


def _onnxruntime(wanted: Wanted) -> PeerSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = wanted.threads
    session = onnxruntime.InferenceSession(wanted.onnx, options, providers=["CPUExecutionProvider"])
    amount = np.ones(1, np.float32)

    def enhance(image: Levels, strength: float) -> Levels:
        amount[0] = strength
        found: Levels = session.run(None, {"image": image[None], "strength": amount})[0][0]
        return found

    return PeerSession(wanted.name, enhance, "CPUExecutionProvider", onnxruntime.__version__)


def _openvino_of(wanted: Wanted, model: Any, *, takes_strength: bool) -> PeerSession:
    """A model on OpenVINO's CPU plug-in: hint LATENCY, and f32 stated, since bf16 would be taken in silence."""
    import openvino

    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": wanted.threads,
    }
    request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()

    amount = np.ones(1, np.float32)

    def enhance(image: Levels, strength: float) -> Levels:
        amount[0] = strength
        found: Levels = request.infer({0: image[None], **({1: amount} if takes_strength else {})})[0][0]
        return found

    return PeerSession(wanted.name, enhance, "CPU plug-in, f32", openvino.__version__)


def _openvino(wanted: Wanted) -> PeerSession:
    import openvino

    model = openvino.Core().read_model(wanted.onnx)
    width, height = wanted.size
    model.reshape({"image": [1, height, width, 3], "strength": [1]})
    return _openvino_of(wanted, model, takes_strength=True)


def _network(wanted: Wanted) -> PeerSession:
    """A rival's network, converted by OpenVINO itself, with the same casts around it as ours has."""
    import openvino
    import torch

    from edgeenh_train.networks import build_generator
    from edgeenh_train.networks.rivals import DnCnn, ResnetGenerator, UeganGenerator

    makers: dict[str, Callable[[], torch.nn.Module]] = {
        "seed": lambda: build_generator("seed", 0.5),
        "uegan": UeganGenerator,
        "cyclegan": ResnetGenerator,
        "dncnn": DnCnn,
    }
    torch.manual_seed(SEED)
    network = _framed()(makers[wanted.name]().eval()).eval()
    width, height = wanted.size
    example = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    shape = openvino.PartialShape([1, height, width, 3])
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # OpenVINO traces with what torch would rather retire
        model = openvino.convert_model(network, example_input=example, input=[(shape, openvino.Type.u8)])
    return _openvino_of(wanted, model, takes_strength=False)


def _torch(wanted: Wanted) -> PeerSession:
    import torch

    from edgeenh_export.graph import FrameGraph
    from edgeenh_train.checkpoint import load_generator
    from edgeenh_train.shipped import SHIPPED

    torch.set_num_threads(wanted.threads)
    generator, info = load_generator(SHIPPED)
    if info.sha256 != wanted.checkpoint_sha256:
        raise BackendUnavailable(
            f"{wanted.name} runs the checkpoint that ships alone, and this bundle was made of another: leave --model out for this row"
        )
    graph: Any = FrameGraph(generator, "fp32")
    if wanted.name == "torch-compile":
        graph = torch.compile(graph)
    amount = torch.ones(1)

    def enhance(image: Levels, strength: float) -> Levels:
        amount[0] = strength
        with torch.inference_mode():
            found: Levels = graph(torch.from_numpy(image)[None], amount)[0].numpy()
        return found

    return PeerSession(
        wanted.name, enhance, "inductor" if wanted.name == "torch-compile" else "eager", torch.__version__
    )


def _opencv(wanted: Wanted) -> PeerSession:
    cv2.setNumThreads(wanted.threads)
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))

    def enhance(image: Levels, strength: float) -> Levels:  # noqa: ARG001  # it knows no strength
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        lab[..., 0] = clahe.apply(np.ascontiguousarray(lab[..., 0]))
        return np.asarray(cv2.bilateralFilter(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 5, 25, 5), np.uint8)

    return PeerSession(wanted.name, enhance, "clipLimit 2, 8×8 tiles; bilateral 5, 25, 5", cv2.__version__)


def _framed() -> Any:
    import torch

    class Framed(torch.nn.Module):
        """uint8 [1,H,W,3] to the same around a network of float [1,3,H,W]."""

        def __init__(self, network: torch.nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            enhanced = self.network(image.permute(0, 3, 1, 2).float() / 255.0)
            levels: torch.Tensor = (enhanced.permute(0, 2, 3, 1) * 255.0).round().clamp(0.0, 255.0)
            return levels.to(torch.uint8)

    return Framed


_OPENERS: dict[str, Callable[[Wanted], PeerSession]] = {
    "onnxruntime-bare": _onnxruntime,
    "openvino-bare": _openvino,
    "torch-eager": _torch,
    "torch-compile": _torch,
    "seed": _network,
    "uegan": _network,
    "cyclegan": _network,
    "dncnn": _network,
    "opencv": _opencv,
}
