import hashlib

import pytest

from edgeenh.backends import Model
from edgeenh.pixels import GREY, RGB


@pytest.fixture
def make_model(contract_onnx):
    """make_model(precision="fp32", **contract_onnx's) → a `Model` of the small graph."""

    def make(precision="fp32", **changes):
        data = contract_onnx(precision, **changes)
        pixels = GREY if changes.get("grey") else RGB
        return Model(f"tiny 1 ({precision})", data, precision, hashlib.sha256(data).hexdigest(), pixels=pixels)

    return make
