"""Arrows in place of people, for scores that can be told by hand."""

from cpm import Skeleton

ARROW = Skeleton("arrow", ("tip", "tail"), (("tip", "tail"),), sigmas=(0.1, 0.05))
FINNED_ARROW = Skeleton("arrow", ("tip", "left_fin", "right_fin"), (("tip", "left_fin"), ("tip", "right_fin")))


def arrow_truth(name="person"):
    """Two images of 100 x 120 pixels with one arrow each."""
    annotations = [
        {
            "id": k,
            "image_id": k,
            "category_id": 3,
            "iscrowd": 0,
            "area": 2500.0,
            "bbox": [20, 20, 50, 50],
            "keypoints": [20, 20, 2, 70, 70, 2],
            "num_keypoints": 2,
        }
        for k in (1, 2)
    ]
    images = [{"id": k, "height": 100, "width": 120} for k in (1, 2)]
    return {"images": images, "annotations": annotations, "categories": [{"id": 3, "name": name}]}


def arrow_result(image_id, shift=0.0, score=0.9):
    keypoints = [20 + shift, 20, 1, 70 + shift, 70, 1]
    return {"image_id": image_id, "category_id": 3, "keypoints": keypoints, "score": score}
