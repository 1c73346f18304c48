"""Opening a bundle: one read, every byte accounted for, and only then anything used.

In this order: the archive's form, the manifest's schema, the signature where the station demands one, the list of
members and their digests, the graphs, the version. What is used afterwards is the bytes that were checked; the file is
not opened again.
"""

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
from edgeenh.bundle.signature import SIGNATURE, Signature
from edgeenh.bundle.trust import NO_DEMANDS, Trust
from edgeenh.errors import InputError, IntegrityError, PictureError, UsageError
from edgeenh.files import read_once
from edgeenh.pixels import scaled_shape

if TYPE_CHECKING:
    from edgeenh.backends.base import Model
    from edgeenh.backends.onnx_file import GraphFacts
    from edgeenh.pixels import Levels

SUFFIX = ".edgeenh"
SHIPPED = "dental-n"
"""The bundle that is used when none is named."""

SHIPPED_NAMES = (SHIPPED, "xray-n")
"""What travels with the package, in `edgeenh/models/`: opened by the bare name, where no file of that name lies in the way."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """An opened bundle whose every byte was checked. It holds the content in memory and keeps no file open.

    Attributes:
        path: Where it was read from; only a label afterwards, the file is not read again.
        sha256: Hex digest of the whole file.
        size: Length of the whole file in bytes.
        manifest: What the bundle says of itself.
        signature: What stands in `manifest.sig`; None = not signed.
        trusted: The signature was demanded and is by the key that was given.
        graphs: Precision → what its ONNX file holds.
    """

    path: Path
    sha256: str
    size: int
    manifest: Manifest
    signature: Signature | None
    trusted: bool
    graphs: Mapping[str, GraphFacts] = field(repr=False)
    _members: Mapping[str, memoryview] = field(repr=False)

    @classmethod
    def open(cls, path: Path, *, public_key: str | Path | None = None, floor: int | str | Path | None = None) -> Bundle:
        """Read and check the bundle at `path`.

        Args:
            path: The file, or one of `SHIPPED_NAMES`.
            public_key: A public key in PEM form; the bundle must be signed by its owner. None = no signature is asked for.
            floor: The lowest version that is accepted, or a file of them (`edgeenh.bundle.trust.read_floor`).

        Raises:
            InputError: There is no such file, or it cannot be read; or one of the two others is not what it must be.
            IntegrityError: It is not exactly what its manifest says, or not what the key and the floor demand; the
                message names what was found and what was expected.
            MissingExtra: A key is given and `cryptography` is not installed.
        """
        if str(path) in SHIPPED_NAMES and not Path(path).exists():
            return cls.shipped(str(path), public_key=public_key, floor=floor)
        trust = Trust.of(public_key, floor)
        return cls.from_bytes(read_bundle_file(Path(path)), Path(path), trust)

    @classmethod
    def from_bytes(cls, data: bytes, path: Path, trust: Trust = NO_DEMANDS) -> Bundle:
        """Check the bytes of a bundle; `path` is what messages call it.

        Raises:
            IntegrityError: As in `open`.
        """
        if len(data) > MAX_BUNDLE_BYTES:
            raise IntegrityError(f"{path} is larger than {MAX_BUNDLE_BYTES:,} bytes, which no bundle is: {REMEDY}")
        try:
            members = unpack(data)
            manifest = _read_manifest(members)
            signature = Signature.from_member(members[SIGNATURE]) if SIGNATURE in members else None
            trust.check_signature(bytes(members[MANIFEST]), signature)
            _check_members(manifest, members)
            graphs = _check_graphs(manifest, members)
            trust.check_version(manifest.id, manifest.version)
        except IntegrityError as exc:
            raise IntegrityError(f"{path}: {exc}") from exc
        digest, trusted = hashlib.sha256(data).hexdigest(), trust.key is not None
        return cls(path, digest, len(data), manifest, signature, trusted, graphs, members)

    @classmethod
    def shipped(
        cls, name: str = SHIPPED, *, public_key: str | Path | None = None, floor: int | str | Path | None = None
    ) -> Bundle:
        """A bundle that travels with the package, one of `SHIPPED_NAMES`; the demands are those of `open`.

        Raises:
            InputError: This installation has none.
            IntegrityError: It was damaged since, or is not what the key and the floor demand.
        """
        with importlib.resources.as_file(importlib.resources.files("edgeenh")) as package:
            return cls.open(package / "models" / f"{name}{SUFFIX}", public_key=public_key, floor=floor)

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
        """Names of all members except the manifest and its signature, sorted."""
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
        return Model(name, self.read(member), precision, digest, plans, manifest.pixels, manifest.generator.scale)

    def golden(self) -> list[tuple[str, Levels, Levels]]:
        """The golden frames as new arrays.

        Returns:
            Name, frame and the FP32 graph's output for it at strength 1, which is the model's scale times its size: uint8
            [H,W,3] RGB, or in a bundle for grey uint16 [H,W,1] with 16 bits.

        Raises:
            IntegrityError: A member is not a picture, or a reference is not of its frame's size, scaled.
        """
        frames, scale = [], self.manifest.generator.scale
        for golden in self.manifest.golden:
            image, reference = self._picture(golden.image), self._picture(golden.reference)
            if scaled_shape(image.shape, scale) != reference.shape:
                times = "" if scale == 1 else f", {scale} times that,"
                raise IntegrityError(
                    f"{self.path}: golden frame {golden.name} is {image.shape[1]}×{image.shape[0]} pixels, "
                    f"expected the {reference.shape[1]}×{reference.shape[0]} of its reference{times}: {REMEDY}"
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


def read_bundle_file(path: Path) -> bytes:
    """Everything in the file, by one read of what was opened; its size is looked at first.

    Raises:
        InputError: There is no such file, or it cannot be read.
        IntegrityError: It is larger than any bundle.
    """
    try:
        data, state = read_once(path, MAX_BUNDLE_BYTES)
    except FileNotFoundError as exc:
        raise InputError(
            f"there is no bundle at {path}: give the path of an .edgeenh file, or make one with `edgeenh export`"
        ) from exc
    except OSError as exc:
        raise InputError(
            f"the bundle {path} cannot be read ({exc.strerror or exc}): give an .edgeenh file you may read"
        ) from exc
    if state.st_size > MAX_BUNDLE_BYTES:
        raise IntegrityError(f"{path} is larger than {MAX_BUNDLE_BYTES:,} bytes, which no bundle is: {REMEDY}")
    return data


def _read_manifest(members: Mapping[str, memoryview]) -> Manifest:
    first = next(iter(members))
    if first != MANIFEST:
        raise IntegrityError(f"begins with the member {first}, expected {MANIFEST}: {REMEDY}")
    return Manifest.from_json(bytes(members[MANIFEST]))


def _check_members(manifest: Manifest, members: Mapping[str, memoryview]) -> None:
    """Every member listed, no member extra, in sorted order, of the length and digest that the manifest says."""
    found = [name for name in members if name not in (MANIFEST, SIGNATURE)]
    missing, extra = sorted(set(manifest.files) - set(found)), sorted(set(found) - set(manifest.files))
    if missing:
        raise IntegrityError(f"member {missing[0]} is missing, expected it because the manifest lists it: {REMEDY}")
    if extra:
        raise IntegrityError(f"member {extra[0]} is extra, expected only what the manifest lists: {REMEDY}")
    if list(members) != [MANIFEST, *sorted(found), *([SIGNATURE] if SIGNATURE in members else [])]:
        raise IntegrityError(f"the members are not in sorted order; damaged or repacked: {REMEDY}")
    for name, expected in manifest.files.items():
        if len(members[name]) != expected.bytes:
            raise IntegrityError(
                f"member {name} holds {len(members[name]):,} bytes, expected {expected.bytes:,}: {REMEDY}"
            )
        digest = hashlib.sha256(members[name]).hexdigest()
        if digest != expected.sha256:
            raise IntegrityError(f"member {name} has the SHA-256 {digest}, expected {expected.sha256}: {REMEDY}")


def _check_graphs(manifest: Manifest, members: Mapping[str, memoryview]) -> dict[str, GraphFacts]:
    """Every graph looked into before any library may see it; by precision."""
    from edgeenh.backends.onnx_file import check_onnx

    return {
        precision: check_onnx(members[member], f"member {member}") for precision, member in manifest.precisions.items()
    }
