"""`edgeenh export --explain`: from a bundle or a checkpoint to an explanation, and the files that it leaves."""

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
    """

    name: str
    graphs: dict[str, bytes]
    pictures: list[tuple[str, Levels]]
    pixels: Pixels
    fixed: Size | None


def explain(
    path: Path | None,
    backend: str,
    precision: str | None,
    report: Path | None,
    progress: Callable[[str], None] | None = None,
    public_key: Path | None = None,
    floor: str | None = None,
) -> Explanation:
    """Explain how an engine differs on a model.

    Args:
        path: A bundle or a checkpoint; None = the bundle that ships with the package.
        backend: `onnxruntime` or `openvino`.
        precision: `fp32`, `fp16` or `bf16`; None = `fp16` on onnxruntime where there is such a graph, else `fp32`.
        report: Folder for the table and, for a miscompile, the smallest part; None = `<model>-explain` here, for a
            miscompile only.
        progress: Takes a line at the beginning of each step; None = nobody is told.
        public_key, floor: What the station demands of a bundle; a checkpoint is nobody's to sign.

    Raises:
        InputError, IntegrityError: It is neither, or cannot be used.
        UsageError, BackendUnavailable: There is no such engine, or not here.
        JobFailed: A library cannot run the graph.
    """
    subject = read_subject(path, public_key, floor)
    asked = precision or ("fp16" if backend == "onnxruntime" and "fp16" in subject.graphs else "fp32")
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


def read_subject(path: Path | None, public_key: Path | None = None, floor: str | None = None) -> Subject:
    """Open a bundle as the station demands, or export a checkpoint's graphs in memory.

    Raises:
        InputError, IntegrityError, CheckpointError: It is neither, or cannot be used.
    """
    if path is None or (str(path) in SHIPPED_NAMES and not path.exists()):
        return _of_bundle(open_bundle(path, public_key, floor))
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
    except OSError as exc:
        raise InputError(f"{path} cannot be read ({exc.strerror}): give a bundle or a checkpoint") from exc
    return _of_bundle(open_bundle(path, public_key, floor)) if start == _ZIP else _of_checkpoint(path)


def _of_bundle(bundle: Bundle) -> Subject:
    manifest = bundle.manifest
    worst = [result["worst_picture"] for result in manifest.gate.results[::-1]]
    pictures = [(name, image) for name, image, _ in bundle.golden()]
    pictures.sort(key=lambda picture: worst.index(picture[0]) if picture[0] in worst else len(worst))
    graphs = {name: bundle.model(name).onnx for name in bundle.precisions}
    return Subject(manifest.id, graphs, pictures, manifest.pixels, manifest.generator.fixed_size)


def _of_checkpoint(path: Path) -> Subject:
    from edgeenh_export.execute import pixels_of
    from edgeenh_export.graph import DTYPES, FrameGraph
    from edgeenh_export.onnx_writer import write_onnx
    from edgeenh_train.checkpoint import load_generator

    generator, info = load_generator(path)
    pixels = pixels_of(generator)
    graphs = {
        name: write_onnx(FrameGraph(generator, name), None, {}, name=info.name, version=info.version) for name in DTYPES
    }
    pictures = [(frame.name, frame.image) for frame in shipped_frames(pixels)]
    return Subject(info.name, graphs, pictures, pixels, None)


def _fed(image: Levels, subject: Subject) -> NDArray[np.generic]:
    """The frame as the graph takes it, cut to what is quick, or to the only size that the graph takes."""
    height, width = image.shape[:2]
    if subject.fixed is None:
        width, height = (
            min(side, most) // SIZE_MULTIPLE * SIZE_MULTIPLE
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
