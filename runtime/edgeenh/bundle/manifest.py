"""The manifest: what a bundle is, which model it holds, how it was made, and the digest of every other member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from edgeenh.bundle.archive import REMEDY
from edgeenh.bundle.canonical import MANIFEST, SCHEMA_VERSION, dump, load
from edgeenh.bundle.signature import SIGNATURE
from edgeenh.errors import IntegrityError
from edgeenh.pixels import KINDS, RGB, Pixels

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Generator:
    """The network.

    Attributes:
        variant: Row of the variant table, e.g. `n`.
        parameters: Trainable values.
        macs_per_pixel: Multiply-accumulates per pixel of the frame.
        cap: Largest change of a value at strength 1, on the scale 0…1.
        size_multiple: Height and width of what the graph takes are multiples of this.
        min_size: Smallest `(width, height)`.
        max_size: Largest `(width, height)`.
        fixed_size: The only `(width, height)` the graph takes; None when both are dynamic.
        scale: How many times wider and higher than the frame the picture is that comes out; not written when it is 1.
    """

    variant: str
    parameters: int
    macs_per_pixel: float
    cap: float
    size_multiple: int
    min_size: Size
    max_size: Size
    fixed_size: Size | None = None
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Training:
    """What the weights were made from, and the digest of the checkpoint they came from."""

    data: str
    licence: str
    images_seen: int
    checkpoint_sha256: str


@dataclass(frozen=True, slots=True)
class Onnx:
    """Versions of the ONNX files."""

    opset: int
    ir_version: int


@dataclass(frozen=True, slots=True)
class MemberFile:
    """Digest (hex) and length of one member."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Golden:
    """A golden frame: name, member with the frame, member with what the FP32 graph makes of it at strength 1."""

    name: str
    image: str
    reference: str


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate at export: thresholds, and `{"precision", "backend", **Verdict.to_json()}` for each that was judged.

    A threshold that is None is not stated: `edgeenh.drift.Thresholds` then has its own. `int8` are those of INT8, where
    they are others; None = the same.
    """

    min_psnr_db: float
    min_ssim: float
    results: tuple[Mapping[str, Any], ...] = ()
    max_difference: float | None = None
    max_share_off_by_more_than_1: float | None = None
    max_mean_shift: float | None = None
    int8: Mapping[str, float] | None = None

    def thresholds(self, precision: str = "") -> dict[str, float]:
        """Those that are stated for a precision, by their names in `edgeenh.drift.Thresholds`."""
        if precision == "int8" and self.int8 is not None:
            return dict(self.int8)
        stated = {name: value for name, value in _plain(self).items() if name not in ("results", "int8")}
        return {name: value for name, value in stated.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Profile:
    """Smallest, best and largest `(width, height)` of an engine."""

    min: Size
    opt: Size
    max: Size


@dataclass(frozen=True, slots=True)
class Engine:
    """A TensorRT plan in the bundle, and what it was built from and for."""

    file: str
    flavour: str
    version: str
    precision: str
    onnx_sha256: str
    name: str
    profile: Profile
    compute_capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole manifest; `files` is filled by `write_bundle`.

    Attributes:
        id: The model's name, e.g. `dental-n`.
        version: Rises with every release of the id.
        created: UTC, `YYYY-MM-DDTHH:MM:SSZ`; given by the caller, never read from a clock here.
        precisions: Precision → member with the ONNX.
        tools: Tool → version.
        pixels: What the graphs take and give; `image` in the JSON.
    """

    id: str
    version: int
    created: str
    generator: Generator
    training: Training
    onnx: Onnx
    precisions: Mapping[str, str]
    golden: tuple[Golden, ...]
    gate: Gate
    tools: Mapping[str, str]
    engines: tuple[Engine, ...] = ()
    files: Mapping[str, MemberFile] = field(default_factory=dict)
    pixels: Pixels = RGB

    @property
    def title(self) -> str:
        """Id and version, as provenance names the model."""
        return f"{self.id} {self.version}"

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read and check a manifest.

        Raises:
            IntegrityError: It is not canonical JSON, not by the schema, contradicts itself, or its digest is another.
        """
        manifest = _manifest(load(data))
        _check_consistency(manifest)
        return manifest

    def to_json(self) -> bytes:
        """The canonical JSON text.

        Raises:
            IntegrityError: A field is not what the schema asks for.
        """
        data = dump(self.document())
        _check_consistency(self)
        return data

    def document(self) -> dict[str, Any]:
        """The manifest as JSON values, without the digest of itself."""
        values: dict[str, Any] = _plain(self)
        del values["pixels"]
        if self.generator.scale == 1:
            del values["generator"]["scale"]
        other = {} if self.gate.int8 is None else {"int8_thresholds": dict(self.gate.int8)}
        values["gate"] = {"thresholds": self.gate.thresholds(), "results": values["gate"]["results"], **other}
        return {"schema_version": SCHEMA_VERSION, "image": self.pixels.to_json(), **values}


def _plain(value: Any) -> Any:
    """`value` as new JSON values: data classes and mappings become dictionaries, tuples lists."""
    if is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value


def _manifest(document: Mapping[str, Any]) -> Manifest:
    generator = document["generator"]
    sizes = {key: _size(generator[key]) for key in ("min_size", "max_size")}
    fixed = generator["fixed_size"] and _size(generator["fixed_size"])
    gate = document["gate"]
    return Manifest(
        id=document["id"],
        version=document["version"],
        created=document["created"],
        generator=Generator(**{**generator, **sizes, "fixed_size": fixed}),
        training=Training(**document["training"]),
        onnx=Onnx(**document["onnx"]),
        precisions=document["precisions"],
        golden=tuple(Golden(**golden) for golden in document["golden"]),
        gate=Gate(**gate["thresholds"], results=tuple(gate["results"]), int8=gate.get("int8_thresholds")),
        tools=document["tools"],
        engines=tuple(_engine(engine) for engine in document["engines"]),
        files={name: MemberFile(**entry) for name, entry in document["files"].items()},
        pixels=next(kind for kind in KINDS if kind.to_json() == document["image"]),  # the schema allows no other
    )


def _engine(entry: Mapping[str, Any]) -> Engine:
    profile = Profile(**{key: _size(size) for key, size in entry["profile"].items()})
    return Engine(**{**entry, "profile": profile, "compute_capabilities": tuple(entry["compute_capabilities"])})


def _size(pair: list[int]) -> Size:
    width, height = pair
    return width, height


def _check_consistency(manifest: Manifest) -> None:
    """What a schema cannot say: that the parts agree with each other."""
    named = [*manifest.precisions.values(), *(engine.file for engine in manifest.engines)]
    named += [member for golden in manifest.golden for member in (golden.image, golden.reference)]
    missing = sorted(set(named) - set(manifest.files))
    if missing:
        raise IntegrityError(f"{MANIFEST} names the member {missing[0]} and does not list it under files: {REMEDY}")
    for name in (MANIFEST, SIGNATURE):
        if name in manifest.files:
            raise IntegrityError(f"{MANIFEST} lists {name} under files, expected only the other members: {REMEDY}")
    _check_sizes(manifest.generator)
    for engine in manifest.engines:
        onnx = manifest.precisions.get(engine.precision)
        built_from = manifest.files[onnx].sha256 if onnx else "nothing"
        if engine.onnx_sha256 != built_from:
            raise IntegrityError(
                f"engine {engine.file} was built from an ONNX of SHA-256 {engine.onnx_sha256}, "
                f"expected that of the bundle's {engine.precision}, {built_from}: {REMEDY}"
            )


def _check_sizes(generator: Generator) -> None:
    sizes = [generator.min_size, generator.fixed_size or generator.min_size, generator.max_size]
    widths, heights = [size[0] for size in sizes], [size[1] for size in sizes]
    rising = widths == sorted(widths) and heights == sorted(heights)
    if not rising or any(side % generator.size_multiple for side in widths + heights):
        shown = ", ".join(f"{width}×{height}" for width, height in sizes)
        raise IntegrityError(
            f"{MANIFEST} gives the sizes {shown}, "
            f"expected them rising and multiples of {generator.size_multiple}: {REMEDY}"
        )
