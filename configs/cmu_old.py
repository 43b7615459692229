"""Pytorch_Pose_Estimation_Framework: the six-stage CPM with Adam (its name for it: CMU_old).

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=cmu_old

Later stages learn at four times the rate and biases at twice that of their weights; the rate is halved ten times.
Published: AP 0.584 on the 1,160 images (--protocol=rtpose-1160) after 55 epochs.
"""

from cpm.configs import recipe

config = recipe(
    "cmu_old",
    model={"name": "cpm_vgg19", "options": {"stages": 6}, "pretrained": "imagenet", "init": "normal"},
    augment={"scale": (0.25, 0.81), "fill": 127},
    loss={"reduction": "half_sum"},
    optimizer={
        "name": "adam",
        "lr": 1e-4,
        "weight_decay": 5e-4,
        "lr_mults": ((r"^stages\.[1-5]\.", 4.0), (r"bias$", 2.0)),
    },
    schedule={
        "warmup": 0,
        "gamma": 0.5,
        "steps": (200000, 300000, 360000, 420000, 480000, 540000, 600000, 700000, 800000, 900000),
    },
    train={"epochs": 300},
    test={"flip": False, "reference": "shorter"},
)
