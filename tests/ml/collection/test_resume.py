"""A run that is killed goes on where it was; the server's own log says that nothing was asked for twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from ml.collection.errors import CollectError
from ml.collection.manifest import Manifest
from tests.ml.collection.conftest import manners, rows
from tests.ml.collection.flickr_server import KEY, SECRET, Fault

ROOT = Path(__file__).parents[3]


def command(server, folder, *options: str) -> list[str]:
    words = ["collect", "flickr", str(folder), "--keyword", "meadow brown=Maniola jurtina", "--size", "small-240"]
    quick = ["--rate", "1000", "--api-url", server.api_url, *options]
    return [sys.executable, "-c", "from ml.cli import app; app()", *words, *quick]


def environment() -> dict[str, str]:
    return os.environ | {"WINGCHECK_FLICKR_KEY": KEY, "WINGCHECK_FLICKR_SECRET": SECRET, "PYTHONPATH": str(ROOT)}


def test_after_kill_9_nothing_is_fetched_twice(flickr, folder, tmp_path):
    flickr.add(*range(101, 121))
    flickr.hold_images_after = 9
    (tmp_path / "request.toml").write_text("per_page = 6\n")
    words = command(flickr, folder, "--request", str(tmp_path / "request.toml"), "--max", "all")
    first = subprocess.Popen(words, env=environment(), cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        assert flickr.hold(folder) == 9
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait(10)
    pages = flickr.pages_asked()
    flickr.hold_images_after = None
    flickr.release.set()

    again = subprocess.run(
        words, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert again.returncode == 0, again.stderr
    assert Counter(flickr.whole_images()) == Counter(str(number) for number in range(101, 121))
    assert Counter(flickr.pages_asked()) == Counter({("meadow brown", str(page)): 1 for page in range(1, 5)})
    assert pages == flickr.pages_asked()[: len(pages)]
    kept = rows(folder)
    assert [row["status"] for row in kept.values()] == ["kept"] * 20
    assert all((folder / row["file_name"]).stat().st_size == row["bytes"] for row in kept.values())
    assert not (folder / ".arrived").exists()


def test_a_run_that_dies_before_it_can_say_so_takes_the_file_as_it_lies(flickr, run, folder, monkeypatch):
    flickr.add(101, 102, 103)
    settle, calls = Manifest.settle, []

    def dying(self, identifier, status, **columns):
        calls.append(identifier)
        if len(calls) == 2:
            raise MemoryError
        settle(self, identifier, status, **columns)

    monkeypatch.setattr(Manifest, "settle", dying)
    with pytest.raises(MemoryError):
        run()
    assert (folder / "maniola_jurtina" / "102.jpg").is_file()
    assert rows(folder)["102"]["status"] == "waiting"
    monkeypatch.setattr(Manifest, "settle", settle)
    assert run().kept == 3
    assert sorted(flickr.whole_images()) == ["101", "102", "103"]


def test_a_file_that_arrived_but_is_not_wanted_goes(flickr, run, folder):
    flickr.add(101)
    (folder / ".arrived").mkdir(parents=True)
    (folder / ".arrived" / "101").write_bytes(b"half a picture")
    assert run().keywords[0].skipped == {"not an image": 1}
    assert flickr.images == []
    assert not (folder / ".arrived").exists()


def test_two_runs_never_share_a_folder(flickr, run, access, folder):
    flickr.add(101)
    flickr.hold_images_after = 0
    thread = threading.Thread(target=lambda: run(how=manners(flickr, attempts=1)), daemon=True)
    thread.start()
    assert flickr.holding.wait(10)
    with pytest.raises(CollectError, match="Another run is collecting"):
        run()
    flickr.release.set()
    thread.join(20)
    assert not thread.is_alive()


def test_an_interrupted_run_does_not_wait_out_its_pauses(flickr, run, monkeypatch):
    flickr.add(*range(101, 105))
    flickr.endless_image_faults.update(
        {str(number): Fault(503, headers={"Retry-After": "200"}) for number in (102, 103, 104)}
    )
    monkeypatch.setattr(Manifest, "settle", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run()
    assert time.monotonic() - begun < 20


def test_a_manifest_of_another_format_is_refused(run, folder):
    folder.mkdir()
    (folder / "collection.db").write_bytes(b"this is no database, whatever its name says" * 50)
    with pytest.raises(CollectError, match=r"collection\.db can't be used"):
        run()
