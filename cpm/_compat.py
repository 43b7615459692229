"""MXNet 1.9.1 and GluonCV, imported as they need it: neither knows the Python and the NumPy of today."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from ._numpy_names import dropped_numpy_names
from .errors import PackageError, reason

# How to install them; their own metadata would have pip bring NumPy 1, which newer Pythons do not have.
_REQUIREMENTS = {"mxnet": "--no-deps mxnet==1.9.1", "gluoncv": "gluoncv==0.10.5.post0"}
_CUDA_BUILD = "--no-deps mxnet-cu112==1.9.1"

# The CUDA wheels of the [gpu] extra, dependencies first: `nvidia/<folder>/lib/<library>`.
_CUDA_LIBRARIES = (
    "cuda_runtime/lib/libcudart.so.11.0",
    "cublas/lib/libcublasLt.so.11",
    "cublas/lib/libcublas.so.11",
    "cufft/lib/libcufft.so.10",
    "curand/lib/libcurand.so.10",
    "cusolver/lib/libcusolver.so.11",
    "cudnn/lib/libcudnn.so.8",
    "nccl/lib/libnccl.so.2",
    "cuda_nvrtc/lib/libnvrtc.so.11.2",
    "nvtx/lib/libnvToolsExt.so.1",
)


def prepare_mxnet() -> None:
    """Let every `import mxnet` of this process find what it needs, whenever it comes and whoever asks for it."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    usual = next((place for place, finder in enumerate(sys.meta_path) if finder is PathFinder), len(sys.meta_path))
    sys.meta_path.insert(usual, _Finder())  # after those who may know better where modules are


@cache
def load_mxnet() -> None:
    """Import MXNet with all its cores and with the names it misses in newer NumPy and Python.

    NumPy is afterwards as it was. Once it is loaded, another call does nothing.

    Raises
    ------
    PackageError
        If MXNet is absent or cannot load; the message says what to do.
    """
    prepare_mxnet()
    with _telling("mxnet", "MXNet"):
        import mxnet
    if _has_cuda_wheel() and not mxnet.runtime.Features().is_enabled("CUDA"):
        command = pip_install(f"--force-reinstall {_CUDA_BUILD}")
        raise PackageError(f"the CPU build of MXNet was installed over the CUDA build; put it right: {command}")


class _Finder(MetaPathFinder):
    """Finds MXNet where it is, and has it loaded by `_Loader`."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname == "mxnet" else None
        if spec is None or spec.loader is None:
            return None
        spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads MXNet with all its cores and with what it misses."""

    def __init__(self, usual: Loader) -> None:
        self._usual = usual

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._usual.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", str(available_cores()))
        _preload_cuda()
        with _importing():
            self._usual.exec_module(module)


@cache
def load_gluoncv() -> None:
    """Import GluonCV, which refuses to load beside PyTorch 2, as if PyTorch were not installed.

    Only its MXNet half is used here; PyTorch itself stays usable. Once it is loaded, another call does nothing.

    Raises
    ------
    PackageError
        If MXNet or GluonCV is absent or cannot load; the message says what to do.
    """
    load_mxnet()
    with _telling("gluoncv", "GluonCV"), _importing(), _without_torch():
        import gluoncv  # noqa: F401


def available_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _importing() -> Iterator[None]:
    """Let a block import one of the two packages as if Python and NumPy were those of their time."""
    if sys.version_info >= (3, 12):
        import setuptools  # noqa: F401  (provides the distutils that both import)
    with dropped_numpy_names():
        yield


@contextmanager
def _telling(package: str, title: str) -> Iterator[None]:
    """Say in one line why a block could not import one of the two packages, and what to do."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or package
        command = pip_install(_REQUIREMENTS.get(missing, missing))
        raise PackageError(f"cpm cannot load {title} ({reason(error)}); try: {command}") from None
    except (ImportError, OSError, AttributeError) as error:
        command = pip_install(f"--force-reinstall {_REQUIREMENTS[package]}")
        raise PackageError(f"cpm cannot load {title} ({reason(error)}); try: {command}") from None


def pip_install(requirement: str) -> str:
    """Return the command that installs something for this Python."""
    return f"{shlex.quote(sys.executable)} -m pip install {requirement}"


@contextmanager
def _without_torch() -> Iterator[None]:
    """Let a block import as if PyTorch were not installed."""
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "torch"}
    for name in hidden:
        del sys.modules[name]
    sys.modules["torch"] = None  # type: ignore[assignment]  # makes `import torch` an ImportError
    try:
        yield
    finally:
        del sys.modules["torch"]
        sys.modules.update(hidden)


def _has_cuda_wheel() -> bool:
    try:
        importlib.metadata.version("mxnet-cu112")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _preload_cuda() -> None:
    """Load the libraries of the CUDA wheels, so that no CUDA needs to be installed on the system."""
    if not _has_cuda_wheel():
        return
    try:
        import nvidia
    except ImportError:
        return
    for library in _CUDA_LIBRARIES:
        for folder in nvidia.__path__:
            path = Path(folder) / library
            if path.exists():
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
