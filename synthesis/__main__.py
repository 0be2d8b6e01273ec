"""`atc` and `python -m synthesis`: the command line, if nothing shadows what it needs."""

from __future__ import annotations

import sys

from synthesis import shadowed


def main() -> int:
    """Run the command line and return its exit code."""
    if problem := shadowed():
        print(problem, file=sys.stderr)
        return 2
    from synthesis import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
