"""A small CPM on the embedded data set, in a few minutes on two CPU cores.

python scripts/make_synthetic.py --output data/synthetic
python scripts/train_gluon_cpm.py --config quickstart --gpus=-1
"""

from cpm.configs import recipe

config = recipe(
    "quickstart",
    model={"name": "cpm_small", "options": {"stages": 2}},
    data={"root": "data/synthetic"},
    people={"min_keypoints": 3, "min_area": 400.0},
    augment={"crop": 160, "height": 0.7, "scale": (0.8, 1.8), "rotation": 6.0, "shift": 20.0},
    optimizer={"name": "adam", "lr": 4e-3, "weight_decay": 0.0},
    schedule={"kind": "cosine", "warmup": 50},
    train={"epochs": 9, "batch_size": 16, "num_workers": 0, "log_every": 20, "max_val_batches": 5, "keep_every": 0},
    test={"scales": (1.0,), "flip": True, "box_size": 240},
)
