"""``python -m cpm``: the command `cpm`."""

from .commands import main

if __name__ == "__main__":
    main()
