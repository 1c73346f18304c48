"""Opening a bundle: one read, every byte accounted for, and only then anything used."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.bundle.archive import MAX_BUNDLE_BYTES, REMEDY, unpack
from edgeenh.bundle.canonical import MANIFEST
from edgeenh.bundle.manifest import Manifest
from edgeenh.errors import InputError, IntegrityError, PictureError, UsageError

if TYPE_CHECKING:
    from edgeenh.backends.base import Model
    from edgeenh.pixels import Levels

SHIPPED = "dental-n.edgeenh"
"""The bundle that travels with the package, in `edgeenh/models/`."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """An opened bundle whose every byte was checked. It holds the content in memory and keeps no file open.

    Attributes:
        path: Where it was read from; only a label afterwards, the file is not read again.
        sha256: Hex digest of the whole file.
        size: Length of the whole file in bytes.
        manifest: What the bundle says of itself.
    """

    path: Path
    sha256: str
    size: int
    manifest: Manifest
    _members: Mapping[str, memoryview] = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Read and check the bundle at `path`.

        Raises:
            InputError: There is no such file, or it cannot be read.
            IntegrityError: It is not exactly what its manifest says; the message names the member, what was found and
                what was expected.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BUNDLE_BYTES + 1)
        except FileNotFoundError as exc:
            raise InputError(
                f"there is no bundle at {path}: give the path of an .edgeenh file, or make one with `edgeenh export`"
            ) from exc
        except OSError as exc:
            raise InputError(
                f"the bundle {path} cannot be read ({exc.strerror or exc}): give an .edgeenh file you may read"
            ) from exc
        return cls.from_bytes(data, Path(path))

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> Bundle:
        """Check the bytes of a bundle; `path` is what messages call it.

        Raises:
            IntegrityError: As in `open`.
        """
        if len(data) > MAX_BUNDLE_BYTES:
            raise IntegrityError(f"{path} is larger than {MAX_BUNDLE_BYTES:,} bytes, which no bundle is: {REMEDY}")
        try:
            members = unpack(data)
            manifest = _read_manifest(members)
            _check_members(manifest, members)
        except IntegrityError as exc:
            raise IntegrityError(f"{path}: {exc}") from exc
        return cls(path, hashlib.sha256(data).hexdigest(), len(data), manifest, members)

    @classmethod
    def shipped(cls) -> Bundle:
        """The bundle that travels with the package.

        Raises:
            InputError: This installation has none.
            IntegrityError: It was damaged since.
        """
        with importlib.resources.as_file(importlib.resources.files("edgeenh")) as package:
            return cls.open(package / "models" / SHIPPED)

    @property
    def data(self) -> memoryview:
        """The whole file as it was read and checked; a view, not a copy."""
        return memoryview(next(iter(self._members.values())).obj)

    @property
    def precisions(self) -> tuple[str, ...]:
        """Precisions that have a graph in the bundle, the reference (fp32) first."""
        return tuple(sorted(self.manifest.precisions, key=lambda precision: (precision != "fp32", precision)))

    @property
    def members(self) -> tuple[str, ...]:
        """Names of all members except the manifest, sorted."""
        return tuple(sorted(self.manifest.files))

    def read(self, member: str) -> bytes:
        """The content of a member: a copy of the bytes whose digest was checked.

        Raises:
            UsageError: The bundle has no such member.
        """
        if member not in self.manifest.files:
            raise UsageError(f"{self.path} has no member {member}, expected one of {', '.join(self.members)}")
        return bytes(self._members[member])

    def model(self, precision: str) -> Model:
        """The graph in one precision, with the plans that were built from exactly its bytes.

        Raises:
            UsageError: The bundle does not have this precision.
        """
        from edgeenh.backends.base import Model

        manifest = self.manifest
        if precision not in manifest.precisions:
            fix = "export one with `edgeenh export --fp16`" if precision == "fp16" else "this release cannot make one"
            found = f"expected one of {', '.join(self.precisions)}"
            raise UsageError(f"{self.path} has no {precision} graph, {found}: {fix}")
        member = manifest.precisions[precision]
        digest = manifest.files[member].sha256
        plans = {engine.file: self.read(engine.file) for engine in manifest.engines if engine.onnx_sha256 == digest}
        name = f"{manifest.id} {manifest.version} ({precision})"
        return Model(name, self.read(member), precision, digest, plans, manifest.pixels)

    def golden(self) -> list[tuple[str, Levels, Levels]]:
        """The golden frames as new arrays.

        Returns:
            Name, frame and the FP32 graph's output for it at strength 1, both of the same size: uint8 [H,W,3] RGB, or
            in a bundle for grey uint16 [H,W,1] with 16 bits.

        Raises:
            IntegrityError: A member is not a picture, or frame and reference are of different sizes.
        """
        frames = []
        for golden in self.manifest.golden:
            image, reference = self._picture(golden.image), self._picture(golden.reference)
            if image.shape != reference.shape:
                raise IntegrityError(
                    f"{self.path}: golden frame {golden.name} is {image.shape[1]}×{image.shape[0]} pixels, "
                    f"expected the {reference.shape[1]}×{reference.shape[0]} of its reference: {REMEDY}"
                )
            frames.append((golden.name, image, reference))
        return frames

    def _picture(self, member: str) -> Levels:
        from edgeenh.pictures import decode_frame
        from edgeenh.pixels import top_of

        pixels = self.manifest.pixels
        try:
            frame = decode_frame(self.read(member), f"member {member}", pixels.photometric)
        except PictureError as exc:
            raise IntegrityError(f"{self.path}: {exc}") from exc
        found = 8 * frame.dtype.itemsize
        if top_of(found) != pixels.top:
            raise IntegrityError(
                f"{self.path}: member {member} has {found} bits per value, expected {pixels.bits[1]}: {REMEDY}"
            )
        return frame.reshape(*frame.shape[:2], pixels.channels)


def _read_manifest(members: Mapping[str, memoryview]) -> Manifest:
    first = next(iter(members))
    if first != MANIFEST:
        raise IntegrityError(f"begins with the member {first}, expected {MANIFEST}: {REMEDY}")
    return Manifest.from_json(bytes(members[MANIFEST]))


def _check_members(manifest: Manifest, members: Mapping[str, memoryview]) -> None:
    """Every member listed, no member extra, in sorted order, of the length and digest that the manifest says."""
    found = [name for name in members if name != MANIFEST]
    missing, extra = sorted(set(manifest.files) - set(found)), sorted(set(found) - set(manifest.files))
    if missing:
        raise IntegrityError(f"member {missing[0]} is missing, expected it because the manifest lists it: {REMEDY}")
    if extra:
        raise IntegrityError(f"member {extra[0]} is extra, expected only what the manifest lists: {REMEDY}")
    if found != sorted(found):
        raise IntegrityError(f"the members are not in sorted order; damaged or repacked: {REMEDY}")
    for name, expected in manifest.files.items():
        if len(members[name]) != expected.bytes:
            raise IntegrityError(
                f"member {name} holds {len(members[name]):,} bytes, expected {expected.bytes:,}: {REMEDY}"
            )
        digest = hashlib.sha256(members[name]).hexdigest()
        if digest != expected.sha256:
            raise IntegrityError(f"member {name} has the SHA-256 {digest}, expected {expected.sha256}: {REMEDY}")
