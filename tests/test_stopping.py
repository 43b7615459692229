"""Runs that stop: by a signal, by data that cannot be had, by a loss that is no number."""

import os
import signal

import mxnet as mx
import numpy as np
import pytest

from cpm.errors import CpmError, DataError
from cpm.models import read_checkpoint
from cpm.training import build_trainer, check_output

from .helpers.resuming import ONE, TWO, contents, go_on, two_epochs, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data):
    return two_epochs(data)


@pytest.mark.parametrize("contexts", [ONE, TWO])
def test_a_stop_in_the_validation_is_heeded_and_the_validation_done_again(config, tmp_path, contexts):
    build_trainer(config, contexts, tmp_path / "whole").fit()
    trainer = build_trainer(config, contexts, tmp_path / "parts")
    losses = trainer.learner.losses
    seen = []

    def interrupted(batch):
        seen.append(batch)
        held = read_checkpoint(tmp_path / "parts" / "last.npz").meta["progress"]
        assert (held["epoch"], held["batch"], held["iteration"]) == (0, 4, 4)
        os.kill(os.getpid(), signal.SIGTERM)
        return losses(batch)

    trainer.learner.losses = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert len(seen) == 1
    go_on(tmp_path / "parts" / "last.npz", contexts)
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


def test_a_batch_that_cannot_be_had_leaves_a_checkpoint(config, tmp_path):
    trainer = build_trainer(config, ONE, tmp_path / "run")
    epoch = trainer.train.epoch

    def failing(*arguments, **options):
        for number, batch in enumerate(epoch(*arguments, **options)):
            if number == 1:
                raise DataError("a picture cannot be had")
            yield batch

    trainer.train.epoch = failing
    with pytest.raises(DataError, match="a picture cannot be had"):
        trainer.fit()
    assert read_checkpoint(tmp_path / "run" / "last.npz").meta["progress"]["iteration"] == 1
    build_trainer(config, ONE, tmp_path / "whole").fit()
    go_on(tmp_path / "run" / "last.npz")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_a_run_that_fails_at_its_first_batch_leaves_no_checkpoint(config, tmp_path):
    trainer = build_trainer(config, ONE, tmp_path / "run")

    def failing(*arguments, **options):
        raise DataError("a picture cannot be had")
        yield

    trainer.train.epoch = failing
    with pytest.raises(DataError):
        trainer.fit()
    check_output(tmp_path / "run", None, overwrite=False)


def test_a_stop_while_a_batch_is_awaited_leaves_a_checkpoint(config, tmp_path):
    trainer = build_trainer(config, ONE, tmp_path / "run")
    epoch = trainer.train.epoch

    def waiting(number, start=0, stop=None):
        yield next(epoch(number, start))
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()

    trainer.train.epoch = waiting
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert read_checkpoint(tmp_path / "run" / "last.npz").meta["progress"]["iteration"] == 1


def test_a_loss_that_is_no_number_is_told_by_its_place(config, tmp_path):
    trainer = build_trainer(config, ONE, tmp_path / "run")
    update = trainer.learner.update

    def spoilt(batch, progress):
        found = update(batch, progress)
        if progress.iteration == 2:
            found = [found[0] * mx.nd.array([1.0, np.nan])]
        return found

    trainer.learner.update = spoilt
    with pytest.raises(CpmError, match="the loss of stage1_heatmaps is no longer a finite number in iteration 3;"):
        trainer.fit()
