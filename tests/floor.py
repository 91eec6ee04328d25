"""Print the measured coverage, and fail below what the project holds: `coverage json -o FILE && python tests/floor.py FILE`.

coverage's own `fail_under` knows one figure, of lines and branches together.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FLOOR = {"statements": 97, "branches": 93}


def main() -> int:
    totals = json.loads(Path(sys.argv[1]).read_text())["totals"]
    low = False
    for what, least in FLOOR.items():
        covered, every = totals[f"covered_{'lines' if what == 'statements' else what}"], totals[f"num_{what}"]
        percent = 100 * covered / every
        low |= percent < least
        print(f"coverage of {what}: {percent:.2f} percent ({covered} of {every}), at least {least}")
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
