"""Only our own cookies are read, and none that is quoted: some versions of Python take seconds over a long quoted one."""

import time

import pytest

QUOTED = 'x="' + "\\\\" * 15_000 + '"'


@pytest.mark.parametrize(
    "cookies",
    [QUOTED, QUOTED.replace("x=", "wingcheck_language="), "; ".join(f"a{n}=b" for n in range(3000)), ";" * 30_000],
    ids=["quoted", "quoted under our name", "many", "empty"],
)
def test_strange_cookies_cost_nothing(lite, cookies):
    started = time.process_time()
    answer = lite.client.get("/species", headers={"Cookie": cookies})
    assert answer.status_code == 200
    assert time.process_time() - started < 3  # reading the first took 5 s


def test_ours_is_read_among_others(lite):
    answer = lite.client.get("/species", headers={"Cookie": f"_ga=1; {QUOTED[:200]}; wingcheck_language=nl; other=2"})
    assert 'lang="nl"' in answer.text
