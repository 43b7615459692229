"""mx-openpose: the same network and trunk, the new layers drawn by Xavier's rule.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=mx_openpose_vgg19_xavier

Published: AP 0.564 on val2017, four scales, no flip (--protocol=val2017-no-flip).
"""

from cpm.configs import load_config, recipe

config = recipe("mx_openpose_vgg19_xavier", base=load_config("mx_openpose_vgg19"), model={"init": "xavier"})
