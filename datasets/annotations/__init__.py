"""COCO's annotations in all their dialects, as flat arrays that a large file keeps in a cache."""
