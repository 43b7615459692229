"""Draw the embedded data set: the command `cpm synthetic` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("synthetic")
