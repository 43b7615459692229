"""Pytorch_Pose_Estimation_Framework: the same with limb-weighted PAFs.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=cmu_new_weighted

PAFs count on the limb and about its ends only, for limbs that are there. No figure of this variant alone was published.
"""

from cpm.configs import recipe

config = recipe(
    "cmu_new_weighted",
    model={"name": "openpose_v2", "pretrained": "imagenet", "init": "xavier"},
    labels={"weigh_limbs": True},
    augment={"scale": (0.25, 0.81), "fill": 127},
    loss={"reduction": "half_sum"},
    optimizer={
        "name": "adam",
        "lr": 1e-4,
        "weight_decay": 5e-4,
        "lr_mults": ((r"^(pafs\.[1-9]|heatmaps)\.", 4.0), (r"bias$", 2.0)),
    },
    schedule={
        "warmup": 0,
        "gamma": 0.5,
        "steps": (200000, 300000, 360000, 420000, 480000, 540000, 600000, 700000, 800000, 900000),
    },
    train={"epochs": 300},
    test={"flip": False, "reference": "shorter"},
)
