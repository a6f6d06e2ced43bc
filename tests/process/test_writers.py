"""Many writers on one SQLite database, in several processes: each gets its turn, and one that dies holds up nobody."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from app.core.db import make_engine

PROCESSES, THREADS, WRITES = 2, 8, 10
_WRITERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from sqlalchemy import event, text
from app.core.db import make_engine

engine = make_engine(sys.argv[1])
event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))

def write(number):
    with engine.begin() as connection:
        seen = connection.execute(text("SELECT n FROM counter")).scalar_one()
        connection.execute(text("UPDATE counter SET n = :n"), {"n": seen + 1})

threads, writes = int(sys.argv[2]), int(sys.argv[3])
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(write, range(threads * writes)))
"""
_HOLDER = """
import sys, time
from app.core.db import make_engine

with make_engine(sys.argv[1]).begin() as connection:
    print("holds", flush=True)
    time.sleep(600)
"""


def started(script: str, url: str) -> "subprocess.Popen[str]":
    """A process that runs the script on this database."""
    return subprocess.Popen(
        [sys.executable, "-c", script, url, str(THREADS), str(WRITES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_writer_gets_its_turn(tmp_path: Path):
    """Also behind one that was killed in the middle of a transaction, with others waiting for it."""
    url = f"sqlite:///{tmp_path / 'counter.db'}"
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter AS SELECT 0 AS n"))
    holder = started(_HOLDER, url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    writers = [started(_WRITERS, url) for _ in range(PROCESSES)]
    with engine.connect().execution_options(read_only=True) as connection:  # readers wait for no writer
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == 0
    holder.kill()
    holder.communicate()
    outputs = [writer.communicate(timeout=300) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES, outputs
    with engine.connect().execution_options(read_only=True) as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == PROCESSES * THREADS * WRITES
