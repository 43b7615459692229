"""Where figures and pictures of a run go: one small interface, and services that are imported when asked for."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any, Callable, Protocol

import numpy as np
from easydict import EasyDict

from ..errors import ConfigError, quote, reason

logger = logging.getLogger(__name__)

ID_FILES = "service-*.id"  # what a service calls the run, so that it goes on there


class Logger(Protocol):
    """Takes figures and pictures."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a figure."""

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """Record a picture (H, W, 3) uint8 RGB."""

    def flush(self) -> None:
        """Let go of what is recorded so far."""

    def close(self) -> None:
        """Record no more."""


class MlflowLogger:
    """A run of MLflow, wherever its environment variables say; parameters as of `WandbLogger`."""

    def __init__(self, output: Path, config: EasyDict) -> None:
        self._mlflow = importlib.import_module("mlflow")
        path = _id_file(output, "mlflow")
        known = path.read_text() if path.exists() else None
        run = self._mlflow.start_run(run_id=known, run_name=None if known else config.name)
        path.write_text(run.info.run_id)

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a figure."""
        self._mlflow.log_metric(name, value, step=step)

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """Record a picture (H, W, 3) uint8 RGB."""
        self._mlflow.log_image(image, f"{name}-{step:06d}.png")

    def flush(self) -> None:
        """Do nothing: everything is sent at once."""

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


class WandbLogger:
    """A run of Weights & Biases.

    Parameters
    ----------
    output
        The folder of the run, which keeps what the service calls it.
    config
        The recipe.
    """

    def __init__(self, output: Path, config: EasyDict) -> None:
        self._wandb = importlib.import_module("wandb")
        path = _id_file(output, "wandb")
        known = path.read_text() if path.exists() else None
        self._run = self._wandb.init(project="cpm", name=config.name, id=known, resume="allow", dir=str(output))
        path.write_text(self._run.id)

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a figure."""
        self._run.log({name: value}, step=step)

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """Record a picture (H, W, 3) uint8 RGB."""
        self._run.log({name: self._wandb.Image(image)}, step=step)

    def flush(self) -> None:
        """Do nothing: a process of the service sends what there is."""

    def close(self) -> None:
        """End the run."""
        self._run.finish()


SERVICES: dict[str, Callable[[Path, EasyDict], Logger]] = {"mlflow": MlflowLogger, "wandb": WandbLogger}


class Service:
    """A service that may fail without the run: it is told of once, and asked no more.

    Parameters
    ----------
    name
        One of `SERVICES`; "" for none.
    output, config
        See `WandbLogger`.
    """

    def __init__(self, name: str, output: Path, config: EasyDict) -> None:
        self._name = name
        self._logger: Logger | None = None
        if name:
            self._try(lambda: self._open(output, config))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a figure."""
        self._tell(lambda service: service.scalar(name, value, step))

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """Record a picture (H, W, 3) uint8 RGB."""
        self._tell(lambda service: service.image(name, image, step))

    def flush(self) -> None:
        """Let go of what is recorded so far."""
        self._tell(lambda service: service.flush())

    def close(self) -> None:
        """Record no more."""
        self._tell(lambda service: service.close())

    def _open(self, output: Path, config: EasyDict) -> None:
        self._logger = SERVICES[self._name](output, config)

    def _tell(self, what: Callable[[Logger], Any]) -> None:
        service = self._logger
        if service is not None:
            self._try(lambda: what(service))

    def _try(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:  # whatever a network and a foreign package may raise
            self._logger = None
            logger.warning("%s fails and is told no more of this run (%s)", self._name, reason(error))


def check_service(name: str) -> None:
    """Make sure that the package of a service is there; "" is no service.

    Raises
    ------
    ConfigError
        If it cannot be imported.
    """
    if not name:
        return
    try:
        importlib.import_module(name)
    except ImportError as error:
        found = quote(str(error), 200)
        raise ConfigError(f"train.log={quote(name)}: cannot be imported ({found}); pip install {name}") from None


def _id_file(output: Path, name: str) -> Path:
    return output / ID_FILES.replace("*", name)
