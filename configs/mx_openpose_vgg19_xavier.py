"""mx-openpose: the same network and trunk, the new layers drawn by Xavier's rule.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=mx_openpose_vgg19_xavier

Published: AP 0.564 on val2017, four scales, no flip (--protocol=val2017-no-flip).
"""

from cpm.configs import recipe

config = recipe(
    "mx_openpose_vgg19_xavier",
    model={"name": "cpm_vgg19", "options": {"stages": 6}, "pretrained": "imagenet", "init": "xavier"},
    people={"min_keypoints": 1, "min_area": 0.0, "min_distance": 0.0},
    labels={"mask_missing": True},
    augment={"fill": 0, "supervise_border": False},
    optimizer={
        "name": "sgd",
        "lr": 2e-5,
        "weight_decay": 4e-4,
        "lr_mults": ((r"^stages\.[1-5]\.", 4.0), (r"bias$", 2.0)),
    },
)
