"""The keys of the recipes with their defaults and types, for each task; `limits.py` says which values make sense."""

from __future__ import annotations

from typing import Any

from ..codecs import KINDS

_MODEL: dict[str, Any] = {
    "name": "cpm_vgg19",
    "options": {},  # for the network, e.g. stages=6
    "pretrained": "",  # "imagenet" for the trunk, or a checkpoint of the whole network
    "trunk_file": "",  # a local file with the ImageNet trunk; none is then downloaded
    "init": "he",  # first values of convolutions: he (2015), xavier (uniform, average) or normal (deviation 0.01)
}
_TRAIN: dict[str, Any] = {
    "epochs": 40,
    "batch_size": 10,  # over all devices
    "num_workers": 4,
    "batch_timeout": 300.0,  # seconds without a sample finished after which a file counts as hanging; 0 never
    "freeze_trunk": 0,  # epochs at the start in which the trunk stays as it is
    "freeze_bn": False,  # normalise by the statistics that the network brings; for small batches of few images
    "amp": "",  # 16-bit convolutions: "auto", "bfloat16" (CPU) or "float16" (GPU)
    "seed": 7,
    "log": "",  # a service that is told of figures and pictures too: mlflow or wandb
    "log_every": 50,  # iterations
    "checkpoint_every": 1000,  # iterations; last.npz is written after every epoch too
    "keep_every": 5,  # epochs; the network alone is kept as epoch-NNN.npz; 0 keeps only last.npz and best.npz
    "keep_last": 0,  # of these the newest so many; 0 is all of them
    "accumulate": 1,  # parts that a batch is computed in one after the other, where its whole takes too much memory
    "average": 0.0,  # of the weights: how much of their moving average an update keeps, e.g. 0.999; 0 has none
    "score_every": 0,  # epochs after which the network is scored by AP or PCKh, which then says what is best; 0 never
    "score_limit": 200,  # images (or people of MPII) that it is scored on, the first of the validation
    "patience": 0,  # epochs without a better validation after which a run ends; 0 is no end before the last
    "max_iterations": 0,  # of an epoch; 0 is all of it
    "max_val_batches": 0,  # 0 is all of them
}

# People from whole images.
BOTTOM_UP: dict[str, dict[str, Any]] = {
    "model": _MODEL,
    "data": {
        "dataset": "coco",  # or mpii, with the splits train and valid
        "root": "data/coco",
        "train": "train2017",
        "val": "val2017",
        "category": "",  # of people in COCO's annotations, by name or id, where it is not plain
        "skip_unlisted": False,  # whether annotations of images that are not listed are left out
    },
    "labels": {
        "skeleton": "OPENPOSE_18",  # a name, or a Skeleton
        "sigma": 7.0,  # of the Gaussians, in pixels of the crop
        "paf_width": 1.0,  # half the width of a limb, in cells
        "weigh_limbs": False,  # PAFs count by how near they are to a limb, see cpm.codecs.limb_weights
        "mask_missing": False,  # maps of joints and limbs that the person of the sample lacks do not count
    },
    "people": {"min_keypoints": 5, "min_area": 1024.0, "min_distance": 0.3},  # see PersonFilter
    "augment": {  # see Augmentation
        "crop": 368,
        "reference": "person",
        "height": 0.6,
        "scale": (0.5, 1.1),
        "rotation": 40.0,
        "shift": 40.0,
        "flip": 0.5,
        "fill": 128,
        "supervise_border": True,
    },
    "loss": {  # see StageLoss
        "kind": "l2",  # with bce, for networks with sigmoid, PAFs and offsets still have l2
        "reduction": "sum",
        **{name: option.default for kind in KINDS for name, option in kind.loss_options.items()},
    },
    "optimizer": {
        "name": "sgd",  # or adam, adamw, or another of MXNet's
        "options": {},  # of its own, such as beta1
        "lr": 2e-5,
        "momentum": 0.9,
        "weight_decay": 5e-4,  # not on biases, gammas and betas
        "clip_norm": 0.0,  # the largest length of the gradient of a sample's mean loss; 0 is any
        "lr_mults": (),  # (pattern, factor) for the parameters whose names the pattern is found in
    },
    "schedule": {  # see Schedule
        "kind": "step",
        "unit": "iterations",  # or epochs: of the steps
        "warmup": 1000,  # iterations
        "warmup_factor": 0.1,
        "steps": (136106, 272212, 408318, 544424),
        "gamma": 1 / 3,
        "power": 0.9,  # of the polynomial
    },
    "train": _TRAIN,
    "test": {  # see PoseEstimator
        "scales": (0.5, 1.0, 1.5, 2.0),
        "flip": True,
        "box_size": 368,
        "reference": "height",  # or shorter: which side has box_size pixels at scale 1
    },
}

# One person in a box.
TOP_DOWN: dict[str, dict[str, Any]] = {
    "model": {**_MODEL, "name": "pose_resnet"},
    "data": BOTTOM_UP["data"],
    "labels": {
        "skeleton": "COCO_17",
        "sigma": 2.0,  # of the Gaussians, in cells
        "unbiased": False,  # see HeatmapCodec
    },
    "people": {"min_keypoints": 1, "select": False},  # see PersonChoice
    "augment": {  # see CropAugmentation
        "size": (256, 192),  # of the crop in pixels, height and width
        "enlarge": 1.25,  # of the boxes of COCO
        "scale": 0.3,
        "rotation": 40.0,
        "rotation_probability": 0.6,
        "flip": 0.5,
    },
    "loss": {"kind": "l2", "reduction": "half_mean"},
    "optimizer": {**BOTTOM_UP["optimizer"], "name": "adam", "lr": 1e-3, "weight_decay": 0.0},
    "schedule": {**BOTTOM_UP["schedule"], "unit": "epochs", "warmup": 0, "steps": (90, 120), "gamma": 0.1},
    "train": {**_TRAIN, "epochs": 140, "batch_size": 128},
    "test": {"flip": True},
}

TASKS = {"bottom_up": BOTTOM_UP, "top_down": TOP_DOWN}
FORMER_NAMES = {"cpm": "bottom_up", "topdown": "top_down"}  # of the tasks, in recipes of version 0.1
