"""Every family of networks: importing this is what makes their names known."""

from .networks import light, lightweight, openpose_v2, pose_small, resnet_deconv

FAMILIES = (light, lightweight, openpose_v2, pose_small, resnet_deconv)
