"""One port for several processes: opened at every address of a host, with a count of connections that all of them see."""

import socket

import pytest

from app.core.shared_port import Seats, Share, listen, make_seats


def test_a_port_is_opened_once(tmp_path):
    [opened] = listen("127.0.0.1", 0)
    port = opened.getsockname()[1]
    with pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", port)
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        taken, _ = opened.accept()
        taken.close()
    opened.close()
    [again] = listen("127.0.0.1", port)
    again.close()


def test_a_port_that_is_taken_at_one_address_is_not_half_opened(monkeypatch):
    free, taken = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.2", 0))
    port = free.getsockname()[1]
    free.close()
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, port)) for name in ("127.0.0.1", "127.0.0.2")]
    addresses[1] = (*addresses[1][:4], taken.getsockname())
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    with pytest.raises(OSError, match="in use"):
        listen("some-name", port)
    taken.close()
    socket.create_server(("127.0.0.1", port)).close()


def test_who_holds_fewer_connections_is_seen_by_all():
    file = make_seats(2)
    here, there = Seats(file), Seats(file)
    assert len(here) == 7
    here.write(0, 3)
    assert not here.another_has_fewer(0)  # nobody else is there
    there.write(1, 2)
    assert here.another_has_fewer(0)
    assert not there.another_has_fewer(1)
    there.write(1, 3)
    assert not here.another_has_fewer(0)
    there.write(1, 0)
    there.leave(1)
    assert not here.another_has_fewer(0)


def test_a_share_is_found_once_in_the_environment(monkeypatch):
    share = Share(sockets=[3, 4], seats=5, seat=1, processes=2, folder="/somewhere")
    assert share.handles == (3, 4, 5)
    for name, value in share.environment().items():
        monkeypatch.setenv(name, value)
    assert Share.given() == share
    assert Share.given() is None
