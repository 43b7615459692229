"""MultiPoseEstimation: the same stages on half a MobileNetV2.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=multipose_mobilenet

Five epochs train the new layers on the trunk of ImageNet, five more all of them. No figure was published.
"""

from cpm.configs import load_config, recipe

config = recipe("multipose_mobilenet", base=load_config("multipose_vgg19"), model={"name": "cpm_mobilenet_v2"})
