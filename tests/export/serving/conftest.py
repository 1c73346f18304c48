"""The bundle that ships, and Triton's own schema of `config.pbtxt`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from edgeenh.bundle import Bundle


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return Bundle.shipped()


@pytest.fixture(scope="session")
def triton_schema():
    """`model_config_pb2` of Triton's client, loaded alone: its package would import gRPC too."""
    found = importlib.util.find_spec("tritonclient")
    if found is None or not found.submodule_search_locations:
        pytest.skip("tritonclient, which has Triton's schema, is not installed")
    path = Path(found.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("triton_model_config_pb2", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def parse(triton_schema):
    """Reads a `config.pbtxt` as Triton does: an unknown field or a wrong type is an error."""
    from google.protobuf import text_format

    return lambda path: text_format.Parse(Path(path).read_text("utf-8"), triton_schema.ModelConfig())
