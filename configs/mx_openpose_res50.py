"""mx-openpose: the six-stage CPM on a dilated ResNet50.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=mx_openpose_res50

Published: AP 0.561 (AP50 0.788, AP75 0.610, APm 0.544, APl 0.596) on val2017 after 21 epochs, four scales, no flip
(--protocol=val2017-no-flip).
"""

from cpm.configs import recipe

config = recipe(
    "mx_openpose_res50",
    model={"name": "cpm_res50", "options": {"stages": 6}, "pretrained": "imagenet", "init": "xavier"},
    people={"min_keypoints": 1, "min_area": 0.0, "min_distance": 0.0},
    labels={"mask_missing": True},
    augment={"fill": 0, "supervise_border": False},
    optimizer={"name": "sgd", "lr": 2e-5, "weight_decay": 4e-4},
)
