"""Put a split into one file: the command `cpm pack` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("pack")
