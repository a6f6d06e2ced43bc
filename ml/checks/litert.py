"""A LiteRT conversion is looked at as data: its operations, what it declares to hold, and other files that it asks for."""

from __future__ import annotations

import importlib
import math
import struct
from pathlib import Path
from typing import Any

from ml.checks.allowed import LITERT
from ml.checks.limits import shown
from ml.errors import UnsafeModel

_LARGEST_FILE = 600_000_000  # bytes; VGG16 with 1,000 labels has 554 million
_LARGEST_TENSOR = 600_000_000  # bytes
_LARGEST_TOGETHER = 1_500_000_000  # bytes of all tensors that hold something only while a photo is looked at
_MOST = {"Subgraphs": 16, "Operators": 20_000, "Tensors": 40_000, "OperatorCodes": 400}
_WIDTHS = {
    "FLOAT32": 4, "FLOAT16": 2, "BFLOAT16": 2, "FLOAT64": 8, "INT64": 8, "UINT64": 8, "INT32": 4, "UINT32": 4, "INT16": 2,
    "UINT16": 2, "INT8": 1, "UINT8": 1, "BOOL": 1, "INT4": 1, "UINT4": 1, "INT2": 1,
}  # fmt: skip


def check_litert(file: Path) -> None:
    """Look at a LiteRT file without running it.

    Raises:
        UnsafeModel: it holds an operation that is not allowed, or more than is, or is damaged.
        OSError: it can't be read.
    """
    size = file.stat().st_size
    if size > _LARGEST_FILE:
        raise UnsafeModel(f"{file} has {size // 1_000_000} MB; {_LARGEST_FILE // 1_000_000} MB are allowed.")
    try:
        _Model(file).check()
    except (struct.error, IndexError, TypeError, ValueError, OverflowError) as error:
        raise UnsafeModel(f"{file} is damaged, or no LiteRT file: {error}.") from error


class _Model:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._schema = importlib.import_module("ai_edge_litert.schema_py_generated")
        self._model = self._schema.Model.GetRootAs(file.read_bytes(), 0)
        self._held = 0

    def check(self) -> None:
        model = self._model
        if model.ExternalBufferGroupsLength() or model.ExternalBuffersLength():
            raise self._refusal("weights in another file")
        self._check_operations(self._many(model, "OperatorCodes"))
        for graph in self._many(model, "Subgraphs"):
            self._bounded(graph, "Operators")
            for tensor in self._many(graph, "Tensors"):
                self._check_tensor(tensor)
        if self._held > _LARGEST_TOGETHER:
            raise self._refusal(
                f"tensors of {self._held // 1_000_000} MB; {_LARGEST_TOGETHER // 1_000_000} MB are allowed"
            )

    def _check_operations(self, codes: list[Any]) -> None:
        names = _names(self._schema.BuiltinOperator)
        for code in codes:
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())  # as LiteRT itself reads it
            name = names.get(number, f"number {number}")
            if name == "CUSTOM":
                own = (code.CustomCode() or b"").decode("utf-8", "replace")
                flex = ", TensorFlow's own" if own.startswith("Flex") else ""
                raise self._refusal(f"the custom operation {shown(own)}{flex}")
            if name not in LITERT:
                raise self._refusal(f"the operation {name}")

    def _check_tensor(self, tensor: Any) -> None:
        kind = _names(self._schema.TensorType).get(tensor.Type(), "unknown")
        if kind not in _WIDTHS:
            raise self._refusal(f"a tensor of the type {kind}")
        if tensor.ShapeLength() > 8:
            raise self._refusal(f"a tensor with {tensor.ShapeLength()} dimensions")
        shape = [tensor.Shape(index) for index in range(tensor.ShapeLength())]
        size = math.prod(max(side, 1) for side in shape) * _WIDTHS[kind]
        if size > _LARGEST_TENSOR:
            raise self._refusal(f"a tensor of the shape {'×'.join(map(str, shape))}: {size // 1_000_000} MB")
        if not self._model.Buffers(tensor.Buffer()).DataLength():
            self._held += size

    def _many(self, owner: Any, what: str) -> list[Any]:
        return [getattr(owner, what)(index) for index in range(self._bounded(owner, what))]

    def _bounded(self, owner: Any, what: str) -> int:
        count: int = getattr(owner, f"{what}Length")()
        if count > _MOST[what]:
            raise self._refusal(f"{count} {what.lower()}; {_MOST[what]} are allowed")
        return count

    def _refusal(self, what: str) -> UnsafeModel:
        return UnsafeModel(
            f"{self._file} holds {what}. No image network needs that here, and it is not allowed. It was not loaded. Ask its "
            "maker for a conversion with LiteRT's builtin operations only."
        )


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
