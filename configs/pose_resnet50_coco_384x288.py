"""Simple Baselines: ResNet50 with three deconvolutions on the people of COCO 2017, crops of 384x288.

    python scripts/train_pose_resnet.py --gpus=0,1,2,3 --dataset=coco --size=384x288

Published (Xiao et al. 2018): AP 0.722 on val2017 with the boxes of a detector (person AP 0.564) and flip.
The same network in PaddlePaddle, with annotated boxes: AP 0.727.
"""

from cpm.configs import recipe

config = recipe(
    "pose_resnet50_coco_384x288",
    task="top_down",
    model={"options": {"depth": 50}, "pretrained": "imagenet"},
    labels={"sigma": 3.0},
    augment={"size": (384, 288)},
)
