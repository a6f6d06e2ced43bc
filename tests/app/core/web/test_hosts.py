"""Under which names the server answers, and whose word it takes for who is asking."""

import pytest

from app.core.settings import networks
from app.core.web.limits import UNKNOWN, client_network, is_within
from tests.conftest import copy_of, make_settings, running


@pytest.fixture
def serving(tmp_path, sqlite_template):
    """A service with these settings."""
    opened = []

    def start(**values):
        settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), **values)
        opened.append(running(settings))
        return opened[-1].__enter__().client

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def status(client, host, path="/species"):
    return client.get(path, headers={"Host": host}).status_code


LOCAL = ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST", "localhost."]
STRANGE = [
    "evil.example",
    "localhost.evil.example",
    "localhost:8000@evil.example",
    "",
    "a b",
    "[::1",
    "localhost:x",
    "192.168.1.9",
]


@pytest.mark.parametrize("host", LOCAL)
def test_it_answers_under_local_names(serving, host):
    assert status(serving(allowed_hosts=""), host) == 200


@pytest.mark.parametrize("host", STRANGE)
def test_another_name_is_refused(serving, host):
    assert status(serving(allowed_hosts=""), host) == 400


def test_a_person_is_told_on_a_page_and_a_program_in_a_problem(serving):
    client = serving(allowed_hosts="")
    page = client.get("/species", headers={"Host": "evil.example"})
    assert "Unknown address" in page.text
    problem = client.get("/api/v1/taxa", headers={"Host": "evil.example"})
    assert problem.json()["type"] == "urn:wingcheck:unknown-host"
    assert problem.headers["x-content-type-options"] == "nosniff"


def test_names_are_a_setting(serving):
    client = serving(allowed_hosts="count.example.org, .charity.example")
    for good in ("count.example.org", "charity.example", "www.charity.example:443"):
        assert status(client, good) == 200
    for bad in ("example.org", "xcount.example.org", "notcharity.example", "www.count.example.org"):
        assert status(client, bad) == 400


def test_a_star_takes_any_name(serving):
    assert status(serving(allowed_hosts="*"), "anything.example") == 200


def test_listening_everywhere_it_answers_to_addresses_but_to_no_strange_name(serving):
    client = serving(allowed_hosts="", host="0.0.0.0")  # noqa: S104
    assert status(client, "192.168.1.9:8000") == 200
    assert status(client, "[2001:db8::1]") == 200
    assert status(client, "evil.example") == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_come_under_any_name(serving, path):
    assert status(serving(allowed_hosts=""), "10.0.0.7:8000", path) == 200


# --- who is asking ---------------------------------------------------------------------------------------------------

CLIENTS = [
    ("192.0.2.7", "192.0.2.7"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2::", "2001:db8:1:2::/64"),
    ("::1", "::/64"),
    ("testclient", UNKNOWN),
    ("", UNKNOWN),
]


@pytest.mark.parametrize(("address", "network"), CLIENTS)
def test_clients_are_counted_by_address_or_by_64(address, network):
    assert client_network({"client": (address, 1)}) == network


def test_without_an_address_a_client_is_unknown():
    assert client_network({"client": None}) == UNKNOWN
    assert not is_within(UNKNOWN, networks("0.0.0.0/0,::/0"))


def test_networks_are_matched_within_their_family():
    assert is_within("192.0.2.7", networks("::1,192.0.2.0/24"))
    assert not is_within("2001:db8::/64", networks("192.0.2.0/24"))
    assert is_within("::/64", networks("::1"))


LIMITED = {"rate_limit_writes": "1/minute", "rate_limit_exempt": ""}


def writes(client, forwarded=None):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return client.post("/mine/email", data={"email": ""}, headers=headers, follow_redirects=False).status_code


def test_a_stranger_can_not_say_that_it_is_somebody_else(serving):
    client = serving(**LIMITED)
    assert writes(client, "192.0.2.1") == 303
    assert writes(client, "192.0.2.2") == 429


def test_a_trusted_proxy_says_who_is_asking(serving):
    client = serving(**LIMITED, trusted_proxies="10.0.0.0/8")
    client._transport.client = ("10.1.2.3", 1)
    assert [writes(client, "192.0.2.1"), writes(client, "192.0.2.2"), writes(client, "192.0.2.1")] == [303, 303, 429]


def test_only_what_the_proxy_added_counts_not_what_it_was_sent(serving):
    client = serving(**LIMITED, trusted_proxies="10.0.0.0/8")
    client._transport.client = ("10.1.2.3", 1)
    assert writes(client, "203.0.113.1, 192.0.2.1") == 303
    assert writes(client, "203.0.113.2, 192.0.2.1") == 429


def test_another_proxy_is_a_stranger(serving):
    client = serving(**LIMITED, trusted_proxies="10.0.0.0/8")
    client._transport.client = ("11.1.2.3", 1)
    assert [writes(client, "192.0.2.1"), writes(client, "192.0.2.2")] == [303, 429]


@pytest.mark.parametrize("name", ["trusted_proxies", "rate_limit_exempt"])
@pytest.mark.parametrize("value", ["*", "proxy.example", "10.0.0.1/8"])
def test_proxies_are_named_by_address(tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        make_settings(tmp_path, **{name: value})
