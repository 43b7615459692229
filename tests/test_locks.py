"""A folder belongs to one process at a time."""

import errno
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys

import pytest

from cpm import ConfigError
from cpm.locks import lock_folder

_HOLD = """
import sys
from cpm.locks import lock_folder
with lock_folder(sys.argv[1]):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def holder(tmp_path):
    """Return another process that holds the lock of a folder."""
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_refused_by_the_name_of_the_first(holder, tmp_path):
    expected = f"run: process {holder.pid} on {socket.gethostname()} writes to it; wait until it has ended, or choose"
    with pytest.raises(ConfigError, match=expected), lock_folder(tmp_path / "run"):
        pass
    assert (tmp_path / "run" / ".lock").exists()


def test_the_lock_of_a_killed_process_is_taken(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / ".lock").exists()
    with lock_folder(tmp_path / "run"):
        assert str(os.getpid()) in (tmp_path / "run" / ".lock").read_text()
    assert list((tmp_path / "run").iterdir()) == []


def test_what_was_made_for_the_lock_goes_again(tmp_path):
    with lock_folder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    with lock_folder(tmp_path / "a"):
        pass
    assert (tmp_path / "a").is_dir()
    with lock_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "file").write_text("")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["file"]


def test_links_and_pipes_in_the_place_of_the_lock_are_refused(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".lock").symlink_to(victim)
    with pytest.raises(ConfigError, match=r"\.lock: cannot be written \(a link, which is not followed"):
        lock_folder(tmp_path).__enter__()
    assert victim.read_text() == "precious"
    (tmp_path / ".lock").unlink()
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(ConfigError, match=r"\.lock: cannot be written \(a pipe, expected a file\)"):
        lock_folder(tmp_path).__enter__()


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ConfigError, match="run: cannot be written"):
        lock_folder(tmp_path / "run").__enter__()


def test_file_systems_without_locks_are_used_without(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with caplog.at_level(logging.DEBUG), lock_folder(tmp_path):
        assert (tmp_path / ".lock").exists()
    assert "its file system has no locks" in caplog.text


def test_another_training_is_refused_in_one_line(run_script, holder, tmp_path):
    ended = run_script("train_gluon_cpm.py", "--config=quickstart", f"--output={tmp_path / 'run'}", "--gpus=-1")
    assert ended.returncode == 2
    assert ended.stderr.strip().count("\n") == 0 and f"process {holder.pid} on " in ended.stderr
