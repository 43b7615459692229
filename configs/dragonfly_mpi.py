"""dragonfly90: the network of MPII's 15 joints, from the converted weights of OpenPose.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=dragonfly_mpi

The weights are fetched once, see pretrained/README.md. No figure was published. The test is by --protocol=mpii.
"""

from cpm.configs import recipe

config = recipe(
    "dragonfly_mpi",
    model={"name": "cpm_vgg19", "options": {"stages": 6, "normalisation": "openpose"}, "pretrained": "openpose_mpi"},
    data={"dataset": "mpii", "root": "data/mpii", "train": "train", "val": "valid"},
    labels={"skeleton": "MPI_15"},
    augment={"rotation": 0.0, "shift": 0.0, "flip": 0.0, "scale": (1.0, 1.0)},
    optimizer={"name": "sgd", "lr": 4e-5, "momentum": 0.0, "weight_decay": 0.0},
    schedule={"warmup": 0, "steps": ()},
    train={"batch_size": 2, "epochs": 1},
    test={"scales": (0.7, 1.0, 1.3), "flip": False},
)
