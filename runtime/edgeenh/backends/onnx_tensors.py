"""One tensor of an ONNX file: that its data lies in the file, and is as much as its dimensions say."""

from __future__ import annotations

from collections.abc import Iterable

from edgeenh.backends.protobuf_wire import BYTES, FIXED32, FIXED64, VARINT, numbers

_DIMS, _TYPE, _SEGMENT, _RAW, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 3, 9, 13, 14
_TYPED = frozenset({4, 5, 7, 10, 11})  # float, int32, int64, double, uint64
_STRINGS = 6

_BITS = {
    **dict.fromkeys((21, 22, 23), 4),  # uint4, int4, float4
    **dict.fromkeys((25, 26), 2),  # uint2, int2
    **dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), 8),  # uint8, int8, bool, float8 in five kinds
    **dict.fromkeys((4, 5, 10, 16), 16),
    **dict.fromkeys((1, 6, 12), 32),
    **dict.fromkeys((7, 11, 13), 64),
}
"""`TensorProto.DataType` → bits per element; text and complex numbers are not among them."""

MAX_DIMS = 16


class TensorCheck:
    """What a `TensorProto` says and holds.

    Args:
        fields: Its fields as `protobuf_wire.fields` gives them.

    Attributes:
        external: Its data is, or claims to be, in another file.
        fault: Why it is refused, to continue a sentence that begins with the file's name; empty when it is not.
        payload: Bytes of data in it.

    Raises:
        ValueError: The fields are not those of a tensor.
    """

    def __init__(self, fields: Iterable[tuple[int, int, int | memoryview]]) -> None:
        self.external = False
        self.fault = ""
        self.payload = 0
        self._dims: list[int] = []
        self._types: list[int] = []
        self._holders: list[int] = []
        for number, wire, value in fields:
            self._take(number, wire, value)
        self.fault = self.fault or self._disagreement()

    def _take(self, number: int, wire: int, value: int | memoryview) -> None:
        if number in (_EXTERNAL_DATA, _DATA_LOCATION):
            self.external = self.external or value not in (0, b"")
        elif number in (_DIMS, _TYPE):
            into = self._dims if number == _DIMS else self._types
            for one in numbers(wire, value):
                into.append(one)
                if len(into) > MAX_DIMS:
                    self.fault = f"holds a tensor of more than {MAX_DIMS} dimensions"
                    return
        elif number in (_STRINGS, _SEGMENT):
            self.fault = "holds a tensor of text or in segments, expected numbers in one piece"
        elif number == _RAW or number in _TYPED:
            self._data(number, wire, value)

    def _data(self, number: int, wire: int, value: int | memoryview) -> None:
        if number == _RAW and wire != BYTES:
            raise ValueError(f"raw data of wire type {wire}")
        if number == _RAW and _RAW in self._holders:
            self.fault = "gives the data of a tensor twice"
        size = len(value) if isinstance(value, memoryview) else {VARINT: 1, FIXED32: 4, FIXED64: 8}[wire]
        self.payload += size
        if size and number not in self._holders:
            self._holders.append(number)

    def _disagreement(self) -> str:
        if len(self._holders) > 1:
            return "holds a tensor with data in two places"
        if len(self._types) != 1 or self._types[0] not in _BITS:
            return f"holds a tensor of type {self._types[:2]}, expected one type of real numbers"
        elements = 1
        for side in self._dims:
            elements *= side  # exact, however large; a negative side is beyond 2^63 here
        bits = _BITS[self._types[0]]
        if _RAW in self._holders or not self._holders:
            fits = self.payload == (elements * bits + 7) // 8
        else:
            fits = elements <= self.payload * max(1, 8 // bits)  # a packed number takes at least a byte
        if fits:
            return ""
        return f"holds a tensor that declares {min(elements, 1 << 63):,} values and has {self.payload:,} bytes of them"
