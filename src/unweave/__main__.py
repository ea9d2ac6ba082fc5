"""`python -m unweave`: the same as the `unweave` command."""

from unweave.cli.app import main

if __name__ == "__main__":
    main()
