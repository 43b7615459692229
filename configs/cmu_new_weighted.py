"""Pytorch_Pose_Estimation_Framework: the same with limb-weighted PAFs.

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=cmu_new_weighted

PAFs count on the limb and about its ends only, for limbs that are there. No figure of this variant alone was published.
"""

from cpm.configs import load_config, recipe

config = recipe("cmu_new_weighted", base=load_config("cmu_new"), labels={"weigh_limbs": True})
