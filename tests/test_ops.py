"""The kernels check what they index: a wrong array is an error, never memory of somebody else."""

import numpy as np
import pytest

from cpm.ops import draw_heatmaps, draw_pafs, find_peaks, gather_people, join_peaks
from cpm.ops.masks import draw_runs

from .helpers.scale import repeats

JOINTS, PEAKS, ROWS, COLUMNS = 3, 4, 6, 5
GUARD = 64  # elements before and after what a kernel may write
ODD_FLOATS = (np.nan, np.inf, -np.inf, 1e30, -1e30, -1.0, 0.0, 4.9999995)
ODD_INTS = (-1, -(2**31), 2**31 - 1, 0, 2, 3, 4, 100)
ODD_NUMBERS = (np.nan, np.inf, -1.0, 0.0, 1e300, -(2**31), 2**31 - 1)


class Output:
    """An array within a larger one, of which the rest must stay as it is."""

    def __init__(self, *shape: int, dtype: type = np.float32) -> None:
        size = int(np.prod(shape))
        self._whole = np.full(size + 2 * GUARD, 77, dtype)
        self.array = self._whole[GUARD : GUARD + size].reshape(shape)

    def is_guarded(self) -> bool:
        return (self._whole[:GUARD] == 77).all() and (self._whole[-GUARD:] == 77).all()


def keypoints(rng):
    return rng.uniform(0, 40, (2, JOINTS, 3))


def maps(rng, channels):
    return rng.uniform(-1, 1, (channels, ROWS, COLUMNS)).astype(np.float32)


def peaks(rng):
    return rng.uniform(0, COLUMNS - 1, (JOINTS, PEAKS, 3)).astype(np.float32)


def limbs():
    return np.array([[0, 1], [1, 2]], np.int32)


def counts():
    return np.array([2, 1, 2], np.int32)


def people():
    return np.array([[0, 0, -1], [1, -1, 1], [-1, -1, 0], [-1, -1, -1], [-1, -1, -1]], np.int32)


def ints(*shape):
    return Output(*shape, dtype=np.int32)


def doubles(*shape):
    return Output(*shape, dtype=np.float64)


# Of each kernel the arguments that it takes, in their order.
KERNELS = {
    draw_heatmaps: lambda rng: [keypoints(rng), 8.0, 7.0, Output(JOINTS + 1, ROWS, COLUMNS)],
    draw_pafs: lambda rng: [keypoints(rng), limbs(), 8.0, 1.0, Output(4, ROWS, COLUMNS)],
    draw_runs: lambda rng: [np.frombuffer(b"5342", np.uint8), 1, Output(ROWS * COLUMNS, dtype=np.uint8)],
    find_peaks: lambda rng: [maps(rng, JOINTS), 0.1, 0.9, Output(JOINTS, PEAKS, 3), ints(JOINTS)],
    join_peaks: lambda rng: [
        *(maps(rng, 4), limbs(), peaks(rng), counts()),
        *(10, 0.05, 0.8, 3.0, 0.2, 0.5, False),
        *(ints(5, JOINTS), doubles(5, 2)),
    ],
    gather_people: lambda rng: [
        *(peaks(rng), people(), np.ones((5, 2)), 1, 0.0, np.ones((2, 2))),
        *(Output(5, JOINTS, 3), doubles(5)),
    ],
}
by_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)


def call(kernel, arguments):
    outputs = [argument for argument in arguments if type(argument) is Output]
    try:
        kernel(*(argument.array if type(argument) is Output else argument for argument in arguments))
    finally:
        assert all(output.is_guarded() for output in outputs)


@by_kernel
def test_right_arguments_are_taken(kernel):
    call(kernel, KERNELS[kernel](np.random.default_rng(0)))


@by_kernel
def test_wrong_arguments_are_refused_or_harmless(kernel):
    refused = 0
    rng = np.random.default_rng(1)
    for _ in range(repeats(2000, 100_000)):
        arguments = KERNELS[kernel](rng)
        for place in rng.choice(len(arguments), rng.integers(1, 3), replace=False):
            arguments[place] = damage(arguments[place], rng)
        try:
            call(kernel, arguments)
        except (OverflowError, TypeError, ValueError):  # the first two for what is no array or no number of C
            refused += 1
    assert refused > 200


def damage(argument, rng):
    """Return another argument in the place of one."""
    if type(argument) is Output:
        argument.array = damage_array(argument.array, rng)
        return argument
    if isinstance(argument, np.ndarray):
        return damage_array(argument, rng)
    return ODD_NUMBERS[rng.integers(len(ODD_NUMBERS))]


def damage_array(array, rng):
    """Return an array of other values, another shape, type or order, or none."""
    kind = rng.integers(6)
    if kind < 2 and array.flags.writeable:
        odd = {"f": ODD_FLOATS, "i": ODD_INTS, "u": range(256)}[array.dtype.kind]
        for place in rng.integers(0, array.size, 2):
            array.flat[place] = odd[rng.integers(len(odd))]
        return array
    if kind == 2:
        return array.astype(np.float16)
    if kind == 3:
        return array[..., ::2]
    if kind == 4:
        return None
    shape = list(array.shape)
    axis = rng.integers(len(shape))
    shape[axis] = rng.choice([0, 1, shape[axis] - 1, shape[axis] + 1])
    return np.zeros(shape, array.dtype)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_places_that_are_not_finite_are_refused(value):
    rng = np.random.default_rng(0)
    for kernel, place, message in (
        (draw_heatmaps, 0, "joint 1 of person 1 is not finite"),
        (draw_pafs, 0, "joint 1 of person 1 is not finite"),
        (join_peaks, 2, "peak 0 of joint 1 is not finite"),
    ):
        arguments = KERNELS[kernel](rng)
        arguments[place][1, 1 if place == 0 else 0, 0] = value
        with pytest.raises(ValueError, match=message):
            call(kernel, arguments)


def test_peaks_that_are_not_there_are_refused():
    arguments = KERNELS[gather_people](np.random.default_rng(0))
    arguments[1][2, 2] = PEAKS
    with pytest.raises(ValueError, match="person 2 has peak 4 of joint 2, of 4"):
        call(gather_people, arguments)


@pytest.mark.parametrize(("place", "value"), [(4, 1), (4, -5), (4, 2**31 - 1), (6, np.nan), (6, 1.5), (6, -1e300)])
def test_samples_that_cannot_be_taken_are_refused(place, value):
    arguments = KERNELS[join_peaks](np.random.default_rng(0))
    arguments[place] = value
    with pytest.raises(ValueError, match="samples, of which a share of"):
        call(join_peaks, arguments)


@pytest.mark.parametrize(
    ("kernel", "place", "value"),
    [
        *((draw_heatmaps, place, value) for place in (1, 2) for value in (0, -1, np.nan, np.inf)),
        *((draw_pafs, place, value) for place in (2, 3) for value in (0, -1, np.nan, np.inf)),
        *((find_peaks, 1, value) for value in (-0.1, np.nan, np.inf)),
        *((find_peaks, 2, value) for value in (0, -1, np.nan, np.inf)),
    ],
)
def test_numbers_out_of_range_are_refused(kernel, place, value):
    arguments = KERNELS[kernel](np.random.default_rng(0))
    arguments[place] = value
    with pytest.raises(ValueError, match="above 0"):
        call(kernel, arguments)


@pytest.mark.parametrize("side", [5, 64, 65])
def test_peaks_at_the_very_border_stay_on_the_map(side):
    """A peak just inside of the border, which a float cannot tell from the border one cell on."""
    edge = np.nextafter(np.float32(side), np.float32(0))
    places = np.zeros((JOINTS, PEAKS, 3), np.float32)
    places[:, :, :2] = edge
    places[:, ::2, :2] = -np.nextafter(np.float32(1), np.float32(0))
    many = np.full(JOINTS, PEAKS, np.int32)
    fields = np.ones((4, side, side), np.float32)
    outputs = ints(JOINTS * PEAKS, JOINTS), doubles(JOINTS * PEAKS, 2)
    call(join_peaks, [fields, limbs(), places, many, 10, 0.05, 0.8, 1e3, 0.2, 0.5, False, *outputs])
    assert np.isfinite(outputs[1].array).all()


@pytest.mark.parametrize(("code", "message"), [(b"5\x7f", "character 127"), (b"5P", "no end"), (b"P" * 13, "no end")])
def test_codes_that_are_none_are_refused(code, message):
    with pytest.raises(ValueError, match=message):
        draw_runs(code, 1, np.zeros(30, np.uint8))
