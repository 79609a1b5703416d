"""``python -m ontogym``."""

import sys

from ontogym.cli import main

if __name__ == "__main__":
    sys.exit(main())
