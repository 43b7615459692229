"""Find people in pictures: the command `cpm predict` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("predict")
