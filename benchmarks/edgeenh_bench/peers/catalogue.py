"""Which peers there are, and what each is. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the comparison.

    Attributes:
        name: What the table calls it.
        what: What runs, in words.
        same_model: Whether it computes what the bundle computes, so that its drift means something.
        multiple: Heights and widths that it takes are multiples of this; None = of the bundle's.
    """

    name: str
    what: str
    same_model: bool = False
    multiple: int | None = None


PEERS = (
    Peer("onnxruntime-bare", "the bundle's FP32 graph in onnxruntime.InferenceSession with its default options", same_model=True),
    Peer("openvino-bare", "the same in openvino.compile_model with f32 stated and performance hint LATENCY, no wrapper", same_model=True),
    Peer("torch-eager", "the checkpoint's network in PyTorch, inference mode", same_model=True),
    Peer("torch-compile", "the same under torch.compile (inductor, needs a C++ compiler)", same_model=True),
    Peer("seed", "variant seed, random weights, on OpenVINO FP32", multiple=8),
    Peer("uegan", "UEGAN's generator (32 channels), random weights, on OpenVINO FP32", multiple=16),
    Peer("cyclegan", "CycleGAN's ResNet-9 (64 channels), random weights, on OpenVINO FP32", multiple=4),
    Peer("dncnn", "DnCNN-17 (64 channels), random weights, on OpenVINO FP32"),
    Peer("opencv", "CLAHE on lightness and a bilateral filter, OpenCV with its own threads", multiple=1),
)  # fmt: skip

BY_NAME = {peer.name: peer for peer in PEERS}
