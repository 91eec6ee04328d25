"""What people thought of findings on the pinned suites, read in context; the judgements themselves are in judgements.json.

A finding is known by its suite, its code and its place ("tests/test_x.py::TestA.test_b"; "#2" for the second of the same
code in that function), so that a judgement outlives the lines that move. Of a default rule every finding is judged, "right"
(true, and a fault or a risk) or "wrong"; of an opt-in rule a sample, "right", "fragile" (true, and a matter of luck or
speed), "opinion" (true, and harmless here) or "wrong".

A default rule with hundreds of findings (SAMPLED) is read by a sample of each suite too. Chance draws it, and the draw
depends on the place alone: a finding that comes or goes changes nothing for the others. The rest is only counted, so that
a new one shows as a difference from expected.json.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Iterator, NamedTuple

if TYPE_CHECKING:
    from ecosystem.run import Finding
    from ecosystem.sdists import Project

FILE = Path(__file__).with_name("judgements.json")
VERDICTS = ("right", "fragile", "opinion", "wrong")
SAMPLED = frozenset({"ATX302"})
LEAST, SHARE = 12, 0.1  # of a sampled rule: a dozen findings of each suite, or a tenth if that is more


class Judgement(NamedTuple):
    """A verdict and its reason in a few words."""

    verdict: str
    why: str


Judgements = dict[tuple[str, str, str], Judgement]


def is_opt_in(code: str) -> bool:
    return code.startswith("ATX9")


def draw(place: str) -> bytes:
    """The place of a finding in the order that chance gave once for all."""
    return hashlib.sha256(place.encode()).digest()


def to_read(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of default rules in one suite that somebody has to judge: all, of a sampled rule the sample."""
    sampled: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.code in SAMPLED:
            sampled[finding.code].append(finding)
        elif not is_opt_in(finding.code):
            yield finding
    for several in sampled.values():
        several.sort(key=lambda finding: draw(finding.place))
        yield from several[: max(LEAST, round(SHARE * len(several)))]


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
