"""The images and the compose file, as far as they can be read without an engine; scripts/try_images.py builds and starts them."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from scripts.container_engines import secrets_of_the_builder
from scripts.shrink_packages import LANGUAGES, remove, unused

CHECKOUT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
OURS = ("migrate", "web", "worker")
HEX = "0123456789abcdef" * 4


@dataclass
class Stage:
    """One FROM with what follows it."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)


def read(dockerfile):
    """The stages, by name, in their order."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    stages = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            current = stages[name] = Stage(base)
        elif word and word != "ARG":
            current.steps.append((word, rest))
    return stages


def in_the_context():
    """The names that .dockerignore lets in again."""
    lines = (CHECKOUT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    return {line[1:] for line in lines if line.startswith("!")}


STAGES = read(CHECKOUT / "Dockerfile")


def locked(name):
    """The versions in a lock file."""
    text = (CHECKOUT / name).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def test_the_context_has_whatever_is_copied_and_nothing_private():
    names = in_the_context()
    assert all((CHECKOUT / name).exists() for name in names)
    assert not names & {"tests", "var", ".git", ".env", "secrets", "docs", "node_modules", "static/vendor"}
    copied = [
        rest.split()[:-1]
        for stage in STAGES.values()
        for word, rest in stage.steps
        if word == "COPY" and "--from" not in rest
    ]
    for name in {name for found in copied for name in found} - {"."}:
        assert name in names or name.partition("/")[0] in names


@pytest.mark.parametrize("name", ["requirements-web.lock", "requirements-worker.lock", "requirements-build.lock"])
def test_the_locks_of_the_images_are_parts_of_the_whole(name):
    assert set(locked(name).items()) <= set(locked("requirements.lock").items())
    assert "--hash=sha256:" in (CHECKOUT / name).read_text()


def test_the_web_image_has_no_tensorflow_and_the_worker_image_has_it():
    assert not {"tensorflow", "keras", "scikit-learn", "pytest"} & set(locked("requirements-web.lock"))
    assert {"tensorflow", "redis", "boto3"} <= set(locked("requirements-worker.lock"))
    assert {"redis", "boto3", "limits"} <= set(locked("requirements-web.lock"))


def test_images_run_as_a_user_say_how_they_are_and_the_last_is_the_web():
    assert list(STAGES)[-1] == "web"
    assert ("USER", "1000") in STAGES["base"].steps
    for name, check in (("web", '["wingcheck", "health"]'), ("worker", '["wingcheck", "health", "--worker"]')):
        assert STAGES[name].base == "base"
        assert [rest.partition("CMD ")[2] for word, rest in STAGES[name].steps if word == "HEALTHCHECK"] == [check]
        assert not any(word == "USER" for word, _ in STAGES[name].steps)


def test_whatever_is_installed_has_a_hash():
    """Each `pip install` has a lock with hashes, except for the wheel that was just built."""
    assert any(word == "ENV" and "PIP_REQUIRE_HASHES=1" in rest for word, rest in STAGES["tools"].steps)
    runs = [rest for stage in STAGES.values() for word, rest in stage.steps if word == "RUN" and " install " in rest]
    without = [run for run in runs if "pip" in run and "--requirement requirements-" not in run]
    assert all("--no-index --no-deps /wheels/*.whl" in run for run in without)
    assert {stage.base for stage in STAGES.values()} - set(STAGES) == {"${BASE_IMAGE}"}


def test_what_an_image_never_uses_is_removed(tmp_path):
    kept = [
        "numpy/testing/__init__.py",
        "jinja2/tests.py",
        "babel/locale-data/nl_BE.dat",
        "babel/locale-data/root.dat",
        "botocore/data/s3/model.json",
        "botocore/data/endpoints.json",
        "ai_edge_litert/libLiteRt.so",
        "ml/pretrained/a/model.tflite",
        "ml/pretrained/a/names/model.tflite",
    ]
    gone = [
        "numpy/lib/tests/data/a.npy",
        "babel/locale-data/fr.dat",
        "botocore/data/ec2/model.json",
        "ai_edge_litert/vendors/a.so",
        "tensorflow/include/a.h",
    ]
    for_tensorflow = ["ml/pretrained/a/model.keras", "ml/pretrained/a/names/saved_model/saved_model.pb"]
    for name in kept + gone + for_tensorflow:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def rest():
        return {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}

    remove(list(unused(tmp_path, without_tensorflow=False)))
    assert rest() == {*kept, *for_tensorflow}
    remove(list(unused(tmp_path, without_tensorflow=True)))
    assert rest() == set(kept)


def test_every_language_of_the_pages_stays_in_the_image():
    assert {"en", *(path.name for path in (CHECKOUT / "app" / "locales").iterdir() if path.is_dir())} == LANGUAGES


def test_the_builders_own_settings_reach_the_build_as_secrets(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".npmrc").write_text("//registry.example.org/:_authToken=npm-secret\n")
    (tmp_path / "ca.pem").write_text("an authority")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in [name for name in os.environ if name.startswith("PIP_") and name != "PIP_CONFIG_FILE"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:pip-secret@index.example.org/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///only/here")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "ca.pem"))

    options = secrets_of_the_builder(tmp_path / "builder")
    assert options == [f"--secret=id={name},src={tmp_path}/builder/{name}" for name in ("npm", "ca", "pip")]
    assert (tmp_path / "builder").stat().st_mode & 0o777 == 0o700
    pip = (tmp_path / "builder" / "pip").read_text()
    assert pip == "[global]\nindex-url = https://me:pip-secret@index.example.org/simple\ncert = /run/secrets/ca\n"
    assert (tmp_path / "builder" / "npm").read_text().split() == [
        "//registry.example.org/:_authToken=npm-secret",
        "cafile=/run/secrets/ca",
    ]


def test_images_are_pinned_by_their_digest(tmp_path):
    """`make pin`, where a stand-in for skopeo asks no registry."""
    program = tmp_path / "bin" / "skopeo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncase "$*" in *redis*) echo nothing;; *) echo sha256:{HEX};; esac\n')
    program.chmod(0o755)
    dockerfile, compose = tmp_path / "Dockerfile", tmp_path / "compose.yml"
    old = "python:3.13-slim@sha256:" + "0" * 64
    dockerfile.write_text(f"ARG BASE_IMAGE={old}\nFROM ${{BASE_IMAGE}} AS base\n")
    compose.write_text("    image: wingcheck-web\n    image: postgres:17\n")

    def pin():
        command = [sys.executable, CHECKOUT / "scripts" / "pin_images.py", dockerfile, compose]
        environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    done = pin()
    assert done.returncode == 0, done.stderr
    assert dockerfile.read_text() == f"ARG BASE_IMAGE=python:3.13-slim@sha256:{HEX}\nFROM ${{BASE_IMAGE}} AS base\n"
    assert compose.read_text() == f"    image: wingcheck-web\n    image: postgres:17@sha256:{HEX}\n"
    compose.write_text("    image: postgres:17\n    image: redis:8\n")
    done = pin()
    assert (done.returncode, compose.read_text()) == (1, "    image: postgres:17\n    image: redis:8\n")
    assert "'nothing' is no digest" in done.stderr


# --- compose ---------------------------------------------------------------------------------------------------------


def test_only_the_proxy_is_reachable_from_outside():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_every_service_is_hardened_and_limited(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= set(service)
    assert not re.search(r":latest$|^[^:]+$", service["image"]) or service["image"].startswith("wingcheck-")
    if name not in ("migrate", "bucket"):
        assert "healthcheck" in service


def test_secrets_are_files_and_each_service_gets_only_its_own(tmp_path):
    made = subprocess.run(
        ["sh", CHECKOUT / "deploy" / "make_secrets.sh", tmp_path / "secrets"], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    files = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {f"./secrets/{name}" for name in files} == {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert set(files) == set(COMPOSE["secrets"])
    assert len(set(files.values())) == len(files)
    assert min(map(len, files.values())) == 64
    assert files["postgres_password"] in files["wingcheck_database_url"]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    subprocess.run(
        ["sh", CHECKOUT / "deploy" / "make_secrets.sh", tmp_path / "secrets"], check=True, capture_output=True
    )
    assert files == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    given = {name: set(service.get("secrets", [])) for name, service in COMPOSE["services"].items()}
    ours = {name for name in files if name.startswith("wingcheck_")}
    assert {name: given[name] for name in given if given[name]} == dict.fromkeys(OURS, ours) | {
        "database": {"postgres_password"},
        "storage": {"wingcheck_s3_secret_access_key"},
    }
    for name in COMPOSE["services"]:
        environment = COMPOSE["services"][name].get("environment", {})
        assert not {key for key in environment if re.search("PASSWORD$|SECRET", key)}


@pytest.mark.parametrize("name", OURS)
def test_our_settings_are_settings(name):
    from app.core.settings import Settings

    known = {f"WINGCHECK_{field.upper()}" for field in Settings.model_fields}
    assert set(COMPOSE["services"][name]["environment"]) <= known
    assert {secret.upper() for secret in COMPOSE["services"][name]["secrets"]} <= known


def test_the_proxy_is_the_only_one_whose_word_is_taken():
    proxy = COMPOSE["services"]["proxy"]["networks"]["inside"]["ipv4_address"]
    assert COMPOSE["services"]["web"]["environment"]["WINGCHECK_TRUSTED_PROXIES"] == proxy


def test_compose_reads_its_own_file(tmp_path):
    """`docker compose config`, of Compose 2.20 or newer."""
    shutil.copy(CHECKOUT / "docker-compose.yml", tmp_path)
    shutil.copy(CHECKOUT / ".env.example", tmp_path / ".env")
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and _works(command):
            break
    else:
        pytest.skip("no compose here")
    done = subprocess.run([*command, "config"], cwd=tmp_path, capture_output=True, text=True, env=_environment())
    assert done.returncode == 0, done.stderr
    (tmp_path / ".env").write_text("")
    done = subprocess.run([*command, "config"], cwd=tmp_path, capture_output=True, text=True, env=_environment())
    assert done.returncode != 0
    assert "set it in .env" in done.stderr


def _environment():
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def _works(command):
    done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
    return done.returncode == 0 and not done.stdout.startswith("1.")
