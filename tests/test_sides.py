"""Sides told by the names of joints, pairs that are given, and what is said before a training without any."""

import pytest

from cpm import ConfigError, Skeleton
from cpm.configs import recipe
from cpm.sides import find_pairs, one_sided
from cpm.skeletons import COCO_17, SKELETONS, skeleton_from_spec, skeleton_to_spec
from cpm.training.body import warn_of_body


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("LShoulder", "RShoulder"),
        ("LSho", "RSho"),
        ("l_hip", "r_hip"),
        ("L_Hip", "R_Hip"),
        ("L-Ankle", "R-Ankle"),
        ("hip-left", "hip-right"),
        ("left.hip", "right.hip"),
        ("Left Eye", "Right Eye"),
        ("LEFT_EYE", "RIGHT_EYE"),
        ("shoulder_l", "shoulder_r"),
        ("Shoulder.L", "Shoulder.R"),
        ("ShoulderL", "ShoulderR"),
        ("shoulderLeft", "shoulderRight"),
        ("leftShoulder", "rightShoulder"),
        ("LeftShoulder", "RightShoulder"),
        ("lefteye", "righteye"),
        ("eyeleft", "eyeright"),
        ("lhip", "rhip"),
        ("lWrist", "rWrist"),
        ("LANK", "RANK"),
        ("L_F_Paw", "R_F_Paw"),
        ("front_l_paw", "front_r_paw"),
        ("thumb_left_tip", "thumb_right_tip"),
        ("foot_l_01", "foot_r_01"),
        ("l1", "r1"),
        ("hip l", "hip r"),
        ("left", "right"),
        ("L", "R"),
        ("Left hip", "right hip"),
    ],
)
def test_pairs_are_told_by_their_names(left, right):
    friends = ["nose", "lip", "rib", "lumbar", "collar", "tail", "root", "Root of tail", "rear", "lower_back", "heel"]
    assert find_pairs([*friends, left, right]) == {left: right, right: left}
    body = Skeleton("body", ("head", left, right), (("head", left), ("head", right)))
    assert body.flip_joints.tolist() == [0, 2, 1] and body.flip_pafs[0].tolist() == [2, 3, 0, 1]


def test_names_without_a_partner_have_no_sides():
    names = ["lip", "rib", "lumbar", "left", "l_hip", "RKnee", "neck", "upright", "ball_r"]
    assert find_pairs(names) == {} and one_sided(names) == ["left", "l_hip", "RKnee", "ball_r"]


def test_two_pairs_of_one_joint():
    names = ["L_F_Paw", "R_F_Paw", "L_B_Paw", "R_B_Paw", "fl", "fr", "rl", "rr"]
    pairs = find_pairs(names)
    assert {name: pairs[pairs[name]] for name in names} == {name: name for name in names}
    assert (pairs["fl"], pairs["rl"], pairs["L_B_Paw"]) == ("fr", "rr", "R_B_Paw")


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_known_bodies_go_by_left_and_right(skeleton):
    swap = str.maketrans({"\1": "right_", "\2": "left_"})
    expected = [joint.replace("left_", "\1").replace("right_", "\2").translate(swap) for joint in skeleton.joints]
    assert [skeleton.joints[place] for place in skeleton.flip_joints] == expected


def test_pairs_that_are_given_go_before_names():
    limbs = (("a", "b"), ("a", "c"))
    body = Skeleton("body", ("a", "b", "c", "l_x", "r_x"), limbs, flip_pairs=(("b", "c"),))
    assert body.flip_joints.tolist() == [0, 2, 1, 3, 4]
    assert skeleton_from_spec(skeleton_to_spec(body)) == body
    assert Skeleton("line", ("left_end", "mid"), (("left_end", "mid"),), flip_pairs=()).flip_joints.tolist() == [0, 1]
    assert "flip_pairs" not in skeleton_to_spec(COCO_17)
    for pairs in ((("a", "z"),), (("a", "b"), ("b", "c")), (("a", "a"),), (("a", "b", "c"),)):
        with pytest.raises(ConfigError, match="expected pairs of its joints"):
            Skeleton("body", ("a", "b", "c"), limbs, flip_pairs=pairs)
    with pytest.raises(ConfigError, match=r"limb .* has no mirror image"):
        Skeleton("body", ("a", "LHip", "RHip"), (("a", "LHip"),))


def warnings_of(caplog, body, flip=0.5, test_flip=True, **data):
    caplog.clear()
    warn_of_body(recipe("x", augment={"flip": flip}, test={"flip": test_flip}, data=data), body)
    return [record.getMessage() for record in caplog.records]


def test_bodies_are_warned_of_before_the_training(caplog):
    assert warnings_of(caplog, COCO_17) == []
    one_eyed = Skeleton("own", ("head", "linkes_auge"), (("head", "linkes_auge"),), sigmas=(0.1, 0.1))
    (warning,) = warnings_of(caplog, one_eyed)
    assert "own: no joint is on the left or the right" in warning and "flip_pairs" in warning
    assert warnings_of(caplog, one_eyed, flip=0.0) and not warnings_of(caplog, one_eyed, flip=0.0, test_flip=False)
    told = Skeleton("own", ("head", "tail"), (("head", "tail"),), sigmas=(0.1, 0.1), flip_pairs=())
    assert warnings_of(caplog, told) == []
    half = Skeleton("half", ("lhip", "rhip", "LKnee"), (("lhip", "rhip"),), sigmas=(0.1,) * 3)
    (warning,) = warnings_of(caplog, half)
    assert "LKnee have no partner" in warning


def test_bodies_without_sigmas_are_warned_of_and_take_some(caplog):
    body = Skeleton("plain", ("left_a", "right_a"), (("left_a", "right_a"),))
    (warning,) = warnings_of(caplog, body)
    assert "plain has no sigmas" in warning and "--sigmas" in warning
    assert warnings_of(caplog, body, dataset="mpii") == []
    assert body.with_sigmas((0.05,)).sigmas == (0.05, 0.05) and body.with_sigmas((0.1, 0.2)).sigmas == (0.1, 0.2)
    for sigmas in ((0.1, 0.2, 0.3), (-0.1,), (float("nan"),)):
        with pytest.raises(ConfigError, match="sigmas"):
            body.with_sigmas(sigmas)
