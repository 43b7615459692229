"""Score a top-down network: the command `cpm evaluate-topdown` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("evaluate-topdown")
