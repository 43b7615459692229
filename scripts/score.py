"""Score results against annotations: the command `cpm score` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("score")
