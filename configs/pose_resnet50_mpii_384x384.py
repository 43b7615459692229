"""Simple Baselines: ResNet50 with three deconvolutions on the people of MPII, crops of 384x384.

    python scripts/train_pose_resnet.py --gpus=0,1,2,3 --dataset=mpii --size=384x384

Published (Xiao et al. 2018): PCKh@0.5 89.066 on the validation people, with flip. In PaddlePaddle: 89.235, and 38.093
at a threshold that was meant to be 0.1 and was 0.11.
"""

from cpm.configs import load_config, recipe

config = recipe(
    "pose_resnet50_mpii_384x384",
    task="top_down",
    base=load_config("pose_resnet50_mpii_256x256"),
    labels={"sigma": 3.0},
    augment={"size": (384, 384)},
)
