"""Simple Baselines: ResNet152 with three deconvolutions on the people of COCO 2017, crops of 256x192.

    python scripts/train_pose_resnet.py --gpus=0,1,2,3 --dataset=coco --size=256x192 --depth=152

Published (Xiao et al. 2018): AP 0.720 on val2017 with the boxes of a detector (person AP 0.564) and flip.
"""

from cpm.configs import recipe

config = recipe(
    "pose_resnet152_coco_256x192",
    task="top_down",
    model={"options": {"depth": 152}, "pretrained": "imagenet"},
    augment={"size": (256, 192)},
)
