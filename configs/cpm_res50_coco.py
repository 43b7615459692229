"""The six-stage CPM on a dilated ResNet50, trained on COCO 2017 keypoints.

    python scripts/train_gluon_cpm.py --gpus=0,1 --backbone=res50 --dataset-root=data/coco

Published for a Gluon training of this network, 21 epochs: AP 0.561 on val2017 with four scales.
"""

from cpm.configs import recipe

config = recipe(
    "cpm_res50_coco",
    model={"name": "cpm_res50", "options": {"stages": 6}, "pretrained": "imagenet"},
    optimizer={"name": "sgd", "lr": 2e-5, "weight_decay": 4e-4},
)
