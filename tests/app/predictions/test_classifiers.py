"""What is loaded and answers: following a switch, and a bounded queue of photos."""

import json
import shutil
import threading

import pytest
from sqlalchemy import update

from app.core.db import transaction
from app.core.errors import ModelUnavailable, Overloaded
from app.predictions import classifiers
from app.predictions.classifiers import Classifiers
from app.predictions.inference import Answer, PhotoError
from app.predictions.tables import ModelVersion
from ml.inference import read_version
from tests.conftest import make_settings
from tests.factories import photo
from tests.versions import BUNDLED, BUNDLED_NUMBER, put_into_service, registered

# --- in service ------------------------------------------------------------------------------------------------------


def test_a_running_server_follows_a_switch_within_a_second(service, another, monkeypatch):
    serving = service.client.app.state.classifiers
    assert serving.current().info.version == BUNDLED_NUMBER
    put_into_service(service.sessions, service.settings, another)
    assert serving.current().info.version == BUNDLED_NUMBER  # not asked again at once
    monkeypatch.setattr(classifiers, "_RECHECK_SECONDS", 0)
    assert serving.current().info.version == "2.0.0"
    answer = service.client.post("/predict", files=[("file", ("a.jpg", photo()))]).json()
    assert answer["model"]["version"] == "2.0.0"


def test_without_an_active_version_there_is_no_answer(lite):
    with transaction(lite.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    with pytest.raises(ModelUnavailable, match="No model version is active"):
        lite.worker.classifiers.current()


def test_a_folder_that_is_gone_is_told(lite, another):
    put_into_service(lite.sessions, lite.settings, another)
    shutil.rmtree(lite.settings.model_dir)
    with pytest.raises(ModelUnavailable, match="is missing"):
        lite.worker.classifiers.current()


def test_a_damaged_folder_is_told(lite, another):
    put_into_service(lite.sessions, lite.settings, another)
    (lite.settings.model_dir / f"{read_version(another).name}-2.0.0" / "policy.json").unlink()
    with pytest.raises(ModelUnavailable, match=r"no policy\.json"):
        lite.worker.classifiers.current()


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_what_can_not_be_loaded_never_replaces_what_answers(lite, another, monkeypatch, damage):
    monkeypatch.setattr(classifiers, "_RECHECK_SECONDS", 0)
    serving = lite.worker.classifiers
    assert serving.current().info.version == BUNDLED_NUMBER
    put_into_service(lite.sessions, lite.settings, another)
    if damage == "gone":
        shutil.move(lite.settings.model_dir, lite.settings.model_dir.with_name("elsewhere"))
    else:
        (lite.settings.model_dir / f"{read_version(another).name}-2.0.0" / "policy.json").unlink()
    assert serving.current().info.version == BUNDLED_NUMBER
    assert serving.current().info.version == BUNDLED_NUMBER
    if damage == "gone":
        shutil.move(lite.settings.model_dir.with_name("elsewhere"), lite.settings.model_dir)
        monkeypatch.setattr(classifiers, "_RETRY_SECONDS", 0)
        assert serving.current().info.version == "2.0.0"


def test_while_one_loads_the_new_version_others_are_answered_by_the_present_one(lite, another, monkeypatch):
    monkeypatch.setattr(classifiers, "_RECHECK_SECONDS", 0)
    serving, loading, go_on = lite.worker.classifiers, threading.Event(), threading.Event()
    serving.current()
    put_into_service(lite.sessions, lite.settings, another)
    load = classifiers.load

    def slowly(*arguments):
        loading.set()
        go_on.wait(30)
        return load(*arguments)

    monkeypatch.setattr(classifiers, "load", slowly)
    first = threading.Thread(target=serving.current)
    first.start()
    loading.wait(30)
    assert serving.current().info.version == BUNDLED_NUMBER
    go_on.set()
    first.join(30)
    assert serving.current().info.version == "2.0.0"


def test_the_task_of_the_settings_serves_and_no_other(lite, another, tmp_path):
    manifest = json.loads((another / "model.json").read_text()) | {"task": "another-task"}
    (another / "model.json").write_text(json.dumps(manifest))
    put_into_service(lite.sessions, lite.settings, another)
    assert registered(lite.sessions) == [(BUNDLED_NUMBER, True), ("2.0.0", True)]
    for task, expected in [("", "2.0.0"), ("another-task", "2.0.0"), (read_version(BUNDLED).task, BUNDLED_NUMBER)]:
        serving = Classifiers(lite.sessions, make_settings(lite.settings.data_dir.parent, task=task))
        assert serving.current().info.version == expected
        serving.close()


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_photo_that_can_not_be_read_stands_in_its_place(lite):
    serving = lite.worker.classifiers
    answers = serving.answer(
        serving.current(), [(lambda: photo(1), None), (lambda: b"x", None), (lambda: photo(2), None)]
    )
    assert [type(answer) for answer in answers] == [Answer, PhotoError, Answer]


def test_a_photo_is_read_only_when_its_turn_comes(lite):
    """Waiting photos take no memory: with two threads no more than two are held at once."""
    settings = make_settings(lite.settings.data_dir.parent, prediction_threads=2)
    serving = Classifiers(lite.sessions, settings)
    held, most, lock = 0, 0, threading.Lock()

    def read():
        nonlocal held, most
        with lock:
            held += 1
            most = max(most, held)
        data = photo(1)
        with lock:
            held -= 1
        return data

    serving.answer(serving.current(), [(read, None)] * 12)
    serving.close()
    assert most <= 2


def test_what_reading_raises_reaches_the_caller_and_frees_the_place(lite):
    serving = lite.worker.classifiers

    def gone():
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        serving.answer(serving.current(), [(gone, None)])
    assert serving.line.waiting == 0


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(lite):
    serving = Classifiers(lite.sessions, make_settings(lite.settings.data_dir.parent, prediction_queue=1))
    served, go_on, arrived = serving.current(), threading.Event(), threading.Event()

    def slow():
        arrived.set()
        go_on.wait(30)
        return photo(1)

    waiting = threading.Thread(target=serving.answer, args=(served, [(slow, None)]))
    waiting.start()
    arrived.wait(30)
    with pytest.raises(Overloaded) as error:
        serving.answer(served, [(lambda: photo(1), None)])
    go_on.set()
    waiting.join(30)
    serving.close()
    assert error.value.retry_after > 0
