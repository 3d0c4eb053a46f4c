"""The command ``millau``; ``python -m millau`` is the same."""

import sys

from millau._engine import main as _run


def main() -> int:
    """Run the command line of this process and give its exit code."""
    return _run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
