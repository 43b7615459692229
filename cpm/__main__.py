"""``python -m cpm``: the command `cpm`."""

if __name__ == "__main__":
    from .commands import main

    main()
