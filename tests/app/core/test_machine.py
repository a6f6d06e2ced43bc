"""How much of its machine a process may use, as control groups say."""

import pytest

from app.core import machine


@pytest.fixture
def group(tmp_path, monkeypatch):
    """The folder of this process's control group, two levels down."""
    own = tmp_path / "own"
    own.write_text("9:memory:/elsewhere\n0::/system.slice/wingcheck.service\n")
    monkeypatch.setattr(machine, "_OWN", own)
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)
    folder = tmp_path / "cgroup" / "system.slice" / "wingcheck.service"
    folder.mkdir(parents=True)
    return folder


def test_without_limits_it_is_the_machine(group):
    (group / "cpu.max").write_text("max 100000\n")
    (group / "memory.max").write_text("max\n")
    assert machine.cores() == 16
    assert machine.memory() > 100_000_000


@pytest.mark.parametrize(
    ("quota", "cores"), [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("9900000 100000", 16)]
)
def test_cores_are_what_the_quota_allows(group, quota, cores):
    (group / "cpu.max").write_text(quota + "\n")
    assert machine.cores() == cores


def test_the_group_around_it_counts_too(group):
    (group / "memory.max").write_text("800000000\n")
    (group.parent / "memory.max").write_text("300000000\n")
    (group.parent.parent / "cpu.max").write_text("300000 100000\n")
    assert machine.memory() == 300_000_000
    assert machine.cores() == 3


def test_where_there_are_no_such_groups_it_is_the_machine(group, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_OWN", tmp_path / "nothing")
    assert machine.cores() == 16
