"""COCO's archives brought to their place: downloaded, unpacked, verified."""
