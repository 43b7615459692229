# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Joining peaks into people along part affinity fields (Cao et al., CVPR 2017, sections 2.3 and 2.4)."""

from libc.limits cimport INT_MAX
from libc.math cimport INFINITY, floor, isfinite, sqrt
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memset

cdef Py_ssize_t MANY = 16  # pairs of peaks, from which on it is worth while to look where a PAF is strong
cdef int MOST_SAMPLES = 10_000
cdef Py_ssize_t WIDEST = 1 << 16  # cells of a side, up to which a float tells places well within a cell apart
cdef double SHORTEST = 1e-6  # between two peaks closer than this, in cells, there is no direction


cdef struct Candidate:
    double score
    int limb, a, b  # limb -1 is none; a and b count all peaks, joint after joint


cdef struct Candidates:
    Candidate* items
    Py_ssize_t size, capacity


cdef struct Field:
    const float* x
    const float* y
    Py_ssize_t height, width
    char* strong  # (height + 1, width + 1), see `_mark`


cdef struct Rules:
    int samples, misses
    float* places  # of the samples along the limb, in the order in which they are looked at
    double min_sample, reach, min_score, max_gap


cdef struct Piece:
    double left, top, right, bottom, size
    int row


def join_peaks(
    const float[:, :, ::1] pafs not None, const int[:, ::1] limbs not None, const float[:, :, ::1] peaks not None,
    const int[::1] counts not None,
    int samples, double min_sample, double min_ratio, double reach, double min_score, double max_gap,
    bint limb_by_limb, int[:, ::1] people not None, double[:, ::1] totals not None,
):
    """Join peaks into people, by default the surest limbs of the whole picture first.

    Every peak starts as a person of its own. A limb then joins the people of its two peaks, unless they have a
    joint in common: of two limbs that contradict each other the surer stays. A limb inside one person (a
    loop) only adds its score. This holds for any skeleton: trees, loops and several parts.

    What is left of a body whose connecting joint, such as the neck, was not found is then joined by nearness,
    the nearest first, again only without a joint in common.

    Parameters
    ----------
    pafs
        (2L, h, w).
    limbs
        (L, 2) joints A and B.
    peaks
        (K, M, 3) x, y in cells and score.
    counts
        (K,) number of peaks of every joint, P in all.
    samples
        Points on the line from A to B, the ends included, at which the PAF is read.
    min_sample, min_ratio
        At least this share of the points must be above this much along the line.
    reach
        Length in cells from which the score of a limb falls.
    min_score
        Only people whose joints and limbs have at least this mean score are joined by nearness.
    max_gap
        Their closest joints are at most this far apart, as a share of the diagonal of the larger one's box.
    limb_by_limb
        Whether all pairs of a limb are joined before those of the next, instead of the surest of all limbs first.
    people
        (P, K), written: the peak of every joint or -1; a row that was joined to another is all -1.
    totals
        (P, 2), written: the number of joints and limbs and the sum of their scores; zeros for a joined row.

    Raises
    ------
    ValueError
        If the shapes disagree, a limb names a joint that is not there, a peak is not finite, there are fewer than 2 or
        more than 10,000 samples, or a share is not one.
    """
    cdef Py_ssize_t joints = counts.shape[0], num_limbs = limbs.shape[0], total = 0, k, i, joint
    cdef Candidates found
    cdef Piece* pieces
    cdef Rules rules
    cdef int* owner  # the row of `people` that every peak is in
    cdef int* first  # the number of the first peak of every joint
    cdef char* strong
    cdef bint enough = True
    if pafs.shape[0] != 2 * num_limbs or limbs.shape[1] != 2 or peaks.shape[0] != joints or peaks.shape[2] != 3:
        raise ValueError(f"{pafs.shape[0]} PAF channels, {num_limbs} limbs and {joints} joints do not fit each other")
    for k in range(num_limbs):
        if not (0 <= limbs[k, 0] < joints and 0 <= limbs[k, 1] < joints):
            raise ValueError(f"limb {k} names a joint that is not among the {joints}")
    for k in range(joints):
        if not 0 <= counts[k] <= peaks.shape[1]:
            raise ValueError(f"{counts[k]} peaks of joint {k} in an array for {peaks.shape[1]}")
        for i in range(counts[k]):
            if not (isfinite(peaks[k, i, 0]) and isfinite(peaks[k, i, 1]) and isfinite(peaks[k, i, 2])):
                raise ValueError(f"peak {i} of joint {k} is not finite")
        total += counts[k]
    if not 2 <= samples <= MOST_SAMPLES or not 0 <= min_ratio <= 1:
        raise ValueError(f"{samples} samples, of which a share of {min_ratio} must count")
    if total > INT_MAX or (pafs.shape[1] + 1) * (pafs.shape[2] + 1) > INT_MAX:
        raise ValueError(f"{total} peaks or PAFs of {pafs.shape[1]} x {pafs.shape[2]} cells are too many to be counted")
    if people.shape[0] != total or people.shape[1] != joints or totals.shape[0] != total or totals.shape[1] != 2:
        raise ValueError(f"expected people {total, joints} and totals {total, 2}")
    if total == 0:
        return
    rules.samples, rules.min_sample, rules.reach = samples, min_sample, reach
    rules.min_score, rules.max_gap = min_score, max_gap
    rules.misses = <int> floor(samples * (1 - min_ratio) + 1e-9)
    found.items, found.size, found.capacity = NULL, 0, 0
    owner = <int*> malloc(total * sizeof(int))
    first = <int*> malloc((joints + 1) * sizeof(int))
    pieces = <Piece*> malloc(total * sizeof(Piece))
    strong = <char*> malloc((pafs.shape[1] + 1) * (pafs.shape[2] + 1))
    rules.places = <float*> malloc(samples * sizeof(float))
    if owner == NULL or first == NULL or pieces == NULL or strong == NULL or rules.places == NULL:
        enough = False
    else:
        with nogil:
            # From the middle to the ends: there other limbs, which begin or end at the same joints, are farthest.
            for i in range(samples):
                k = (samples - 1 - i) // 2 if i % 2 else (samples + i) // 2
                rules.places[i] = <float> (<double> k / (samples - 1))
            first[0] = 0
            for k in range(joints):
                first[k + 1] = first[k] + counts[k]
                for i in range(first[k], first[k + 1]):
                    owner[i] = <int> i
                    for joint in range(joints):
                        people[i, joint] = -1
                    people[i, k] = <int> i - first[k]
                    totals[i, 0], totals[i, 1] = 1, peaks[k, i - first[k], 2]
            if pafs.shape[1] > 0 and pafs.shape[2] > 0:
                enough = _find_limbs(pafs, limbs, peaks, first, &rules, strong, &found)
            if enough:
                _join_all(&found, limb_by_limb, first, owner, people, totals)
                enough = _find_near(peaks, first, people, totals, &rules, pieces, &found)
            if enough:
                _join_all(&found, False, first, owner, people, totals)
    free(rules.places)
    free(strong)
    free(pieces)
    free(found.items)
    free(owner)
    free(first)
    if not enough:
        raise MemoryError


cdef bint _find_limbs(
    const float[:, :, ::1] pafs, const int[:, ::1] limbs, const float[:, :, ::1] peaks, const int* first,
    const Rules* rules, char* strong, Candidates* found,
) noexcept nogil:
    """Collect every pair of peaks that could be a limb; returns whether the memory sufficed."""
    cdef Py_ssize_t limb, i, j, a, b
    cdef double score
    cdef Field field
    cdef bint marked, markable = rules.min_sample > 0 and _are_inside(peaks, first, pafs.shape[1], pafs.shape[2])
    field.height, field.width, field.strong = pafs.shape[1], pafs.shape[2], strong
    for limb in range(limbs.shape[0]):
        a, b = limbs[limb, 0], limbs[limb, 1]
        field.x, field.y = &pafs[2 * limb, 0, 0], &pafs[2 * limb + 1, 0, 0]
        marked = markable and (first[a + 1] - first[a]) * (first[b + 1] - first[b]) >= MANY
        if marked:
            _mark(&field, rules.min_sample)
        for i in range(first[a + 1] - first[a]):
            for j in range(first[b + 1] - first[b]):
                if marked and _is_apart(&field, &peaks[a, i, 0], &peaks[b, j, 0], rules):
                    continue
                score = _score(&field, &peaks[a, i, 0], &peaks[b, j, 0], rules)
                if score > 0 and score < INFINITY:
                    if not _add(found, score, <int> limb, <int> (first[a] + i), <int> (first[b] + j)):
                        return False
    return True


cdef bint _are_inside(const float[:, :, ::1] peaks, const int* first, Py_ssize_t height, Py_ssize_t width) noexcept nogil:
    """Tell whether all peaks are on the map or less than 3/4 of a cell beyond it.

    What is left to a whole cell is more than what rounding adds on the way between two of them.
    """
    cdef Py_ssize_t joint, i
    cdef double beyond = 0.75
    if max(height, width) > WIDEST:
        return False
    for joint in range(peaks.shape[0]):
        for i in range(first[joint + 1] - first[joint]):
            if not (-beyond < peaks[joint, i, 0] < width - 1 + beyond and -beyond < peaks[joint, i, 1] < height - 1 + beyond):
                return False
    return True


cdef void _mark(const Field* field, double min_sample) noexcept nogil:
    """Mark where a PAF can count as part of a limb: never more than it is long at one of the four cells around.

    The mark of a place is at its row and column, rounded down, plus one. The first of both go on beyond the border.
    """
    cdef Py_ssize_t row, column, width = field.width, pitch = field.width + 1
    cdef float least = <float> (min_sample * min_sample * (1 - 1e-4))
    cdef const float* x
    cdef const float* y
    cdef char* marks
    for row in range(field.height):
        x, y, marks = field.x + row * width, field.y + row * width, field.strong + (row + 1) * pitch + 1
        for column in range(width):
            marks[column] = x[column] * x[column] + y[column] * y[column] > least
    for row in range(1, field.height + 1):
        marks = field.strong + row * pitch
        for column in range(1, width):
            marks[column] |= marks[column + 1]
        if row > 1:
            for column in range(1, pitch):
                marks[column - pitch] |= marks[column]
    for row in range(1, field.height + 1):
        field.strong[row * pitch] = field.strong[row * pitch + 1]
    for column in range(pitch):
        field.strong[column] = field.strong[pitch + column]


cdef inline bint _is_apart(const Field* field, const float* a, const float* b, const Rules* rules) noexcept nogil:
    """Tell whether too much of the line from A to B is where nothing can count as part of a limb."""
    cdef float x = b[0] - a[0], y = b[1] - a[1], left = a[0] + 1, top = a[1] + 1
    cdef int pitch = <int> field.width + 1, turn, row, column, misses = 0
    for turn in range(rules.samples):
        row, column = <int> (top + rules.places[turn] * y), <int> (left + rules.places[turn] * x)
        if not field.strong[row * pitch + column]:
            misses += 1
            if misses > rules.misses:
                return True
        elif turn - misses >= rules.misses:  # not so clear: leave it to the exact score
            return False
    return False


cdef double _score(const Field* field, const float* a, const float* b, const Rules* rules) noexcept nogil:
    """Return the mean of the PAF along the line from A to B less a penalty for its length; 0 if it is no limb."""
    cdef double x = b[0] - a[0], y = b[1] - a[1], length = sqrt(x * x + y * y), total = 0, along
    cdef double unit_x, unit_y
    cdef int turn, misses = 0
    if length < SHORTEST:
        return 0
    unit_x, unit_y = x / length, y / length
    for turn in range(rules.samples):
        along = _read(field, a[0] + rules.places[turn] * x, a[1] + rules.places[turn] * y, unit_x, unit_y)
        total += along
        if not along > rules.min_sample:
            misses += 1
            if misses > rules.misses:
                return 0
    return total / rules.samples + min(rules.reach / length - 1, 0)


cdef inline double _read(const Field* field, double column, double row, double x, double y) noexcept nogil:
    """Return the product of (x, y) and the PAF between the cells, which continues past its border unchanged."""
    cdef Py_ssize_t height = field.height, width = field.width
    cdef const float* paf_x = field.x
    cdef const float* paf_y = field.y
    column = min(max(column, 0.0), <double> (width - 1))
    row = min(max(row, 0.0), <double> (height - 1))
    cdef Py_ssize_t left = <Py_ssize_t> column, top = <Py_ssize_t> row
    cdef Py_ssize_t here = top * width + left
    cdef Py_ssize_t right = 1 if left + 1 < width else 0, below = width if top + 1 < height else 0
    cdef float s = <float> (column - left), t = <float> (row - top)
    cdef float upper_x = paf_x[here] + s * (paf_x[here + right] - paf_x[here])
    cdef float lower_x = paf_x[here + below] + s * (paf_x[here + right + below] - paf_x[here + below])
    cdef float upper_y = paf_y[here] + s * (paf_y[here + right] - paf_y[here])
    cdef float lower_y = paf_y[here + below] + s * (paf_y[here + right + below] - paf_y[here + below])
    return x * (upper_x + t * (lower_x - upper_x)) + y * (upper_y + t * (lower_y - upper_y))


cdef bint _find_near(
    const float[:, :, ::1] peaks, const int* first, const int[:, ::1] people, const double[:, ::1] totals,
    const Rules* rules, Piece* pieces, Candidates* found,
) noexcept nogil:
    """Collect every pair of people who could be parts of one; returns whether the memory sufficed."""
    cdef Py_ssize_t count = _pieces(peaks, people, totals, rules.min_score, pieces), i, j
    cdef Candidate nearest
    cdef Piece* a
    cdef Piece* b
    cdef double reach
    for i in range(count):
        for j in range(i):
            a, b = &pieces[i], &pieces[j]
            reach = rules.max_gap * max(a.size, b.size)
            if a.left - b.right > reach or b.left - a.right > reach or a.top - b.bottom > reach or b.top - a.bottom > reach:
                continue
            if reach > 0 and _nearest(peaks, first, people, a.row, b.row, &nearest) and -nearest.score <= reach:
                # the gap relative to the size, so that small people come no sooner than large ones
                if not _add(found, nearest.score / max(a.size, b.size), -1, nearest.a, nearest.b):
                    return False
    return True


cdef Py_ssize_t _pieces(
    const float[:, :, ::1] peaks, const int[:, ::1] people, const double[:, ::1] totals, double min_score, Piece* pieces
) noexcept nogil:
    """Write the boxes of all people with enough score; returns their number."""
    cdef Py_ssize_t row, joint, count = 0
    cdef Piece* piece
    cdef double x, y
    for row in range(people.shape[0]):
        if totals[row, 0] == 0 or totals[row, 1] < min_score * totals[row, 0]:
            continue
        piece = &pieces[count]
        piece.row = <int> row
        piece.left = piece.top = INFINITY
        piece.right = piece.bottom = -INFINITY
        for joint in range(people.shape[1]):
            if people[row, joint] >= 0:
                x, y = peaks[joint, people[row, joint], 0], peaks[joint, people[row, joint], 1]
                piece.left, piece.right = min(piece.left, x), max(piece.right, x)
                piece.top, piece.bottom = min(piece.top, y), max(piece.bottom, y)
        x, y = piece.right - piece.left, piece.bottom - piece.top
        piece.size = sqrt(x * x + y * y)
        count += 1
    return count


cdef bint _nearest(
    const float[:, :, ::1] peaks, const int* first, const int[:, ::1] people, int a, int b, Candidate* nearest
) noexcept nogil:
    """Write the closest joints of two people, the score is minus their distance; False if they have one in common."""
    cdef Py_ssize_t i, j
    cdef double x, y
    nearest.score, nearest.a, nearest.b = -INFINITY, 0, 0
    for i in range(people.shape[1]):
        if people[a, i] >= 0 and people[b, i] >= 0:
            return False
    for i in range(people.shape[1]):
        if people[a, i] < 0:
            continue
        for j in range(people.shape[1]):
            if people[b, j] >= 0:
                x = peaks[i, people[a, i], 0] - peaks[j, people[b, j], 0]
                y = peaks[i, people[a, i], 1] - peaks[j, people[b, j], 1]
                if -sqrt(x * x + y * y) > nearest.score:
                    nearest.score = -sqrt(x * x + y * y)
                    nearest.a, nearest.b = first[i] + people[a, i], first[j] + people[b, j]
    return True


cdef void _join_all(
    Candidates* found, bint limb_by_limb, const int* first, int* owner, int[:, ::1] people, double[:, ::1] totals
) noexcept nogil:
    """Join along all candidates, best first; none are left."""
    cdef Py_ssize_t i
    if found.size == 0:
        return
    qsort(found.items, found.size, sizeof(Candidate), &_by_limb if limb_by_limb else &_best_first)
    for i in range(found.size):
        _join(&found.items[i], first, owner, people, totals)
    found.size = 0


cdef void _join(
    const Candidate* limb, const int* first, int* owner, int[:, ::1] people, double[:, ::1] totals
) noexcept nogil:
    """Join the people at both ends of a candidate, if they have no joint in common."""
    cdef int keep = owner[limb.a], give = owner[limb.b]
    cdef Py_ssize_t joint
    if keep != give:
        for joint in range(people.shape[1]):
            if people[keep, joint] >= 0 and people[give, joint] >= 0:
                return
        for joint in range(people.shape[1]):
            if people[give, joint] >= 0:
                people[keep, joint] = people[give, joint]
                owner[first[joint] + people[give, joint]] = keep
                people[give, joint] = -1
        totals[keep, 0] += totals[give, 0]
        totals[keep, 1] += totals[give, 1]
        totals[give, 0], totals[give, 1] = 0, 0
    if limb.limb >= 0:
        totals[keep, 0] += 1
        totals[keep, 1] += limb.score


cdef bint _add(Candidates* found, double score, int limb, int a, int b) noexcept nogil:
    """Append a candidate; returns whether the memory sufficed."""
    cdef Py_ssize_t capacity = max(2 * found.capacity, <Py_ssize_t> 256)
    cdef Candidate* items
    if found.size == found.capacity:
        items = <Candidate*> realloc(found.items, capacity * sizeof(Candidate))
        if items == NULL:
            return False
        found.items, found.capacity = items, capacity
    found.items[found.size].score, found.items[found.size].limb = score, limb
    found.items[found.size].a, found.items[found.size].b = a, b
    found.size += 1
    return True


cdef int _by_limb(const void* a, const void* b) noexcept nogil:
    cdef int first = (<const Candidate*> a).limb, second = (<const Candidate*> b).limb
    if first != second:
        return -1 if first < second else 1
    return _best_first(a, b)


cdef int _best_first(const void* a, const void* b) noexcept nogil:
    cdef const Candidate* first = <const Candidate*> a
    cdef const Candidate* second = <const Candidate*> b
    if first.score != second.score:
        return -1 if first.score > second.score else 1
    if first.limb != second.limb:
        return -1 if first.limb < second.limb else 1
    if first.a != second.a:
        return -1 if first.a < second.a else 1
    return -1 if first.b < second.b else 1


def gather_people(
    const float[:, :, ::1] peaks not None, const int[:, ::1] people not None, const double[:, ::1] totals not None,
    int min_joints, double min_score, const double[:, ::1] place not None, float[:, :, ::1] keypoints not None,
    double[::1] scores not None,
):
    """Write the people that `join_peaks` has left, if they have enough joints and score, surest first.

    Parameters
    ----------
    peaks, people, totals
        As `join_peaks` takes and leaves them.
    min_joints
        A person has at least this many joints.
    min_score
        The mean score of their joints and limbs is at least this.
    place
        (2, 2) factor and shift from cells to pixels, for x and y.
    keypoints
        (P, K, 3), written: x and y in pixels and the score of the peak; zeros where a joint was not found.
    scores
        (P,), written: the sum of the scores of their joints and limbs.

    Returns
    -------
    int
        How many people were written.

    Raises
    ------
    ValueError
        If the shapes disagree or a person has a peak that is not there.
    """
    cdef Py_ssize_t total = people.shape[0], joints = people.shape[1], row, joint, count = 0, i
    cdef int found, peak
    cdef Candidate* order
    if (
        keypoints.shape[0] != total or keypoints.shape[1] != joints or keypoints.shape[2] != 3
        or scores.shape[0] != total or totals.shape[0] != total or totals.shape[1] != 2
        or peaks.shape[0] != joints or peaks.shape[2] != 3 or place.shape[0] != 2 or place.shape[1] != 2
    ):
        raise ValueError(f"expected keypoints {total, joints, 3} and scores ({total},)")
    for row in range(total):
        for joint in range(joints):
            if people[row, joint] >= peaks.shape[1]:
                raise ValueError(f"person {row} has peak {people[row, joint]} of joint {joint}, of {peaks.shape[1]}")
    order = <Candidate*> malloc((total + 1) * sizeof(Candidate))
    if order == NULL:
        raise MemoryError
    with nogil:
        for row in range(total):
            found = 0
            for joint in range(joints):
                found += people[row, joint] >= 0
            if found and found >= min_joints and totals[row, 1] >= min_score * totals[row, 0]:
                order[count].score, order[count].limb = totals[row, 1], <int> row
                order[count].a = order[count].b = 0
                count += 1
        qsort(order, count, sizeof(Candidate), &_best_first)
        for i in range(count):
            scores[i] = order[i].score
            for joint in range(joints):
                peak = people[order[i].limb, joint]
                if peak >= 0:
                    keypoints[i, joint, 0] = <float> (peaks[joint, peak, 0] * place[0, 0] + place[0, 1])
                    keypoints[i, joint, 1] = <float> (peaks[joint, peak, 1] * place[1, 0] + place[1, 1])
                    keypoints[i, joint, 2] = peaks[joint, peak, 2]
                else:
                    keypoints[i, joint, 0] = keypoints[i, joint, 1] = keypoints[i, joint, 2] = 0
        free(order)
    return count
