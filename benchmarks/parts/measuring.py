"""Timing in turns, the results, their table and the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Callable

from cpm.tables import format_table

_SHORTEST = 0.002  # seconds; what is quicker is called many times for one measurement
_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
_PACKAGES = ("mxnet", "numpy", "opencv-python", "pycocotools", "torch", "onnxruntime", "openvino")


@dataclass(frozen=True)
class Options:
    """What the command line asks of every part.

    Attributes
    ----------
    quick
        Whether to take small inputs and few repetitions.
    repeat
        Repetitions of every measurement; None leaves it to the part.
    checkpoint, images
        The network and the folder of pictures of ``evaluate``.
    workers
        The threads of ``loader``.
    ir
        A file of OpenVINO for ``network``.
    """

    quick: bool = False
    repeat: int | None = None
    checkpoint: Path | None = None
    images: Path | None = None
    workers: tuple[int, ...] = (0, 1, 2)
    ir: Path | None = None

    def repetitions(self, usual: int) -> int:
        """Return how often to measure what is usually measured so often."""
        return self.repeat or (3 if self.quick else usual)


@dataclass(frozen=True)
class Result:
    """One row of the table.

    Attributes
    ----------
    part, what, yardstick
        What was measured, and next to what.
    seconds
        Of one call, for every repetition.
    yardstick_seconds
        Likewise; empty if there is no yardstick.
    required
        The ratio of both must not be above this; None if nothing is required.
    limit
        The seconds must not be above this.
    figures
        What else was found.
    """

    part: str
    what: str
    yardstick: str
    seconds: list[float]
    yardstick_seconds: list[float] = field(default_factory=list)
    required: float | None = None
    limit: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """The ratio of the medians."""
        return median(self.seconds) / median(self.yardstick_seconds) if self.yardstick_seconds else None

    @property
    def ratio_of_minima(self) -> float | None:
        """The ratio of the shortest times, which other work on the machine disturbs least."""
        return min(self.seconds) / min(self.yardstick_seconds) if self.yardstick_seconds else None

    def to_json(self) -> dict[str, Any]:
        """Return all there is, for a file."""
        derived = {
            "median": median(self.seconds),
            "minimum": min(self.seconds),
            "ratio": self.ratio,
            "ratio_of_minima": self.ratio_of_minima,
        }
        return {**asdict(self), **derived}


def in_turns(functions: dict[str, Callable[[], Any]], repetitions: int, rest: float = 0.0) -> dict[str, list[float]]:
    """Time functions in turns, so that what disturbs the machine disturbs them alike.

    Each is called once to warm up and to see how many calls make one measurement. Every repetition begins with
    another function: a scheduler takes the processor away after fixed times, and should not always take it from one.

    Parameters
    ----------
    functions
        What to time, by name.
    repetitions
        How often.
    rest
        Seconds to wait before every measurement: the threads of one framework spin for a while after their work.

    Returns
    -------
    dict
        The seconds of one call by name, one for every repetition.
    """
    calls = {}
    for name, function in functions.items():
        warm_up = _seconds(function)
        once = warm_up if warm_up > 0.1 else _seconds(function)
        calls[name] = max(1, round(_SHORTEST / once))
    names = list(functions)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for repetition in range(repetitions):
        first = repetition % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(rest)
            seconds[name].append(_seconds(functions[name], calls[name]))
    return seconds


def _seconds(function: Callable[[], Any], count: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(count):
        function()
    return max(time.perf_counter() - start, 1e-9) / count


def results_table(results: list[Result]) -> str:
    """Return the rows as text in columns, each with its figures behind."""
    heading = ("part", "what", "median", "min", "yardstick", "median", "ratio", "of minima", "required", "")
    return format_table([heading, *map(_cells, results)])


def _cells(result: Result) -> tuple[str, ...]:
    yardstick = _time(median(result.yardstick_seconds)) if result.yardstick_seconds else ""
    required = [f"<= {_ratio(result.required)}"] if result.required is not None else []
    required += [f"<= {_time(result.limit)}"] if result.limit is not None else []
    return (
        result.part,
        result.what,
        _time(median(result.seconds)),
        _time(min(result.seconds)),
        result.yardstick,
        yardstick,
        _ratio(result.ratio),
        _ratio(result.ratio_of_minima),
        ", ".join(required),
        ", ".join(f"{key} {value}" for key, value in result.figures.items()),
    )


def _time(seconds: float) -> str:
    unit, factor = next((each for each in (("s", 1.0), ("ms", 1e3)) if seconds * each[1] >= 1), ("us", 1e6))
    return f"{seconds * factor:.3g} {unit}"


def _ratio(ratio: float | None) -> str:
    """Return a ratio; a small one as a fraction, which tells how many times faster."""
    if ratio is None:
        return ""
    return f"1/{1 / ratio:.3g}" if ratio < 0.3 else f"{ratio:.3g}"


def describe_machine() -> dict[str, Any]:
    """Return the processor, its cores and flags, the threads of OpenMP and the versions of what is measured."""
    cpu = platform.processor() or platform.machine()
    flags = ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        entries = [line.partition(":") for line in info.read_text().splitlines()]
        values = {key.strip(): value.strip() for key, _, value in entries}
        cpu = values.get("model name", cpu)
        flags = values.get("flags", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    known = set(flags.split())
    return {
        "cpu": cpu,
        "cores": cores,
        "flags": " ".join(flag for flag in _FLAGS if flag in known),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else "unknown",
        "python": platform.python_version(),
        **{name: version for name in _PACKAGES if (version := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
