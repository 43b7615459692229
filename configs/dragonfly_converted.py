"""dragonfly90: the same, from the converted weights of OpenPose.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=dragonfly_converted

The weights are fetched once, see pretrained/README.md; `cpm fetch openpose_coco` says what is needed.
Published for the weights themselves: AP 0.550 on the first 2,644 images of val2014 (--protocol=val2014-2644), 0.530
on the first 50 with people (--protocol=val2014-50).
"""

from cpm.configs import load_config, recipe

config = recipe(
    "dragonfly_converted",
    base=load_config("dragonfly_vgg19"),
    model={"options": {"stages": 6, "normalisation": "openpose"}, "pretrained": "openpose_coco", "init": "he"},
    train={"batch_size": 2, "epochs": 1},
)
