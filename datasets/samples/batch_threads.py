"""Batches fetched from Gluon's loader in a thread, so that whoever waits for them stays awake.

Gluon's loader waits for its workers in one piece: a signal is handled only afterwards, and a picture on a disk that
no longer answers holds it for ever. So a thread waits there, and the caller for the thread, a moment at a time.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from weakref import WeakSet

from ...errors import DataError
from ...mxnet_module import mx
from .sample_set import Sample, SampleSet

_MOMENT = 0.2  # seconds
_LEAVING = 5.0  # seconds that the process waits at its end for samples under way
_NAMED = 3  # files that a message names

_ALL: WeakSet[Work] = WeakSet()  # of which anything is left, also after their epoch


class Work:
    """The batches of an epoch as a data set: Gluon's loader takes each as one item, made in its place.

    Parameters
    ----------
    samples
        Where the samples come from.
    keys
        The samples (epoch, index) of every batch.
    """

    def __init__(self, samples: SampleSet, keys: Sequence[Sequence[tuple[int, int]]]) -> None:
        self._samples = samples
        self._keys = keys
        self._under_way: dict[int, int] = {}  # the index of the sample that each thread makes
        self._given_up = False
        _ALL.add(self)

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, number: int) -> Sample:
        try:
            return self._samples.batch(self._keys[number], self._begin)
        finally:
            self._under_way.pop(threading.get_ident(), None)

    def under_way(self) -> tuple[int, ...]:
        """Return the indices of the samples that are being made, those that were begun first at the front."""
        return tuple(self._under_way.copy().values())

    def paths(self) -> list[str]:
        """Return the files of the samples that are being made."""
        return [str(self._samples.path(index)) for index in self.under_way()]

    def give_up(self) -> None:
        """Let the threads stop before their next sample."""
        self._given_up = True

    def _begin(self, index: int) -> None:
        thread = threading.get_ident()
        self._under_way.pop(thread, None)  # so that it goes to the end
        self._under_way[thread] = index  # before the question, so that whoever gives up sees it or is seen
        if self._given_up:
            raise DataError("the epoch was left")


class Fetcher:
    """Fetches the batches of an epoch, one after the other.

    Parameters
    ----------
    work
        The batches.
    num_workers
        The threads of Gluon's loader; with 0 the one that fetches prepares them.
    """

    def __init__(self, work: Work, num_workers: int) -> None:
        self._work = work
        self._wanted: SimpleQueue[bool] = SimpleQueue()
        self._found: SimpleQueue[Sample | Exception] = SimpleQueue()
        # Its own time limit would lose the batch that is waited for, and write to the terminal.
        loader = mx.gluon.data.DataLoader(
            work,
            batch_size=1,
            batchify_fn=_only,
            num_workers=num_workers,
            thread_pool=True,
            timeout=threading.TIMEOUT_MAX,
        )
        threading.Thread(target=_fetch, args=(loader, self._wanted, self._found), daemon=True).start()

    def fetch(self, stop: Callable[[], bool] | None, timeout: float) -> Sample | None:
        """Return the next batch, or None if `stop` says so first.

        Raises
        ------
        DataError
            If no sample is finished for `timeout` seconds, unless that is 0; and what the preparation of the batch
            raises.
        """
        self._wanted.put(True)
        waited = 0.0  # counted and not measured: a process that was halted for a while has waited no longer
        under_way: tuple[int, ...] = ()
        while True:
            with suppress(Empty):
                found = self._found.get(timeout=_MOMENT)
                if isinstance(found, Exception):
                    raise found
                return found
            if stop is not None and stop():
                return None
            before = under_way
            under_way = self._work.under_way()
            waited = waited + _MOMENT if before == under_way else 0.0
            if timeout and waited >= timeout:
                raise DataError(self._hanging(timeout))

    def close(self) -> None:
        """Let the threads end: those that wait at once, those that make a sample after it."""
        self._work.give_up()
        self._wanted.put(False)

    def _hanging(self, timeout: float) -> str:
        paths = self._work.paths()
        named = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
        return f"{named or 'a batch'}: no answer for {timeout:g} seconds; train.batch_timeout sets the limit"


def _fetch(loader: mx.gluon.data.DataLoader, wanted: SimpleQueue[bool], found: SimpleQueue[Sample | Exception]) -> None:
    """Put a batch, or what its preparation raises, into `found` as often as one is wanted."""
    batches: Iterator[Sample] = iter(loader)
    while wanted.get():
        try:
            found.put(next(batches))
        except Exception as error:
            found.put(error)


@atexit.register
def _leave() -> None:
    """Wait, when the process ends, for the samples under way, but not for files that do not answer.

    The end of the interpreter unwinds the stack of every thread that wants its lock; where OpenCV is on that stack,
    this aborts the process.
    """
    left = list(_ALL)
    for work in left:
        work.give_up()
    end = time.monotonic() + _LEAVING
    while any(work.under_way() for work in left) and time.monotonic() < end:
        time.sleep(0.01)


def _only(items: list[Sample]) -> Sample:
    return items[0]
