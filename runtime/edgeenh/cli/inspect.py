"""`edgeenh inspect`: what is in a bundle."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.model import FloorOption, PublicKeyOption
from edgeenh.cli.verify import describe_signature
from edgeenh.loading import open_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgeenh.backends.onnx_file import GraphFacts
    from edgeenh.bundle import Bundle, Manifest


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("inspect")(inspect)


def inspect(
    bundle: Path | None = typer.Argument(None, help="The .edgeenh file; without it, the one that ships with edgeenh."),
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    json_target: output.JsonOption = None,
) -> None:
    """Show what a bundle holds: the model, its graphs, golden frames, engines, signature, and how the gate judged it.

    Example: edgeenh inspect dental-n.edgeenh
    """
    opened = open_bundle(bundle, public_key, floor)
    output.emit_json(json_target, _document(opened))
    for name, value in _lines(opened):
        output.say(f"{name:<11} {value}".rstrip())
    output.next_step(f"edgeenh run SOURCE --model {opened.path} --out OUT")


def _document(bundle: Bundle) -> dict[str, Any]:
    return {
        "schema": "edgeenh.inspect/1",
        "bundle": str(bundle.path),
        "bytes": bundle.size,
        "sha256": bundle.sha256,
        "signature": {"key_id": bundle.signature.key_id, "trusted": bundle.trusted} if bundle.signature else None,
        "graphs": {precision: asdict(facts) for precision, facts in bundle.graphs.items()},
        "manifest": bundle.manifest.document(),
    }


def _lines(bundle: Bundle) -> Iterator[tuple[str, str]]:
    manifest = bundle.manifest
    yield "bundle", f"{bundle.path}, {bundle.size:,} bytes"
    yield "sha256", bundle.sha256
    yield "signature", describe_signature(bundle)
    yield "model", f"{manifest.id} {manifest.version}, made {manifest.created}"
    pixels = manifest.pixels
    depth = "8-bit" if pixels.bits == (8, 8) else f"{pixels.bits[0]}- to {pixels.bits[1]}-bit"
    yield "pictures", f"{depth} {pixels.photometric}; the graph takes {pixels.describe()} on 0 to {pixels.scale}"
    yield from _generator(manifest)
    for precision in bundle.precisions:
        yield "graph", _graph(precision, bundle.graphs[precision])
    training = manifest.training
    yield "training", f"{training.data}; {training.images_seen:,} pictures seen; licence {training.licence}"
    yield "golden", f"frames: {', '.join(golden.name for golden in manifest.golden)}"
    other = manifest.gate.int8
    lower = f"; INT8: PSNR ≥ {other['min_psnr_db']:g} dB, SSIM ≥ {other['min_ssim']:g}" if other else ""
    yield "gate", f"PSNR ≥ {manifest.gate.min_psnr_db:g} dB, SSIM ≥ {manifest.gate.min_ssim:g}{lower}"
    for result in manifest.gate.results:
        yield "", _result(result)
    for engine in manifest.engines:
        low, best, high = (_size(size) for size in (engine.profile.min, engine.profile.opt, engine.profile.max))
        yield (
            "engine",
            f"{engine.file}: {engine.flavour} {engine.version}, {engine.precision}, {low} to {high}, best {best}",
        )
    yield "tools", ", ".join(f"{name} {version}" for name, version in sorted(manifest.tools.items()))
    for name in bundle.members:
        file = manifest.files[name]
        yield "member", f"{name}  {file.bytes:,} bytes  {file.sha256[:12]}…"


def _generator(manifest: Manifest) -> Iterator[tuple[str, str]]:
    generator, onnx = manifest.generator, manifest.onnx
    work = f"{generator.parameters:,} parameters, {generator.macs_per_pixel:,.0f} MACs per pixel"
    yield "generator", f"variant {generator.variant}, {work}, changes a value by at most {generator.cap:.0%}"
    sizes = f"{_size(generator.min_size)} to {_size(generator.max_size)} pixels"
    graph = "any height and width" if generator.fixed_size is None else f"{_size(generator.fixed_size)} only"
    yield "sizes", f"{sizes}; the graph takes {graph}, multiples of {generator.size_multiple}"
    if generator.scale != 1:
        yield "scale", f"the enhanced picture is {generator.scale} times as wide and high as the frame"
    yield "precisions", f"{', '.join(sorted(manifest.precisions))} (ONNX opset {onnx.opset}, IR {onnx.ir_version})"


def _graph(precision: str, facts: GraphFacts) -> str:
    operators = ", ".join(f"{name} {count}" for name, count in facts.operators.items())
    return f"{precision}: {facts.nodes} nodes, {facts.tensors} tensors, {facts.weight_bytes:,} bytes; {operators}"


def _result(result: Mapping[str, Any]) -> str:
    who = f"{result['precision']} on {result['backend']}"
    if result["psnr_db"] is None or result["ssim"] is None:
        figures = "identical" if result["identical"] else "; ".join(result["reasons"])
    else:
        figures = f"PSNR {result['psnr_db']:.2f} dB, SSIM {result['ssim']:.5f}, largest difference {result['max_abs']}"
    return f"{'passed' if result['passed'] else 'FAILED'}: {who} (pictures: {result['pictures']}): {figures}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
