"""MultiPoseEstimation: the same stages on half a MobileNetV2.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=multipose_mobilenet

Five epochs train the new layers on the trunk of ImageNet, five more all of them. No figure was published.
"""

from cpm.configs import recipe

config = recipe(
    "multipose_mobilenet",
    model={"name": "cpm_mobilenet_v2", "options": {"stages": 6}, "pretrained": "imagenet", "init": "normal"},
    loss={"reduction": "half_mean"},
    optimizer={"name": "sgd", "lr": 1.0, "momentum": 0.9, "weight_decay": 1e-5},
    schedule={"warmup": 0, "steps": ()},
    train={"batch_size": 16, "epochs": 10, "freeze_trunk": 5},
)
