"""`edgeenh export --explain`: from a bundle, a checkpoint or a model from elsewhere to an explanation, and its files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeenh.backends.contract import INPUT, STRENGTH, graph_precision
from edgeenh.bundle import Bundle
from edgeenh.bundle.reader import SHIPPED_NAMES
from edgeenh.errors import InputError, UsageError
from edgeenh.files import write_bytes, write_text
from edgeenh.loading import open_bundle
from edgeenh.pixels import RGB, Pixels, to_unit
from edgeenh_export.explain.engines import open_engine
from edgeenh_export.explain.explanation import Explanation
from edgeenh_export.explain.investigate import SmallestPart, investigate
from edgeenh_export.golden import shipped_frames
from edgeenh_export.options import SIZE_MULTIPLE, Size
from edgeenh_export.sources import is_foreign
from edgeenh_export.sources.overrides import ModuleSource, Overrides

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

MAX_SIZE: Size = (320, 256)
"""Width and height that a frame is cut to for a graph of any size: every result of the graph is kept in memory."""

SMALLEST, INPUTS, TABLE = "smallest.onnx", "smallest.npz", "explain.json"
"""Files that an explanation leaves: the smallest part, what goes into it and comes out, and the table."""

_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What is explained.

    Attributes:
        name: The model's id.
        graphs: Precision → ONNX.
        pictures: Name and frame, the most telling first.
        pixels: What the pictures are.
        fixed: The only (width, height) of the graphs; None = any.
        multiple: Widths and heights are multiples of this.
    """

    name: str
    graphs: dict[str, bytes]
    pictures: list[tuple[str, Levels]]
    pixels: Pixels
    fixed: Size | None
    multiple: int = SIZE_MULTIPLE


def explain(
    path: Path | ModuleSource | None,
    backend: str,
    precision: str | None,
    report: Path | None,
    progress: Callable[[str], None] | None = None,
    public_key: Path | None = None,
    floor: str | None = None,
    overrides: Overrides = Overrides(),  # noqa: B008 (frozen)
) -> Explanation:
    """Explain how an engine differs on a model.

    Args:
        path: A bundle, a checkpoint, or an .onnx or torch module that others made; None = the bundle that ships with the package.
        backend: `onnxruntime`, `openvino` or `tensorrt`.
        precision: `fp32`, `fp16`, `bf16` or `int8`; None = `fp16` on onnxruntime and tensorrt where there is such a graph, else `fp32`.
        report: Folder for the table and, for a miscompile, the smallest part; None = `<model>-explain` here, for a
            miscompile only.
        progress: Takes a line at the beginning of each step; None = nobody is told.
        public_key, floor: What the station demands of a bundle; a checkpoint is nobody's to sign.
        overrides: What is known of a model from elsewhere; the rest is found out.

    Raises:
        InputError, IntegrityError: It is neither, or cannot be used.
        UsageError, BackendUnavailable: There is no such engine, or not here.
        JobFailed: A library cannot run the graph.
    """
    subject = read_subject(path, public_key, floor, overrides)
    asked = precision or ("fp16" if backend != "openvino" and "fp16" in subject.graphs else "fp32")
    engine = open_engine(backend, asked)
    if graph_precision(asked) not in subject.graphs:
        raise UsageError(f"{subject.name} has no {asked} graph: choose --precision {' or '.join(subject.graphs)}")
    model = onnx.load_model_from_string(subject.graphs[graph_precision(asked)])
    exact = onnx.load_model_from_string(subject.graphs["fp32"])
    name, image = subject.pictures[0]
    feeds = {INPUT: _fed(image, subject), STRENGTH: np.ones(1, np.float32)}
    found, smallest = investigate(model, exact, feeds, engine, asked, name, progress)
    if report is None and smallest is None:
        return found
    return _written(found, smallest, report or Path(f"{subject.name}-explain"))


def read_subject(
    path: Path | ModuleSource | None,
    public_key: Path | None = None,
    floor: str | None = None,
    overrides: Overrides = Overrides(),  # noqa: B008 (frozen)
) -> Subject:
    """Open a bundle as the station demands, or export the graphs of a checkpoint or of a model from elsewhere in memory.

    Raises:
        InputError, IntegrityError, CheckpointError: It is neither, or cannot be used.
    """
    if isinstance(path, ModuleSource):
        return _of_foreign(path, overrides)
    if path is None or (str(path) in SHIPPED_NAMES and not path.exists()):
        return _of_bundle(open_bundle(path, public_key, floor), overrides)
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
    except OSError as exc:
        raise InputError(
            f"{path} cannot be read ({exc.strerror}): give a bundle, a checkpoint or an .onnx file"
        ) from exc
    if start == _ZIP:
        return _of_bundle(open_bundle(path, public_key, floor), overrides)
    return _of_foreign(path, overrides) if is_foreign(path) else _of_checkpoint(path, overrides)


def _of_bundle(bundle: Bundle, overrides: Overrides) -> Subject:
    _refuse(overrides, bundle.path.name)
    manifest = bundle.manifest
    worst = [result["worst_picture"] for result in manifest.gate.results[::-1]]
    pictures = [(name, image) for name, image, _ in bundle.golden()]
    pictures.sort(key=lambda picture: worst.index(picture[0]) if picture[0] in worst else len(worst))
    graphs = {name: bundle.model(name).onnx for name in bundle.precisions}
    generator = manifest.generator
    return Subject(manifest.id, graphs, pictures, manifest.pixels, generator.fixed_size, generator.size_multiple)


def _refuse(overrides: Overrides, name: str) -> None:
    """Bundles and our checkpoints say themselves what they take."""
    if overrides.named():
        raise UsageError(
            f"{overrides.named()[0]} is for models from elsewhere, and {name} says that itself: leave it out"
        )


def _of_checkpoint(path: Path, overrides: Overrides) -> Subject:
    from edgeenh_export.execute import pixels_of
    from edgeenh_export.graph import DTYPES, FrameGraph
    from edgeenh_export.onnx_writer import write_onnx
    from edgeenh_train.checkpoint import load_generator

    _refuse(overrides, path.name)
    generator, info = load_generator(path)
    pixels = pixels_of(generator)
    graphs = {
        name: write_onnx(FrameGraph(generator, name), None, {}, name=info.name, version=info.version) for name in DTYPES
    }
    pictures = [(frame.name, frame.image) for frame in shipped_frames(pixels)]
    return Subject(info.name, graphs, pictures, pixels, None)


def _of_foreign(given: Path | ModuleSource, overrides: Overrides) -> Subject:
    """The contract put around it as an export does, and FP16 with nothing in FP32 but what the operators demand."""
    from edgeenh.cli.output import remark
    from edgeenh_export.golden import golden_frames
    from edgeenh_export.precision.rules import fp32_by_rule
    from edgeenh_export.precision.typed import to_fp16
    from edgeenh_export.sources import open_source

    source = open_source(given, (), overrides, remark)
    source.prove()
    exact = source.write()
    graphs = {"fp32": exact, "fp16": to_fp16(exact, fp32_by_rule(onnx.load_model_from_string(exact)))}
    frames = golden_frames(shipped_frames(source.pixels), source.bounds)
    pictures = [(frame.name, frame.image) for frame in frames]
    return Subject(source.info.name, graphs, pictures, source.pixels, source.bounds.fixed, source.bounds.multiple)


def _fed(image: Levels, subject: Subject) -> NDArray[np.generic]:
    """The frame as the graph takes it, cut to what is quick, or to the only size that the graph takes."""
    height, width = image.shape[:2]
    if subject.fixed is None:
        width, height = (
            min(side, most) // subject.multiple * subject.multiple
            for side, most in zip((width, height), MAX_SIZE, strict=True)
        )
    cut = np.ascontiguousarray(image[:height, :width])
    unit = cut if subject.pixels == RGB else to_unit(cut, subject.pixels.bits[1])
    return unit.reshape(1, *subject.pixels.shape(height, width))


def _written(found: Explanation, smallest: SmallestPart | None, folder: Path) -> Explanation:
    files = [folder / TABLE]
    if smallest is not None:
        write_bytes(folder / SMALLEST, smallest.model.SerializeToString())
        arrays = io.BytesIO()
        np.savez(arrays, allow_pickle=False, expected=smallest.expected, **smallest.feeds)
        write_bytes(folder / INPUTS, arrays.getvalue())
        files += [folder / SMALLEST, folder / INPUTS]
    explanation = replace(found, files=tuple(files))
    document = json.dumps(explanation.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / TABLE, document + "\n")
    return explanation
