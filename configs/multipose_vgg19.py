"""MultiPoseEstimation: VGG19 with batch normalisation and dropout in the stages, the mean loss at a rate of 1.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=multipose_vgg19

Five epochs train the new layers on the trunk of ImageNet, five more all of them. The MXNet port gives no figure of
its own; the PyTorch training that it follows claims 0.577 for its network without and 0.598 with flip
(--protocol=rtpose-1160-flip).
"""

from cpm.configs import recipe

config = recipe(
    "multipose_vgg19",
    model={"name": "cpm_vgg19_bn", "options": {"stages": 6}, "pretrained": "imagenet", "init": "normal"},
    loss={"reduction": "half_mean"},
    optimizer={"name": "sgd", "lr": 1.0, "momentum": 0.9, "weight_decay": 1e-5},
    schedule={"warmup": 0, "steps": ()},
    train={"batch_size": 16, "epochs": 10, "freeze_trunk": 5},
)
