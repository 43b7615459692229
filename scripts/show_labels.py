"""Show what a network is asked to learn: the command `cpm labels` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("labels")
