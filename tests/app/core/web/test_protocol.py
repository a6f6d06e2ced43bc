"""Connections as strangers use them: silent, slow, without end, too many. Spoken over real sockets."""

import contextlib
import json
import socket
import threading
import time

import pytest
import uvicorn

from app.core.web.protocol import GuardedProtocol
from tests.conftest import make_settings

QUICK = {"header_seconds": 0.4, "stalled_seconds": 0.4, "keep_alive_seconds": 1, "max_header_bytes": 2048}


async def answers(scope, receive, send):
    """Says how many bytes came, or, at /large, what nobody reads in one go."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/events":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = bytes(30_000_000) if scope["path"] == "/large" else json.dumps({"size": size}).encode()
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    for start in range(0, len(body), 1_000_000):
        more = start + 1_000_000 < len(body)
        await send({"type": "http.response.body", "body": body[start : start + 1_000_000], "more_body": more})


@contextlib.contextmanager
def serving(folder, **values):
    with running(folder, **values) as server:
        yield server.servers[0].sockets[0].getsockname()[1]


@contextlib.contextmanager
def running(folder, **values):
    settings = make_settings(folder, **(QUICK | values))
    config = uvicorn.Config(
        answers,
        port=0,
        http=GuardedProtocol.for_settings(settings),
        ws="none",
        lifespan="off",
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=settings.keep_alive_seconds,
        log_config=None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("protocol")) as port:
        yield port


@contextlib.contextmanager
def connected(port, first=b"", source="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", port), timeout=8, source_address=(source, 0)) as connection:
        connection.sendall(first)
        yield connection


def rest(connection):
    """All that still comes until the server hangs up."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            found += piece
    return found


def test_a_request_is_answered_and_the_connection_kept(port):
    with connected(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
        assert rest(connection).endswith(b'{"size": 3}')


def test_who_says_nothing_is_hung_up_on(port):
    with connected(port) as connection:
        assert rest(connection) == b""


def test_headers_that_trickle_in_end_with_408(port):
    with connected(port, b"GET / HTTP/1.1\r\nHost: x\r\n") as connection:
        for _ in range(20):
            with contextlib.suppress(OSError):
                connection.sendall(b"X-A: b\r\n")
            time.sleep(0.05)
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer


def test_so_does_a_slow_second_request(port):
    with connected(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HT")
        assert rest(connection).startswith(b"HTTP/1.1 408")


def test_empty_lines_keep_no_connection_open(port):
    with connected(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        connection.recv(65536)
        started = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - started < 5:
                connection.sendall(b"\r\n")
                time.sleep(0.05)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("line", [b"X-A: " + b"a" * 999 + b"\r\n", b"a" * 999], ids=["many", "one without end"])
def test_headers_without_end_are_refused(port, line):
    with connected(port, b"GET / HTTP/1.1\r\nX: ") as connection:
        with contextlib.suppress(OSError):
            for _ in range(3000):
                connection.sendall(line)
        assert rest(connection)[:12] in {b"HTTP/1.1 431", b""}  # a reset may overtake the answer


@pytest.mark.parametrize("framing", [b"1;%s\r\na\r\n" % (b"x" * 5000), b"0\r\nX-T: %s" % (b"y" * 5000)])
def test_what_frames_a_body_or_trails_it_has_a_limit(port, framing):
    with connected(port, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") as connection:
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 50_000_000:
                connection.sendall(framing)
                sent += len(framing)
        assert sent < 20_000_000


def test_a_chunked_body_in_small_pieces_is_taken(port):
    with connected(port, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") as connection:
        connection.sendall(b"400\r\n" + bytes(1024) + b"\r\n")
        connection.sendall(b"10\r\n0123456789abcdef\r\n" * 1000 + b"0\r\n\r\n")
        assert b'"size": 17024' in connection.recv(65536)


def test_a_body_after_its_answer_is_not_taken_for_ever(port):
    with connected(port, b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n") as connection:
        started = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - started < 5:
                connection.sendall(b"x" * 100)
                time.sleep(0.02)
        assert time.monotonic() - started < 3


def test_who_does_not_read_is_hung_up_on(port):
    with connected(port) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1.5)
        assert len(rest(connection)) < 30_000_000


def test_who_reads_slowly_gets_everything(port):
    with connected(port, b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as connection:
        size = 0
        while piece := connection.recv(1_000_000):
            size += len(piece)
            time.sleep(0.01)
    assert size > 30_000_000


def test_too_many_connections_are_told_to_come_back(tmp_path):
    with serving(tmp_path, max_connections=3) as port, contextlib.ExitStack() as held:
        for _ in range(2):
            event = held.enter_context(connected(port, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"))
            assert event.recv(1)  # it is being answered
        with connected(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
            answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 2" in answer
        assert b"urn:wingcheck:overloaded" in answer
        with connected(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as connection:
            assert rest(connection).startswith(b"HTTP/1.1 200")


ANSWERED = b"HTTP/1.1 200"
SLOW = {
    "silent": b"",
    "headers": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome",
}


@pytest.mark.parametrize("said", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("limits", [{"max_connections": 20}, {"max_connections_per_client": 4}])
def test_slow_connections_make_room_for_others(tmp_path, said, limits):
    with serving(tmp_path, header_seconds=60, **limits) as port, contextlib.ExitStack() as held:
        for _ in range(40):
            held.enter_context(connected(port, said))
        for _ in range(3):
            with connected(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as connection:
                assert rest(connection).startswith(ANSWERED)


def test_a_client_keeps_its_own_share(tmp_path):
    """Others, here another address of this machine, lose nothing to it."""
    with serving(tmp_path, max_connections_per_client=4, header_seconds=60) as port, contextlib.ExitStack() as held:
        other = held.enter_context(connected(port, b"GET / HTTP/1.1\r\n", source="127.0.0.2"))
        for _ in range(40):
            held.enter_context(connected(port, b"GET / HTTP/1.1\r\n"))
        other.sendall(b"Host: x\r\nConnection: close\r\n\r\n")
        assert rest(other).startswith(ANSWERED)


def test_what_is_being_answered_is_never_closed(tmp_path):
    with serving(tmp_path, max_connections_per_client=4) as port, contextlib.ExitStack() as held:
        events = [held.enter_context(connected(port, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")) for _ in range(4)]
        for event in events:
            assert event.recv(1)
        with connected(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
            assert rest(connection).startswith(b"HTTP/1.1 503")
        with connected(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as connection:
            assert rest(connection).startswith(ANSWERED)


def test_a_proxy_may_have_as_many_as_it_needs(tmp_path):
    proxied = {"max_connections_per_client": 4, "trusted_proxies": "127.0.0.1", "header_seconds": 60}
    with serving(tmp_path, **proxied) as port, contextlib.ExitStack() as held:
        first, *_ = [held.enter_context(connected(port, b"GET / HTTP/1.1\r\n")) for _ in range(40)]
        first.sendall(b"Host: x\r\nConnection: close\r\n\r\n")
        assert rest(first).startswith(ANSWERED)


# --- leaving: another process takes new connections, and this one ends when its own have closed -----------------------


@pytest.fixture
def server(tmp_path):
    with running(tmp_path, header_seconds=5) as server:
        yield server


def port_of(server):
    return server.servers[0].sockets[0].getsockname()[1]


def leave(server):
    """As on SIGHUP."""
    done = threading.Event()
    [connection] = server.server_state.connections

    def on_its_loop():
        connection.leave()
        done.set()

    connection.loop.call_soon_threadsafe(on_its_loop)
    assert done.wait(5)


def test_an_idle_connection_has_its_next_request_answered_and_is_closed(server):
    with connected(port_of(server), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert b"connection: close" not in connection.recv(65536)
        leave(server)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


def test_one_that_asks_nothing_more_is_closed_in_its_time(server):
    with connected(port_of(server), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        connection.recv(65536)
        leave(server)
        assert rest(connection) == b""


def test_a_body_that_is_still_coming_is_waited_for(server):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"
    with connected(port_of(server), head) as connection:
        while not any(each.cycle for each in server.server_state.connections):
            time.sleep(0.01)
        leave(server)
        connection.sendall(b"def")
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'{"size": 6}')


def test_a_stream_of_events_is_ended_for_it_would_go_on(server):
    head = b"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
    with connected(port_of(server), head) as connection:
        received = b""
        while b"first" not in received:
            received += connection.recv(65536)
        leave(server)
        assert rest(connection) == b""
