# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Local maxima of heatmaps, with positions between the cells."""

from libc.limits cimport INT_MAX
from libc.math cimport INFINITY, log
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memset


cdef struct Peak:
    float x, y, score
    int cell  # of the map it is on; decides between equal scores, so that results never depend on the sort


def find_peaks(
    const float[:, :, ::1] heatmaps not None, float threshold, double sigma, float[:, :, ::1] peaks not None,
    int[::1] counts not None,
):
    """Find the local maxima of every map, best first.

    A peak is a cell, or a connected region of equal cells, above all cells around it. A region gives one peak
    at its centre. Along an axis on which the peak is one cell wide its position is the top of the
    parabola through the logarithms of the map, exact for a Gaussian. With only one usable neighbour (the other is
    outside the map or below 1 % of the peak) the curvature is that of the labels. NaN and infinite cells are no peaks.

    Parameters
    ----------
    heatmaps
        (K, h, w).
    threshold
        Peaks are higher than this, which must not be negative.
    sigma
        Standard deviation of the labels in cells.
    peaks
        (K, M, 3), written: x and y in cells and the value of the map at the cell. Of more than M peaks the best stay.
    counts
        (K,), written: the number of peaks of every joint.

    Raises
    ------
    ValueError
        If the shapes disagree, the threshold is negative, sigma is not above 0, or the maps have too many cells.
    """
    cdef Py_ssize_t joints = heatmaps.shape[0], height = heatmaps.shape[1], width = heatmaps.shape[2]
    cdef Py_ssize_t limit = peaks.shape[1], joint, i, found
    cdef size_t most = <size_t> ((height + 1) // 2 * ((width + 1) // 2))
    cdef Peak* buffer
    cdef char* visited
    cdef int* queue
    if peaks.shape[0] != joints or peaks.shape[2] != 3 or counts.shape[0] != joints:
        raise ValueError(f"peaks {peaks.shape[0], limit, peaks.shape[2]} do not fit {joints} heatmaps")
    if height * width >= INT_MAX or limit > INT_MAX:
        raise ValueError(f"{height} x {width} cells or {limit} peaks are too many to be counted")
    if not (0 <= threshold < INFINITY and 0 < sigma < INFINITY):
        raise ValueError(f"threshold {threshold} and sigma {sigma}, expected at least 0 and above 0")
    buffer = <Peak*> malloc((most + 1) * sizeof(Peak))
    visited = <char*> malloc(height * width + 1)
    queue = <int*> malloc((height * width + 1) * sizeof(int))
    if buffer == NULL or visited == NULL or queue == NULL:
        free(buffer)
        free(visited)
        free(queue)
        raise MemoryError
    with nogil:
        for joint in range(joints):
            found = 0
            if height > 0 and width > 0:
                found = _scan(&heatmaps[joint, 0, 0], height, width, threshold, sigma, buffer, visited, queue)
            qsort(buffer, found, sizeof(Peak), &_best_first)
            counts[joint] = <int> min(found, limit)
            for i in range(counts[joint]):
                peaks[joint, i, 0], peaks[joint, i, 1] = buffer[i].x, buffer[i].y
                peaks[joint, i, 2] = buffer[i].score
        free(buffer)
        free(visited)
        free(queue)


cdef Py_ssize_t _scan(
    const float* heatmap, Py_ssize_t height, Py_ssize_t width, float threshold, double sigma,
    Peak* buffer, char* visited, int* queue,
) noexcept nogil:
    """Collect the peaks of one map; returns their number."""
    cdef Py_ssize_t row, column, found = 0
    cdef bint clean = False
    cdef int state
    cdef float value
    for row in range(height):
        column = -1
        while True:
            column = _next_candidate(heatmap + row * width, column + 1, width, threshold, 0 < row < height - 1)
            if column == width:
                break
            value = heatmap[row * width + column]
            if not (value > threshold and value < INFINITY):
                continue
            state = _compare(heatmap, row, column, height, width)
            if state < 0:
                continue
            buffer[found].x, buffer[found].y = column, row
            buffer[found].score, buffer[found].cell = value, <int> (row * width + column)
            if state > 0:
                buffer[found].x += _along(heatmap, row, column, height, width, 0, 1, sigma)
                buffer[found].y += _along(heatmap, row, column, height, width, 1, 0, sigma)
                found += 1
                continue
            if not clean:
                memset(visited, 0, height * width)
                clean = True
            if not visited[row * width + column]:
                found += _plateau(heatmap, row, column, height, width, sigma, &buffer[found], visited, queue)
    return found


cdef inline Py_ssize_t _next_candidate(
    const float* cells, Py_ssize_t column, Py_ssize_t width, float threshold, bint inner
) noexcept nogil:
    """Return the first column from `column` on that may be a peak, or the width.

    In an inner row that is a cell above the threshold with none of its four neighbours higher, elsewhere any cell
    above the threshold. Sixteen cells are compared without a branch, of which compilers make few instructions.
    """
    cdef int found, k
    cdef const float* cell
    if inner and column == 0:
        if cells[0] > threshold:
            return 0
        column = 1
    while inner and column + 16 < width:
        found = 0
        for k in range(16):
            cell = cells + column + k
            found |= (
                (cell[0] > threshold) & (not cell[1] > cell[0]) & (not (cell - 1)[0] > cell[0])
                & (not cell[width] > cell[0]) & (not (cell - width)[0] > cell[0])
            )
        if found:
            break
        column += 16
    while column < width:
        cell = cells + column
        if cell[0] > threshold and not (
            inner and column < width - 1
            and (cell[1] > cell[0] or (cell - 1)[0] > cell[0] or cell[width] > cell[0] or (cell - width)[0] > cell[0])
        ):
            return column
        column += 1
    return column


cdef inline int _compare(
    const float* heatmap, Py_ssize_t row, Py_ssize_t column, Py_ssize_t height, Py_ssize_t width
) noexcept nogil:
    """Return 1 if the cell is above all around it, 0 if one is equal, -1 if one is higher."""
    cdef const float* cell = heatmap + row * width + column
    cdef const float* above
    cdef const float* below
    cdef float value = cell[0], other
    cdef Py_ssize_t y, x
    cdef int state = 1
    if not (0 < row < height - 1 and 0 < column < width - 1):
        for y in range(max(row - 1, 0), min(row + 2, height)):
            for x in range(max(column - 1, 0), min(column + 2, width)):
                other = heatmap[y * width + x]
                if other > value:
                    return -1
                if other == value and not (y == row and x == column):
                    state = 0
        return state
    above, below = cell - width - 1, cell + width - 1  # the cells at the left of the rows next to it
    if above[0] > value or above[1] > value or above[2] > value or below[0] > value or below[1] > value:
        return -1
    if below[2] > value or (cell - 1)[0] > value or cell[1] > value:
        return -1
    return not (
        above[0] == value or above[1] == value or above[2] == value or (cell - 1)[0] == value or cell[1] == value
        or below[0] == value or below[1] == value or below[2] == value
    )


cdef bint _plateau(
    const float* heatmap, Py_ssize_t row, Py_ssize_t column, Py_ssize_t height, Py_ssize_t width, double sigma,
    Peak* peak, char* visited, int* queue,
) noexcept nogil:
    """Visit the connected cells of equal height; place the peak at their centre, if nothing around is higher."""
    cdef float value = heatmap[row * width + column]
    cdef Py_ssize_t head = 0, size = 1, y, x, cy, cx
    cdef Py_ssize_t left = column, right = column, bottom = row
    cdef double sum_x = 0, sum_y = 0
    cdef bint highest = True
    queue[0] = <int> (row * width + column)
    visited[queue[0]] = 1
    while head < size:
        cy, cx = queue[head] // width, queue[head] % width
        head += 1
        sum_x += cx
        sum_y += cy
        left, right, bottom = min(left, cx), max(right, cx), max(bottom, cy)
        for y in range(max(cy - 1, 0), min(cy + 2, height)):
            for x in range(max(cx - 1, 0), min(cx + 2, width)):
                if heatmap[y * width + x] > value:
                    highest = False
                elif heatmap[y * width + x] == value and not visited[y * width + x]:
                    visited[y * width + x] = 1
                    queue[size] = <int> (y * width + x)
                    size += 1
    peak.x = <float> (sum_x / size)
    peak.y = <float> (sum_y / size)
    if left == right:
        peak.x += _along(heatmap, row, column, height, width, 0, 1, sigma)
    if bottom == row:  # the scan meets the topmost row first
        peak.y += _along(heatmap, row, column, height, width, 1, 0, sigma)
    return highest


cdef float _along(
    const float* heatmap, Py_ssize_t row, Py_ssize_t column, Py_ssize_t height, Py_ssize_t width,
    Py_ssize_t step_y, Py_ssize_t step_x, double sigma,
) noexcept nogil:
    """Return where between -0.5 and 0.5 cells from a peak the map is highest along an axis."""
    cdef Py_ssize_t step = step_y * width + step_x
    cdef const float* cell = heatmap + row * width + column
    cdef bint before = row >= step_y and column >= step_x and _usable(cell[-step], cell[0])
    cdef bint after = row + step_y < height and column + step_x < width and _usable(cell[step], cell[0])
    cdef double fall_before = log(cell[0] / cell[-step]) if before else 0
    cdef double fall_after = log(cell[0] / cell[step]) if after else 0
    cdef double offset = 0
    if before and after:
        if fall_before + fall_after > 0:
            offset = 0.5 * (fall_before - fall_after) / (fall_before + fall_after)
    elif before:
        offset = fall_before * sigma * sigma - 0.5
    elif after:
        offset = 0.5 - fall_after * sigma * sigma
    return <float> min(max(offset, -0.5), 0.5)


cdef inline bint _usable(float neighbour, float value) noexcept nogil:
    return neighbour > <float> 0.01 * value


cdef int _best_first(const void* a, const void* b) noexcept nogil:
    cdef const Peak* first = <const Peak*> a
    cdef const Peak* second = <const Peak*> b
    if first.score != second.score:
        return -1 if first.score > second.score else 1
    return -1 if first.cell < second.cell else 1
