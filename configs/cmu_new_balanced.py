"""Pytorch_Pose_Estimation_Framework: the same with the difficulty-balanced loss.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=cmu_new_balanced

A cell counts by log(1 + |d|), so that the many easy and the few hopeless cells matter less. The paper claims up to
4.9 points of AP over its baseline for all of its changes together.
"""

from cpm.configs import load_config, recipe

config = recipe("cmu_new_balanced", base=load_config("cmu_new"), loss={"kind": "log", "reduction": "quarter_sum"})
