"""Every process killed or halted while submissions come in: what was answered is there, once and whole; the rest goes on."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from app.core.db import reading
from app.submissions.tables import Submission
from tests.factories import photo
from tests.running import Server, alive, eventually
from tests.wholeness import faults, leftovers, working

SERIES = [("serve", signal.SIGKILL), ("worker", signal.SIGKILL), ("serve", signal.SIGSTOP), ("worker", signal.SIGSTOP)]
SENDERS = 3


class Sender(threading.Thread):
    """A program that sends one submission after the other, each until it has an answer. ``answered``: tokens by key."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.answered: dict[str, str] = {}
        self.refused: list[str] = []
        self.over = threading.Event()
        self._url = url

    def run(self) -> None:
        while not self.over.is_set():
            self._send(str(uuid.uuid4()), photo(uuid.uuid4().int % 1_000_000))

    def _send(self, key: str, picture: bytes) -> None:
        while True:
            try:
                with httpx2.Client(base_url=self._url, trust_env=False, timeout=180) as client:
                    answer = client.post(
                        "/api/v1/submissions",
                        headers={"Idempotency-Key": key},
                        files={"file": ("a.jpg", picture)},
                        data={"claim": "unknown"},
                    )
            except httpx2.TransportError:
                time.sleep(0.1)
                continue
            # A process that was stopped while it held the lock for writing keeps the others out until it is killed. They say so
            # after ten seconds, and that nothing was lost.
            if answer.status_code == 503 and "Nothing was lost; please try again." in answer.text:
                continue
            if answer.status_code in {200, 201}:
                self.answered[key] = answer.json()["token"]
            else:
                self.refused.append(answer.text)
            return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(
        tmp_path,
        WINGCHECK_PROCESSES="2",
        WINGCHECK_HUNG_SECONDS="5",
        WINGCHECK_JOB_LOST_SECONDS="4",
        WINGCHECK_RATE_LIMIT_SUBMISSIONS="",
    )
    yield server.start()
    server.close()


def test_nothing_that_was_answered_is_lost_and_nothing_is_there_twice(server: Server):
    senders = [Sender(server.url) for _ in range(SENDERS)]

    def count() -> int:
        return sum(len(sender.answered) for sender in senders)

    def goes_on() -> None:
        reached = count() + 2
        eventually(lambda: count() > reached, f"submissions are taken\n{server.log[-2000:]}", 120)

    for sender in senders:
        sender.start()
    try:
        goes_on()
        for name, how in SERIES:
            pid = eventually(lambda: server.child(name), f"a {name} runs", 120)  # noqa: B023
            os.kill(pid, how)
            eventually(lambda: not alive(pid), f"{name} {pid} has gone", 120)  # noqa: B023
            number = 2 if name == "serve" else 1
            eventually(lambda: len(server.all_children(name)) == number, f"another {name} runs", 120)  # noqa: B023
            goes_on()
        children = server.children()
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        eventually(lambda: not any(map(alive, children)), "nobody is left behind")
        server.start()
        goes_on()
    finally:
        for sender in senders:
            sender.over.set()
        for sender in senders:
            sender.join(180)
    eventually(lambda: working(server.sessions) == 0, f"every job is done\n{server.log[-2000:]}", 120)
    answered = [token for sender in senders for token in sender.answered.values()]
    with reading(server.sessions) as session:
        assert sorted(session.scalars(select(Submission.token))) == sorted(answered)
    assert [refusal for sender in senders for refusal in sender.refused] == []
    assert faults(server.sessions, server.data / "photos") == []
    # A file that was being written stays half-written; the doctor removes those.
    left = leftovers(server.sessions, server.data / "photos")
    assert {name for name in left if ".writing-" not in name} == set()
    assert "has not moved for 5 s" in server.log
