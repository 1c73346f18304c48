"""Every name of cuda-core that edgeenh uses exists in the installed one, and takes what it is given.

The source is read, not run: no GPU is needed. Calls are bound to the signatures of the real classes.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from edgeenh import cuda

core = pytest.importorskip("cuda.core")
graph = pytest.importorskip("cuda.core.graph")

SOURCE = Path(cuda.__file__).with_name("cuda_core.py").read_text("utf-8")
CLASS_OF = {
    "core": core,
    "self._device": core.Device,
    "self._stream": core.Stream,
    "self._host_memory": core.LegacyPinnedMemoryResource,
    "buffer": core.Buffer,
    "buffer.owner": core.Buffer,
    "builder": graph.GraphBuilder,
    "self._graph": graph.Graph,
}
"""What the expressions of `cuda_core.py` hold; `one` in `close` is any of those that were made."""
OURS = {"owner"}
"""Attributes of a `DeviceBuffer`, which is called `buffer` too."""


def used():
    """(expression, attribute) of everything that is read of cuda-core's objects."""
    nodes = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Attribute)]
    pairs = {(ast.unparse(node.value), node.attr) for node in nodes}
    return sorted((holder, name) for holder, name in pairs if holder in CLASS_OF and name not in OURS)


def calls():
    """Every call of a method of theirs."""
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = ast.unparse(node.func.value)
            if holder in CLASS_OF and holder != "core":
                yield holder, node.func.attr, len(node.args), tuple(keyword.arg for keyword in node.keywords)


def test_the_source_is_read_right():
    names = {name for _, name in used()}
    assert {"Device", "create_stream", "copy_from", "copy_to", "begin_building", "complete", "launch", "sync"} <= names


@pytest.mark.parametrize(("holder", "name"), used())
def test_the_name_exists(holder, name):
    assert hasattr(CLASS_OF[holder], name), f"{holder}.{name}"


@pytest.mark.parametrize(("holder", "name", "positional", "keywords"), sorted(set(calls())))
def test_the_call_is_taken(holder, name, positional, keywords):
    signature = inspect.signature(getattr(CLASS_OF[holder], name))
    signature.bind(object(), *[object()] * positional, **dict.fromkeys(keywords, object()))


def test_everything_that_is_closed_can_be():
    for kind in (core.Buffer, core.Stream, graph.Graph, graph.GraphBuilder):
        inspect.signature(kind.close).bind(object())
