"""MultiPoseEstimation: ResNet18 with three deconvolutions, PAFs and heatmaps at stride 4.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=multipose_resnet18

Adam throughout. No figure was published.
"""

from cpm.configs import recipe

config = recipe(
    "multipose_resnet18",
    model={"name": "paf_resnet", "options": {"depth": 18}, "pretrained": "imagenet"},
    augment={"crop": 384},
    loss={"reduction": "half_mean"},
    optimizer={"name": "adam", "lr": 1e-3, "weight_decay": 1e-4},
    schedule={"warmup": 0, "steps": ()},
    train={"batch_size": 16, "epochs": 10, "freeze_trunk": 5},
    test={"box_size": 384},
)
