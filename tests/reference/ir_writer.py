"""OpenVINO IR of Lightweight OpenPose with random weights, written layer by layer."""

import numpy as np


class IrWriter:
    """Collects layers and constants of a graph; `kind` of weights: f32, f16 or i8 with scale and zero point."""

    def __init__(self, kind="f32"):
        self.kind, self.float = kind, "f32" if kind == "f32" else "f16"
        self.rng = np.random.default_rng(0)
        self.layers, self.edges, self.bytes = [], [], b""
        self.weights = {}

    def layer(self, kind, name, inputs=(), **data):
        number = len(self.layers)
        attributes = " ".join(f'{key}="{value}"' for key, value in data.items())
        self.layers.append(f'<layer id="{number}" name="{name}" type="{kind}"><data {attributes}/></layer>')
        for port, source in enumerate(inputs):
            self.edges.append(f'<edge from-layer="{source}" from-port="9" to-layer="{number}" to-port="{port}"/>')
        return number

    def constant(self, array, kind=None):
        kind = kind or self.float
        dtype = {"f32": "<f4", "f16": "<f2", "i8": "i1", "i64": "<i8"}[kind]
        data = np.asarray(array).astype(dtype).tobytes()
        offset, self.bytes = len(self.bytes), self.bytes + data
        shape = ",".join(map(str, np.shape(array)))
        name = f"constant{len(self.layers)}"
        return self.layer("Const", name, element_type=kind, offset=offset, shape=shape, size=len(data))

    def weight(self, shape):
        """Write weights; returns their layer and what they are worth after rounding."""
        values = self.rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
        if self.kind != "i8":
            return self.constant(values), values.astype("<f4" if self.kind == "f32" else "<f2").astype(np.float32)
        scale = (np.abs(values).max(axis=(1, 2, 3), keepdims=True) / 100).astype(np.float16)
        zero = np.full_like(scale, 3)
        whole = np.rint(values / scale.astype(np.float32)) + 3
        stored = self.layer("Convert", "to_float", [self.constant(whole, "i8")], destination_type="f16")
        stored = self.layer("Subtract", "minus_zero", [stored, self.constant(zero)])
        stored = self.layer("Multiply", "by_scale", [stored, self.constant(scale)])
        return stored, ((whole - 3) * scale.astype(np.float32)).astype(np.float32)

    def conv(self, x, channels, inputs, kernel, act="ReLU", stride=1, dilation=1, depthwise=False):
        name = f"layer{len(self.weights)}"
        weight, values = self.weight((channels, 1 if depthwise else inputs, kernel, kernel))
        if depthwise:
            target = self.constant([channels, 1, 1, kernel, kernel], "i64")
            weight = self.layer("Reshape", "grouped", [weight, target], special_zero="true")
        bias = self.rng.normal(0, 0.1, (1, channels, 1, 1)).astype(np.float16)
        pad = dilation * (kernel // 2)
        strides, dilations, pads = (f"{value},{value}" for value in (stride, dilation, pad))
        kind = "GroupConvolution" if depthwise else "Convolution"
        geometry = {"strides": strides, "dilations": dilations, "pads_begin": pads, "pads_end": pads}
        x = self.layer(kind, name, [x, weight], **geometry)
        self.weights[name] = (values, bias.ravel().astype(np.float32))
        x = self.layer("Add", f"{name}/bias", [x, self.constant(bias)])
        return self.layer(act, f"{name}/act", [x], **({"alpha": 1} if act == "Elu" else {})) if act else x

    def text(self):
        layers, edges = "\n".join(self.layers), "\n".join(self.edges)
        return f'<?xml version="1.0"?><net version="10"><layers>{layers}</layers><edges>{edges}</edges></net>'

    def write(self, path):
        path.write_text(self.text())
        path.with_suffix(".bin").write_bytes(self.bytes)
        return self.weights


def write_lightweight(path, kind="f32", scale=1 / 255):
    """Write the ``.xml`` and ``.bin``; returns {layer: (weights, bias)} in the order of the network."""
    ir, c = IrWriter(kind), 128
    x = ir.layer("Parameter", "data", element_type=ir.float, shape="1,3,256,456")
    x = ir.layer("Multiply", "scaled", [x, ir.constant([[[[scale]]]])])
    x = ir.layer("Add", "shifted", [x, ir.constant(np.full((1, 3, 1, 1), -128 * np.float16(scale)))])
    x, inputs = ir.conv(x, c // 4, 3, 3, stride=2), c // 4
    for channels, stride, dilation in (
        *((c // 2, 1, 1), (c, 2, 1), (c, 1, 1), (2 * c, 2, 1), (2 * c, 1, 1), (4 * c, 1, 1), (4 * c, 1, 2)),
        *[(4 * c, 1, 1)] * 4,
    ):
        x = ir.conv(x, inputs, 1, 3, stride=stride, dilation=dilation, depthwise=True)
        x, inputs = ir.conv(x, channels, inputs, 1), channels
    aligned = x = ir.conv(x, c, 4 * c, 1, "Elu")
    x = ir.conv(x, c, c, 1, "Elu")
    for _ in range(3):
        x = ir.conv(ir.conv(x, c, 1, 3, "Elu", depthwise=True), c, c, 1, "Elu")
    features = ir.conv(ir.layer("Add", "shortcut", [aligned, x]), c, c, 3)
    x = features
    for _ in range(3):
        x = ir.conv(x, c, c, 3)
    pafs = ir.conv(ir.conv(x, 4 * c, c, 1), 38, 4 * c, 1, "")
    heatmaps = ir.conv(ir.conv(x, 4 * c, c, 1), 19, 4 * c, 1, "")
    x, inputs = ir.layer("Concat", "seen", [pafs, heatmaps, features], axis=1), c + 57
    for _ in range(5):
        x, inputs = ir.conv(x, c, inputs, 1), c
        both = ir.conv(ir.conv(x, c, c, 3), c, c, 3, dilation=2)
        x = ir.layer("Add", "shortcut", [x, both])
    pafs = ir.conv(ir.conv(x, c, c, 1), 38, c, 1, "")
    heatmaps = ir.conv(ir.conv(x, c, c, 1), 19, c, 1, "")
    ir.layer("Result", "heatmaps", [heatmaps])
    ir.layer("Result", "pafs", [pafs])
    return ir.write(path)


def write_small(path):
    """Write a graph with a layer of each kind, in int8."""
    ir = IrWriter("i8")
    x = ir.layer("Parameter", "data", element_type="f16", shape="1,3,64,64")
    x = ir.layer("Add", "shifted", [x, ir.constant(np.full((1, 3, 1, 1), -128))])
    x = ir.conv(ir.conv(x, 8, 3, 3), 8, 1, 3, "Elu", depthwise=True)
    both = ir.layer("Concat", "seen", [ir.conv(x, 4, 8, 1), x], axis=1)
    ir.layer("Result", "maps", [ir.conv(both, 4, 12, 1, "")])
    return ir.write(path)
