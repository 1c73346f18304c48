"""A bundle as OpenVINO's IR, in version folders as OpenVINO Model Server and Triton's OpenVINO backend read them.

    DIR/dental-n-fp32/1/model.xml, model.bin, edgeenh.json

Weights stay in the types of the graph (`compress_to_fp16=False`; the library's default would halve them in silence).
What was written is read back and judged by the bundle's own gate, on its golden frames, before it takes its place.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.backends import openvino
from edgeenh.backends.base import Availability, Model, Session, SessionOptions
from edgeenh.backends.contract import one_line
from edgeenh.backends.first_start import Acceptance, GoldenRun
from edgeenh.backends.libraries import import_openvino
from edgeenh.backends.openvino_graph import reshape_bytes
from edgeenh.drift import Thresholds
from edgeenh.errors import BackendUnavailable, GateFailed, JobFailed, MissingExtra, OutputFailed
from edgeenh.gate.evidence import write_evidence
from edgeenh_export.serving.folders import ServedModel

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle

_HINTS = {"fp32": "f32", "fp16": "f16", "int8": "f32"}


def require_openvino() -> None:
    """Refuse, before any work, where OpenVINO cannot write or judge.

    Raises:
        MissingExtra: It is not installed; BackendUnavailable: it does not load.
    """
    found = openvino.availability()
    if found.version is None:
        raise MissingExtra("--openvino", openvino.EXTRA)
    if not found.usable:
        raise BackendUnavailable(f"--openvino: {found.reason}: {found.fix}")


def ir_models(bundle: Bundle, report: Path | None = None) -> list[ServedModel]:
    """The IR of each precision of the bundle, judged.

    Args:
        bundle: What is written.
        report: Folder for the worst picture of each verdict; None = nowhere.

    Raises:
        GateFailed: What an IR makes of the golden frames is not what the bundle's FP32 graph made.
        BackendUnavailable: OpenVINO is missing.
        JobFailed: OpenVINO cannot write a graph; OutputFailed: there is no space for it.
    """
    require_openvino()
    return [_served(bundle, precision, report) for precision in bundle.precisions]


class IrBackend:
    """A `Backend` (see `edgeenh.backends.base`) that opens one IR, whatever graph it is handed.

    Args:
        xml: The graph.
        weights: Its weights.
        model: The graph it was made from.
    """

    NAME: str = openvino.NAME
    PRECISIONS: tuple[str, ...] = openvino.PRECISIONS
    EXTRA: str = openvino.EXTRA

    def __init__(self, xml: bytes, weights: bytes, model: Model) -> None:
        self._xml, self._weights, self._model = xml, weights, model

    def availability(self) -> Availability:
        """That of OpenVINO."""
        return openvino.availability()

    def open_session(self, model: Model, options: SessionOptions) -> Session:  # noqa: ARG002
        """A session of the IR."""
        return openvino.open_ir(self._xml, self._weights, self._model, options)


def _served(bundle: Bundle, precision: str, report: Path | None) -> ServedModel:
    model = bundle.model(precision)
    xml, weights = _convert(model)
    arithmetic = precision if precision in openvino.offered() else "fp32"
    # an fp16 IR on a CPU without fp16 computes in fp32, and is then judged as an fp32 graph
    backend = IrBackend(xml, weights, replace(model, onnx_precision=arithmetic))
    accepted = _judge(bundle, backend, arithmetic, report)
    manifest, generator = bundle.manifest, bundle.manifest.generator
    sides = [-1, -1] if generator.fixed_size is None else [generator.fixed_size[1], generator.fixed_size[0]]
    contract = {
        "backend": "openvino",
        "image": [manifest.pixels.dtype, [1, *sides, manifest.pixels.channels]],
        "strength": ["float32", [1]],
        "colour_order": manifest.pixels.photometric,
        "size_multiple": generator.size_multiple,
        "scale": generator.scale,
    }
    about = {
        "schema": "edgeenh.served/1",
        "bundle": {"id": manifest.id, "version": manifest.version, "sha256": bundle.sha256},
        "precision": precision,
        "inference_precision_hint": _HINTS[precision],
        "openvino": accepted.info.version,
        "compress_to_fp16": False,
        "judged": {"arithmetic": arithmetic, "psnr_db": accepted.psnr_db, "ssim": accepted.ssim},
        "sha256": {"model.xml": _digest(xml), "model.bin": _digest(weights)},
    }
    files = {"model.xml": xml, "model.bin": weights}
    return ServedModel(f"{manifest.id}-{precision}", contract, about, {}, files)


def _convert(model: Model) -> tuple[bytes, bytes]:
    """The two files of the IR, read back from where the library wrote them."""
    library: Any = import_openvino()
    with tempfile.TemporaryDirectory(prefix="edgeenh-") as folder:
        path = Path(folder) / "model.xml"
        try:
            read = library.Core().read_model(model.onnx)
            reshape_bytes(read)
        except Exception as exc:  # the library has no common base for its errors
            raise JobFailed(f"openvino cannot write the IR of {model.name}: {one_line(exc)}") from exc
        try:
            library.save_model(read, path, compress_to_fp16=False)
            return path.read_bytes(), path.with_suffix(".bin").read_bytes()
        except Exception as exc:  # likewise; of a full disk it says no more than "iostream error"
            raise OutputFailed(
                f"openvino could not write the IR of {model.name} into {tempfile.gettempdir()} ({one_line(exc)}): free some space "
                "there, or name another place with TMPDIR"
            ) from exc


def _judge(bundle: Bundle, backend: IrBackend, arithmetic: str, report: Path | None) -> Acceptance:
    """What the gate says of an IR, computed in `arithmetic`.

    Raises:
        GateFailed: It does not pass.
    """
    with GoldenRun(bundle, bundle.golden(), backend, SessionOptions(16, 16, arithmetic)) as run:
        accepted = run.accept(None)
    name = f"{bundle.manifest.id}-{arithmetic}-openvino-ir"
    if report is not None and accepted.verdict is not None:
        write_evidence(accepted.verdict, report, name, bundle.manifest.pixels.top)
    if not accepted.passed:
        asked = Thresholds(**bundle.manifest.gate.thresholds(arithmetic))
        would = accepted.verdict.would_pass(asked) if accepted.verdict else {}
        passing = ", ".join(f"{key} {value:g}" for key, value in would.items())
        raise GateFailed(
            f"the IR of {bundle.manifest.id} {bundle.manifest.version} fails the gate in {arithmetic} ({accepted.reasons[0]}"
            f"{'; a bundle with ' + passing + ' would pass' if passing else ''}): nothing was written"
        )
    return accepted


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
