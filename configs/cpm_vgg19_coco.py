"""The six-stage CPM on VGG19, trained on COCO 2017 keypoints.

    python scripts/train_gluon_cpm.py --gpus=0,1 --backbone=vgg --dataset-root=data/coco

The settings of Cao et al. (2017, https://arxiv.org/abs/1611.08050): stochastic gradient descent with batches
of 10, the later stages learning at four times the rate. Published for this network: AP 0.584 on their 1,160
images of val2014 with four scales; 0.560 to 0.564 on val2017 for a Gluon training.
"""

from cpm.configs import recipe

config = recipe(
    "cpm_vgg19_coco",
    model={"name": "cpm_vgg19", "options": {"stages": 6}, "pretrained": "imagenet"},
    optimizer={"name": "sgd", "lr": 2e-5, "lr_mults": ((r"^stages\.[1-5]\.", 4.0), (r"bias$", 2.0))},
)
