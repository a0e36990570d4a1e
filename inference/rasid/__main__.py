"""``python -m rasid``: the same as the command ``rasid``."""

import sys

from rasid.cli import main

if __name__ == "__main__":
    sys.exit(main())
