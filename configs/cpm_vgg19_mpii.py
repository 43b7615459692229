"""The six-stage CPM on VGG19 for the 15 joints of MPII.

    python scripts/train_gluon_cpm.py --gpus=0,1 --dataset=mpii

The protocol of the published network for these joints: scales 0.7, 1 and 1.3.
"""

from cpm.configs import recipe

config = recipe(
    "cpm_vgg19_mpii",
    model={"name": "cpm_vgg19", "options": {"stages": 6}, "pretrained": "imagenet"},
    data={"dataset": "mpii", "root": "data/mpii", "train": "train", "val": "valid"},
    labels={"skeleton": "MPI_15"},
    optimizer={"name": "sgd", "lr": 2e-5, "lr_mults": ((r"^stages\.[1-5]\.", 4.0), (r"bias$", 2.0))},
    test={"scales": (0.7, 1.0, 1.3), "flip": True},
)
