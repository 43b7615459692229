"""The original: Realtime Multi-Person Pose Estimation as its authors trained it in Caffe.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=caffe_vgg19

Published: AP 0.584 on the 1,160 images (--protocol=rtpose-1160), 0.577 on the first 2,644 (--protocol=val2014-2644).
The trunk is best the VGG19 of Caffe itself: --set model.trunk_file=FILE with what `cpm fetch vgg19_caffe`
makes.
"""

from cpm.configs import recipe

config = recipe(
    "caffe_vgg19",
    model={"name": "cpm_vgg19", "options": {"stages": 6}, "pretrained": "imagenet", "init": "normal"},
    loss={"reduction": "half_sum"},
    optimizer={"name": "sgd", "lr": 4e-5, "lr_mults": ((r"^stages\.[1-5]\.", 4.0), (r"bias$", 2.0))},
    schedule={"warmup": 0, "gamma": 0.333},
    train={"epochs": 50},
    test={"flip": False},
)
