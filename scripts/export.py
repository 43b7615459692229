"""Take a network out: the command `cpm export` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("export")
