"""The index facts of the skeletons, and rearranging keypoints between them."""

import numpy as np
import pytest

from cpm import ConfigError, Skeleton
from cpm.skeletons import COCO_17, MPI_15, MPII_16, OPENPOSE_18, SKELETONS, convert


def test_openpose_channels():
    limbs = [
        (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 2), (2, 3), (3, 4), (2, 16),
        (1, 5), (5, 6), (6, 7), (5, 17), (1, 0), (0, 14), (0, 15), (14, 16), (15, 17),
    ]  # fmt: skip
    assert (OPENPOSE_18.num_joints, OPENPOSE_18.num_limbs) == (18, 19)
    assert OPENPOSE_18.limb_joints.tolist() == [list(limb) for limb in limbs]
    assert OPENPOSE_18.limb_joints.dtype == np.int32


def test_openpose_mirror():
    assert OPENPOSE_18.flip_joints.tolist() == [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]
    channels, signs = OPENPOSE_18.flip_pafs
    assert channels.tolist() == [
        6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 20, 21, 22, 23, 24, 25, 26, 27,
        12, 13, 14, 15, 16, 17, 18, 19, 28, 29, 32, 33, 30, 31, 36, 37, 34, 35,
    ]  # fmt: skip
    assert signs.tolist() == [-1, 1] * 19


def test_mpi_channels():
    limbs = [(0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 14), (14, 8), (8, 9), (9, 10)]
    assert MPI_15.limb_joints.tolist() == [list(limb) for limb in [*limbs, (14, 11), (11, 12), (12, 13)]]


def test_limb_that_is_its_own_mirror_image_backwards():
    channels, signs = COCO_17.flip_pafs
    hips = COCO_17.limbs.index(("left_hip", "right_hip"))
    assert channels[2 * hips : 2 * hips + 2].tolist() == [2 * hips, 2 * hips + 1]
    assert signs[2 * hips : 2 * hips + 2].tolist() == [1, -1]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_mirroring_twice_changes_nothing(skeleton):
    channels, signs = skeleton.flip_pafs
    assert (skeleton.flip_joints[skeleton.flip_joints] == np.arange(skeleton.num_joints)).all()
    assert (channels[channels] == np.arange(2 * skeleton.num_limbs)).all()
    assert (signs * signs[channels] == 1).all()


def test_coco_to_openpose_and_back():
    coco = np.arange(51, dtype=np.float32).reshape(1, 17, 3) + 1
    openpose = convert(coco, COCO_17, OPENPOSE_18)
    order = [0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
    for k, source in enumerate(order):
        if source >= 0:
            assert (openpose[0, k] == coco[0, source]).all()
    back = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
    assert (openpose[:, back] == coco).all()
    assert (convert(openpose, OPENPOSE_18, COCO_17) == coco).all()


def test_neck_needs_both_shoulders():
    coco = np.zeros((2, 17, 3), np.float32)
    coco[0, 5], coco[0, 6] = (10, 20, 2), (30, 40, 1)
    coco[1, 5] = (10, 20, 2)
    neck = convert(coco, COCO_17, OPENPOSE_18)[:, 1]
    assert neck.tolist() == [[20, 30, 1], [0, 0, 0]]


def test_mpii_to_mpi():
    mpii = np.zeros((1, 16, 3), np.float32)
    mpii[0] = np.c_[np.arange(16), np.arange(16) * 2, np.ones(16)]
    order = [9, 8, 12, 11, 10, 13, 14, 15, 2, 1, 0, 3, 4, 5]
    mpi = convert(mpii, MPII_16, MPI_15)[0]
    assert mpi[:14].tolist() == mpii[0, order].tolist()
    assert mpi[14].tolist() == [6.5, 13, 1]


@pytest.mark.parametrize("skeleton", [COCO_17, OPENPOSE_18], ids=lambda skeleton: skeleton.name)
def test_sigmas_belong_to_their_joints(skeleton):
    by_part = dict(
        nose=0.026,
        eye=0.025,
        ear=0.035,
        neck=0.079,
        shoulder=0.079,
        elbow=0.072,
        wrist=0.062,
        hip=0.107,
        knee=0.087,
        ankle=0.089,
    )
    assert skeleton.sigmas == tuple(by_part[joint.split("_")[-1]] for joint in skeleton.joints)


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="tail"):
        Skeleton("cat", ("head",), (("head", "tail"),))
    with pytest.raises(ConfigError, match="right_paw"):
        Skeleton("cat", ("head", "left_paw"), ())
    with pytest.raises(ConfigError, match="twice"):
        Skeleton("cat", ("head", "head"), ())
    with pytest.raises(ConfigError, match="mirror"):
        Skeleton("cat", ("head", "left_paw", "right_paw"), (("head", "left_paw"),))
    with pytest.raises(ConfigError, match="2 sigmas for 1"):
        Skeleton("cat", ("head",), (), (0.1, 0.2))
