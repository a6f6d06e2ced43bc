"""The images and the compose file, as far as they can be read without an engine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.replay_dockerfile import context, read

CHECKOUT = Path(__file__).resolve().parent.parent
STAGES = read(CHECKOUT / "Dockerfile")
COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
OURS = ("migrate", "web", "worker")


def locked(name):
    """The versions in a lock file."""
    text = (CHECKOUT / name).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def test_the_context_has_whatever_is_copied(tmp_path):
    context(tmp_path / "context")
    for stage in STAGES.values():
        for word, rest in stage.steps:
            if word == "COPY" and "--from" not in rest:
                assert all((tmp_path / "context" / name).exists() for name in rest.split()[:-1])


@pytest.mark.parametrize("left_out", ["tests", "var", ".git", ".env", "docs", "node_modules"])
def test_the_context_has_nothing_private_or_unneeded(tmp_path, left_out):
    context(tmp_path / "context")
    assert not (tmp_path / "context" / left_out).exists()


@pytest.mark.parametrize("name", ["requirements-web.lock", "requirements-worker.lock", "requirements-build.lock"])
def test_the_locks_of_the_images_are_parts_of_the_whole(name):
    assert set(locked(name).items()) <= set(locked("requirements.lock").items())
    assert "--hash=sha256:" in (CHECKOUT / name).read_text()


def test_the_web_image_has_no_tensorflow_and_the_worker_image_has_it():
    assert not {"tensorflow", "keras", "scikit-learn", "pytest"} & set(locked("requirements-web.lock"))
    assert {"tensorflow", "redis", "boto3"} <= set(locked("requirements-worker.lock"))
    assert {"redis", "boto3", "limits"} <= set(locked("requirements-web.lock"))


def test_images_run_as_a_user_and_the_last_is_the_web():
    assert list(STAGES)[-1] == "web"
    assert ("USER", "1000") in STAGES["base"].steps
    assert STAGES["web"].base == STAGES["worker"].base == "base"
    assert not any(word == "USER" for name in ("web", "worker") for word, _ in STAGES[name].steps)


# --- compose ---------------------------------------------------------------------------------------------------------


def test_only_the_proxy_is_reachable_from_outside():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_every_service_is_hardened_and_limited(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "mem_limit" in service
    assert not re.search(r":latest$|^[^:]+$", service["image"]) or service["image"].startswith("wingcheck-")


def test_no_secret_has_a_default_and_each_stands_in_the_example():
    text = (CHECKOUT / "docker-compose.yml").read_text()
    secrets = set(re.findall(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)([:?-]*)", text))
    assert {mark for _, mark in secrets} == {":?"}
    example = dict(re.findall(r"^(\w+)=(.*)$", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    assert {name: example[name] for name, _ in secrets} == {name: "" for name, _ in secrets}


@pytest.mark.parametrize("name", OURS)
def test_our_settings_are_settings(name):
    from app.core.settings import Settings

    known = {f"WINGCHECK_{field.upper()}" for field in Settings.model_fields}
    assert set(COMPOSE["services"][name]["environment"]) <= known


def test_the_proxy_is_the_only_one_whose_word_is_taken():
    proxy = COMPOSE["services"]["proxy"]["networks"]["inside"]["ipv4_address"]
    assert COMPOSE["services"]["web"]["environment"]["WINGCHECK_TRUSTED_PROXIES"] == proxy


def test_compose_reads_its_own_file(tmp_path):
    """`docker compose config`, or the older `docker-compose`, which knows no `name`."""
    for name in ("docker-compose.yml", ".env.example"):
        shutil.copy(CHECKOUT / name, tmp_path)
    example = re.sub(
        r"^(\w*(?:KEY|PASSWORD)\w*)=$", r"\1=made-for-this-test", _text(tmp_path / ".env.example"), flags=re.M
    )
    (tmp_path / ".env").write_text(example)
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and _works(command):
            break
    else:
        pytest.skip("no compose here")
    if command == ["docker-compose"]:
        path = tmp_path / "docker-compose.yml"
        path.write_text(re.sub(r"^name:.*\n", "", _text(path), flags=re.M))
    done = subprocess.run([*command, "config"], cwd=tmp_path, capture_output=True, text=True, env=_environment())
    assert done.returncode == 0, done.stderr
    (tmp_path / ".env").write_text("")
    done = subprocess.run([*command, "config"], cwd=tmp_path, capture_output=True, text=True, env=_environment())
    assert done.returncode != 0
    assert "set it in .env" in done.stderr


def _text(path):
    return path.read_text(encoding="utf-8")


def _environment():
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def _works(command):
    return subprocess.run([*command, "version"], capture_output=True).returncode == 0
