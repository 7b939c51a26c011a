"""`python -m leadflow` is the command `leadflow`."""

from leadflow.cli.main import main

if __name__ == "__main__":
    main()
