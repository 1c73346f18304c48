"""The Open Inference Protocol, spoken by the client that Triton's users have; and what is refused."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest

from .conftest import Running

IMAGE = np.random.default_rng(3).integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("binary", [True, False])
def test_a_real_triton_client_works_unchanged(running: Running, binary: bool) -> None:
    with warnings.catch_warnings(action="ignore"):  # gevent's own, on newer Pythons
        http = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    client = http.InferenceServerClient(f"127.0.0.1:{running.port}")
    try:
        name = running.station.model.bundle.manifest.id
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(name)
        assert client.get_server_metadata()["name"] == "edgeenh"
        metadata = client.get_model_metadata(name)
        assert [one["name"] for one in metadata["inputs"]] == ["image", "strength"]
        assert client.get_model_config(name)["max_batch_size"] == 0
        image = http.InferInput("image", list(IMAGE.shape), "UINT8")
        image.set_data_from_numpy(IMAGE, binary_data=binary)
        strength = http.InferInput("strength", [1], "FP32")
        strength.set_data_from_numpy(np.zeros(1, np.float32), binary_data=binary)
        wanted = [http.InferRequestedOutput("enhanced", binary_data=binary)]
        answer = client.infer(name, [image, strength], outputs=wanted, request_id="seven")
        assert np.array_equal(answer.as_numpy("enhanced"), IMAGE)
        assert answer.get_response()["id"] == "seven"
        default = client.infer(name, [image])
        assert default.as_numpy("enhanced").shape == IMAGE.shape
        assert not np.array_equal(default.as_numpy("enhanced"), IMAGE)
        from tritonclient.utils import InferenceServerException

        with pytest.raises(InferenceServerException, match="no such model"):
            client.infer("another", [image])
    finally:
        client.close()


def infer(running: Running, document: Any, tail: bytes = b"", **headers: str) -> Any:
    head = document if isinstance(document, bytes) else json.dumps(document).encode()
    return running.ask("POST", "/v2/models/dental-n/infer", head + tail, **headers)


def request(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 16, 16, 3], "data": [7] * 768, **changes}
    return {"inputs": [tensor]}


def test_json_in_json_out(running: Running) -> None:
    reply = infer(running, request())
    assert reply.status == 200, reply.body
    [output] = reply.json["outputs"]
    assert (output["shape"], output["datatype"], len(output["data"])) == ([1, 16, 16, 3], "UINT8", 768)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 5000,
        {},
        {"inputs": 7},
        {"inputs": []},
        {"inputs": [{"name": "other"}]},
        {"inputs": [*request()["inputs"], *request()["inputs"]]},
        request(datatype="INT64"),
        request(datatype="FP32"),
        request(shape=[1, 16, 16]),
        request(shape=[2, 16, 16, 3], data=[7] * 1536),
        request(shape=[1, 16, 16, -3]),
        request(shape=[1 << 19] * 4),
        request(data=[7] * 767),
        request(data=[7.5] * 768),
        request(data=[256] * 768),
        request(data=["7"] * 768),
        request(data=[[1], [2, 3]]),
        request(data=None),
        request(data=[True] * 768),
        request(data=[None] * 768),
        request(data={"0": 7}),
        request(data="7" * 768),
        request(data=["x" * 500_000, *[7] * 767]),  # NumPy would make 768 texts of that length
        request(data=[10**400] * 768),
        request(data=[-1] * 768),
        request(data=[[[7] * 768]]),
        request(data=[[7] * 3] * 256),  # nested, but not as the shape
        request(data=[7] * 768, parameters={"binary_data_size": 768}),
        request(parameters={"binary_data_size": True}),
        request(name="\ud800"),
        request(name="n" * 100_000),
        request(datatype="\ud800"),
        request(datatype=[[[[]]]]),
        request(shape=[1e999, 16, 16, 3]),
        request(shape=["1", 16, 16, 3]),
        request(shape=[True, 16, 16, 3]),
        request(shape=[10**300, 16, 16, 3]),
        {**request(), "outputs": 7},
        {**request(), "outputs": ""},
        {**request(), "parameters": None},
        {**request(), "parameters": {"binary_data_output": "yes"}},
        {**request(), "id": "i" * 2000},
        b'{"inputs": [], "inputs": []}',
        b'{"inputs": [NaN]}',
        b'{"inputs": [{"name": "image", "shape": ' + b"[" * 100_000,
        b"[" + b"1," * 2_000_000 + b"1]",
        request(parameters={"binary_data_size": 768}),
        request(parameters={"binary_data_size": "x"}),
        request(parameters={"shared_memory_region": "r"}),
        request(parameters=7),
        {**request(), "outputs": [{"name": "other"}]},
        {**request(), "outputs": [{"name": "enhanced", "parameters": {"classification": 3}}]},
        {**request(), "id": 7},
        {"inputs": [*request()["inputs"], {"name": "strength", "datatype": "FP32", "shape": [1], "data": [2.0]}]},
        *(
            {"inputs": [*request()["inputs"], {"name": "strength", "datatype": "FP32", "shape": [1], "data": data}]}
            for data in ([float("nan")], ["0.5"], [None], [True], [1e300], [10**400], [[0.5, 0.5]], [-0.001], 0.5)
        ),
        request(shape=[1, 2, 2, 3], data=[7] * 12),
    ],
)
def test_what_is_not_of_the_protocol_is_refused(running: Running, document: Any) -> None:
    reply = infer(running, document)
    assert reply.status in (400, 413, 422), reply.body
    assert len(reply.json["error"].splitlines()) == 1
    assert len(reply.body) < 1000


def test_nested_data_is_taken_as_the_shape_says(running: Running) -> None:
    flat, nested = request(), request(data=np.full((1, 16, 16, 3), 7).tolist())
    assert infer(running, flat).json["outputs"] == infer(running, nested).json["outputs"]


def test_an_infinite_number_is_not_taken_for_a_strength(running: Running) -> None:
    strength = b'{"name": "strength", "datatype": "FP32", "shape": [1], "data": [1e999]}'
    body = json.dumps(request()).encode()[:-2] + b", " + strength + b"]}"
    reply = infer(running, body)
    assert (reply.status, "too large for FP32" in reply.json["error"]) == (400, True), reply.body


def test_a_large_tensor_comes_back_as_binary_alone(running: Running) -> None:
    shape = [1, 600, 600, 3]
    image = {"name": "image", "datatype": "UINT8", "shape": shape, "parameters": {"binary_data_size": 1_080_000}}

    def ask(**more: Any) -> Any:
        head = json.dumps({"inputs": [image], **more}).encode()
        return infer(running, head, bytes(1_080_000), Inference_Header_Content_Length=str(len(head)))

    refused = ask()
    assert (refused.status, "ask for binary_data" in refused.json["error"]) == (413, True), refused.body
    assert ask(parameters={"binary_data_output": True}).status == 200


@pytest.mark.parametrize(("length", "tail"), [("7x", b""), ("999999", b""), ("-1", b""), (None, b"left over")])
def test_the_length_of_the_head_must_fit(running: Running, length: str | None, tail: bytes) -> None:
    head = json.dumps(request()).encode()
    said = str(len(head)) if length is None else length
    assert infer(running, head, tail, Inference_Header_Content_Length=said).status == 400
