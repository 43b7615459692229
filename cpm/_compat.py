"""What MXNet 1.9.1 needs from the Python of today, done once, before its first import."""

import ctypes
import importlib.metadata
import os
import sys
from pathlib import Path

import numpy as np

# Names that MXNet still takes from NumPy and that NumPy 1.24 dropped.
_NUMPY_ALIASES = {"bool": bool, "int": int, "float": float, "complex": complex, "object": object, "str": str}

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


def load_mxnet() -> None:
    """Import MXNet with all its cores and with the names it misses in newer NumPy and Python.

    Raises
    ------
    ImportError
        If MXNet is absent or cannot load; the message says what to do.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(available_cores()))
    _add_numpy_aliases()
    if sys.version_info >= (3, 12):
        import setuptools  # noqa: F401  (provides the distutils that MXNet imports)
    _preload_cuda()
    try:
        import mxnet
    except (ImportError, OSError, AttributeError) as error:
        hint = "pip install 'numpy<2' mxnet==1.9.1 (for GPUs: pip install 'cpm[gpu]' and an NVIDIA driver)"
        raise ImportError(f"cpm cannot load MXNet ({error}); try: {hint}") from None
    if _has_cuda_wheel() and not mxnet.runtime.Features().is_enabled("CUDA"):
        hint = "pip install --force-reinstall --no-deps mxnet-cu112==1.9.1"
        raise ImportError(f"the CPU build of MXNet was installed over the CUDA build; put it right: {hint}")


def load_gluoncv() -> None:
    """Import GluonCV, which refuses to load beside PyTorch 2, as if PyTorch were not installed.

    Only its MXNet half is used here; PyTorch itself stays usable.
    """
    if "gluoncv" in sys.modules:
        return
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "torch"}
    for name in hidden:
        del sys.modules[name]
    sys.modules["torch"] = None  # type: ignore[assignment]  # makes `import torch` an ImportError
    try:
        import gluoncv  # noqa: F401
    finally:
        del sys.modules["torch"]
        sys.modules.update(hidden)


def available_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _add_numpy_aliases() -> None:
    for name, value in _NUMPY_ALIASES.items():
        if name not in np.__dict__:
            setattr(np, name, value)


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
