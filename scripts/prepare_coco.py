"""Bring COCO to its place: the command `cpm prepare-coco` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("prepare-coco")
