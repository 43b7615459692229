"""Run forward and back through the join of maps of every number of channels; a fault may end the whole process.

python -m tests.helpers.joining
"""

import sys

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from cpm.models.networks.heads import join

MAPS = range(3, 129)  # channels of all maps together
FEATURES = (8, 20, 64, 128)  # of networks with all and with few channels


class Joined(HybridBlock):
    """Features, maps made of them, and a convolution that sees all."""

    def __init__(self, maps: tuple[int, ...], features: int) -> None:
        super().__init__()
        with self.name_scope():
            self.features = nn.Conv2D(features, 1)
            self.maps = nn.HybridSequential()
            self.maps.add(*(nn.Conv2D(channels, 1) for channels in maps))
            self.last = nn.Conv2D(8, 3, padding=1)

    def hybrid_forward(self, F, images):
        """Return what the convolution makes of the joined maps."""
        features = self.features(images)
        return self.last(join(F, *(layer(features) for layer in self.maps), features))


def step(*maps: int, features: int) -> None:
    """Compute the gradients of a network of these channels."""
    net = Joined(maps, features)
    net.initialize()
    net.hybridize(static_alloc=True)
    with mx.autograd.record():
        loss = net(mx.nd.ones((1, 3, 8, 8))).sum()
    loss.backward()
    mx.nd.waitall()


if __name__ == "__main__":
    for number in MAPS:
        for features in FEATURES:
            sys.stderr.write(f"{number} {features}\n")  # before the process may end
            pafs = 2 * (number // 3)
            step(pafs, number - pafs, features=features)
            step(number, features=features)
