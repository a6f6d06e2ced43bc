"""Settings: defaults that need nothing, names in the environment, a key of its own."""

import stat

import pytest
from pydantic import SecretStr, ValidationError

from app.core.settings import Settings, _secrets_dir
from tests.app.volunteers.test_submitting_twice import at_the_same_moment


def settings(folder, **values):
    return Settings(_env_file=None, data_dir=folder, **values)


def test_everything_lies_in_the_data_folder_unless_said_otherwise(tmp_path):
    found = settings(tmp_path)
    assert found.database_url == f"sqlite:///{tmp_path}/wingcheck.db"
    assert found.queue_url == f"sqlite:///{tmp_path}/queue.db"
    assert (found.photo_dir, found.model_dir) == (tmp_path / "photos", tmp_path / "models")


def test_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("WINGCHECK_PORT", "9123")
    monkeypatch.setenv("WINGCHECK_RUNTIME", "savedmodel")
    found = Settings(_env_file=None)
    assert (found.port, found.runtime) == (9123, "savedmodel")


def test_a_secret_may_be_a_file_and_the_environment_goes_before_it(tmp_path, monkeypatch):
    (tmp_path / "wingcheck_secret_key").write_text("from-a-file\n")
    (tmp_path / "wingcheck_s3_secret_access_key").write_text("from-a-file\n")
    monkeypatch.setenv("WINGCHECK_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("WINGCHECK_S3_SECRET_ACCESS_KEY", "from-the-environment")
    found = Settings(_env_file=None, _secrets_dir=_secrets_dir())
    assert found.signing_key() == "from-a-file"
    assert found.s3_secret_access_key == SecretStr("from-the-environment")
    monkeypatch.setenv("WINGCHECK_SECRETS_DIR", str(tmp_path / "none"))
    assert _secrets_dir() is None


@pytest.mark.parametrize(
    "values", [{"port": 70_000}, {"runtime": "onnx"}, {"prediction_queue": 0}, {"default_language": "fr"}], ids=str
)
def test_what_can_not_be_is_refused(tmp_path, values):
    with pytest.raises(ValidationError):
        settings(tmp_path, **values)


@pytest.mark.parametrize(
    ("cores", "megabytes", "processes"), [(2, 24_000, 2), (16, 64_000, 16), (64, 1_000, 2), (8, 300, 1)]
)
def test_there_are_as_many_processes_as_cores_and_memory_allow(tmp_path, monkeypatch, cores, megabytes, processes):
    monkeypatch.setattr("app.core.machine.cores", lambda: cores)
    monkeypatch.setattr("app.core.machine.memory", lambda: megabytes * 1_000_000)
    found = settings(tmp_path)
    assert (found.processes, found.prediction_threads) == (processes, cores)


@pytest.mark.parametrize(
    ("cores", "megabytes", "decoding", "prepared"),
    [(1, 1_000, 64, 2), (2, 24_000, 64, 2), (16, 64_000, 512, 16), (64, 8_000, 500, 64)],
)
def test_what_decodes_together_follows_the_machine(tmp_path, monkeypatch, cores, megabytes, decoding, prepared):
    monkeypatch.setattr("app.core.machine.cores", lambda: cores)
    monkeypatch.setattr("app.core.machine.memory", lambda: megabytes * 1_000_000)
    found = settings(tmp_path)
    assert (found.decode_together_megabytes, found.prepared_together) == (decoding, prepared)
    assert settings(tmp_path, decode_together_megabytes=20).decode_together_megabytes == 20


@pytest.mark.parametrize(("whole", "part"), [((64, 2), (64, 2)), ((512, 16), (128, 4)), ((20, 1), (20, 1))])
def test_each_process_has_room_for_a_costly_photo_and_others(tmp_path, whole, part):
    all_of_it = settings(tmp_path, decode_together_megabytes=whole[0], prepared_together=whole[1])
    shared = all_of_it.shared_out(4, "/shared")
    assert (shared.decode_together_megabytes, shared.prepared_together) == part


def test_what_is_meant_for_all_processes_is_shared_out(tmp_path):
    all_of_it = settings(tmp_path, max_connections=500, prediction_threads=4, prediction_queue=65)
    part = all_of_it.shared_out(3, "/shared")
    assert (part.max_connections, part.prediction_threads, part.prediction_queue) == (167, 2, 22)
    assert part.rate_limit_url == "sqlite:////shared/counts.sqlite"
    assert settings(tmp_path, rate_limit_url="database").shared_out(3, "/shared").rate_limit_url == "database"
    assert all_of_it.rate_limit_url == "memory://"


def test_a_key_is_made_once_and_kept(tmp_path):
    key = settings(tmp_path).signing_key()
    assert len(key) >= 40
    assert settings(tmp_path).signing_key() == key


def test_only_the_owner_reads_the_key(tmp_path):
    settings(tmp_path).signing_key()
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_processes_that_start_together_agree_on_the_key(tmp_path):
    assert len(set(at_the_same_moment(*[settings(tmp_path / "new").signing_key] * 8))) == 1


def test_a_key_that_was_set_is_used_and_none_is_written(tmp_path):
    assert settings(tmp_path, secret_key="ours").signing_key() == "ours"
    assert list(tmp_path.iterdir()) == []


def test_the_key_does_not_show_when_settings_are_printed(tmp_path):
    assert "ours" not in repr(settings(tmp_path, secret_key="ours"))
