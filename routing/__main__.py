"""`python -m routing`: plan a file, judge or explain an answer to one, measure."""

import sys

from routing.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
