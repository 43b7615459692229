"""The network of Cao et al. 2017 as Caffe describes it."""

import numpy as np


def vgg_cpm(num_heatmaps, num_pafs, stages=6):
    """Return random {layer: [weights, bias]}, the layers as text and the names of the maps."""
    rng, blobs, text = np.random.default_rng(0), {}, []
    sizes = {"image": 3}

    def conv(name, bottom, channels, kernel, relu=True):
        weights = rng.normal(0, np.sqrt(2 / (sizes[bottom] * kernel**2)), (channels, sizes[bottom], kernel, kernel))
        blobs[name] = [weights.astype(np.float32), rng.normal(0, 0.1, channels).astype(np.float32)]
        sizes[name] = channels
        text.append(
            f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" convolution_param {{ '
            f"num_output: {channels} pad: {kernel // 2} kernel_size: {kernel} }} }}"
        )
        if relu:
            text.append(f'layer {{ name: "relu_{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}')
        return name

    top = "image"
    for block, (layers, channels) in enumerate(((2, 64), (2, 128), (4, 256), (2, 512)), 1):
        for k in range(1, layers + 1):
            top = conv(f"conv{block}_{k}", top, channels, 3)
        if block < 4:
            text.append(
                f'layer {{ name: "pool{block}" type: "Pooling" bottom: "{top}" top: "pool{block}" '
                "pooling_param { pool: MAX kernel_size: 2 stride: 2 } }"
            )
            sizes[f"pool{block}"], top = channels, f"pool{block}"
    features = conv("conv4_4_CPM", conv("conv4_3_CPM", top, 256, 3), 128, 3)
    outputs = []

    def branches(names, seen, hidden):
        for branch, channels in ((1, num_pafs), (2, num_heatmaps)):
            top = seen
            for k, (width, kernel) in enumerate([*hidden, (channels, 1)], 1):
                top = conv(names.format(k, branch), top, width, kernel, relu=k <= len(hidden))
            outputs.append(top)

    branches("conv5_{}_CPM_L{}", features, [(128, 3)] * 3 + [(512, 1)])
    for stage in range(2, stages + 1):
        seen = f"concat_stage{stage}"
        sizes[seen] = num_pafs + num_heatmaps + 128
        bottoms = " ".join(f'bottom: "{name}"' for name in (*outputs[-2:], features))
        text.append(f'layer {{ name: "{seen}" type: "Concat" {bottoms} top: "{seen}" concat_param {{ axis: 1 }} }}')
        branches(f"Mconv{{}}_stage{stage}_L{{}}", seen, [(128, 7)] * 5 + [(128, 1)])
    return blobs, "\n".join(text), outputs
