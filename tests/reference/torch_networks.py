"""Networks as their publishers wrote them in PyTorch: the attributes are those that name the tensors of their files."""

from collections import OrderedDict

import torch
from torch import nn


def vgg(*layers):
    """Return the modules of VGG19 by their names, with so many convolutions in each block."""
    modules, channels = OrderedDict(), 3
    for block, count in enumerate(layers, 1):
        for k in range(1, count + 1):
            wider = min(32 << block, 512)
            modules[f"conv{block}_{k}"] = conv(channels, wider, 3)
            modules[f"relu{block}_{k}"] = nn.ReLU(inplace=True)
            channels = wider
        if block < len(layers):
            modules[f"pool{block}"] = nn.MaxPool2d(2, 2, 0)
    return modules


def trunk(suffix=""):
    """Return its first ten convolutions, those after them that bring 512 channels to 128, and what is between."""
    extra = {f"conv4_3{suffix}": conv(512, 256, 3), "relu4_3": nn.ReLU(inplace=True)}
    extra.update({f"conv4_4{suffix}": conv(256, 128, 3), "relu4_4": nn.ReLU(inplace=True)})
    return OrderedDict(vgg(2, 2, 4, 2), **extra)


def conv(channels, wider, kernel, **options):
    return nn.Conv2d(channels, wider, kernel, 1, kernel // 2, **options)


def branch_layers(stage, maps):
    """Return the convolutions of a branch."""
    if stage == 1:
        return [conv(128, 128, 3), conv(128, 128, 3), conv(128, 128, 3), conv(128, 512, 1), conv(512, maps, 1)]
    first = [conv(38 + 19 + 128, 128, 7), *(conv(128, 128, 7) for _ in range(4))]
    return [*first, conv(128, 128, 1), conv(128, maps, 1)]


def run_stages(features, stages, branches):
    """Call branches(stage), which returns two functions, with what each stage sees; the stages' [pafs, heatmaps]."""
    outputs, seen = [], features
    for stage in range(1, stages + 1):
        outputs.append([branch(seen) for branch in branches(stage)])
        seen = torch.cat([*outputs[-1], features], 1)
    return outputs


class Numbered(nn.Module):
    """The network of Cao et al. 2017 of ``nn.Sequential`` blocks."""

    def __init__(self, stages=6):
        super().__init__()
        self.stages = stages
        self.model0 = nn.Sequential(*trunk().values())
        for stage in range(1, stages + 1):
            for branch, maps in ((1, 38), (2, 19)):
                layers = [module for layer in branch_layers(stage, maps) for module in (layer, nn.ReLU(inplace=True))]
                setattr(self, f"model{stage}_{branch}", nn.Sequential(*layers[:-1]))

    def forward(self, x):
        def branches(stage):
            return getattr(self, f"model{stage}_1"), getattr(self, f"model{stage}_2")

        return run_stages(self.model0(x), self.stages, branches)


def caffe_state(net):
    """Return the state dict of a `Numbered` with the names of the layers in the Caffe model."""
    names = [name for name in trunk("_CPM") if name.startswith("conv")]
    names += [f"conv5_{k}_CPM_L{branch}" for branch in (1, 2) for k in range(1, 6)]
    for stage in range(2, net.stages + 1):
        names += [f"Mconv{k}_stage{stage}_L{branch}" for branch in (1, 2) for k in range(1, 8)]
    tensors = iter(net.state_dict().values())
    return {f"{name}.{kind}": next(tensors) for name in names for kind in ("weight", "bias")}


class ConvRelu(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.con_layer = layer

    def forward(self, x):
        return torch.relu(self.con_layer(x))


class CmuOld(nn.Module):
    """The same network with a class per block."""

    def __init__(self, stages=6):
        super().__init__()
        self.stages = stages
        modules = [(name, module) for name, module in trunk().items() if not isinstance(module, nn.ReLU)]
        wrapped = [(name, ConvRelu(module) if "conv" in name else module) for name, module in modules]
        self.block_0 = nn.Sequential(OrderedDict(wrapped))
        for stage in range(1, stages + 1):
            for branch, maps in ((1, 38), (2, 19)):
                *hidden, last = branch_layers(stage, maps)
                layers = [*map(ConvRelu, hidden), last]
                named = OrderedDict((f"conv{k}", layer) for k, layer in enumerate(layers, 1))
                setattr(self, f"block_{stage}_{branch}", nn.Sequential(named))

    def forward(self, x):
        def branches(stage):
            return getattr(self, f"block_{stage}_1"), getattr(self, f"block_{stage}_2")

        return run_stages(self.block_0(x), self.stages, branches)


class DenseBlock(nn.Module):
    def __init__(self, channels, wider):
        super().__init__()
        self.conv1 = nn.Sequential(conv(channels, wider, 3), nn.PReLU(wider))
        self.conv2 = nn.Sequential(conv(wider, wider, 3), nn.PReLU(wider))
        self.conv3 = nn.Sequential(conv(wider, wider, 3), nn.PReLU(wider))

    def forward(self, x):
        first = self.conv1(x)
        second = self.conv2(first)
        return torch.cat([first, second, self.conv3(second)], 1)


def dense_stage(channels, wider, hidden, maps):
    blocks = [(f"block{k}", DenseBlock(3 * wider if k > 1 else channels, wider)) for k in range(1, 6)]
    conv1 = nn.Sequential(conv(3 * wider, hidden, 1), nn.PReLU(hidden))
    return nn.Sequential(OrderedDict([*blocks, ("conv1", conv1), ("conv2", conv(hidden, maps, 1))]))


class CmuNew(nn.Module):
    """The network of Cao et al. 2019; stages paired from the last one."""

    def __init__(self):
        super().__init__()
        bent = {"relu4_2": nn.PReLU(512), "relu4_3": nn.PReLU(256), "relu4_4": nn.PReLU(128)}
        self.state_0 = nn.Sequential(OrderedDict(trunk("_cmu"), **bent))
        self.state_1 = dense_stage(128, 96, 256, 38)
        for state in (2, 3, 4):
            setattr(self, f"state_{state}", dense_stage(128 + 38, 128, 512, 38))
        self.state_5 = dense_stage(128 + 38, 96, 256, 19)
        self.state_6 = dense_stage(128 + 19 + 38, 128, 512, 19)

    def forward(self, x):
        features = self.state_0(x)
        first = self.state_1(features)
        second = self.state_2(torch.cat([features, first], 1))
        third = self.state_3(torch.cat([features, second], 1))
        pafs = self.state_4(torch.cat([features, third], 1))
        heatmaps = self.state_5(torch.cat([features, pafs], 1))
        last = self.state_6(torch.cat([features, heatmaps, pafs], 1))
        return [[first], [second], [third, heatmaps], [pafs, last]]


def conv_act(channels, wider, kernel, bias=True, bn=False, dilation=1, stride=1, groups=1, act=nn.ReLU):
    """Return the modules of a convolution that keeps the size, with its normalisation and activation."""
    padding = dilation * (kernel // 2)
    layer = nn.Conv2d(channels, wider, kernel, stride, padding, dilation, groups, bias)
    return [layer, *([nn.BatchNorm2d(wider)] if bn else []), act(inplace=True)]


def conv_dw(channels, wider, stride=1, dilation=1):
    depthwise = conv_act(channels, channels, 3, False, True, dilation, stride, channels)
    return nn.Sequential(*depthwise, *conv_act(channels, wider, 1, False, True))


class Context(nn.Module):
    """The block between the trunk and the first stage of Lightweight OpenPose, named cpm."""

    def __init__(self):
        super().__init__()
        self.align = nn.Sequential(*conv_act(512, 128, 1))
        layers = []
        for _ in range(3):
            depthwise = conv_act(128, 128, 3, bias=False, groups=128, act=nn.ELU)
            layers.append(nn.Sequential(*depthwise, *conv_act(128, 128, 1, bias=False, act=nn.ELU)))
        self.trunk = nn.Sequential(*layers)
        self.conv = nn.Sequential(*conv_act(128, 128, 3))

    def forward(self, x):
        x = self.align(x)
        return self.conv(x + self.trunk(x))


class LightStage(nn.Module):
    def __init__(self, trunk, hidden, pafs, heatmaps):
        super().__init__()
        self.trunk = nn.Sequential(*trunk)
        for name, maps in (("heatmaps", heatmaps), ("pafs", pafs)):
            layers = nn.Sequential(*conv_act(128, hidden, 1)), nn.Sequential(conv(hidden, maps, 1))
            setattr(self, name, nn.Sequential(*layers))

    def forward(self, x):
        x = self.trunk(x)
        return [self.heatmaps(x), self.pafs(x)]


class RefinementBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.initial = nn.Sequential(*conv_act(channels, 128, 1))
        first, second = conv_act(128, 128, 3, bn=True), conv_act(128, 128, 3, bn=True, dilation=2)
        self.trunk = nn.Sequential(nn.Sequential(*first), nn.Sequential(*second))

    def forward(self, x):
        x = self.initial(x)
        return x + self.trunk(x)


class LightweightOpenPose(nn.Module):
    """The network of Osokin 2018."""

    def __init__(self, refinements=1, pafs=38, heatmaps=19):
        super().__init__()
        layers, channels = [nn.Sequential(*conv_act(3, 32, 3, False, True, stride=2))], 32
        blocks = [(64, 1, 1), (128, 2, 1), (128, 1, 1), (256, 2, 1), (256, 1, 1), (512, 1, 1), (512, 1, 2)]
        for wider, stride, dilation in blocks + [(512, 1, 1)] * 4:
            layers.append(conv_dw(channels, wider, stride, dilation))
            channels = wider
        self.model = nn.Sequential(*layers)
        self.cpm = Context()
        shared = [nn.Sequential(*conv_act(128, 128, 3)) for _ in range(3)]
        self.initial_stage = LightStage(shared, 512, pafs, heatmaps)
        self.refinement_stages = nn.ModuleList()
        for _ in range(refinements):
            blocks = [RefinementBlock(width) for width in (128 + heatmaps + pafs, 128, 128, 128, 128)]
            self.refinement_stages.append(LightStage(blocks, 128, pafs, heatmaps))

    def forward(self, x):
        features = self.cpm(self.model(x))
        outputs = [self.initial_stage(features)]
        for stage in self.refinement_stages:
            outputs.append(stage(torch.cat([features, *outputs[-1]], 1)))
        return [[pafs, heatmaps] for heatmaps, pafs in outputs]


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.downsample = _downsample(channels, width, stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + (self.downsample(x) if self.downsample else x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = _downsample(channels, 4 * width, stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + (self.downsample(x) if self.downsample else x))


def _downsample(channels, wider, stride):
    if stride == 1 and channels == wider:
        return None
    return nn.Sequential(nn.Conv2d(channels, wider, 1, stride, bias=False), nn.BatchNorm2d(wider))


class PoseResNet(nn.Module):
    """The network of Simple Baselines."""

    def __init__(self, depth=50, joints=17):
        super().__init__()
        block = BasicBlock if depth == 18 else Bottleneck
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for k, count in enumerate((2, 2, 2, 2) if depth == 18 else (3, 4, 6, 3)):
            blocks = []
            for place in range(count):
                blocks.append(block(channels, 64 << k, 2 if k and not place else 1))
                channels = block.expansion * (64 << k)
            setattr(self, f"layer{k + 1}", nn.Sequential(*blocks))
        layers = []
        for wide in (channels, 256, 256):
            layers += [nn.ConvTranspose2d(wide, 256, 4, 2, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU(inplace=True)]
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(256, joints, 1)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4, self.deconv_layers, self.final_layer):
            x = layer(x)
        return [[x]]


class Vgg(nn.Module):
    """The classifier of so many convolutions in each block, with as many features and classes as a test needs."""

    def __init__(self, *layers):
        super().__init__()
        self.features = nn.Sequential(*vgg(*layers).values(), nn.MaxPool2d(2, 2))
        dropped = [nn.ReLU(inplace=True), nn.Dropout()]
        self.classifier = nn.Sequential(nn.Linear(8, 4), *dropped, nn.Linear(4, 4), *dropped, nn.Linear(4, 5))


def randomise(net, seed=0):
    """Give a network random weights that keep the variance of what flows through it, and make it ready to run.

    The weights have the variance of He et al. 2015; a transposed convolution of stride 2 sums a quarter of its kernel.
    The statistics of batch normalisation are those of noise. Where a bias adds little to what it is added to, a test
    could not tell it from another.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            weight = module.weight.data
            fan_in = weight.shape[0] * 4 if isinstance(module, nn.ConvTranspose2d) else weight[0].numel()
            weight.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # takes the statistics of the one batch below
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
        elif isinstance(module, nn.PReLU):
            module.weight.data.uniform_(-0.2, 0.5, generator=generator)
    normalisations = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    if normalisations:
        coarse = torch.randn((4, 3, 8, 12), generator=generator)
        with torch.no_grad():
            net.train()(coarse.repeat_interleave(8, 2).repeat_interleave(8, 3))
    for module in normalisations:
        module.running_var.mul_(2)  # exact ones would let rounding grow from layer to layer
    return net.eval()
