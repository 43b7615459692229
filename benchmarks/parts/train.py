"""A training step of cpm_vgg19, six stages, with 2 samples of 368x368: forward, backward and SGD.

The step is that of the trainer, on a batch with random pictures and targets, from the copy of the batch to the updated
parameters. The yardstick, where it is installed, is torch with the same network of plain modules in channels_last:
the squared errors of all stages under the same mask, and its SGD with momentum and weight decay.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import mxnet as mx
import numpy as np

import cpm.models
from cpm import ConfigError
from cpm.codecs import Targets
from cpm.configs import recipe
from cpm.datasets import Sample
from cpm.training import PoseTrainer

from .frameworks import REST, torch_network
from .inputs import SIDE
from .measuring import Options, Result, in_turns

BATCH = 2
_RATE = 1e-9  # random targets: nothing is to be learnt, and nothing to overflow
_REQUIRED = {"fp32": 1.15, "bf16": 0.8}


def measure(options: Options) -> list[Result]:
    """Measure a step in fp32 and, where the processor can, in bf16."""
    batch = _random_batch(64 if options.quick else SIDE)
    stages = 2 if options.quick else 6
    steps = {"fp32": _mxnet(batch, stages, {})}
    other = "torch, channels_last"
    with suppress(ConfigError):  # not on every processor
        steps["bf16"] = _mxnet(batch, stages, {"amp": "bfloat16"})
    functions = {**steps, **_torch(batch, stages, other)}
    seconds = in_turns(functions, options.repetitions(3), REST)
    what = f"cpm_vgg19, step of {BATCH}"
    return [
        Result(
            "train",
            f"{what}, {kind}",
            other if other in seconds else "",
            seconds[kind],
            seconds.get(other, []),
            _REQUIRED[kind] if other in seconds else None,
        )
        for kind in steps
    ]


def _random_batch(side: int) -> Sample:
    rng = np.random.default_rng(0)
    cells = side // 8

    def maps(count: int) -> np.ndarray:
        return rng.random((BATCH, count, cells, cells), np.float32)

    image = rng.integers(0, 256, (BATCH, side, side, 3)).astype(np.uint8)
    targets = Targets({"heatmaps": maps(19), "pafs": maps(38)})
    return Sample(image, targets, np.ones((BATCH, 1, cells, cells), np.float32))


def _mxnet(batch: Sample, stages: int, options: dict[str, Any]) -> Callable[[], None]:
    config = recipe("benchmark", optimizer={"lr": _RATE}, train={"batch_size": BATCH, **options})
    mx.random.seed(0)
    net = cpm.models.get_model("cpm_vgg19", stages=stages)
    loader: Any = [batch]  # all that the trainer asks before it trains is how many batches there are
    trainer = PoseTrainer(net, loader, loader, config, [mx.cpu()], Path(tempfile.gettempdir()))

    def step() -> None:
        trainer.step(batch)
        mx.nd.waitall()

    return step


def _torch(batch: Sample, stages: int, name: str) -> dict[str, Callable[[], None]]:
    found = torch_network("cpm_vgg19", stages=stages)
    if found is None:
        return {}
    torch, net = found
    normalised = batch.image.transpose(0, 3, 1, 2).astype(np.float32) / 256 - 0.5
    images = torch.from_numpy(normalised).contiguous(memory_format=torch.channels_last)
    targets = [torch.from_numpy(batch.targets[name]) for name in ("pafs", "heatmaps")]
    mask = torch.from_numpy(batch.mask)
    optimizer = torch.optim.SGD(net.train().parameters(), _RATE, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        losses = [
            ((found - maps).square() * mask).sum() for stage in net(images) for found, maps in zip(stage, targets)
        ]
        (torch.stack(losses).sum() / BATCH).backward()
        optimizer.step()

    return {name: step}
