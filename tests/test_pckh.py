"""PCKh: against a plain twin, the published predictions, and mistakes."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from cpm.errors import DataError
from cpm.evaluation import format_pckh, pckh, read_mpii_truth, score_mpii
from cpm.evaluation.mat_file import read_mat
from cpm.skeletons import MPII_16

from .helpers.mutations import check_survival, mutate
from .helpers.scale import repeats


def random_people(people=40, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 200, (people, 16, 2))
    head = rng.uniform(10, 40, people)
    predictions = truth + rng.normal(0, 0.4, truth.shape) * head[:, None, None]
    return predictions, truth, rng.random((people, 16)) < 0.7, head


def twin(predictions, truth, visible, head, threshold):
    right = total = 0
    for person in range(len(truth)):
        for joint in range(16):
            if visible[person, joint] and joint not in (6, 7):
                total += 1
                right += np.hypot(*(predictions - truth)[person, joint]) <= threshold * head[person]
    return 100 * right / total


def test_equals_the_twin():
    case = random_people()
    for threshold in (0.2, 0.5, 1.0):
        assert pckh(*case, threshold=threshold)["mean"] == pytest.approx(twin(*case, threshold))
    assert pckh(*case)["mean@0.1"] == pytest.approx(twin(*case, 0.1))


def test_a_part_is_the_mean_of_its_sides():
    predictions, truth, visible, head = random_people(4)
    visible[:], predictions[:] = True, truth
    predictions[:3, MPII_16.joints.index("left_elbow")] += 100
    figures = pckh(predictions, truth, visible, head)
    assert figures["elbow"] == pytest.approx((25 + 100) / 2)
    assert figures["wrist"] == 100
    visible[:, MPII_16.joints.index("head_top")] = False
    assert np.isnan(pckh(predictions, truth, visible, head)["head"])


def write_truth(path, joints, visible, corners, **fields):
    content = {
        "pos_gt_src": joints.transpose(1, 2, 0),
        "jnt_missing": (~visible).T.astype(np.uint8),
        "headboxes_src": corners,
        **fields,
    }
    savemat(path, {name: value for name, value in content.items() if value is not None})
    return path


def random_truth(path, people=3, **fields):
    _, joints, visible, _ = random_people(people)
    corners = np.array([[10.0, 20.0], [13.0, 24.0]])[..., None].repeat(people, axis=2)  # 0.6 * 5 pixels of head
    return write_truth(path, joints, visible, corners, **fields), joints, visible


def test_published_predictions(test_data):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    path = test_data / "mpii" / "detections_our_format.mat"
    truth = read_mpii_truth(path)
    for name, axes, mean in (("newell", (0, 1, 2), 88.426), ("tompson", (2, 1, 0), 82.337)):
        with h5py.File(test_data / "mpii" / "reference" / f"{name}.h5") as file:
            predictions = file["preds"][...].transpose(axes)  # both are counted from 1
        figures = pckh(predictions, truth.joints, truth.visible, truth.head_size)
        assert figures["mean"] == pytest.approx(mean, abs=5e-4)
        assert score_mpii(predictions - 1, truth) == pytest.approx(figures)
        assert score_mpii(predictions, truth)["mean@0.1"] != pytest.approx(figures["mean@0.1"], abs=0.5)


def test_truth_is_counted_from_1_and_predictions_from_0(tmp_path):
    path, joints, visible = random_truth(tmp_path / "truth.mat")
    truth = read_mpii_truth(path)
    np.testing.assert_allclose(truth.joints, joints)
    np.testing.assert_array_equal(truth.visible, visible)
    np.testing.assert_allclose(truth.head_size, 3)
    assert score_mpii(joints - 1, truth)["mean@0.1"] == 100
    # A pixel along both axes is 1.41 of 3 pixels of head: within half of it, beyond a tenth.
    assert (score_mpii(joints, truth)["mean"], score_mpii(joints, truth)["mean@0.1"]) == (100, 0)


def test_people_of_another_order_are_refused(tmp_path):
    path, joints, visible = random_truth(tmp_path / "truth.mat")
    people = np.concatenate([joints - 1, visible[..., None]], axis=2)
    truth = read_mpii_truth(path)
    truth.check_people(people)
    people[1, :4, :2] = 0  # a few other joints make no other person
    truth.check_people(people)
    with pytest.raises(DataError, match="2 of 3 people are not where the truth has them, the first is number 0"):
        truth.check_people(people[[1, 0, 2]])
    with pytest.raises(DataError, match=r"people have the shape \(2, 16, 3\), the truth expects \(3, 16, 3\)"):
        truth.check_people(people[:2])
    truth.check_people(people * [1, 1, 0])  # nothing to tell by


def test_wrong_truths(tmp_path):
    path = tmp_path / "truth.mat"
    with pytest.raises(DataError, match=r"truth\.mat: cannot be read \(No such file"):
        read_mpii_truth(path)
    for fields, message in (
        ({"headboxes_src": None}, "no numbers 'headboxes_src' in it"),
        ({"headboxes_src": np.zeros((2, 2, 4))}, r"headboxes_src \(2, 2, 4\), expected \(16, 2, N\), \(16, N\)"),
        ({"jnt_missing": np.zeros((16, 2))}, r"jnt_missing \(16, 2\)"),
        ({"pos_gt_src": np.zeros((3, 16, 2))}, r"pos_gt_src \(3, 16, 2\)"),
        ({"pos_gt_src": np.full((16, 2, 3), np.nan)}, "a joint or a head is not finite"),
        ({"jnt_missing": "none"}, "no numbers 'jnt_missing' in it"),
        ({"headboxes_src": {"left": 1}}, "no numbers 'headboxes_src' in it"),
        ({"pos_gt_src": np.zeros((16, 2, 3), complex)}, "no numbers 'pos_gt_src' in it"),
    ):
        random_truth(path, **fields)
        with pytest.raises(DataError, match=message):
            read_mpii_truth(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_matlab_files_are_read_as_scipy_reads_them(tmp_path, compressed):
    rng = np.random.default_rng(0)
    types = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8")
    content = {f"a{dtype}": rng.uniform(0, 100, (3, 2, 4)).astype(dtype) for dtype in types}
    content.update(flags=rng.random((5, 1)) < 0.5, number=7.0, a=np.uint8([[1, 2]]), none=np.zeros((0, 3)))
    others = {"cell": np.array(["x", 1], object), "text": "abc", "struct": {"flags": 1}, "complex": 1j}
    savemat(tmp_path / "a.mat", {**others, **content}, do_compression=compressed)
    found, expected = read_mat(tmp_path / "a.mat", list(content)), loadmat(tmp_path / "a.mat")
    assert list(found) == list(content)
    for name, values in found.items():
        assert values.dtype == float
        np.testing.assert_array_equal(values, expected[name].astype(float))


def test_official_truth_is_read_as_scipy_reads_it(test_data):
    path = test_data / "mpii" / "detections_our_format.mat"
    names, expected = ("pos_gt_src", "jnt_missing", "headboxes_src", "pos_pred_src"), loadmat(path)
    for name, values in read_mat(path, names).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_matlab_files(tmp_path, compressed):
    path = tmp_path / "truth.mat"
    rng = np.random.default_rng(0)
    savemat(path, loadmat(random_truth(path)[0]), do_compression=compressed)
    whole = path.read_bytes()
    for data in (b"", b"PK", whole[:100], whole[:130], whole[: len(whole) // 2], rng.bytes(2000)):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"truth\.mat: "):
            read_mpii_truth(path)
    check_survival(read_mpii_truth, lambda rng: mutate(whole, rng), path, repeats(6, 300))


def test_a_small_matlab_file_cannot_claim_much_memory(tmp_path):
    path = tmp_path / "truth.mat"
    savemat(path, {"pos_gt_src": np.zeros(2**26)}, do_compression=True)  # 0.5 GB, and again as float
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DataError, match="or broken"):
        read_mpii_truth(path)


def test_wrong_predictions(tmp_path):
    path, joints, _ = random_truth(tmp_path / "truth.mat")
    for predictions in (joints[:2], joints[..., :1], joints[0]):
        with pytest.raises(DataError, match=r"predictions have the shape .*, the truth expects \(3, 16, 2\)"):
            score_mpii(predictions, read_mpii_truth(path))
    with pytest.raises(DataError, match=r"predictions: .* of person 0 is at \(nan, nan\)"):
        score_mpii(np.full_like(joints, np.nan), read_mpii_truth(path))


def test_table():
    figures = {**dict.fromkeys(("head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"), 100.0), "mean": 88.4261}
    table = format_pckh({"valid": {**figures, "mean@0.1": 33.75}, "a longer name": {**figures, "mean@0.1": np.nan}})
    heading, first, second = table.splitlines()
    assert heading.split() == ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Mean", "Mean@0.1"]
    assert first.split() == ["valid", *["100.000"] * 7, "88.426", "33.750"]
    assert second.startswith("a longer name ") and second.endswith(" nan")
    assert len(heading) == len(first) == len(second)


def test_mistakes():
    predictions, truth, visible, head = random_people(3)
    for arguments, message in (
        ((predictions[:2], truth, visible, head), r"predictions \(2, 16, 2\)"),
        ((predictions, truth, visible & False, head), "no joint is visible"),
        ((predictions, truth, visible, head * [1, 0, 1]), r"head 1 has the size 0\.0"),
    ):
        with pytest.raises(DataError, match=message):
            pckh(*arguments)
