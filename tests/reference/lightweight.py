"""The network human-pose-estimation-0001, layer by layer from its published names."""

import mxnet as mx
import numpy as np


def run_lightweight(weights, image):
    """Return PAFs and heatmaps of both stages for an image (H, W, 3) BGR; weights by ``NAME|weight``, ``NAME|bias``."""
    return _Lightweight(weights)(image)


class _Lightweight:
    def __init__(self, weights):
        self.weights = weights

    def conv(self, x, name, act="relu", stride=1, dilation=1):
        weight, bias = self.weights[f"{name}|weight"], self.weights[f"{name}|bias"]
        groups = len(weight) if weight.ndim == 5 else 1
        weight = mx.nd.array(weight.reshape(weight.shape[0], -1, *weight.shape[-2:]))
        pad = dilation * (weight.shape[-1] // 2)
        x = mx.nd.Convolution(
            x,
            weight,
            mx.nd.array(bias),
            kernel=weight.shape[2:],
            stride=(stride,) * 2,
            pad=(pad,) * 2,
            dilate=(dilation,) * 2,
            num_filter=len(bias),
            num_group=groups,
        )
        return {"relu": mx.nd.relu, "elu": lambda y: mx.nd.LeakyReLU(y, act_type="elu", slope=1), "": lambda y: y}[act](
            x
        )

    def __call__(self, image):
        x = mx.nd.array((image.astype(np.float32) - 128).transpose(2, 0, 1)[None] / 255)
        x = self.conv(x, "conv1", stride=2)
        for name in ("2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2", "5_3", "5_4", "5_5"):
            stride, dilation = 2 if name in ("2_2", "3_2") else 1, 2 if name == "5_1" else 1
            x = self.conv(self.conv(x, f"conv{name}/dw", "relu", stride, dilation), f"conv{name}/sep")
        aligned = x = self.conv(x, "conv4_3_CPM/al/WithoutBiases", "elu")
        for name in (
            "red/WithoutBiases",
            "dw1",
            "dw1/1x1/WithoutBiases",
            "dw2",
            "dw2/1x1/WithoutBiases",
            "dw3",
            "inc/WithoutBiases",
        ):
            x = self.conv(x, f"conv4_3_CPM/{name}", "elu")
        features = x = self.conv(aligned + x, "conv4_4_CPM/WithoutBiases")
        for k in (1, 2, 3):
            x = self.conv(x, f"conv5_{k}_CPM_L1/WithoutBiases")
        maps = []
        for branch in (1, 2):
            hidden = self.conv(x, f"conv5_4_CPM_L{branch}/WithoutBiases")
            maps.append(self.conv(hidden, f"conv5_5_CPM_L{branch}/WithoutBiases", ""))
        x = mx.nd.concat(*maps, features, dim=1)
        for k in range(1, 6):
            x = self.conv(x, f"Mconv{k}_stage2_L1/sq/WithoutBiases")
            both = self.conv(x, f"Mconv{k}_stage2_L1/3x3/WithoutBiases")
            x = x + self.conv(both, f"Mconv{k}_stage2_L1/3x3/2/WithoutBiases", dilation=2)
        for branch in (1, 2):
            hidden = self.conv(x, f"Mconv6_stage2_L{branch}/WithoutBiases")
            maps.append(self.conv(hidden, f"Mconv7_stage2_L{branch}/WithoutBiases", ""))
        return [each.asnumpy() for each in maps]
