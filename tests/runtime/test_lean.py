"""The light paths stay light: what `import edgeenh` and the help load, and what the base install may never need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edgeenh

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "cv2", "torch", "onnx", "onnxruntime", "openvino", "tensorrt_rtx", "rich", "cryptography")


def loaded_by(code: str) -> set[str]:
    paths = [str(ROOT / name) for name in ("runtime", "train", "export", "benchmarks")]
    script = f"import sys; sys.path[:0] = {paths!r}\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import edgeenh",
        "from edgeenh.cli import main; main(['--help'])",
        "from edgeenh.cli import main; main(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert not loaded_by(code) & set(HEAVY)


def test_every_public_name_exists() -> None:
    for name in edgeenh.__all__:
        assert getattr(edgeenh, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        edgeenh.nothing  # noqa: B018


def roots(node: ast.AST) -> set[str]:
    """Top-level packages that a statement imports."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    return {name.split(".")[0] for name in names}


def test_the_runtime_never_imports_torch_or_onnx() -> None:
    for file in (ROOT / "runtime").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            assert not roots(node) & {"torch", "onnx", "edgeenh_train", "edgeenh_export", "edgeenh_bench"}, file


def test_optional_libraries_are_imported_inside_functions() -> None:
    optional = {
        "onnxruntime",
        "openvino",
        "tensorrt",
        "tensorrt_rtx",
        "cuda",
        "pycuda",
        "rich",
        "av",
        "gi",
        "pydicom",
        "prometheus_client",
    }
    for file in (ROOT / "runtime").rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            assert not roots(node) & optional, file
