"""The commands of docs/from-flickr-to-served.md, in their order, in an empty folder.

They run as they stand there. Only the surroundings are the test's: the Flickr server of the collector's tests in the
environment, a photo called photo.jpg, and a free port in place of 8000.
"""

import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ml.datasets.synthetic import drawn_butterfly
from tests.ml.collection.flickr_server import KEY, SECRET, FlickrServer

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "from-flickr-to-served.md"
SPECIES = {"Maniola jurtina": False, "Pyronia tithonus": True}


def commands() -> list[list[str]]:
    """Every command of the document's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip()]


@pytest.fixture
def flickr() -> Iterator[FlickrServer]:
    """Twenty photographers, each with two photos of either species."""
    server, random = FlickrServer(), np.random.default_rng(7)
    for owner in range(20):
        for number, (name, orange) in enumerate(list(SPECIES.items()) * 2):
            stream = io.BytesIO()
            drawn_butterfly(orange=orange, spots=1 + orange, size=150, random=random).save(stream, "JPEG", quality=90)
            values = {"title": name, "tags": "", "owner": f"{owner}@N01", "data": stream.getvalue()}
            server.add(1000 + 10 * owner + number, listed=(150, 150), **values)
    with server.running():
        yield server


@pytest.fixture
def surroundings(flickr: FlickrServer, tmp_path: Path) -> dict[str, str]:
    """The environment of someone with a key and nothing else; and an empty folder with one photo."""
    random = np.random.default_rng(99)
    drawn_butterfly(orange=True, spots=2, size=300, random=random).save(tmp_path / "photo.jpg", quality=90)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "wingcheck").symlink_to(Path(sys.executable).parent / "wingcheck")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WINGCHECK_")}
    return kept | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "WINGCHECK_FLICKR_KEY": KEY,
        "WINGCHECK_FLICKR_SECRET": SECRET,
        "WINGCHECK_FLICKR_API_URL": flickr.api_url,
        "WINGCHECK_CACHE": str(tmp_path / "cache"),
    }


@pytest.mark.timeout(900)  # half a minute on an idle machine
def test_every_command_of_the_document(surroundings: dict[str, str], tmp_path: Path) -> None:
    assert shutil.which("curl"), "the document's last command is curl"
    port, serving, answers = free_port(), None, []
    try:
        for words in commands():
            here = [word.replace("8000", port) for word in words]
            if here[:2] == ["wingcheck", "serve"]:
                log = (tmp_path / "serve.log").open("w")
                serving = subprocess.Popen(here, cwd=tmp_path, env=surroundings, stdout=log, stderr=subprocess.STDOUT)
                wait_until_ready(f"http://127.0.0.1:{port}/readyz", serving)
                continue
            done = subprocess.run(here, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=500)
            assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            answers.append(done.stdout)
    finally:
        if serving is not None:
            serving.terminate()
            serving.wait(20)

    [seen] = json.loads(answers[-1])["results"]
    assert {each["scientific_name"] for each in seen["predictions"]} == set(SPECIES)
    assert seen["predictions"][0]["scientific_name"] == "Pyronia tithonus"
    card = (tmp_path / "exported" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert next(line for line in answers if line.startswith("sha256:")).strip() in card
    figures = json.loads((tmp_path / "first-model.json").read_text(encoding="utf-8"))
    assert figures["same_data"]
    assert figures["species"]["accuracy"]["value"] > 0.8
    for report in ("browns.html", "first-model.html"):
        assert "data:image/jpeg;base64," in (tmp_path / report).read_text(encoding="utf-8")
    assert (tmp_path / "browns" / "ATTRIBUTION.html").is_file()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(3000):
        assert process.poll() is None, "the server ended"
        try:
            with opener.open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server never became ready")


def test_the_document_names_every_step() -> None:
    heads = [" ".join(words[:2]) for words in commands()]

    assert heads == [
        "wingcheck collect", "wingcheck collect", "wingcheck dataset", "wingcheck dataset", "wingcheck dataset",
        "wingcheck train", "wingcheck evaluate", "wingcheck models", "wingcheck serve", "curl --fail",
    ]  # fmt: skip
