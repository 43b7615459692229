"""The small CPM on MobileNet, trained on COCO 2017 keypoints.

python scripts/train_gluon_cpm.py --gpus=0 --backbone=mobilenet --dataset-root=data/coco
"""

from cpm.configs import recipe

config = recipe(
    "cpm_mobilenet_coco",
    model={"name": "cpm_mobilenet", "options": {"stages": 3}, "pretrained": "imagenet"},
    optimizer={"name": "adam", "lr": 1e-3, "weight_decay": 0.0},
    schedule={"kind": "cosine", "warmup": 1000},
    train={"batch_size": 32, "epochs": 60},
)
