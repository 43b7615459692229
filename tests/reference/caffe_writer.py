"""Caffe's files as `caffe.proto` describes them, written by hand: a few fields of a few messages."""

import cv2
import numpy as np
import pytest

# For tests that compare with what OpenCV computes of such files.
needs_caffe_reader = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromCaffe"), reason="OpenCV 5 has no reader of Caffe models, OpenCV 4 has one"
)

CONVOLUTION, INNER_PRODUCT = "Convolution", "InnerProduct"
_OLD_TYPES = {CONVOLUTION: 4, INNER_PRODUCT: 14}  # V1LayerParameter.LayerType


def varint(value):
    groups = []
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def field(number, value):
    """Return a field with an integer, a text or the bytes of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def blob(array, legacy=False, packed=True, diff=False):
    """Return a BlobProto; `legacy` writes four dimensions, a `diff` are the gradients that some files hold."""
    array = np.asarray(array)
    if legacy:
        shape = (1,) * (4 - array.ndim) + array.shape
        content = b"".join(field(number, size) for number, size in enumerate(shape, 1))
    else:
        sizes = [varint(size) for size in array.shape]
        content = field(7, field(1, b"".join(sizes)) if packed else b"".join(b"\x08" + size for size in sizes))
    number, width = (8, 8) if array.dtype == np.float64 else (5, 4)
    data = array.astype(f"<f{width}").tobytes()
    if packed:
        content += field(number, data)
    else:
        tag = varint(number << 3 | (1 if width == 8 else 5))
        content += b"".join(tag + data[place : place + width] for place in range(0, len(data), width))
    return content + (field(6, np.full(array.size, np.nan, "<f4").tobytes()) if diff else b"")


def caffemodel(layers, old=False, kinds=None, **options):
    """Return the bytes of a model from {layer: [arrays]}, with V1 layers if `old`; `kinds` has types of layers."""
    content = field(1, "net")
    for name, arrays in layers.items():
        kind = (kinds or {}).get(name, CONVOLUTION)
        if old:
            layer = field(2, "below") + field(4, name) + field(5, _OLD_TYPES[kind])
        else:
            layer = field(1, name) + field(2, kind) + field(3, "below")
        blobs = b"".join(field(6 if old else 7, blob(array, **options)) for array in arrays)
        content += field(2 if old else 100, layer + blobs)
    return content


def prototxt(old=False):
    """Return the text of a net of the layers conv1, conv2 and fc for images of 10x8 pixels."""
    kinds = {
        "conv1": ("Convolution", "CONVOLUTION", "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }"),
        "conv2": ("Convolution", "CONVOLUTION", "convolution_param { num_output: 6 kernel_size: 1 }"),
        "fc": ("InnerProduct", "INNER_PRODUCT", "inner_product_param { num_output: 5 }"),
    }
    text, below = 'name: "net" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 10\n', "data"
    for name, (new_kind, old_kind, options) in kinds.items():
        head = f"layers {{ type: {old_kind}" if old else f'layer {{ type: "{new_kind}"'
        text += f'{head} name: "{name}" bottom: "{below}" top: "{name}" {options} }}\n'
        below = name
    return text
