"""The command line of every script: a mistake is told in one line, and before anything slow."""

import json
import shutil

import pytest

from cpm import cli
from cpm.models import export_onnx, get_model, save_network

from .conftest import person, write_coco_to
from .helpers.commands import call

NUMBER = ("", "x", "nan", "inf", "-inf", "1e9", "1.5", "-1", "-5", "9" * 500, "0x10", "\udcff", "1\n2", "=")
COUNT = (*NUMBER, "0")
SCALES = ("", "x", "nan", "inf", "0", "-1", "1,,2", "1,nan", "1,0", "1e9", "1e400", "x" * 5000, "0.5;1", "\udcff")
SIZES = (
    "",
    "x",
    "0x0",
    "1e5x1",
    "256",
    "256x",
    "x192",
    "-1x5",
    "256x192x3",
    "256X192",
    "nanxnan",
    "9" * 30 + "x1",
    "5000x64",
    "63x65",
)
SHARES = ("", "x", "nan", "inf", "-0.1", "1.1", "-1", "1e9", "x" * 5000)
GPUS = ("x", "0", "99", "-2", "0,0", "0,1", "9" * 30, "1e3", ",", "x" * 5000)
FILES = ("nowhere", "FOLDER", "x" * 300, "x\nx", "\udcff")
TEXTS = ("", "x", "x" * 5000, "x\nx", "\udcff")


def odd(scripts, **values):
    """Return (script, option, value) for each script, option and value."""
    names = scripts.split()
    return [
        (name, f"--{option.replace('_', '-')}", each) for name in names for option in values for each in values[option]
    ]


CASES = [
    *odd("evaluate", stage=(*NUMBER, "99"), limit=COUNT, box_size=(*COUNT, "20000"), scales=SCALES, gpus=GPUS),
    *odd("evaluate", truth=FILES, subset=FILES, dataset_root=FILES, resume=FILES, output=("FILE", "FILE/below")),
    *odd("evaluate", dataset=TEXTS, split=TEXTS, reference=TEXTS, rules=TEXTS, backend=TEXTS, model=TEXTS),
    *odd("evaluate", protocol=TEXTS, nonsense=TEXTS),
    *odd("evaluate_topdown", limit=COUNT, nms=SHARES, size=SIZES, boxes=FILES, truth=FILES, gpus=GPUS, backend=TEXTS),
    *odd("evaluate_topdown", subset=FILES, dataset_root=FILES, resume=FILES, dataset=TEXTS, split=TEXTS),
    *odd("evaluate_topdown", output=("FILE", "FILE/below")),
    *odd("predict", scales=SCALES, box_size=(*COUNT, "20000"), gpus=GPUS, backend=TEXTS, output=("FILE", "FILE/below")),
    *odd("predict", rules=TEXTS, resume=FILES, boxes=FILES, size=SIZES, threshold=SHARES),
    *odd("quantize", count=(*COUNT, "1000"), check=(*COUNT, "1000"), height=(*COUNT, "20000"), float_layers=NUMBER),
    *odd("quantize", stage=(*NUMBER, "99"), images=FILES, calibration=TEXTS),
    *odd("quantize", output=("FILE/below.onnx", "FOLDER", "", "net.txt")),
    *odd("export", stage=(*NUMBER, "99"), format=TEXTS, output=("FILE/below.onnx", "FOLDER", "")),
    *odd("show_labels", index=(*NUMBER, "99"), sheet=(*COUNT, "10000"), epoch=NUMBER, seed=NUMBER, split=TEXTS),
    *odd("show_labels", height=(*COUNT, "10", "99999"), config=(*FILES, "x.py"), set=("", "x", "=", "x=3")),
    *odd("show_labels", dataset=TEXTS, dataset_root=FILES, output=("FILE", "FILE/below")),
    *odd("train_gluon_cpm", epochs=COUNT, batch_size=(*COUNT, "100000"), num_workers=(*NUMBER, "9999"), seed=NUMBER),
    *odd("train_gluon_cpm", lr=("", "x", "nan", "inf", "-1", "1e9"), resume=FILES, config=(*FILES, "x.py"), amp=TEXTS),
    *odd("train_gluon_cpm", backbone=TEXTS, dataset=TEXTS, gpus=GPUS, output=("FILE", "FILE/below")),
    *odd("train_gluon_cpm", set=("", "x", "=", "x=3", "a.b", "train.epochs=0", "test.scales=(1e999,)")),
    *odd("train_pose_resnet", depth=NUMBER, size=("x", "0x0", "1e5x1", "x" * 5000), epochs=COUNT),
    *odd("train_pose_resnet", output=("FILE", "FILE/below")),
    *odd("make_synthetic", train=("x", "-1", "1e9", "9" * 30), val=("x", "-1", "9" * 30), seed=("x", "-1")),
    *odd("make_synthetic", size=("x", "0x0", "1e5x1", "9999999x64"), num_workers=("x", "-1"), output=("FILE",)),
    *odd("pack_dataset", jpeg_quality=("x", "0", "101"), output=("FILE/below.rec", "FOLDER.rec")),
    *odd("pack_dataset", split=("x", "x" * 300)),
    *odd("prepare_coco", splits=("", "x", "x" * 5000), link=("nowhere", "FILE"), output=("FILE", "FILE/below")),
    *odd("import_weights", model=TEXTS, input=TEXTS, set=("", "x", "=", "x=3"), output=("FILE/below.npz", "FOLDER")),
    *odd("fetch_pretrained", file=FILES, mirror=("nowhere",)),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Make a small data set, networks of both kinds, a file that is none and a folder."""
    root = tmp_path_factory.mktemp("place")
    people = [[person(50 + 8 * k, 60, 80)] for k in range(4)]
    for split in ("train2017", "val2017"):
        write_coco_to(root, people, split)
    save_network(root / "crowd.npz", get_model("cpm_small", channels=8, stages=1))
    save_network(root / "box.npz", get_model("pose_small"))
    (root / "FILE").write_text("not what it should be")
    (root / "FOLDER").mkdir()
    (root / "FOLDER.rec").mkdir()
    return root


USUAL = {
    "evaluate": ["--resume=crowd.npz", "--dataset-root=.", "--gpus=-1", "--box-size=64", "--scales=1", "--output=out"],
    "evaluate_topdown": ["--resume=box.npz", "--dataset-root=.", "--gpus=-1", "--size=64x64", "--output=out"],
    "predict": ["val2017", "--resume=crowd.npz", "--gpus=-1", "--box-size=64", "--output=out"],
    "quantize": ["crowd.npz", "--images=val2017", "--count=1", "--check=1", "--height=64", "--output=out.onnx"],
    "export": ["crowd.npz", "--output=out.onnx"],
    "show_labels": ["--config=quickstart", "--dataset-root=.", "--output=out"],
    "train_gluon_cpm": ["--config=quickstart", "--dataset-root=.", "--gpus=-1", "--output=out"],
    "train_pose_resnet": ["--dataset-root=.", "--gpus=-1", "--output=out", "--set=model.pretrained="],
    "make_synthetic": ["--output=out", "--train=1", "--val=1", "--num-workers=0"],
    "pack_dataset": [".", "--split=val2017", "--output=out.rec"],
    "prepare_coco": ["--output=out", "--check-only"],
    "import_weights": ["FILE", "--model=cpm_small", "--output=out.npz"],
    "fetch_pretrained": ["lightweight_openpose_openvino"],
}


@pytest.fixture
def run(place, tmp_path, monkeypatch, capsys):
    """Run a script in a folder with data and networks; returns status and lines on stderr."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("CPM_HOME", str(tmp_path))

    def run(name, *arguments):
        status = call(name, *arguments)
        return status, capsys.readouterr().err.strip().splitlines()

    return run


@pytest.mark.parametrize(("name", "option", "value"), CASES, ids=lambda value: ascii(value)[:24])
def test_odd_values_are_refused_in_one_line(run, place, name, option, value):
    before = sorted(path.name for path in place.iterdir())
    usual = [each for each in USUAL[name] if not each.startswith(f"{option}=")]
    status, lines = run(name, *usual, f"{option}={value}")
    assert status == 2 and len(lines) == 1, lines
    assert lines[0].startswith("error: ") and lines[0].isprintable() and len(lines[0]) < 900, lines
    assert sorted(path.name for path in place.iterdir()) == before


@pytest.mark.parametrize("name", sorted(USUAL))
def test_a_missing_or_unknown_option_is_one_line(run, name):
    for arguments in (["--nonsense"], [*USUAL[name], "more", "x" * 5000], ["--gpus"]):
        status, lines = run(name, *arguments)
        assert status == 2 and len(lines) == 1 and lines[0].startswith("error: ") and len(lines[0]) < 900, lines


def test_the_cpu_by_an_empty_number(run):
    status, lines = run("export", "crowd.npz", "--output=out.onnx", "--stage=0")
    assert status is None, lines
    assert run("predict", *USUAL["predict"], "--gpus=", "--overwrite")[0] is None
    shutil.rmtree("out")


@pytest.mark.parametrize("suffix", ["npz", "onnx"])
def test_a_network_of_the_other_kind_is_told_before_the_data(run, place, suffix):
    if suffix == "onnx":
        export_onnx(get_model("cpm_small", channels=8, stages=1), place / "crowd.onnx")
        export_onnx(get_model("pose_small"), place / "box.onnx")
    status, lines = run("evaluate", f"--resume=box.{suffix}", "--dataset-root=nowhere")
    assert (status, lines) == (
        2,
        [f"error: box.{suffix}: a network that finds the joints of one person in a box; cpm evaluate-topdown takes it"],
    )
    status, lines = run("evaluate_topdown", f"--resume=crowd.{suffix}", "--dataset-root=nowhere")
    assert (status, lines) == (
        2,
        [f"error: crowd.{suffix}: a network that finds people in whole images; cpm evaluate takes it"],
    )


def test_missing_data_are_told_before_a_trunk_is_had(run, monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("a network was built")

    monkeypatch.setattr("cpm.training.build.get_model", fail)
    for script, recipe in (("train_gluon_cpm", "cpm_vgg19_coco"), ("train_pose_resnet", "pose_resnet50_coco_256x192")):
        status, lines = run(script, f"--config={recipe}", "--dataset-root=nowhere", "--gpus=-1", "--output=never")
        assert status == 2 and lines[0].startswith("error: nowhere: no such data set folder"), lines
        status, lines = run(script, f"--config={recipe}", "--dataset-root=.", "--set=data.val=x", "--output=never")
        assert status == 2 and "person_keypoints_x.json" in lines[0], lines
        status, lines = run(script, f"--config={recipe}", "--set=model.options.x=3", "--output=never")
        assert status == 2 and "has no option 'x'" in lines[0], lines


def test_messages_are_one_line_whatever_they_quote(capsys):
    for text in ("a\nb", "\x1b[31m", "x" * 100_000, "\udcff", "\u2028", "é ключ"):

        def fail(text=text):
            raise cli.ConfigError(text)

        with pytest.raises(SystemExit):
            cli.run(fail)
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and line[:-1].isprintable() and len(line) < 2100
    assert line == "error: é ключ\n"


def test_out_of_memory_is_one_line(capsys):
    def fail():
        raise MemoryError

    with pytest.raises(SystemExit) as end:
        cli.run(fail)
    assert end.value.code == 2 and capsys.readouterr().err.startswith("error: out of memory; ")


def results(folder):
    """Return what an evaluation or a prediction left in a folder, by name."""
    names = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    metrics = json.loads(names["metrics.json"].read_text())
    drawn = sorted(int(path.stem) for name, path in names.items() if name.startswith("viz/"))
    return metrics["protocol"], drawn, set(names)


def test_evaluations_do_not_mix(run, place):
    place = place / "output" / "eval"
    name = f"{place.parent.parent.name}-crowd"
    usual = [each for each in USUAL["evaluate"] if not each.startswith("--output")] + ["--viz"]
    for arguments, folder in (
        ([], name),
        (["--limit=3"], f"{name}-2"),
        ([], name),
        (["--rules=usual"], f"{name}-3"),
        (["--limit=3"], f"{name}-2"),
    ):
        status, lines = run("evaluate", *usual, *arguments)
        assert status is None, lines
        protocol, drawn, names = results(place / folder)
        count = 3 if arguments == ["--limit=3"] else 4
        assert protocol["images"] == count and drawn == list(range(1, count + 1)) and "results.json" in names
    assert {path.name for path in place.iterdir()} == {name, f"{name}-2", f"{name}-3"}
    status, lines = run("evaluate", *usual, "--limit=2", "--overwrite")
    assert status is None and results(place / name)[1] == [1, 2]
    status, lines = run("evaluate", *usual, f"--output={place / name}")
    told = f"error: {place / name}: holds results of other options (limit 2, not None); choose another --output, "
    assert status == 2 and lines == [f"{told}or --overwrite them"]
    assert results(place / name)[1] == [1, 2]
    shutil.rmtree(place.parent)


def test_evaluations_of_boxes_do_not_mix(run, place):
    assert run("evaluate_topdown", *USUAL["evaluate_topdown"], "--viz")[0] is None
    assert results(place / "out")[1] == [1, 2, 3, 4]
    assert run("evaluate_topdown", *USUAL["evaluate_topdown"])[0] is None
    assert results(place / "out")[1] == []
    status, lines = run("evaluate_topdown", *USUAL["evaluate_topdown"], "--nms=0.5")
    assert status == 2 and "holds results of other options" in lines[0], lines
    shutil.rmtree(place / "out")


def test_predictions_do_not_mix(run, place):
    predict = [each for each in USUAL["predict"][1:] if not each.startswith("--output")]
    pictures = [f"val2017/{number:012d}.jpg" for number in (1, 2, 3)]
    output = place / "output" / "predict"
    assert run("predict", *pictures[:2], *predict)[0] is None
    (output / "pictures" / "mine.jpg").write_text("of the user")
    assert run("predict", pictures[2], *predict)[0] is None
    assert run("predict", *pictures[:2], *predict, "--scales=0.5")[0] is None
    assert run("predict", *pictures[:2], *predict)[0] is None
    for folder, stems in (("predict", [1, 2]), ("predict-2", [3]), ("predict-3", [1, 2])):
        content = json.loads((output.with_name(folder) / "people.json").read_text())
        assert [each["image"] for each in content["images"]] == [pictures[number - 1] for number in stems]
        drawn = {path.name for path in (output.with_name(folder) / "pictures").iterdir()} - {"mine.jpg"}
        assert drawn == {f"{number:012d}.jpg" for number in stems}
    assert run("predict", pictures[2], *predict, "--overwrite")[0] is None
    assert {path.name for path in (output / "pictures").iterdir()} == {"mine.jpg", "000000000003.jpg"}
    status, lines = run(
        "predict", str(output / "pictures" / "000000000003.jpg"), *predict, f"--output={output}", "--overwrite"
    )
    assert status == 2 and "where drawings go" in lines[0] and (output / "pictures" / "000000000003.jpg").exists()
    shutil.rmtree(output.parent)
