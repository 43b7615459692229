"""The labels as formulas on whole grids: slow, but easy to check by eye."""

import numpy as np


def draw_heatmaps(keypoints, joints, stride, sigma, cells):
    """(K + 1, h, w): the largest Gaussian of all people per joint, and 1 - the largest of all joints."""
    x, y = _centers(stride, cells)
    maps = np.zeros((joints + 1, *cells))
    for person in keypoints:
        for joint, (jx, jy, v) in enumerate(person):
            if v > 0:
                exponent = ((x - jx) ** 2 + (y - jy) ** 2) / (2 * sigma**2)
                maps[joint] = np.maximum(maps[joint], np.where(exponent > np.log(100), 0, np.exp(-exponent)))
    maps[-1] = 1 - maps[:-1].max(axis=0)
    return maps


def draw_pafs(keypoints, limbs, stride, width, cells):
    """(2L, h, w): the mean over the people on a cell of their unit vectors."""
    x, y = _centers(stride, cells)
    pafs = np.zeros((2 * len(limbs), *cells))
    for limb, (a, b) in enumerate(limbs):
        total, count = np.zeros((2, *cells)), np.zeros(cells)
        for person in keypoints:
            (ax, ay, av), (bx, by, bv) = person[a], person[b]
            length = np.hypot(bx - ax, by - ay)
            if av <= 0 or bv <= 0 or length < 1e-6 * stride:
                continue
            ux, uy = (bx - ax) / length, (by - ay) / length
            distance, reach = np.abs((x - ax) * uy - (y - ay) * ux), width * stride
            on = (distance <= reach) & (x >= min(ax, bx) - reach) & (x <= max(ax, bx) + reach)
            on &= (y >= min(ay, by) - reach) & (y <= max(ay, by) + reach)
            total += np.array([ux, uy])[:, None, None] * on
            count += on
        pafs[2 * limb : 2 * limb + 2] = total / np.maximum(count, 1)
    return pafs


def limb_weights(keypoints, limbs, stride, cells, width=1.0):
    """(2L, h, w): the largest Gaussian at the ends (7 px) and across (0.7 half widths, up to one beyond the ends)."""
    x, y = _centers(stride, cells)
    weights = np.zeros((2 * len(limbs), *cells))
    for limb, (a, b) in enumerate(limbs):
        for person in keypoints:
            (ax, ay, av), (bx, by, bv) = person[a], person[b]
            if av <= 0 or bv <= 0:
                continue
            values = [np.exp(-((x - ex) ** 2 + (y - ey) ** 2) / (2 * 7.0**2)) for ex, ey in ((ax, ay), (bx, by))]
            length = np.hypot(bx - ax, by - ay)
            if length > 0:
                distance, reach = ((x - ax) * (by - ay) - (y - ay) * (bx - ax)) / length, width * stride
                on = (x >= min(ax, bx) - reach) & (x <= max(ax, bx) + reach)
                on &= (y >= min(ay, by) - reach) & (y <= max(ay, by) + reach)
                values.append(np.where(on, np.exp(-(distance**2) / (2 * (0.7 * reach) ** 2)), 0))
            for value in values:
                value = np.where(value < 0.01, 0, value)
                weights[2 * limb : 2 * limb + 2] = np.maximum(weights[2 * limb : 2 * limb + 2], value)
    return weights


def _centers(stride, cells):
    rows, columns = np.indices(cells)
    return stride * columns + (stride - 1) / 2, stride * rows + (stride - 1) / 2
