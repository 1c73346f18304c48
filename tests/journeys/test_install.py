"""What a stranger installs: the wheel holds what it must, and the base install with `cpu` runs without torch and onnx."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(ROOT)]
    subprocess.run(command, check=True)
    return next(out.glob("edgeenh-*.whl"))


@pytest.mark.slow
def test_wheel_holds_code_and_models_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"edgeenh", "edgeenh_train", "edgeenh_export", "edgeenh_bench"}
    for needed in (
        "edgeenh/models/dental-n.edgeenh",
        "edgeenh/bundle/manifest.schema.json",
        "edgeenh/py.typed",
        "edgeenh_train/checkpoints/dental-n.safetensors",
        "edgeenh_train/checkpoints/dental-n.md",
        "edgeenh_export/frames/README.md",
    ):
        assert needed in names
    assert not [name for name in names if Path(name).name.startswith(("test_", "conftest"))]


@pytest.mark.slow
def test_base_install_runs_without_torch_and_onnx(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", f"{wheel}[cpu]"], check=True)
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "XDG_CACHE_HOME": str(tmp_path / "cache")
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(venv / "bin" / "edgeenh"), *words],
            capture_output=True,
            text=True,
            env=clean,
            cwd=tmp_path,
            check=False,
        )

    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    ).stdout
    assert not {line.split("==")[0] for line in listed.splitlines()} & {"torch", "onnx", "openvino"}
    done = run("run", "synthetic:320x240@30", "--frames", "5", "--mode", "offline", "--json", "run.json")
    assert done.returncode == 0, done.stderr
    assert run("doctor").returncode == 0
    assert run("verify").returncode == 0
    for command, extra in (("train", "train"), ("export", "export"), ("bench", "bench")):
        words = ("--low", "a", "--high", "b") if command == "train" else ()
        refused = run(command, *words)
        assert refused.returncode == 5, (command, refused.stderr)
        assert f"pip install 'edgeenh[{extra}]'" in refused.stderr
