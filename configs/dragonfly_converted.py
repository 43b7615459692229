"""dragonfly90: the same, from the converted weights of OpenPose.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=dragonfly_converted

The weights are fetched once, see pretrained/README.md; scripts/fetch_pretrained.py openpose_coco says what is needed.
Published for the weights themselves: AP 0.550 on the first 2,644 images of val2014 (--protocol=val2014-2644), 0.530
on the first 50 with people (--protocol=val2014-50).
"""

from cpm.configs import recipe

config = recipe(
    "dragonfly_converted",
    model={"name": "cpm_vgg19", "options": {"stages": 6, "normalisation": "openpose"}, "pretrained": "openpose_coco"},
    augment={"rotation": 0.0, "shift": 0.0, "flip": 0.0, "scale": (1.0, 1.0)},
    optimizer={"name": "sgd", "lr": 4e-5, "momentum": 0.0, "weight_decay": 0.0},
    schedule={"warmup": 0, "steps": ()},
    train={"batch_size": 2, "epochs": 1},
)
