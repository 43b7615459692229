# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Training labels of part affinity fields: Gaussian heatmaps and limb vectors (Cao et al., CVPR 2017, section 2.2).

The kernels write into arrays of the caller, without the GIL, and touch only the cells they draw once these
are cleared. Grid cell g has its centre at pixel stride * g + (stride - 1) / 2.
"""

from libc.limits cimport INT_MAX
from libc.math cimport expf, fabs, isfinite, log, sqrt
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

cdef float SMALLEST = 0.01  # a Gaussian is cut where it falls below 1 %
cdef double SHORTEST = 1e-6  # a limb shorter than this, in cells, has no direction


def draw_heatmaps(
    const double[:, :, ::1] keypoints not None, double stride, double sigma, float[:, :, ::1] heatmaps not None
):
    """Draw one Gaussian per joint with v > 0; people combine by their maximum, the last channel is what is left of 1.

    Parameters
    ----------
    keypoints
        (N, K, 3) x, y in finite pixels and visibility.
    stride
        Pixels per cell.
    sigma
        Standard deviation in pixels.
    heatmaps
        (K + 1, h, w), overwritten.

    Raises
    ------
    ValueError
        If the numbers of joints disagree, a coordinate is not finite, or stride or sigma are not above 0.
    """
    cdef Py_ssize_t people = keypoints.shape[0], joints = keypoints.shape[1]
    cdef Py_ssize_t height = heatmaps.shape[1], width = heatmaps.shape[2], person, joint, cell
    cdef double reach = sigma * sqrt(-2 * log(SMALLEST)) / stride
    cdef float* table
    if heatmaps.shape[0] != joints + 1 or keypoints.shape[2] != 3:
        raise ValueError(f"{heatmaps.shape[0]} heatmaps do not fit keypoints {people, joints, keypoints.shape[2]}")
    _check_numbers(keypoints, stride, "sigma", sigma)
    if height == 0 or width == 0:
        return
    table = <float*> malloc((width + height) * sizeof(float))
    if table == NULL:
        raise MemoryError
    with nogil:
        memset(&heatmaps[0, 0, 0], 0, joints * height * width * sizeof(float))
        for cell in range(height * width):
            (&heatmaps[joints, 0, 0])[cell] = 1
        for person in range(people):
            for joint in range(joints):
                if keypoints[person, joint, 2] > 0:
                    _gaussian(
                        keypoints[person, joint, 0], keypoints[person, joint, 1], stride, sigma, reach,
                        &heatmaps[joint, 0, 0], &heatmaps[joints, 0, 0], table, height, width,
                    )
        free(table)


def draw_pafs(
    const double[:, :, ::1] keypoints not None, const int[:, ::1] limbs not None, double stride, double width,
    float[:, :, ::1] pafs not None,
):
    """Draw the unit vector from A to B on every limb whose two joints have v > 0; where people overlap, their mean.

    A cell is on a limb if its centre is within `width` of the limb's line and inside the limb's bounding
    box grown by `width`. A limb without length draws nothing.

    Parameters
    ----------
    keypoints
        (N, K, 3) x, y in finite pixels and visibility.
    limbs
        (L, 2) joints A and B.
    stride
        Pixels per cell.
    width
        Half the width of a limb in cells.
    pafs
        (2L, h, w), overwritten: x and y of limb k in the channels 2k and 2k + 1.

    Raises
    ------
    ValueError
        If the numbers of limbs disagree, a limb names a joint that is not there, a coordinate is not finite, or stride
        or width are not above 0.
    """
    cdef Py_ssize_t people = keypoints.shape[0], joints = keypoints.shape[1], num_limbs = limbs.shape[0]
    cdef Py_ssize_t rows = pafs.shape[1], columns = pafs.shape[2], limb, person, a, b
    cdef double offset = (stride - 1) / 2
    cdef int* seen
    if pafs.shape[0] != 2 * num_limbs or limbs.shape[1] != 2 or keypoints.shape[2] != 3:
        raise ValueError(f"{pafs.shape[0]} PAF channels do not fit {num_limbs} limbs")
    for limb in range(num_limbs):
        if not (0 <= limbs[limb, 0] < joints and 0 <= limbs[limb, 1] < joints):
            raise ValueError(f"limb {limb} names a joint that is not among the {joints}")
    if num_limbs * (people + 1) > INT_MAX:
        raise ValueError(f"{people} people with {num_limbs} limbs are too many to be counted")
    _check_numbers(keypoints, stride, "width", width)
    if num_limbs == 0 or rows == 0 or columns == 0:
        return
    seen = <int*> calloc(rows * columns, sizeof(int))
    if seen == NULL:
        raise MemoryError
    with nogil:
        memset(&pafs[0, 0, 0], 0, 2 * num_limbs * rows * columns * sizeof(float))
        for limb in range(num_limbs):
            a, b = limbs[limb, 0], limbs[limb, 1]
            for person in range(people):
                if keypoints[person, a, 2] > 0 and keypoints[person, b, 2] > 0:
                    _limb(
                        (keypoints[person, a, 0] - offset) / stride, (keypoints[person, a, 1] - offset) / stride,
                        (keypoints[person, b, 0] - offset) / stride, (keypoints[person, b, 1] - offset) / stride,
                        width, &pafs[2 * limb, 0, 0], &pafs[2 * limb + 1, 0, 0], seen, <int> (limb * people),
                        rows, columns,
                    )
        free(seen)


cdef _check_numbers(const double[:, :, ::1] keypoints, double stride, str name, double value):
    """Raise a ValueError if a coordinate is not finite, or the stride or the other number is not above 0."""
    cdef Py_ssize_t person, joint, k
    if not (0 < stride and isfinite(stride) and 0 < value and isfinite(value)):
        raise ValueError(f"stride {stride} and {name} {value}, expected finite numbers above 0")
    for person in range(keypoints.shape[0]):
        for joint in range(keypoints.shape[1]):
            for k in range(3):
                if not isfinite(keypoints[person, joint, k]):
                    raise ValueError(f"joint {joint} of person {person} is not finite")


cdef void _gaussian(
    double x, double y, double stride, double sigma, double reach, float* heatmap, float* background, float* table,
    Py_ssize_t height, Py_ssize_t width,
) noexcept nogil:
    """Draw one joint as far as `reach` cells. The Gaussian is separable: `table` holds one row and one column of it."""
    cdef double offset = (stride - 1) / 2
    cdef Py_ssize_t left = _first((x - offset) / stride - reach, width)
    cdef Py_ssize_t right = _after((x - offset) / stride + reach, width)
    cdef Py_ssize_t top = _first((y - offset) / stride - reach, height)
    cdef Py_ssize_t bottom = _after((y - offset) / stride + reach, height)
    cdef Py_ssize_t column, row
    cdef float* of_column = table
    cdef float* of_row = table + width
    cdef float* cells
    cdef float* rest
    cdef float value
    for column in range(left, right):
        of_column[column] = _bell(stride * column + offset - x, sigma)
    for row in range(top, bottom):
        of_row[row] = _bell(stride * row + offset - y, sigma)
    for row in range(top, bottom):
        cells, rest = heatmap + row * width, background + row * width
        for column in range(left, right):
            value = of_row[row] * of_column[column]
            value = value if value >= SMALLEST else 0
            cells[column] = value if value > cells[column] else cells[column]
            rest[column] = 1 - value if 1 - value < rest[column] else rest[column]


cdef void _limb(
    double ax, double ay, double bx, double by, double width, float* paf_x, float* paf_y,
    int* seen, int start, Py_ssize_t rows, Py_ssize_t columns,
) noexcept nogil:
    """Draw one limb between two points in cells.

    `seen` minus `start` is how many people a cell has had on this limb; what earlier limbs have left there
    is not above `start`, so that nothing needs to be reset.
    """
    cdef double length = sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay)), x, y, middle, slack
    cdef Py_ssize_t row, column, cell, first, after, left, right
    cdef float share
    if length < SHORTEST:
        return
    x, y = (bx - ax) / length, (by - ay) / length
    first, after = _first(min(ax, bx) - width, columns), _after(max(ax, bx) + width, columns)
    for row in range(_first(min(ay, by) - width, rows), _after(max(ay, by) + width, rows)):
        left, right = first, after
        if fabs(y) > 1e-3:  # the part of the row that the limb crosses, a cell more for rounding
            middle, slack = ax + (row - ay) * x / y, width / fabs(y) + 1
            left, right = max(left, _first(middle - slack, columns)), min(right, _after(middle + slack, columns))
        for column in range(left, right):
            if fabs((column - ax) * y - (row - ay) * x) <= width:
                cell = row * columns + column
                seen[cell] = max(seen[cell], start) + 1
                share = <float> 1 / (seen[cell] - start)
                paf_x[cell] += (<float> x - paf_x[cell]) * share
                paf_y[cell] += (<float> y - paf_y[cell]) * share


cdef inline float _bell(double distance, double sigma) noexcept nogil:
    return expf(<float> (-distance * distance / (2 * sigma * sigma)))


cdef inline Py_ssize_t _first(double position, Py_ssize_t size) noexcept nogil:
    """Return the first cell at or after a position, within 0..size."""
    if not position > 0:
        return 0
    if position >= size:
        return size
    return <Py_ssize_t> position + (position > <Py_ssize_t> position)


cdef inline Py_ssize_t _after(double position, Py_ssize_t size) noexcept nogil:
    """Return the cell after the last one at or before a position, within 0..size."""
    if not position >= 0:
        return 0
    if position >= size - 1:
        return size
    return <Py_ssize_t> position + 1
