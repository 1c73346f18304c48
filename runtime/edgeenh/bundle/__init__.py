"""The bundle: one `.edgeenh` file with a model in every precision, golden frames, and a manifest of it all."""

from __future__ import annotations

from edgeenh.bundle.canonical import MANIFEST
from edgeenh.bundle.manifest import Engine, Gate, Generator, Golden, Manifest, MemberFile, Onnx, Profile, Training
from edgeenh.bundle.reader import SHIPPED, Bundle
from edgeenh.bundle.writer import write_bundle

__all__ = [
    "MANIFEST",
    "SHIPPED",
    "Bundle",
    "Engine",
    "Gate",
    "Generator",
    "Golden",
    "Manifest",
    "MemberFile",
    "Onnx",
    "Profile",
    "Training",
    "write_bundle",
]
