"""What people thought of findings on the pinned suites, read in context; the judgements themselves are in judgements.json.

A finding is known by its suite, its code and its place ("tests/test_x.py::TestA.test_b"; "#2" for the second of the same
code in that function), so that a judgement outlives the lines that move. Of a default rule every finding is judged, "right"
(true, and a fault or a risk) or "wrong"; of an opt-in rule a sample, "right", "fragile" (true, and a matter of luck or
speed), "opinion" (true, and harmless here) or "wrong".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ecosystem.sdists import Project

FILE = Path(__file__).with_name("judgements.json")
VERDICTS = ("right", "fragile", "opinion", "wrong")


class Judgement(NamedTuple):
    """A verdict and its reason in a few words."""

    verdict: str
    why: str


Judgements = dict[tuple[str, str, str], Judgement]


def is_opt_in(code: str) -> bool:
    return code.startswith("ATX9")


def of(judged: Judgements, project: Project, code: str, place: str) -> Judgement | None:
    """The judgement of a finding, in this version of the project or in the one that it was judged as."""
    return judged.get((project.name, code, place)) or judged.get((project.suite, code, place))


def load(path: Path = FILE) -> Judgements:
    """The judgements by suite, code and place."""
    found: Judgements = {}
    for group in json.loads(path.read_text("utf8")):
        allowed = VERDICTS if is_opt_in(group["code"]) else ("right", "wrong")
        if group["verdict"] not in allowed:
            raise ValueError(f"{group['suite']} {group['code']}: {group['verdict']} is none of {', '.join(allowed)}")
        for place in group["places"]:
            key = group["suite"], group["code"], place
            if key in found:
                raise ValueError(f"judged twice: {key}")
            found[key] = Judgement(group["verdict"], group["why"])
    return found
