"""dragonfly90: the network of MPII's 15 joints, from the converted weights of OpenPose.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=dragonfly_mpi

The weights are fetched once, see pretrained/README.md. No figure was published. The test is by --protocol=mpii.
"""

from cpm.configs import load_config, recipe

config = recipe(
    "dragonfly_mpi",
    base=load_config("dragonfly_converted"),
    model={"pretrained": "openpose_mpi"},
    data={"dataset": "mpii", "root": "data/mpii", "train": "train", "val": "valid"},
    labels={"skeleton": "MPI_15"},
    test={"scales": (0.7, 1.0, 1.3), "flip": False},
)
