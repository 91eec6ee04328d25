"""The small part of the ecosystem run, as CI runs it, and what the run says of differences."""

from __future__ import annotations

import hashlib

import pytest
from ecosystem import run, sdists

PROJECT = sdists.Project("one", "1.0", "", 2, 3, {"ATX101": 2, "ATX302": 1})


def test_small_part_finds_what_is_expected(capsys):
    try:
        changed = run.main(["--small"])
    except sdists.Unreachable as error:
        pytest.skip(f"the package index cannot be reached: {error}")
    assert not changed, capsys.readouterr().out


def test_every_difference_is_reported():
    outcome = run.Outcome(2, 4, {"ATX302": 1, "ATX401": 5}, 0.0, "")
    assert list(run.differences(PROJECT, outcome)) == [
        "one: 4 async_tests, expected 3",
        "one: 0 ATX101, expected 2",
        "one: 5 ATX401, expected 0",
    ]


def test_counts_ignore_codes_inside_messages():
    assert run.counts("a.py:1:1: ATX101 not ATX102 but b.py:1:1: ATX103 \n./b c.py:12:3: ATX101 x\nnoise") == {"ATX101": 2}


def test_another_archive_than_the_pinned_one_is_refused(tmp_path):
    archive = tmp_path / "one-1.0.tar.gz"
    archive.write_bytes(b"changed")
    with pytest.raises(ValueError, match=hashlib.sha256(b"changed").hexdigest()):
        sdists._checked(archive, PROJECT)


def test_unknown_project_is_refused():
    with pytest.raises(SystemExit, match="not pinned: nosuch"):
        run.main(["--only", "nosuch"])
