"""A small top-down network on the embedded data set, in a few minutes on two CPU cores.

python scripts/make_synthetic.py --output data/synthetic
python scripts/train_pose_resnet.py --config quickstart_topdown --gpus=-1
"""

from cpm.configs import recipe

config = recipe(
    "quickstart_topdown",
    task="top_down",
    model={"name": "pose_small"},
    data={"root": "data/synthetic"},
    labels={"sigma": 1.5, "unbiased": True},
    people={"min_keypoints": 3},
    augment={"size": (144, 112), "scale": 0.15, "rotation": 10.0},
    optimizer={"lr": 4e-3},
    schedule={"kind": "cosine", "warmup": 50},
    train={"batch_size": 16, "epochs": 22, "num_workers": 0, "log_every": 20, "max_val_batches": 5, "keep_every": 0},
)
