"""A real browser in front of the real service: Debian's Chromium, `wingcheck run`, the bundled model.

The service runs once per test process; each person has a browser context, so cookies, of their own. Whatever a person
does, three things must hold and are checked at the end of every test: no request went to another host, the console
shows no error (a violated content security policy would), and no script failed.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from ml.datasets.synthetic import write_drawn_folder
from tests.conftest import skip_or_fail
from tests.flickr import environment
from tests.mailbox import AWAY
from tests.ml.collection.flickr_server import FlickrServer
from tests.running import Server
from tests.versions import make_version

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Drawn butterflies are out of scope for a model that learned from photos, and rightly so. Under this policy everything is
# in scope, claims weigh nothing and half of the answers may be wrong: the claim that the network finds more likely gets
# AGREE, the other one DISAGREE. The network and the rules are the real ones.
DECIDED: dict[str, Any] = {
    "default_error_rate": 0.5,
    "in_scope_threshold": 0.0,
    "confident_in_scope_threshold": 0.0,
    "disagree_below": 0.5,
    "default_claim_reliability": 0.5,
    "thresholds": [{"error_rate": 0.5, "probability": 0.5, "supported": True, "coverage": 1.0, "photos": 300}],
}
PATIENCE_MS = 30_000  # a machine may be busy; what a test waits for is a condition, never this long when all is well
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

SEND_ANYWAY = "dialog[open] button[value=send]"  # where day or place is missing

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the installed browser."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("WINGCHECK_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        skip_or_fail("no Chromium here; install it or name it in WINGCHECK_CHROMIUM")
    assert found is not None
    return found


# One per file, not per session: while it is there its event loop runs, and other tests in this process want their own.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """The browser without anybody's windows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service with the bundled model."""
    server = Server(tmp_path_factory.mktemp("service"))
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def decided_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service with the bundled network under a policy that never doubts, so that AGREE and DISAGREE can be had.

    It asks for e-mail addresses; its mail server is away.
    """
    folder = tmp_path_factory.mktemp("decided")
    settings = {"screen_at_once_seconds": "0", **AWAY, "public_url": "{url}"}
    named = {f"WINGCHECK_{name.upper()}": value for name, value in settings.items()}
    server = Server(folder, "--model", str(make_version(folder, **DECIDED)), **named)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def flickr() -> Iterator[FlickrServer]:
    """The Flickr that the service for stories about models asks."""
    with FlickrServer().running() as found:
        yield found


@pytest.fixture(scope="session")
def models_server(tmp_path_factory: pytest.TempPathFactory, flickr: FlickrServer) -> Iterator[Server]:
    """The service for stories in which models are trained, from drawings and collected photos, and what serves is changed."""
    folder = tmp_path_factory.mktemp("models")
    drawn = write_drawn_folder(folder / "drawn", per_label=16, outsiders=16)
    training = {"WINGCHECK_TRAINING_ROOT": str(drawn), "WINGCHECK_RETRAIN_CONFIG": "tiny"}
    server = Server(folder, WINGCHECK_GATE_MAX_MILLISECONDS="10000", **training, **environment(flickr))
    try:
        yield server.start()
    finally:
        server.close()


@dataclass
class Watch:
    """What went wrong unseen. `allowed`: parts of console messages that a test brings about on purpose."""

    host: str
    allowed: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Listen to everything in this context from now on."""
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"script: {error.error}"))

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.host + "/", "blob:", "data:")):
            self.found.append(f"request to another host: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(part in message.text for part in self.allowed):
            self.found.append(f"console: {message.text}")


@dataclass
class Person:
    """Somebody with a browser."""

    page: Page
    watch: Watch

    @property
    def context(self) -> BrowserContext:
        """Their cookies and windows."""
        return self.page.context

    def expects(self, *console: str) -> None:
        """These console messages are meant to come."""
        self.watch.allowed.extend(console)


NewPerson = Callable[..., Person]


@pytest.fixture
def new_person(browser: Browser, request: pytest.FixtureRequest) -> Iterator[NewPerson]:
    """Makes people: ``new_person(**context_options)``. They visit `server`, or the one given as `at`."""
    people: list[Person] = []

    def make(at: str | None = None, **options: Any) -> Person:
        url = at or request.getfixturevalue("server").url
        settings = {"base_url": url, "locale": "en-GB", "reduced_motion": "reduce"} | options
        context = browser.new_context(**settings)
        context.set_default_timeout(PATIENCE_MS)
        watch = Watch(url)
        watch.follow(context)
        page = context.new_page()
        # Whoever has no day or place to tell sends without, when asked.
        asked = page.locator(SEND_ANYWAY)
        page.add_locator_handler(asked, lambda button: button.click())
        people.append(Person(page, watch))
        return people[-1]

    yield make
    for person in people:
        person.context.close()
    assert [found for person in people for found in person.watch.found] == []


@pytest.fixture
def phone(new_person: NewPerson) -> Page:
    """A volunteer's phone, 390 pixels wide, with a touch screen."""
    return new_person(**PHONE).page


@pytest.fixture
def desktop(new_person: NewPerson) -> Page:
    """A volunteer's desktop computer."""
    return new_person(viewport={"width": 1280, "height": 900}).page
