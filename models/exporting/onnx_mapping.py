"""The module `onnx.mapping`, which MXNet's converters use and onnx 1.18 dropped."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_NAME = "onnx.mapping"


@contextmanager
def onnx_mapping(onnx: Any) -> Iterator[None]:
    """Let MXNet's converters find `onnx.mapping` within a block; they ask for it while they convert.

    Parameters
    ----------
    onnx
        The package, which is left as it was.
    """
    if importlib.util.find_spec(_NAME):
        yield
        return
    onnx.mapping = sys.modules[_NAME] = _build_mapping(onnx.helper)
    try:
        yield
    finally:
        del sys.modules[_NAME], onnx.mapping


def _build_mapping(helper: Any) -> ModuleType:
    """Make the two tables of the module that MXNet reads: ONNX's numbers of types and NumPy's types."""
    to_numpy = {number: helper.tensor_dtype_to_np_dtype(number) for number in helper.get_all_tensor_dtypes()}
    to_onnx = {dtype: helper.np_dtype_to_tensor_dtype(dtype) for dtype in to_numpy.values()}
    mapping = ModuleType(_NAME)
    vars(mapping).update(TENSOR_TYPE_TO_NP_TYPE=to_numpy, NP_TYPE_TO_TENSOR_TYPE=to_onnx)
    return mapping
