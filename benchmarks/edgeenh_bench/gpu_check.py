"""Everything that only a machine with an NVIDIA GPU can show, in one run: `make gpu-check`.

    python -m edgeenh_bench.gpu_check [--model F.edgeenh] [--out benchmarks/results]

Without a GPU it ends with exit code 5 and checks nothing. Each check ends as `passed`, `failed` or `unavailable` (a package
that is not installed, with what to install); one that failed makes exit code 3, and where not one could run it is 5.
This file itself has not yet been run on a GPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.backends import SessionOptions, get_backend
from edgeenh.backends.first_start import GoldenRun
from edgeenh.backends.tensorrt_build import Profile, build_plan, load_flavour, process_logger
from edgeenh.bundle import Bundle
from edgeenh.cli import output
from edgeenh.cuda.driver import device_identity, driver_fix, driver_problem
from edgeenh.cuda.interface import open_device
from edgeenh.environment import fingerprint
from edgeenh.errors import BackendUnavailable, EdgeenhError, GateFailed
from edgeenh.files import write_text

SCHEMA = "edgeenh.gpu_check/1"
WIDTH, HEIGHT = 1280, 720


def run_checks(bundle: Bundle) -> dict[str, Any]:
    """Run every check; none keeps another from running.

    Raises:
        BackendUnavailable: There is no GPU here, so there is nothing to check.
    """
    if problem := driver_problem():
        raise BackendUnavailable(f"no GPU to check: {problem}: {driver_fix()}")
    rows = [_row(name, check, bundle) for name, check in CHECKS.items()]
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    gpu = device_identity()
    return {"schema": SCHEMA, "created": moment, "gpu": gpu, "environment": fingerprint(), "checks": rows}


def _row(name: str, check: Callable[[Bundle], dict[str, Any]], bundle: Bundle) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        status, detail = "passed", check(bundle)
    except BackendUnavailable as exc:
        status, detail = "unavailable", {"reason": str(exc)}
    except (EdgeenhError, AssertionError, RuntimeError, TypeError, AttributeError, ValueError) as exc:
        status, detail = "failed", {"reason": f"{type(exc).__name__}: {exc}"}
    return {"check": name, "status": status, "seconds": round(time.perf_counter() - started, 2), **detail}


def _golden(backend: str, precision: str) -> Callable[[Bundle], dict[str, Any]]:
    """The bundle's golden frames through an engine on the GPU, judged."""

    def check(bundle: Bundle) -> dict[str, Any]:
        options = SessionOptions(HEIGHT, WIDTH, precision, device="cuda")
        with GoldenRun(bundle, bundle.golden(), get_backend(backend), options) as run:
            accepted = run.accept(None)
        if not accepted.passed:
            raise GateFailed(accepted.reasons[0])
        info = accepted.info
        return {"psnr_db": accepted.psnr_db, "ssim": accepted.ssim, "provider": info.provider, "device": info.device}

    return check


def _onnxruntime_graph(bundle: Bundle) -> dict[str, Any]:
    """ONNX Runtime on CUDA with buffers on the device and a captured graph: the pictures of the plain session."""
    try:
        import onnxruntime
    except ImportError as exc:
        raise BackendUnavailable("onnxruntime is not installed: pip install 'edgeenh[gpu]'") from exc
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise BackendUnavailable("this onnxruntime is built without CUDA: pip install 'edgeenh[gpu]'")
    image = np.random.default_rng(1).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    feeds = {"image": image, "strength": np.ones(1, np.float32)}
    pictures, milliseconds = [], {}
    for graph in ("0", "1"):
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        providers = [("CUDAExecutionProvider", {"enable_cuda_graph": graph, "use_tf32": "0"})]
        session = onnxruntime.InferenceSession(bundle.model("fp32").onnx, options, providers)
        binding = session.io_binding()
        for name, value in feeds.items():
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, "cuda", 0))
        out = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros_like(image), "cuda", 0)
        binding.bind_ortvalue_output("enhanced", out)
        times = []
        for _ in range(20):
            started = time.perf_counter()
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()
            times.append((time.perf_counter() - started) * 1e3)
        pictures.append(out.numpy())
        milliseconds["graph" if graph == "1" else "plain"] = round(float(np.median(times[5:])), 3)
    assert np.array_equal(*pictures), "the captured graph gives another picture than the plain session"
    return {"median_ms": milliseconds}


def _device(implementation: str) -> Callable[[Bundle], dict[str, Any]]:
    """Buffers, copies and, where there are any, graphs of one CUDA implementation."""

    def check(bundle: Bundle) -> dict[str, Any]:
        del bundle
        device = open_device(implementation)
        try:
            device.activate()
            nbytes = 4 * HEIGHT * WIDTH
            sent, received, buffer = device.pinned(nbytes), device.pinned(nbytes), device.allocate(nbytes)

            def there_and_back() -> None:
                device.to_device(buffer, sent)
                device.to_host(received, buffer)

            def same(work: Callable[[], None], seed: int) -> bool:
                sent[:] = np.random.default_rng(seed).integers(0, 256, nbytes, np.uint8)
                work()
                device.synchronize()
                return bool(np.array_equal(sent, received))

            assert same(there_and_back, 1), "a copy to the device and back changed bytes"
            graph = device.capture(there_and_back)
            assert graph is None or (same(graph.launch, 2) and same(graph.launch, 3)), "a captured copy is stale"
            return {"device": device.name, "graph": graph is not None}
        finally:
            device.close()

    return check


def _rtx_validity(bundle: Bundle) -> dict[str, Any]:
    """What TensorRT-RTX says of its own plan on this GPU; on compute capability 9.0 UNSUPPORTED_CC is expected."""
    flavour = load_flavour("rtx")
    trt = flavour.module
    profile = Profile((64, 64), (WIDTH, HEIGHT), (WIDTH, HEIGHT))
    plan = build_plan(
        trt, bundle.model("fp16").onnx, name="edgeenh/gpu-check", profile=profile, pixels=bundle.manifest.pixels
    )
    validity, diagnostics = trt.Runtime(process_logger(trt)).get_engine_validity(plan)
    capability = device_identity()["compute_capability"]
    return {"compute_capability": capability, "validity": str(validity), "diagnostics": int(diagnostics)}


CHECKS: dict[str, Callable[[Bundle], dict[str, Any]]] = {
    "golden frames, onnxruntime fp32 on CUDA": _golden("onnxruntime", "fp32"),
    "golden frames, onnxruntime fp16 on CUDA": _golden("onnxruntime", "fp16"),
    "onnxruntime: CUDA graph and I/O binding": _onnxruntime_graph,
    "cuda-core: copies and graph": _device("cuda_core"),
    "pycuda: copies": _device("pycuda"),
    "golden frames, tensorrt fp32": _golden("tensorrt", "fp32"),
    "golden frames, tensorrt fp16": _golden("tensorrt", "fp16"),
    "tensorrt-rtx: validity of its plan": _rtx_validity,
}
"""Name → check."""


def main(words: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="the bundle; default: the one in this package")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder for the dated JSON")
    arguments = parser.parse_args(words)
    return output.exit_code_of(lambda: _check(arguments.model, arguments.out))


def _check(model: Path | None, out: Path) -> None:
    bundle = Bundle.shipped() if model is None else Bundle.open(model)
    document = run_checks(bundle)
    name = document["gpu"]["gpu"].lower().replace(" ", "-") or "gpu"
    path = out / f"{document['created'][:10]}-gpu-check-{name}.json"
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
    rows = document["checks"]
    for row in rows:
        output.say(f"{row['status']:12}{row['check']}  {row.get('reason', '')}".rstrip())
    output.say(f"written: {path}")
    failed = [row["check"] for row in rows if row["status"] == "failed"]
    if failed:
        raise GateFailed(f"{len(failed)} of {len(rows)} checks failed on this GPU, first {failed[0]}: see {path}")
    if not any(row["status"] == "passed" for row in rows):
        raise BackendUnavailable(f"not one of {len(rows)} checks could run: {rows[0]['reason']}")


if __name__ == "__main__":
    raise SystemExit(main())
