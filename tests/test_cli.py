"""Devices by their command-line names, and errors in one line."""

import subprocess
import sys

import mxnet as mx
import pytest

from cpm import DataError, DeviceError
from cpm.cli import run
from cpm.devices import parse_devices


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(mx.context, "num_gpus", lambda: 2)


def test_devices(gpus):
    assert parse_devices("0,1") == [mx.gpu(0), mx.gpu(1)]
    assert parse_devices("1") == [mx.gpu(1)]
    assert parse_devices(None) == [mx.gpu(0), mx.gpu(1)]
    assert parse_devices("") == parse_devices("-1") == [mx.cpu()]


@pytest.mark.parametrize(
    ("text", "message"),
    [("0,2", "there is no GPU 2, 2 found"), ("a", "expected numbers"), ("0,0", "named twice"), ("-2", "no GPU -2")],
)
def test_wrong_devices(gpus, text, message):
    with pytest.raises(DeviceError, match=message):
        parse_devices(text)


def test_a_cuda_build_without_driver_has_no_gpu(monkeypatch):
    def fail():
        raise mx.MXNetError("CUDA driver version is insufficient")

    monkeypatch.setattr(mx.context, "num_gpus", fail)
    assert parse_devices(None) == [mx.cpu()]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DataError("no images"), "error: no images"),
        (PermissionError(13, "Permission denied", "out"), "error: out: Permission denied"),
        (mx.MXNetError("cudaMalloc failed: out of memory"), "error: the device is out of memory"),
    ],
)
def test_mistakes_are_one_line_and_status_2(capsys, error, line):
    def main():
        raise error

    with pytest.raises(SystemExit) as stop:
        run(main)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(line)


def test_bugs_keep_their_traceback():
    def main():
        raise mx.MXNetError("shape mismatch")

    with pytest.raises(mx.MXNetError):
        run(main)


@pytest.mark.parametrize("lines", [1, 100_000])  # flushed at the end, and on the way
def test_who_reads_no_further_ends_a_command_without_a_word(lines):
    code = f"from cpm.cli import run; run(lambda: [print('a line') for _ in range({lines})])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait(timeout=60) == 1
    process.stderr.close()
