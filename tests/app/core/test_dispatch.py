"""The messenger: ids go in, ids come out, and a queue that is down is no error."""

import json
import pickle
from pathlib import Path

import pytest

from app.core.dispatch import Dispatcher


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'queue' / 'queue.db'}"


def drain(dispatcher):
    """Run what waits; gives how many messages there were."""
    count = 0
    while (task := dispatcher.huey.dequeue()) is not None:
        dispatcher.huey.execute(task)
        count += 1
    return count


def test_a_message_of_one_process_reaches_the_handler_of_another(url):
    seen: list[int] = []
    assert Dispatcher(url).send(7)
    assert drain(Dispatcher(url, seen.append)) == 1
    assert seen == [7]


def test_messages_come_in_the_order_they_were_sent(url):
    seen: list[int] = []
    sender = Dispatcher(url)
    for job_id in (3, 1, 2):
        sender.send(job_id)
    drain(Dispatcher(url, seen.append))
    assert seen == [3, 1, 2]


def test_a_message_survives_the_process_that_sent_it(url):
    Dispatcher(url).send(7)
    Dispatcher(url).huey.storage.close()
    assert drain(Dispatcher(url, lambda job_id: None)) == 1


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\x00" + bytes(4000) + b"\xff" * 4000])
def test_a_damaged_queue_is_put_aside_and_a_new_one_made(url, tmp_path, content):
    path = tmp_path / "queue" / "queue.db"
    path.parent.mkdir()
    path.write_bytes(content)
    seen: list[int] = []
    assert Dispatcher(url).send(7)
    drain(Dispatcher(url, seen.append))
    assert seen == [7]
    [aside] = path.parent.glob("queue.db.damaged-*")
    assert aside.read_bytes() == content


def test_a_whole_queue_is_left_alone(url, tmp_path):
    Dispatcher(url).send(7)
    assert not Dispatcher(url).is_damaged()
    assert drain(Dispatcher(url, lambda job_id: None)) == 1
    assert not list((tmp_path / "queue").glob("*damaged*"))


def test_a_queue_that_is_down_is_told_and_raises_nothing(url, monkeypatch):
    dispatcher = Dispatcher(url)

    def down(*_, **__):
        raise ConnectionError("the queue is down")

    monkeypatch.setattr(dispatcher.huey.storage, "enqueue", down)
    assert dispatcher.send(7) is False


def test_a_process_that_only_sends_runs_nothing(url):
    dispatcher = Dispatcher(url)
    dispatcher.send(7)
    assert drain(dispatcher) == 1  # taken and refused, which the log tells


@pytest.mark.parametrize("wrong", ["mysql://localhost/queue", "amqp://localhost"])
def test_a_queue_that_we_can_not_use_is_refused_at_the_start(wrong):
    with pytest.raises(ValueError, match="sqlite, postgresql or redis"):
        Dispatcher(wrong)


def test_postgresql_can_carry_the_messages_too(postgresql_url):
    seen: list[int] = []
    Dispatcher(postgresql_url).send(7)
    receiver = Dispatcher(postgresql_url, seen.append)
    drain(receiver)
    receiver.huey.storage.close()
    assert seen == [7]


def test_only_its_owner_can_read_a_new_queue(url, tmp_path):
    Dispatcher(url).send(7)
    assert (tmp_path / "queue" / "queue.db").stat().st_mode & 0o077 == 0


def test_a_message_is_plain_text_and_what_is_none_runs_nothing(url, tmp_path):
    """Pickles, which huey would read, run whatever somebody else wrote into the queue."""
    seen: list[int] = []
    dispatcher = Dispatcher(url, seen.append)
    dispatcher.send(7)
    [message] = dispatcher.huey.storage.enqueued_items()
    assert json.loads(bytes(message))[6] == [7]

    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "trapped",)

    dispatcher.flush()
    dispatcher.huey.storage.enqueue(pickle.dumps(Trap()))
    assert dispatcher.waiting() == [0]
    with pytest.raises(ValueError, match="codec"):
        dispatcher.huey.dequeue()
    assert (seen, (tmp_path / "trapped").exists()) == ([], False)
