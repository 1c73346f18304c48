"""The bundle: one `.edgeenh` file with a model in every precision, golden frames, and a manifest of it all."""

from __future__ import annotations

from edgeenh.bundle.canonical import MANIFEST
from edgeenh.bundle.manifest import Engine, Gate, Generator, Golden, Manifest, MemberFile, Onnx, Profile, Training
from edgeenh.bundle.reader import SHIPPED, Bundle
from edgeenh.bundle.signature import SIGNATURE, Signature
from edgeenh.bundle.signing import sign_bundle
from edgeenh.bundle.trust import Trust
from edgeenh.bundle.writer import write_bundle

__all__ = [
    "MANIFEST",
    "SHIPPED",
    "SIGNATURE",
    "Bundle",
    "Engine",
    "Gate",
    "Generator",
    "Golden",
    "Manifest",
    "MemberFile",
    "Onnx",
    "Profile",
    "Signature",
    "Training",
    "Trust",
    "sign_bundle",
    "write_bundle",
]
