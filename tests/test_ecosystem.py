"""The small part of the ecosystem run, as CI runs it, and what the run and the report say of findings."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest
from ecosystem import judgements, report, run, sdists

PROJECT = sdists.Project("one", "1.0", 2, 3, {"ATX101": 2, "ATX302": 1})
FINDING = run.Finding("tests/test_a.py", 7, "ATX302", "message", "tests/test_a.py::test_b")


def outcome(*findings: run.Finding, async_tests: int = 3) -> run.Outcome:
    return run.Outcome(2, async_tests, 0.0, list(findings))


def test_small_part_finds_what_is_expected(capsys):
    try:
        changed = run.main(["--small"])
    except sdists.Unreachable as error:
        pytest.skip(f"the package index cannot be reached: {error}")
    assert not changed, capsys.readouterr().out


def test_every_difference_is_reported():
    found = [FINDING._replace(code=code) for code in ("ATX302", *["ATX401"] * 5)]
    assert list(run.differences(PROJECT, outcome(*found, async_tests=4))) == [
        "one: 4 async_tests, expected 3",
        "one: 0 ATX101, expected 2",
        "one: 5 ATX401, expected 0",
    ]


def test_findings_name_their_place(tmp_path):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_a.py").write_text("import time\n\nclass TestA:\n    async def test_b(self):\n        time.sleep(1); time.sleep(1)\n")
    (tests / "test_broken.py").write_text("async def test_\n")
    found = run.lint(tmp_path)
    assert (found.files, found.async_tests, found.counts) == (2, 2, {"ATX606": 2})
    assert [finding.place for finding in found.findings] == ["tests/test_a.py::TestA.test_b", "tests/test_a.py::TestA.test_b#2"]


def test_a_decorator_belongs_to_its_function(tmp_path):
    (tmp_path / "test_a.py").write_text("import pytest\n\n@pytest.mark.asyncio('x')\nasync def test_b(): ...\n")
    assert [finding.place for finding in run.lint(tmp_path).findings] == ["test_a.py::test_b"]


@pytest.mark.parametrize("suite", ["", "owner/one"])
def test_every_finding_of_a_default_rule_wants_a_judgement(suite):
    several = [FINDING._replace(place=f"a.py::{number}") for number in range(450)]
    lines = list(run.unjudged(PROJECT._replace(suite=suite), outcome(*several, FINDING._replace(code="ATX904")), {}))
    assert len(lines) == 450
    assert lines[0] == "one: not judged: tests/test_a.py:7 ATX302 message [a.py::0]"
    assert len(report.unjudged([judged("one", number, "ATX302") for number in range(450)])) == 450


@pytest.mark.parametrize("suite", ["one", "owner/one"])
def test_a_judgement_holds_for_the_other_version_of_a_project(suite):
    judged = {(suite, "ATX302", FINDING.place): judgements.Judgement("right", "true")}
    assert not list(run.unjudged(PROJECT._replace(suite="owner/one"), outcome(FINDING), judged))


def test_a_judgement_of_what_is_no_longer_found_is_reported():
    judged = {("one", "ATX302", FINDING.place): judgements.Judgement("right", "true")}
    assert list(run.unjudged(PROJECT, outcome(), judged)) == ["one: judged, but not found: ATX302 [tests/test_a.py::test_b]"]


def test_judgements_are_of_pinned_suites_and_known_rules():
    for suite, code, place in judgements.load():
        assert suite in sdists.every()
        assert code in report.RULES
        assert ".py::" in place


@pytest.mark.parametrize(("verdict", "places", "problem"), [("fragile", ["a.py::b"], "none of right, wrong"),
                                                            ("right", ["a.py::b", "a.py::b"], "judged twice")])  # fmt: skip
def test_bad_judgements_are_refused(tmp_path, verdict, places, problem):
    file = tmp_path / "judgements.json"
    file.write_text(json.dumps([{"suite": "one", "code": "ATX302", "verdict": verdict, "why": "", "places": places}]))
    with pytest.raises(ValueError, match=problem):
        judgements.load(file)


def judged(suite: str, number: int, code: str = "ATX904") -> report.Judged:
    return report.Judged(suite, FINDING._replace(code=code, place=f"a.py::{number}"), report.UNKNOWN)


def test_a_sample_takes_from_each_suite_in_turn():
    found = report.sample([judged("big", number) for number in range(100)] + [judged("small", number) for number in range(3)])
    assert len(found) == report.SAMPLE
    assert [one.suite for one in found[:7]] == ["big", "small", "big", "small", "big", "small", "big"]


def test_a_finding_more_adds_at_most_one_to_a_sample():
    several = [judged("one", number) for number in range(101)]
    assert len({*report.sample(several[::-1])} - {*report.sample(several[:-1])}) <= 1


def test_what_is_left_to_judge():
    known = judged("big", 1, "ATX101")._replace(judgement=judgements.Judgement("wrong", "because"))
    every = [known, judged("big", 2, "ATX101"), *(judged("big", number) for number in range(100))]
    assert len(report.unjudged(every)) == 1 + report.SAMPLE


def test_the_document_says_what_was_found(monkeypatch):
    monkeypatch.setattr(judgements, "load", lambda: {("one", "ATX101", FINDING.place): judgements.Judgement("right", "it is skipped")})
    found = outcome(FINDING, *(FINDING._replace(code=code) for code in ("ATX101", "ATX904")), FINDING._replace(code="ATX101", line=9, place="b"))
    text = report.document({"one": (PROJECT, found)})
    assert "| one | 1.0 | 2 | 3 | 0.0 | 1 | 0 | 2 |" in text
    assert "- one: ATX101 2, ATX302 1; opt-in: ATX904 1" in text
    assert "| ATX101 unmarked-async-test | 2 | 1 | 0 | 100 % |" in text
    assert "| ATX302 called-but-maybe-not-awaited | 1 | 0 | 0 | - |" in text
    assert "### ATX302" in text.partition("## Every finding")[2]
    assert "| ATX904 sleep-before-assert | 1 | 1 | 333.3 | 0 | 0 | 0 | 0 | 0 |" in text
    assert "- **right**, one: it is skipped\n  - `tests/test_a.py`: 7\n- **not judged**, one" in text


def test_another_archive_than_the_pinned_one_is_refused(tmp_path):
    archive = tmp_path / "one-1.0.tar.gz"
    archive.write_bytes(b"changed")
    with pytest.raises(ValueError, match=hashlib.sha256(b"changed").hexdigest()):
        sdists._checked(archive, PROJECT)


def git(*words: object) -> str:
    configuration = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *configuration, *map(str, words)], check=True, capture_output=True, text=True).stdout.strip()


def test_a_checkout_is_of_its_commit(tmp_path):
    home = tmp_path / "owner" / "one"
    git("init", "-q", home)
    git("-C", home, "config", "uploadpack.allowAnySHA1InWant", "true")
    (home / "test_a.py").write_text("first")
    git("-C", home, "add", ".")
    git("-C", home, "commit", "-q", "-m", "first")
    commit = git("-C", home, "rev-parse", "HEAD")
    (home / "test_a.py").write_text("second")
    git("-C", home, "commit", "-q", "-a", "-m", "second")
    project = PROJECT._replace(name=f"file://{home}", version=commit)
    fetched = sdists.unpacked(project, tmp_path / "cache")
    assert fetched == tmp_path / "cache" / f"one-{commit}"
    assert (fetched / "test_a.py").read_text() == "first"
    with pytest.raises(sdists.Unreachable, match="file:///nowhere"):
        sdists.unpacked(project._replace(name="file:///nowhere"), tmp_path / "cache")


def test_unknown_project_is_refused():
    with pytest.raises(SystemExit, match="not pinned: nosuch"):
        run.main(["--only", "nosuch"])
