"""A full disk: the message names the file, nothing is half-written, and nothing else is said.

A limit on the size of files (`ulimit -f`) stands for the full disk: it meets every writer alike, and needs no rights.
"""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cpm.datasets.synthetic import write_synthetic
from cpm.files import append_rows

from .conftest import person

LIMIT = 8192  # bytes of a file

# Runs writers one after the other, each in a folder of its own, as scripts run their main.
_RUN = f"""
import gc, json, resource, sys
from pathlib import Path
import numpy as np
from cpm import cli

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

writers, folder, data = json.loads(sys.argv[1]), *map(Path, sys.argv[2:])
for name, body in writers.items():
    out = folder / name
    out.mkdir()
    names = {{"out": out, "data": data, "np": np, "Path": Path, "full": lambda: limit({LIMIT})}}
    print("=", name, file=sys.stderr, flush=True)
    try:
        cli.run(lambda: exec(body, names))
    except SystemExit as error:
        print("status", error.code, file=sys.stderr, flush=True)
    limit(resource.RLIM_INFINITY)
    names.clear()
    gc.collect()
"""
WRITERS = {
    "checkpoint.npz": """
from cpm.models import get_model, save_network
net = get_model("cpm_mobilenet", stages=2, width=0.125)
import mxnet as mx
net(mx.nd.zeros((1, 32, 32, 3)))
full()
save_network(out / "checkpoint.npz", net)
""",
    "cache.npz": """
from cpm.files import write_arrays
full()
write_arrays(out / "cache.npz", {"first": np.zeros(10), "second": np.zeros(10_000), "third": np.zeros(10)})
""",
    "net-symbol.json": """
from cpm.models import get_model
from cpm.models import export_symbol
net = get_model("cpm_mobilenet", stages=2, width=0.125)
full()
export_symbol(net, out / "net")
""",
    "net.onnx": """
from cpm.models import get_model
from cpm.models import export_onnx
net = get_model("cpm_mobilenet", stages=2, width=0.125)
full()
export_onnx(net, out / "net.onnx")
""",
    "results.json": """
from cpm.files import write_json
full()
write_json(out / "results.json", list(range(10_000)))
""",
    "drawing.png": """
from cpm.draw import save_image
full()
save_image(out / "drawing.png", np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8))
""",
    "pack.rec": """
from cpm.datasets import write_packed
from cpm.datasets.packed.picture_source import coco_source
source = coco_source(data, "train2017")
full()
write_packed(out / "pack.rec", source, "train2017")
""",
    "000000000002.jpg": """
from cpm.datasets.packed.picture_source import coco_source, write_coco
from dataclasses import replace
source = coco_source(data, "train2017")
pictures = [replace(each, data=each.data + bytes(20_000 * (each.image["id"] == 2))) for each in source.pictures()]
source = replace(source, pictures=lambda: iter(pictures))
full()
write_coco(out, source, "train2017")
""",
    "weights.bin.part": """
from cpm.downloading import download
(data / "weights.bin").write_bytes(bytes(50_000))
full()
download((data / "weights.bin").as_uri(), out / "weights.bin")
""",
    "large.json": """
import zipfile
from cpm.datasets.coco_files.unpack import unpack
with zipfile.ZipFile(data / "a.zip", "w") as archive:
    archive.writestr("large.json", bytes(50_000))
full()
unpack(data / "a.zip", out, "large[.]json")
""",
    "events.out.tfevents": """
from cpm.training.log_files import EventFile
full()
events = EventFile(out)
for step in range(1000):
    events.scalar("train/loss", 1.0, step)
    events.flush()
""",
    "train.log": """
import logging
from cpm.training.log_files import LogFile
full()
logging.getLogger("cpm").addHandler(LogFile(out / "train.log"))
for number in range(1000):
    logging.getLogger("cpm").warning("a line of the log, number %d", number)
""",
    "losses.csv": """
from cpm.files import append_rows
full()
for number in range(2000):
    append_rows(out / "losses.csv", [[str(number), "train", "loss", "0.123456789"]])
""",
}
STAYS = {"weights.bin.part", "events.out.tfevents", "train.log", "losses.csv"}  # and goes on with the next run


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Let all writers write in one process; return what each said and the folder that it wrote to."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "out").mkdir()
    write_synthetic(folder, train=4, val=1, size=(120, 160), num_workers=0)
    command = [sys.executable, "-c", _RUN, json.dumps(WRITERS), str(folder / "out"), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    parts = [part.partition("\n") for part in ended.stderr.split("= ")[1:]]
    return {name: text for name, _, text in parts}, folder / "out"


@pytest.mark.parametrize("name", WRITERS)
def test_the_file_is_named_and_nothing_is_left(said, name):
    texts, out = said
    out = out / name
    message, status = [line for line in texts[name].splitlines() if not line.startswith("a line of the log")]
    assert message.startswith("error: ") and f"{out}" in message and name.split("-symbol")[0] in message
    assert os.strerror(errno.EFBIG) in message and status == "status 2"
    left = [path.name for path in out.rglob("*") if path.name not in {".weights.bin.lock"}]
    assert [each for each in left if not each.startswith(name)] == []
    assert bool(left) == (name in STAYS)
    if name == "losses.csv":
        lines = (out / name).read_text().splitlines()
        assert lines == [f"{number},train,loss,0.123456789" for number in range(len(lines))] and len(lines) > 100


def test_a_table_on_a_device_that_is_full(tmp_path):
    (tmp_path / "losses.csv").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        append_rows(tmp_path / "losses.csv", [["1", "train", "loss", "0.5"]])
    assert caught.value.filename == str(tmp_path / "losses.csv")


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of half a megabyte, where this is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user must not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow("trains")
def test_training_on_a_small_disk(run_script, write_coco, small_disk, tmp_path):
    people = [[person(50 + 8 * k, 60, 80)] for k in range(4)]
    write_coco(people, "train2017")
    write_coco(people[:2], "val2017")
    ended = run_script(
        "train_gluon_cpm.py",
        "--config=quickstart",
        f"--dataset-root={tmp_path}",
        f"--output={small_disk / 'run'}",
        "--gpus=-1",
        "--epochs=1",
        "--batch-size=2",
        "--num-workers=1",
        "--set",
        "augment.crop=64",
    )
    assert ended.returncode == 2
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: {small_disk / 'run' / 'last.npz'}: No space left on device"]
    assert "Exception" not in ended.stderr and "Traceback" not in ended.stderr
    assert [path for path in (small_disk / "run").rglob(".*")] == []
    assert not (small_disk / "run" / "last.npz").exists()


def test_arrays_too_large_for_a_small_disk(small_disk):
    from cpm.files import write_arrays

    write_arrays(small_disk / "last.npz", {"old": np.zeros(10)})
    with pytest.raises(OSError, match="No space left"):
        write_arrays(small_disk / "last.npz", {"new": np.zeros(1 << 20)})
    with np.load(small_disk / "last.npz") as held:
        assert held.files == ["old"]
    assert [path.name for path in small_disk.iterdir()] == ["last.npz"]
