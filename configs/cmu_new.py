"""Pytorch_Pose_Estimation_Framework: the network of Cao et al. 2019 with Adam (its name for it: CMU_new).

    python scripts/train_gluon_cpm.py --gpus=0,1 --config=cmu_new

Stages of PAFs, then of heatmaps, trained as those of cmu_old. No figure of this variant alone was published.
"""

from cpm.configs import load_config, recipe

config = recipe(
    "cmu_new",
    base=load_config("cmu_old"),
    model={"name": "openpose_v2", "options": {}, "init": "xavier"},
    optimizer={"lr_mults": ((r"^(pafs\.[1-9]|heatmaps)\.", 4.0), (r"bias$", 2.0))},
)
