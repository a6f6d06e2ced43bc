"""Promotions and rollbacks while two web servers answer without a pause: no answer fails, none is of two versions."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from app.core.db import transaction
from app.predictions import registry
from app.versions.promotion import Promotion
from tests.conftest import make_settings
from tests.factories import photo
from tests.parts import Site
from tests.running import eventually, free_port
from tests.versions import ALWAYS_IN_SCOPE, BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version

SWITCHES = 20
PAUSE = 0.1
BREATH = 0.02  # four who leave no breath leave nothing of two cores for the switches themselves
_UNSUPPORTED = [{"error_rate": 0.05, "probability": None, "supported": False, "coverage": 0.0, "photos": 9}]
# The same network under three policies: by its decision an answer tells which of them made it.
POLICIES = {
    "91.0.0": (BELIEVES_THE_CLAIM, "confident"),
    "92.0.0": (NEVER_IN_SCOPE, "out_of_scope"),
    "93.0.0": (ALWAYS_IN_SCOPE | {"thresholds": _UNSUPPORTED}, "uncertain"),
}


@dataclass
class Load:
    """Somebody who asks one server for an answer, again and again, with a breath between."""

    port: int
    answers: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        picture = photo(1)
        with httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=60) as client:
            while not self.stop.is_set():
                try:
                    answer = client.post("/predict", files={"file": ("a.jpg", picture)})
                    answer.raise_for_status()
                    body = answer.json()
                    self.answers.append((body["model"]["version"], body["results"][0]["decision"]))
                except (httpx2.HTTPError, KeyError, ValueError) as error:
                    self.failures.append(repr(error))
                time.sleep(BREATH)

    def end(self) -> None:
        self.stop.set()
        self._thread.join(60)


def test_no_request_fails_and_no_answer_is_of_two_versions(site: Site, tmp_path: Path):
    url = site.sessions.kw["bind"].url.render_as_string(hide_password=False)
    settings = make_settings(
        site.folder, data_dir=site.data, database_url=url, gate_margin=0.1, gate_max_milliseconds=10_000
    )
    ids = {}
    with transaction(site.sessions) as session:
        for number, (policy, _) in POLICIES.items():
            folder = make_version(tmp_path, number, **policy)
            ids[number] = registry.import_version(session, folder, settings).id
    promotion = Promotion(site.sessions, settings)
    promotion.promote(ids["91.0.0"], None)
    ports = [site.port, free_port()]
    for port in ports:
        site.web(port=port)
    loads = [Load(port) for port in ports for _ in range(2)]
    try:
        for switch in range(SWITCHES // 2):
            promotion.promote(ids["92.0.0" if switch % 2 else "93.0.0"], None)
            time.sleep(PAUSE)
            promotion.roll_back(None, None)
            time.sleep(PAUSE)
        promotion.promote(ids["92.0.0"], None)
        eventually(lambda: all(load.answers[-1:] == [("92.0.0", "out_of_scope")] for load in loads), "both follow", 30)
    finally:
        for load in loads:
            load.end()
    assert [failure for load in loads for failure in load.failures] == []
    seen = {answer for load in loads for answer in load.answers}
    assert seen <= {(number, decision) for number, (_, decision) in POLICIES.items()}
    assert len(seen) == len(POLICIES)
