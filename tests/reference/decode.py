"""Decoding step by step in plain Python: slow, but easy to check by eye."""

import numpy as np


def find_peaks(heatmap, threshold, sigma):
    """[(x, y, score)] of one map in cells, best first."""
    height, width = heatmap.shape
    peaks, done = [], set()
    for cell in np.ndindex(height, width):
        value = heatmap[cell]
        if cell in done or not threshold < value < np.inf:
            continue
        region, rim = _region(heatmap, cell)
        done |= region
        if any(heatmap[other] > value for other in rim):
            continue
        rows, columns = (np.array(axis) for axis in zip(*sorted(region)))
        y, x = rows.mean(), columns.mean()
        if len(set(columns)) == 1:
            x += _offset(np.pad(heatmap[cell[0]], 1, constant_values=np.nan)[cell[1] : cell[1] + 3], sigma)
        if len(set(rows)) == 1:
            y += _offset(np.pad(heatmap[:, cell[1]], 1, constant_values=np.nan)[cell[0] : cell[0] + 3], sigma)
        peaks.append((x, y, value))
    return sorted(peaks, key=lambda peak: -peak[2])  # stable: equal ones stay in raster order


def _region(heatmap, start):
    """Return the cells connected to `start` that are equal to it, and those around them."""
    region, rim, todo = {start}, set(), [start]
    while todo:
        row, column = todo.pop()
        for other in np.ndindex(3, 3):
            cell = (row + other[0] - 1, column + other[1] - 1)
            if cell in region or not (0 <= cell[0] < heatmap.shape[0] and 0 <= cell[1] < heatmap.shape[1]):
                continue
            if heatmap[cell] == heatmap[start]:
                region.add(cell)
                todo.append(cell)
            else:
                rim.add(cell)
    return region, rim


def _offset(three, sigma):
    """Return where the parabola through the logarithms of three cells peaks; NaN cells are not there."""
    before, value, after = three.astype(float)
    before, after = (np.log(other / value) if other > 0.01 * value else None for other in (before, after))
    if before is None and after is None:
        return 0.0
    curvature = -1 / sigma**2 if before is None or after is None else before + after
    if curvature == 0:
        return 0.0
    # log(other / value) = curvature / 2 - slope before the cell, curvature / 2 + slope after it
    slope = curvature / 2 - before if before is not None else after - curvature / 2
    return float(np.clip(-slope / curvature, -0.5, 0.5))


def decode(pafs, limbs, peaks, rules):
    """Return the people as dicts {joint: peak} with their number of joints and limbs and the sum of their scores.

    `peaks` lists those of every joint; `rules` are DecodeRules.
    """
    height = pafs.shape[1]
    people = [
        {"peaks": {k: i}, "count": 1, "score": peak[2]} for k, of in enumerate(peaks) for i, peak in enumerate(of)
    ]

    def owner(joint, peak):
        return next(person for person in people if person["peaks"].get(joint) == peak)

    found = []
    for limb, (a, b) in enumerate(limbs):
        for i, start in enumerate(peaks[a]):
            for j, end in enumerate(peaks[b]):
                score = limb_score(pafs[2 * limb : 2 * limb + 2], start, end, rules, height)
                if 0 < score < np.inf:
                    found.append((-score, limb, i, j))
    in_order = (lambda pair: (pair[1], *pair)) if rules.limb_by_limb else None
    for score, limb, i, j in sorted(found, key=in_order):
        first, second = owner(limbs[limb][0], i), owner(limbs[limb][1], j)
        if first is second or _join(people, first, second):
            first["count"] += 1
            first["score"] -= score
    _join_near(people, peaks, rules)
    return [
        person
        for person in people
        if len(person["peaks"]) >= rules.min_joints and person["score"] >= rules.min_score * person["count"]
    ]


def limb_score(paf, start, end, rules, height):
    vector = np.subtract(end[:2], start[:2])
    length = np.hypot(*vector)
    if length < 1e-6:
        return 0
    points = np.linspace(start[:2], end[:2], rules.samples)
    along = np.array([_bilinear(paf, x, y) @ vector / length for x, y in points])
    if (along > rules.min_sample).sum() < rules.min_ratio * rules.samples - 1e-9:
        return 0
    return along.mean() + min(rules.long_limb * height / length - 1, 0)


def _bilinear(paf, x, y):
    height, width = paf.shape[1:]
    x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    s, t = x - left, y - top
    upper = (1 - s) * paf[:, top, left] + s * paf[:, top, right]
    return (1 - t) * upper + t * ((1 - s) * paf[:, bottom, left] + s * paf[:, bottom, right])


def _join(people, first, second):
    if first["peaks"].keys() & second["peaks"].keys():
        return False
    first["peaks"].update(second["peaks"])
    first["count"] += second["count"]
    first["score"] += second["score"]
    people[:] = [person for person in people if person is not second]
    return True


def _join_near(people, peaks, rules):
    pieces = [person for person in people if person["score"] >= rules.min_score * person["count"]]
    pairs = []
    for i, first in enumerate(pieces):
        for second in pieces[:i]:
            a, b = (np.array([peaks[k][p][:2] for k, p in each["peaks"].items()]) for each in (first, second))
            gap = np.linalg.norm(a[:, None] - b[None], axis=2).min()
            size = max(np.hypot(*np.ptp(each, axis=0)) for each in (a, b))
            if size > 0 and gap <= rules.max_gap * size and not first["peaks"].keys() & second["peaks"].keys():
                pairs.append((gap / size, i, first, second))
    current = {id(piece): piece for piece in pieces}
    for _, _, first, second in sorted(pairs, key=lambda pair: pair[:2]):
        first, second = current[id(first)], current[id(second)]
        if first is not second and _join(people, first, second):
            for key, piece in current.items():
                if piece is second:
                    current[key] = first
