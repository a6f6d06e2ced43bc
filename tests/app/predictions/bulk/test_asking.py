"""Many photos are answered by several processes, in order, whatever becomes of one of them."""

import os
import signal
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from app.predictions.bulk import asking
from app.predictions.bulk.sources import Source
from app.predictions.classifiers import offline_version
from app.predictions.inference import ModelVersionError
from tests.conftest import make_settings
from tests.factories import photo
from tests.running import alive, eventually
from tests.versions import make_version


@pytest.fixture
def sources(tmp_path):
    """More photos than are answered without other processes; one of them is none."""
    found = []
    for number in range(asking.FEW + 4):
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(b"words" if number == 3 else photo(number))
        found.append(Source(file.name, file))
    return found


def test_every_process_says_the_same_in_the_order_of_the_photos(sources, info, tmp_path):
    settings = make_settings(tmp_path)
    many = list(asking.answers(sources, info, settings, 2))
    few = [row for source in sources for row in asking.answers([source], info, settings, 2)]
    assert many == few
    assert [row["filename"] for row in many] == [source.name for source in sources]
    assert [row["filename"] for row in many if "error" in row] == ["3.jpg"]


def test_the_photo_that_two_processes_died_of_is_told_and_all_others_are_answered(sources, info, tmp_path):
    fifo = tmp_path / "fifo.jpg"
    os.mkfifo(fifo)
    sources.insert(2, Source("deadly.jpg", fifo))
    killing = threading.Thread(target=_kill_readers, args=(fifo, 2))
    killing.start()
    rows = list(asking.answers(sources, info, make_settings(tmp_path), 2))
    killing.join()
    assert [row["filename"] for row in rows] == [source.name for source in sources]
    assert rows[2]["error"] == {"kind": "undecodable", "detail": "The process that read this photo crashed."}
    assert [row["filename"] for row in rows if "error" in row] == ["deadly.jpg", "3.jpg"]


def test_a_photo_over_which_a_process_died_once_gets_a_second_try(sources, info, tmp_path):
    fifo = tmp_path / "fifo.jpg"
    os.mkfifo(fifo)
    sources.insert(2, Source("unlucky.jpg", fifo))

    def kill_once_and_give_the_photo_then():
        [writing] = _kill_readers(fifo, 1)
        eventually(lambda: any(_holds(pid, fifo) for pid in _children()), "another one reads from the pipe")
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(photo(2))

    helping = threading.Thread(target=kill_once_and_give_the_photo_then)
    helping.start()
    rows = list(asking.answers(sources, info, make_settings(tmp_path), 2))
    helping.join()
    assert rows[2]["filename"] == "unlucky.jpg"
    assert rows[2]["predictions"] == rows[3]["predictions"]


def test_when_nobody_reads_on_no_process_is_left(sources, info, tmp_path):
    with closing(asking.answers(sources, info, make_settings(tmp_path), 2)) as rows:
        next(rows)
        assert len(_children()) == 2
    assert _children() == []


def test_a_version_that_can_not_be_loaded_is_told(sources, tmp_path):
    folder = make_version(tmp_path)
    damaged = offline_version(folder)
    (folder / "model.tflite").unlink()
    with pytest.raises(ModelVersionError):
        list(asking.answers(sources, damaged, make_settings(tmp_path), 2))
    assert _children() == []


def _kill_readers(fifo: Path, times: int) -> list[int]:
    """SIGKILL to whoever reads from the pipe, one after the other. Returns the pipe's writing ends: while one is open, the
    next reader waits instead of finding an empty file.
    """
    open_ends: list[int] = []
    for _ in range(times):
        writing = eventually(lambda: _opened(fifo), "somebody reads from the pipe")
        reader = eventually(
            lambda: next(filter(lambda pid: _holds(pid, fifo), _children()), None), "who it is, is known"
        )
        os.kill(reader, signal.SIGKILL)
        eventually(partial(_dead, reader), "it is dead")
        assert writing is not None
        open_ends.append(writing)
    return open_ends


def _dead(pid: int) -> bool:
    return not alive(pid)


def _opened(fifo: Path) -> int | None:
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None  # nobody reads


def _holds(pid: int, file: Path) -> bool:
    try:
        return any(link.resolve() == file for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _children() -> list[int]:
    """Processes that were started to answer, and live."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for pid in map(int, (task / "children").read_text().split()):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"spawn_main" in command:
                found.append(pid)
    return found
