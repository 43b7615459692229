"""Simple Baselines: ResNet50 with three deconvolutions on the people of MPII, crops of 256x256.

    python scripts/train_pose_resnet.py --gpus=0,1,2,3 --dataset=mpii --size=256x256

Published (Xiao et al. 2018): PCKh@0.5 88.532 on the validation people, with flip. In PaddlePaddle: 88.748, and 33.750
at a threshold that was meant to be 0.1 and was 0.11.
"""

from cpm.configs import recipe

config = recipe(
    "pose_resnet50_mpii_256x256",
    task="top_down",
    model={"options": {"depth": 50}, "pretrained": "imagenet"},
    data={"dataset": "mpii", "root": "data/mpii", "train": "train", "val": "valid"},
    labels={"skeleton": "MPII_16", "sigma": 2.0},
    augment={"size": (256, 256), "scale": 0.25, "rotation": 30.0},
)
