"""mx-openpose: the six-stage CPM on a dilated ResNet50.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=mx_openpose_res50

Published: AP 0.561 (AP50 0.788, AP75 0.610, APm 0.544, APl 0.596) on val2017 after 21 epochs, four scales, no flip
(--protocol=val2017-no-flip).
"""

from cpm.configs import load_config, recipe

config = recipe(
    "mx_openpose_res50",
    base=load_config("mx_openpose_vgg19"),
    model={"name": "cpm_res50", "init": "xavier"},
    optimizer={"lr_mults": ()},
)
