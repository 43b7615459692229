"""Pytorch_Pose_Estimation_Framework: the same with offsets, its "resolution irrelevant encoding".

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=cmu_new_offset

Beside every heatmap the network predicts where in its cell the joint lies, from the sixth epoch on. No figure of this
variant alone was published.
"""

from cpm.configs import load_config, recipe

config = recipe(
    "cmu_new_offset",
    base=load_config("cmu_new"),
    model={"options": {"offsets": True}},
    loss={"offset_epoch": 5, "offset_weights": "predicted"},
)
