"""Pytorch_Pose_Estimation_Framework: the same with offsets, its "resolution irrelevant encoding".

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=cmu_new_offset

Beside every heatmap the network predicts where in its cell the joint lies, from the sixth epoch on. No figure of this
variant alone was published.
"""

from cpm.configs import recipe

config = recipe(
    "cmu_new_offset",
    model={"name": "openpose_v2", "options": {"offsets": True}, "pretrained": "imagenet", "init": "xavier"},
    augment={"scale": (0.25, 0.81), "fill": 127},
    loss={"reduction": "half_sum", "offset_epoch": 5, "offset_weights": "predicted"},
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
