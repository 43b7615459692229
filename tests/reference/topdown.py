"""Top-down crops, heatmaps and suppression as plain loops over people, joints and cells."""

import math

import cv2
import numpy as np


def box_of(bbox, image_size, aspect, enlarge=1.25):
    """Clean, then extend, then enlarge a box: the centre and size of what is cropped."""
    x, y, w, h = bbox
    x1, y1 = max(0, x), max(0, y)
    x2, y2 = min(image_size[0] - 1, x1 + max(0, w - 1)), min(image_size[1] - 1, y1 + max(0, h - 1))
    w, h = x2 - x1, y2 - y1
    center = (x1 + w / 2, y1 + h / 2)
    if w > aspect * h:
        h = w / aspect
    elif w < aspect * h:
        w = h * aspect
    return center, (w * enlarge, h * enlarge)


def crop_matrix(center, size, crop, degrees, middle):
    """Solve for the map of three points: the centre, one half a width above it, one to the left of that."""
    above = np.array([0, -size[0] / 2])
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    above = np.array([above[0] * cos - above[1] * sin, above[0] * sin + above[1] * cos])
    source, target = [np.array(center)], [np.array(middle)]
    for points, up in ((source, above), (target, np.array([0, -crop[0] / 2]))):
        points.append(points[0] + up)
        points.append(points[1] + np.array([up[1], -up[0]]))
    return cv2.getAffineTransform(np.float32(source), np.float32(target))


def matches_box(keypoints, center, size):
    """Whether the mean of the labelled joints is near enough to the centre."""
    x = y = labelled = 0
    for jx, jy, v in keypoints:
        if v > 0:
            x, y, labelled = x + jx, y + jy, labelled + 1
    if labelled == 0:
        return False
    distance = np.linalg.norm([x / labelled - center[0], y / labelled - center[1]])
    similarity = np.exp(-(distance**2) / (0.2**2 * 2.0 * size[0] * size[1]))
    return similarity > (0.2 / 16) * labelled + 0.45 - 0.2 / 16


def draw(keypoints, size, stride, sigma):
    """Heatmaps and weights, rounded to cells and cut: a window of the Gaussian is pasted at each joint."""
    rows, columns = size[0] // stride, size[1] // stride
    maps, weights = np.zeros((len(keypoints), rows, columns)), np.zeros(len(keypoints))
    reach = math.floor(3 * sigma)
    for joint, (x, y, v) in enumerate(keypoints):
        cell_x, cell_y = int(x / stride + 0.5), int(y / stride + 0.5)
        for row in range(cell_y - reach, cell_y + reach + 1):
            for column in range(cell_x - reach, cell_x + reach + 1):
                if v > 0 and 0 <= row < rows and 0 <= column < columns:
                    weights[joint] = 1
                    squares = (row - cell_y) ** 2 + (column - cell_x) ** 2
                    maps[joint, row, column] = math.exp(-squares / (2 * sigma**2))
    return maps, weights


def draw_exactly(keypoints, size, stride, sigma):
    """Heatmaps and weights: the Gaussian of the distance between the joint and the centre of each cell."""
    rows, columns = size[0] // stride, size[1] // stride
    maps, weights = np.zeros((len(keypoints), rows, columns)), np.zeros(len(keypoints))
    for joint, (x, y, v) in enumerate(keypoints):
        for row in range(rows):
            for column in range(columns):
                dx = (stride * column + (stride - 1) / 2 - x) / stride
                dy = (stride * row + (stride - 1) / 2 - y) / stride
                if max(abs(dx), abs(dy)) <= 3 * sigma and v > 0:
                    weights[joint] = 1
                maps[joint, row, column] = math.exp(-(dx**2 + dy**2) / (2 * sigma**2))
        maps[joint] *= weights[joint]
    return maps, weights


def find(maps, stride):
    """x, y and score of the highest cell of each map, moved a quarter of a cell to the higher side."""
    joints = []
    for each in maps:
        rows, columns = each.shape
        y, x = divmod(int(np.argmax(each)), columns)
        score, place_x, place_y = each[y, x], float(x), float(y)
        if 1 < x < columns - 1 and 1 < y < rows - 1:
            place_x += 0.25 * np.sign(each[y, x + 1] - each[y, x - 1])
            place_y += 0.25 * np.sign(each[y + 1, x] - each[y - 1, x])
        joints.append((stride * place_x, stride * place_y, score) if score > 0 else (0, 0, 0))
    return np.array(joints)


def find_between(maps, stride, sigma):
    """x, y and score of each map far from its edges, by Newton's step on the logarithm of the smoothed map."""
    joints = []
    reach = math.ceil(2.5 * sigma)
    for each in maps:
        y, x = divmod(int(np.argmax(each)), each.shape[1])

        def level(dx, dy, each=each, x=x, y=y):
            total = weight = 0
            for row in range(-reach, reach + 1):
                for column in range(-reach, reach + 1):
                    share = math.exp(-(row**2 + column**2) / (2 * sigma**2))
                    total += share * each[y + dy + row, x + dx + column]
                    weight += share
            return math.log(max(total / weight, 1e-10))

        gradient = [(level(1, 0) - level(-1, 0)) / 2, (level(0, 1) - level(0, -1)) / 2]
        dxx = level(1, 0) - 2 * level(0, 0) + level(-1, 0)
        dyy = level(0, 1) - 2 * level(0, 0) + level(0, -1)
        dxy = (level(1, 1) - level(-1, 1) - level(1, -1) + level(-1, -1)) / 4
        step = -np.linalg.solve([[dxx, dxy], [dxy, dyy]], gradient)
        middle = (stride - 1) / 2
        joints.append((stride * (x + step[0]) + middle, stride * (y + step[1]) + middle, each[y, x]))
    return np.array(joints)


def unmirror(maps, pairs, shift):
    """Turn the maps of the mirror image back; all but the first column are moved to the right."""
    maps = maps[:, :, ::-1].copy()
    for a, b in pairs:
        maps[[a, b]] = maps[[b, a]]
    if shift:
        maps[:, :, 1:] = maps.copy()[:, :, :-1]
    return maps


def similarity(one, other, area, other_area, sigmas):
    """OKS of two people, over all joints."""
    total = 0
    for (x, y, _), (other_x, other_y, _), sigma in zip(one, other, sigmas):
        squares = (x - other_x) ** 2 + (y - other_y) ** 2
        total += math.exp(-squares / (2 * sigma) ** 2 / ((area + other_area) / 2 + np.spacing(1)) / 2)
    return total / len(sigmas)


def suppress(keypoints, scores, areas, sigmas, threshold):
    """Keep the best of those left, until everybody is kept or like somebody kept."""
    left, kept = list(range(len(scores))), []
    while left:
        best = left[0]
        for person in left:
            if scores[person] > scores[best]:
                best = person
        kept.append(best)
        others = [person for person in left if person != best]
        left = []
        for person in others:
            if similarity(keypoints[best], keypoints[person], areas[best], areas[person], sigmas) <= threshold:
                left.append(person)
    return kept
