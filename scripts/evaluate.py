"""Score a network for whole images: the command `cpm evaluate` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("evaluate")
