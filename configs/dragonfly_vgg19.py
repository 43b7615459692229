"""dragonfly90: the six-stage CPM from a VGG19 of ImageNet, without augmentation.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=dragonfly_vgg19

Published, on the first 50 images of val2014 (--protocol=val2014-50): AP 0.115 after 4 epochs, 0.226 after 18, 0.231
after 23; a later training 0.258.
"""

from cpm.configs import recipe

config = recipe(
    "dragonfly_vgg19",
    model={"name": "cpm_vgg19", "options": {"stages": 6}, "pretrained": "imagenet", "init": "normal"},
    augment={"rotation": 0.0, "shift": 0.0, "flip": 0.0, "scale": (1.0, 1.0)},
    optimizer={"name": "sgd", "lr": 4e-5, "momentum": 0.0, "weight_decay": 0.0},
    schedule={"warmup": 0, "steps": ()},
    train={"epochs": 23},
)
