"""Every name of TensorRT that edgeenh calls exists in the bindings of 10, 11 and RTX.

The source is read, not run: each `variable.name` whose variable holds an object of TensorRT is looked up in what
`tensorrt_names/record.py` recorded of the real bindings (10 and 11), and in the installed ones (RTX).
"""

import ast
import importlib.util
import json
from pathlib import Path

import pytest

from edgeenh import backends
from edgeenh.backends.tensorrt_build import load_flavour
from edgeenh.errors import MissingExtra

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "tensorrt_names" / "names.json").read_text())
CLASS_OF = {
    "trt": "module",
    "builder": "Builder",
    "config": "IBuilderConfig",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "error": "ParserError",
    "tensor": "ITensor",
    "image": "ITensor",
    "shapes": "IOptimizationProfile",
    "cache": "ITimingCache",
    "runtime": "Runtime",
    "engine": "ICudaEngine",
    "inspector": "EngineInspector",
    "_context": "IExecutionContext",
}
"""What the variables of edgeenh's TensorRT files hold; in `tensorrt_load.py` `config` is of the runtime."""
FILES = ("tensorrt.py", "tensorrt_build.py", "tensorrt_layers.py", "tensorrt_load.py", "tensorrt_monitor.py")
FEATURE_TESTED = {
    ("module", "ComputeCapability"),
    ("IBuilderConfig", "num_compute_capabilities"),
    ("IBuilderConfig", "set_compute_capability"),
    ("module", "DynamicShapesKernelSpecializationStrategy"),
    ("module", "CudaGraphStrategy"),
    ("IRuntimeConfig", "dynamic_shapes_kernel_specialization_strategy"),
    ("IRuntimeConfig", "create_runtime_cache"),
    ("IRuntimeConfig", "set_runtime_cache"),
    ("IRuntimeConfig", "cuda_graph_strategy"),
}
"""Of TensorRT-RTX alone: called behind `hasattr`, and looked up in the installed RTX only."""


OF_RTX = {"ComputeCapability", "CudaGraphStrategy", "DynamicShapesKernelSpecializationStrategy", "IRuntimeCache"}
"""Classes that TensorRT-RTX alone has."""


def called():
    """`(class, name)` of every attribute of a TensorRT object in the source, and `(enum, member)` of every enum's."""
    found = set()
    for file in FILES:
        tree = ast.parse((Path(backends.__file__).parent / file).read_text("utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or node.attr.startswith("__"):
                continue
            owner = node.value
            if isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name) and owner.value.id == "trt":
                found.add((owner.attr, node.attr))  # trt.BuilderFlag.TF32
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if name in CLASS_OF and not _of_ours(file, name, owner):
                kind = "IRuntimeConfig" if (file, name) == ("tensorrt_load.py", "config") else CLASS_OF[name]
                kind = "IRuntimeCache" if (file, name) == ("tensorrt_load.py", "cache") else kind
                found.add((kind, node.attr))
    return found


def _of_ours(file, name, owner):
    """Variables of edgeenh's own with such a name: `image` and `config` elsewhere, attributes of `self` but the context."""
    if isinstance(owner, ast.Attribute):
        return name != "_context"
    return file == "tensorrt.py" or (name == "image" and file != "tensorrt_build.py")


@pytest.mark.parametrize("version", sorted(RECORDED))
def test_every_name_exists_in(version):
    names = RECORDED[version]
    looked_up = {(kind, name) for kind, name in called() - FEATURE_TESTED if kind not in OF_RTX}
    assert {(kind, name) for kind, name in looked_up if name not in names[kind]} == set()


def test_what_is_looked_up_is_what_the_source_calls():
    """The reading of the source finds what is there: a test that found nothing would pass too."""
    found = called()
    assert {
        ("Builder", "build_serialized_network"),
        ("IBuilderConfig", "progress_monitor"),
        ("BuilderFlag", "TF32"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"),
        ("IExecutionContext", "execute_async_v3"),
        ("IExecutionContext", "set_tensor_address"),
        ("ICudaEngine", "create_runtime_config"),
        ("Runtime", "deserialize_cuda_engine"),
        ("OnnxParser", "get_error"),
    } <= found
    assert len(found) > 40


def test_the_record_knows_what_tensorrt_11_removed():
    assert "FP16" in RECORDED["10.16.1.11"]["BuilderFlag"]
    assert "FP16" not in RECORDED["11.4.0.106"]["BuilderFlag"]
    assert "EXPLICIT_BATCH" not in RECORDED["11.4.0.106"]["NetworkDefinitionCreationFlag"]


def test_every_name_exists_in_the_installed_rtx():
    try:
        trt = load_flavour("rtx").module
    except MissingExtra as exc:
        pytest.skip(str(exc))
    missing = {
        (kind, name) for kind, name in called() if not hasattr(trt if kind == "module" else getattr(trt, kind), name)
    }
    assert missing == set()


@pytest.mark.slow
def test_the_record_is_what_the_wheels_say(tmp_path):
    """Downloads the bindings' wheels (4 MB) from PyPI; skipped where that, or a compiler, is not to be had."""
    import subprocess

    spec = importlib.util.spec_from_file_location("record", HERE / "tensorrt_names" / "record.py")
    record = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(record)
    try:
        found = record.record(tmp_path)
    except (subprocess.CalledProcessError, FileNotFoundError) as exc:
        pytest.skip(f"the wheels cannot be had or unpacked here: {exc}")
    assert found == RECORDED
