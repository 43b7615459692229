"""Make an int8 network: the command `cpm quantize` by the name of a script."""

from cpm.commands import run_script

if __name__ == "__main__":
    run_script("quantize")
