"""The Open Inference Protocol v2 (REST), with its extension for binary tensors, as KServe and Triton have it.

Source: github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md, and Triton's
extension_binary_data.md: the JSON comes first, `Inference-Header-Content-Length` bytes of it, then the tensors one after
another, little-endian, row by row.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh.station.errors import Refused
from edgeenh.station.json_bodies import read_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.pixels import Levels
    from edgeenh.station.model import Model

DTYPES: dict[str, np.dtype[Any]] = {"UINT8": np.dtype("u1"), "UINT16": np.dtype("<u2"), "FP32": np.dtype("<f4")}
MOST_HEADER = 1 << 20
"""Bytes of JSON in a request with binary tensors."""

MOST_JSON_VALUES = 1_000_000
"""Of a tensor as JSON, on the way in and out: more must be binary. Parsing holds the interpreter, and so the streams, up."""

MOST_JSON = 24 * MOST_JSON_VALUES
"""Bytes of a request that is JSON alone."""

MOST_ID = 1000


@dataclass(frozen=True, slots=True)
class Inference:
    """A request, checked.

    Attributes:
        id: The client's own; empty = none.
        image: [H,W,3] uint8, or [H,W] uint8 or uint16.
        datatype: Of the image, and of the answer.
        strength: None = the station's.
        binary: The output is wanted as binary.
    """

    id: str
    image: Levels
    datatype: str
    strength: float | None
    binary: bool


def metadata(model: Model) -> dict[str, Any]:
    """`GET /v2/models/NAME`."""
    datatype, channels = _kind(model)
    manifest = model.bundle.manifest
    image = {"datatype": datatype, "shape": [1, -1, -1, channels]}
    return {
        "name": manifest.id,
        "versions": [str(manifest.version)],
        "platform": "edgeenh",
        "inputs": [{"name": "image", **image}, {"name": "strength", "datatype": "FP32", "shape": [1]}],
        "outputs": [{"name": "enhanced", **image}],
    }


def configuration(model: Model) -> dict[str, Any]:
    """`GET /v2/models/NAME/config`, Triton's extension: what its clients ask for."""
    datatype, channels = _kind(model)
    image = {"data_type": f"TYPE_{datatype}", "dims": [1, -1, -1, channels]}
    strength = {"name": "strength", "data_type": "TYPE_FP32", "dims": [1], "optional": True}
    return {
        "name": model.bundle.manifest.id,
        "platform": "edgeenh",
        "max_batch_size": 0,
        "input": [{"name": "image", **image}, strength],
        "output": [{"name": "enhanced", **image}],
    }


def parse(body: bytes, header_length: str | None, model: Model, most_pixels: int) -> Inference:
    """Read a request.

    Raises:
        Refused: 400, it is not of the protocol, or not what the model takes; 413, the picture is too large.
    """
    document, binary = _split(body, header_length)
    inputs = _tensors(document.get("inputs"), "inputs")
    unknown = set(inputs) - {"image", "strength"}
    if unknown or "image" not in inputs:
        raise _wrong(f"inputs are {', '.join(map(str, inputs)) or 'none'}, expected image and, if wanted, strength")
    outputs = _tensors(document.get("outputs", []), "outputs") or {"enhanced": {}}
    if set(outputs) != {"enhanced"}:
        raise _wrong("outputs are not enhanced alone")
    arrays, offset = {}, 0
    for name, tensor in inputs.items():
        arrays[name], offset = _array(name, tensor, binary, offset, most_pixels)
    if offset != len(binary):
        raise _wrong(f"{len(binary) - offset} bytes are left over behind the tensors")
    asked = _parameters(document).get("binary_data_output", False)
    wanted = _parameters(outputs["enhanced"]).get("binary_data", asked)
    identity = document.get("id", "")
    if not isinstance(identity, str) or len(identity) > MOST_ID or not isinstance(wanted, bool):
        raise _wrong(f"id is no text of at most {MOST_ID} characters, or binary_data is not true or false")
    image = _image(arrays["image"], str(inputs["image"]["datatype"]), model)
    if not wanted and image.size > MOST_JSON_VALUES:
        found = f"enhanced would have {image.size:,} values in JSON, at most {MOST_JSON_VALUES:,} may be"
        raise Refused(413, "too_large", f"{found}: ask for binary_data")
    return Inference(identity, image, str(inputs["image"]["datatype"]), _strength(arrays.get("strength")), wanted)


def respond(request: Inference, enhanced: Levels, model: Model) -> tuple[bytes, dict[str, str]]:
    """The answer's body and headers."""
    manifest = model.bundle.manifest
    height, width = enhanced.shape[:2]
    tensor: dict[str, Any] = {
        "name": "enhanced",
        "datatype": request.datatype,
        "shape": [1, height, width, enhanced.shape[2] if enhanced.ndim == 3 else 1],
    }
    data = np.ascontiguousarray(enhanced, DTYPES[request.datatype])
    if request.binary:
        tensor["parameters"] = {"binary_data_size": data.nbytes}
    else:
        tensor["data"] = data.ravel().tolist()
    answer: dict[str, Any] = {"model_name": manifest.id, "model_version": str(manifest.version), "outputs": [tensor]}
    if request.id:
        answer["id"] = request.id
    head = json.dumps(answer).encode()
    if not request.binary:
        return head, {"Content-Type": "application/json"}
    more = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return head + data.tobytes(), more


def _kind(model: Model) -> tuple[str, int]:
    return ("UINT8", 3) if model.pixels.photometric == "RGB" else ("UINT16", 1)


def _wrong(text: str) -> Refused:
    return Refused(400, "inference", text)


def _split(body: bytes, header_length: str | None) -> tuple[dict[str, Any], memoryview]:
    length = len(body)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 12):
            raise _wrong("Inference-Header-Content-Length is no number")
        length = int(header_length)
        if length > min(len(body), MOST_HEADER):
            raise _wrong(f"Inference-Header-Content-Length is {length}, the body has {len(body)} bytes")
    if length > MOST_JSON:
        raise Refused(
            413,
            "too_large",
            f"the JSON has {length:,} bytes, expected at most {MOST_JSON:,}: send the tensor as binary",
        )
    document = read_json(body[:length], MOST_JSON_VALUES + 1000)
    if not isinstance(document, dict):
        raise _wrong("the request is no JSON object")
    return document, memoryview(body)[length:]


def _tensors(found: Any, what: str) -> dict[str, dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found) or len(found) > 4:
        raise _wrong(f"{what} is no list of at most four objects")
    names = [one.get("name") for one in found]
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise _wrong(f"{what} do not each have a name of their own")
    return {str(one["name"]): one for one in found}


def _parameters(owner: dict[str, Any]) -> dict[str, Any]:
    found = owner.get("parameters", {})
    if not isinstance(found, dict):
        raise _wrong("parameters is no object")
    if any(key.startswith("shared_memory") for key in found):
        raise _wrong("shared memory is not offered: send the tensor in the request")
    if found.get("classification"):
        raise _wrong("classification is not what this model does")
    return found


def _array(
    name: str, tensor: dict[str, Any], binary: memoryview, offset: int, most_pixels: int
) -> tuple[NDArray[Any], int]:
    """One tensor, and where the next binary one begins."""
    dtype = DTYPES.get(str(tensor.get("datatype")))
    if dtype is None:
        raise _wrong(f"{name} has the datatype {str(tensor.get('datatype'))[:20]}, expected {', '.join(DTYPES)}")
    shape = tensor.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) > 4
        or not all(type(side) is int and 0 < side < 1 << 20 for side in shape)
    ):
        raise _wrong(f"{name} has no shape of up to four whole numbers above 0")
    count = math.prod(shape)
    if count > 4 * most_pixels:
        raise Refused(413, "too_large", f"{name} has {count:,} values, expected at most {4 * most_pixels:,}")
    size = _parameters(tensor).get("binary_data_size")
    if (size is None) == (tensor.get("data") is None):
        raise _wrong(f"{name} has neither data nor binary_data_size, or both")
    if size is None:
        return _from_json(name, tensor["data"], dtype, shape).reshape(shape), offset
    if type(size) is not int or size != count * dtype.itemsize or offset + size > len(binary):
        raise _wrong(
            f"{name}: binary_data_size is {str(size)[:40]}, expected {count * dtype.itemsize} bytes that are there"
        )
    return np.frombuffer(binary[offset : offset + size], dtype).reshape(shape), offset + size


def _from_json(name: str, data: Any, dtype: np.dtype[Any], shape: list[int]) -> NDArray[Any]:
    """The numbers of a list, flat or nested as the shape; every one is looked at before NumPy is, which would make texts of all."""
    values, sides = _flat(name, data)
    if sides not in ([math.prod(shape)], shape):
        raise _wrong(f"{name}: data has the shape {sides}, expected {[math.prod(shape)]} or {shape}")
    if dtype.kind == "u":
        most = np.iinfo(dtype).max
        if not set(map(type, values)) <= {int} or min(values) < 0 or max(values) > most:
            raise _wrong(f"{name}: data is not whole numbers from 0 to {most}")
        return np.array(values, dtype)
    try:
        found = np.array(values, np.float64)
        fits = bool((np.abs(found) <= np.finfo(dtype).max).all())
    except OverflowError:  # a whole number beyond all floats
        fits = False
    if not fits:
        raise _wrong(f"{name}: data has a number that is too large for FP32")
    return found.astype(dtype)


def _flat(name: str, data: Any) -> tuple[list[Any], list[int]]:
    """Numbers of nested lists in one, and how long the lists are at each level."""
    sides = [len(data)] if isinstance(data, list) else []
    while sides and len(sides) < 4 and data and all(type(one) is list for one in data):
        lengths = set(map(len, data))
        if len(lengths) > 1:
            raise _wrong(f"{name}: data is no list of numbers, flat or nested as the shape")
        sides.append(lengths.pop())
        data = list(chain.from_iterable(data))
    if not sides or not data or not set(map(type, data)) <= {int, float}:
        raise _wrong(f"{name}: data is no list of numbers, flat or nested as the shape")
    return data, sides


def _image(array: NDArray[Any], datatype: str, model: Model) -> Levels:
    expected, channels = _kind(model)
    allowed = ("UINT8",) if channels == 3 else ("UINT8", "UINT16")
    if array.ndim != 4 or array.shape[0] != 1 or array.shape[3] != channels or datatype not in allowed:
        found = f"{datatype} {list(array.shape)}"
        raise _wrong(
            f"image is {found}, expected {' or '.join(allowed)} [1,H,W,{channels}] ({expected} as metadata says)"
        )
    picture = array[0] if channels == 3 else array[0, :, :, 0]
    return np.ascontiguousarray(picture, picture.dtype.newbyteorder("="))


def _strength(array: NDArray[Any] | None) -> float | None:
    if array is None:
        return None
    if array.size != 1 or array.dtype.kind != "f" or not 0 <= float(array.ravel()[0]) <= 1:
        raise _wrong("strength is not one FP32 from 0 to 1")
    return float(array.ravel()[0])
