"""Reads the weights of a PyTorch file without PyTorch, and without letting the file run anything.

The file is of the first format (before 2020): five pickles, then each storage as a count and its raw
numbers. Only the names that make up tensors are admitted; a pickle that asks for another is refused.
"""

import pickle
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stagepass.errors import Permanent

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[str, "np.dtype[Any]"] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(NamedTuple):
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a file by name. Raises `Permanent` where it is not such a file."""
    with path.open("rb") as file:
        if _load(file, {}) != _MAGIC:
            raise Permanent(f"{path.name} does not hold weights in the format that is read here")
        _load(file, {})  # the protocol's version
        _load(file, {})  # sizes of C types
        dtypes: dict[str, np.dtype[Any]] = {}
        tensors = _load(file, dtypes)
        storages = {key: _storage(file, dtypes[key]) for key in _load(file, {})}
    return {name: _array(tensor, storages[tensor.key]) for name, tensor in tensors.items()}


def _load(file: BinaryIO, dtypes: dict[str, np.dtype[Any]]) -> Any:
    return _Restricted(file, dtypes).load()


class _Restricted(pickle.Unpickler):
    def __init__(self, file: BinaryIO, dtypes: dict[str, np.dtype[Any]]) -> None:
        super().__init__(file)
        self._dtypes = dtypes

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in a file of weights")

    def persistent_load(self, pid: Any) -> str:
        _, storage, key, *_ = pid
        self._dtypes[str(key)] = _DTYPES[str(storage)]
        return str(key)


def _rebuilt(key: str, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any) -> _Tensor:
    return _Tensor(key, offset, tuple(shape), tuple(strides))


def _storage(file: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _array(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[np.float32]:
    size = storage.itemsize
    strides = [stride * size for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.ascontiguousarray(view, dtype=np.float32)
