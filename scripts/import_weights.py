"""Import weights of another framework: the command `cpm import` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("import")
