"""Writes a network in the ONNX format, as far as one is needed here: protocol buffers by hand.

The numbers are fields of `onnx.proto` (IR version 8, operator set 13). The package `onnx` does the same,
and would be 70 MB more for a file that is written once.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_FLOAT = 1
_INT, _INTS = 2, 7


def model(
    nodes: Sequence[bytes], weights: Mapping[str, Array], inputs: Sequence[bytes], outputs: Sequence[bytes]
) -> bytes:
    """A whole file: its nodes in order, and the arrays that they name."""
    graph = b"".join(
        (
            *(_text(1, one) for one in nodes),
            _text(2, b"network"),
            *(_text(5, _tensor(name, array)) for name, array in weights.items()),
            *(_text(11, one) for one in inputs),
            *(_text(12, one) for one in outputs),
        )
    )
    return _number(1, 8) + _text(7, graph) + _text(8, _number(2, 13))


def node(kind: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> bytes:
    """One operation."""
    return b"".join(
        (
            *(_text(1, name.encode()) for name in inputs),
            _text(2, output.encode()),
            _text(4, kind.encode()),
            *(_text(5, _attribute(name, value)) for name, value in attributes.items()),
        )
    )


def value(name: str, shape: Sequence[int | str]) -> bytes:
    """An input or output of floats; a size that is a name may be any."""
    sizes = b"".join(_text(1, _text(2, s.encode()) if isinstance(s, str) else _number(1, s)) for s in shape)
    return _text(1, name.encode()) + _text(2, _text(1, _number(1, _FLOAT) + _text(2, sizes)))


def _tensor(name: str, array: Array) -> bytes:
    sizes = b"".join(_number(1, size) for size in array.shape)
    return sizes + _number(2, _FLOAT) + _text(8, name.encode()) + _text(9, array.astype("<f4").tobytes())


def _attribute(name: str, given: int | Sequence[int]) -> bytes:
    if isinstance(given, int):
        return _text(1, name.encode()) + _number(3, given) + _number(20, _INT)
    return _text(1, name.encode()) + b"".join(_number(8, one) for one in given) + _number(20, _INTS)


def _number(field: int, given: int) -> bytes:
    return _varint(field << 3) + _varint(given)


def _text(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(given: int) -> bytes:
    out = bytearray()
    while given > 0x7F:
        out.append(given & 0x7F | 0x80)
        given >>= 7
    out.append(given)
    return bytes(out)
