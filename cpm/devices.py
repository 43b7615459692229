"""Devices by the names that they have on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import DeviceError, quote
from .mxnet_module import mx

if TYPE_CHECKING:
    from mxnet import Context

_CPU = (None, "", "-1")  # how --gpus asks for it, or for nothing


def parse_devices(gpus: str | None) -> list[Context]:
    """Return the devices that ``--gpus`` asks for.

    Parameters
    ----------
    gpus
        Numbers with commas (``"0,1"``); ``""`` or ``"-1"`` is the CPU; None is every GPU there is, else the CPU.

    Raises
    ------
    DeviceError
        If the text is not a list of numbers, or a GPU is not there.
    """
    present = _count_gpus()
    if gpus is None:
        return [mx.gpu(k) for k in range(present)] or [mx.cpu()]
    if gpus.strip() in _CPU:
        return [mx.cpu()]
    try:
        numbers = [int(number) for number in gpus.split(",")]
    except ValueError:
        raise DeviceError(
            f"--gpus={quote(gpus)}: expected numbers with commas such as 0,1, or -1 for the CPU"
        ) from None
    if len(set(numbers)) < len(numbers):
        raise DeviceError(f"--gpus={quote(gpus)}: a GPU is named twice")
    absent = [number for number in numbers if not 0 <= number < present]
    if absent:
        raise DeviceError(
            f"--gpus={quote(gpus)}: there is no GPU {absent[0]}, {present} found{_build()}; --gpus=-1 runs on the CPU"
        )
    return [mx.gpu(number) for number in numbers]


def parse_device(gpus: str | None, exported: bool) -> Context | None:
    """Return the one device that a network is to run on; None for exported networks, which need no MXNet.

    Raises
    ------
    DeviceError
        If there are several devices, or one that is not for the network, or as in `parse_devices`.
    """
    if exported and (gpus is None or gpus.strip() in _CPU):
        return None
    devices = parse_devices(gpus)
    if gpus and len(devices) > 1:
        raise DeviceError(f"--gpus={quote(gpus)}: one device is enough")
    return devices[0]


def _count_gpus() -> int:
    try:
        return int(mx.context.num_gpus())
    except mx.MXNetError:  # the CUDA build without a driver
        return 0


def _build() -> str:
    if mx.runtime.Features().is_enabled("CUDA"):
        return ""
    return " (this MXNet is the CPU build; pip install --force-reinstall --no-deps mxnet-cu112==1.9.1 brings the other)"
