"""mx-openpose: the six-stage CPM on VGG19, its trunk from ImageNet.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=mx_openpose_vgg19

Published: AP 0.560 on val2017 after 38 epochs, four scales, no flip (--protocol=val2017-no-flip). Everybody with a
labelled joint gets a sample; nothing is learned outside of the image.
"""

from cpm.configs import recipe

config = recipe(
    "mx_openpose_vgg19",
    model={"name": "cpm_vgg19", "options": {"stages": 6}, "pretrained": "imagenet", "init": "normal"},
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
