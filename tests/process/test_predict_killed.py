"""`wingcheck predict` over many photos, stopped in the middle: what is done is kept, nobody is left, and it goes on."""

import csv
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.factories import photo
from tests.running import alive, command, environment, eventually

MANY = 20


@pytest.fixture
def photos(tmp_path):
    """A folder of photos, and a pipe that lets the work stand still behind them until a photo is written into it."""
    (tmp_path / "photos").mkdir()
    for number in range(MANY):
        (tmp_path / "photos" / f"{number:02d}.jpg").write_bytes(photo(number))
    os.mkfifo(tmp_path / "last.jpg")
    return tmp_path


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    call = command("predict", "photos", "last.jpg", "--output", "results.csv", "--processes", "2", *options)
    return subprocess.Popen(
        call,
        cwd=folder,
        env=environment(folder / "data"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_hear_ctrl_c,
    )


def _hear_ctrl_c() -> None:
    """Also where the tests run in the background of a shell, which has its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def waits_for_the_last(folder: Path) -> bool:
    return (folder / "results.csv").exists() and len(rows(folder)) == MANY


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def goes_on(folder: Path) -> None:
    """With the last photo in place of the pipe, every photo has one row in the end."""
    (folder / "last.jpg").unlink()
    (folder / "last.jpg").write_bytes(photo(99))
    process = start(folder, "--resume")
    assert "20 photos had their results already" in process.communicate()[1]
    assert process.returncode == 0
    found = rows(folder)
    assert [row["filename"] for row in found] == [*(f"photos/{number:02d}.jpg" for number in range(MANY)), "last.jpg"]
    assert all(row["decision"] for row in found)


def test_after_a_kill_no_process_is_left_and_the_work_goes_on(photos):
    process = start(photos)
    eventually(lambda: waits_for_the_last(photos), "all but the last are answered")
    left = children(process.pid)
    assert len(left) >= 2
    process.kill()
    process.wait()
    # Whoever reads the pipe has that as its reason to stay; when that ends, it finds its parent gone.
    (photos / "last.jpg").write_bytes(b"no photo")
    eventually(lambda: not any(map(alive, left)), "the others leave")
    assert len(rows(photos)) == MANY
    goes_on(photos)


def test_ctrl_c_ends_all_at_once_and_says_how_to_go_on(photos):
    process = start(photos)
    eventually(lambda: waits_for_the_last(photos), "all but the last are answered")
    left = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert told.splitlines()[-1] == "Stopped; continue results.csv with --resume"
    assert "Traceback" not in told
    eventually(lambda: not any(map(alive, left)), "the others are gone")
    goes_on(photos)
