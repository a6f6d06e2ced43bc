"""`wingcheck …` as an operator types it: what it prints, what it leaves behind, how it fails."""

import json
import socket
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import beats
from app.core import commands as shared
from app.core.db import make_engine, utcnow
from app.core.migrations import is_current
from app.core.settings import get_settings
from app.core.tables import WorkerBeat
from app.predictions.tables import ModelVersion
from app.taxa.tables import TaxonPolicy
from ml.inference import read_version
from tests.factories import photo
from tests.finding import meadow
from tests.versions import BUNDLED, NEVER_IN_SCOPE, make_version

INFO = read_version(BUNDLED)
TAXON = INFO.labels[0].scientific_name


def served(database):
    with database() as session:
        return [(row.version, row.active) for row in session.scalars(select(ModelVersion).order_by(ModelVersion.id))]


# --- database --------------------------------------------------------------------------------------------------------


def test_db_upgrade_makes_the_newest_schema(wingcheck, tmp_path):
    for _ in range(2):
        code, out, _ = wingcheck("db", "upgrade")
        assert (code, out) == (0, "The database has the newest schema.\n")
    with make_engine(f"sqlite:///{tmp_path}/data/wingcheck.db").connect() as connection:
        assert is_current(connection)


@pytest.mark.parametrize("arguments", [["models", "list"], ["taxa", "policy", TAXON]])
def test_without_the_schema_a_command_says_what_to_do(wingcheck, arguments):
    code, _, err = wingcheck(*arguments)
    assert code == 1
    assert "wingcheck db upgrade" in err
    assert "Traceback" not in err


# --- health ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "age", "code"),
    [
        ("{host}:7", 0, 0),
        ("{host}:7", beats.SILENT_AFTER.total_seconds() + 60, 1),
        ("another:7", 0, 1),
        ("{host}er:7", 0, 1),
        (None, 0, 1),
    ],
)
def test_a_worker_is_healthy_while_it_beats_on_this_machine(wingcheck, database, name, age, code):
    if name is not None:
        with database() as session, session.begin():
            beat_at = utcnow() - timedelta(seconds=age)
            session.add(WorkerBeat(name=name.format(host=socket.gethostname()), beat_at=beat_at))
    found, out, err = wingcheck("health", "--worker")
    assert found == code
    assert out == "the worker responds\n" if code == 0 else "has responded for 9 seconds" in err


# --- models ----------------------------------------------------------------------------------------------------------


def test_models_list_says_which_one_serves(wingcheck, database):
    code, out, _ = wingcheck("models", "list")
    assert code == 0
    [line] = [line for line in out.splitlines() if INFO.name in line]
    assert INFO.version in line
    assert "yes" in line
    assert TAXON in line


def test_an_imported_version_waits_until_it_is_activated(wingcheck, database, tmp_path):
    folder = make_version(tmp_path, "2.0.0")
    assert wingcheck("models", "import", folder)[:2] == (0, f"{INFO.name} 2.0.0 is registered.\n")
    assert served(database) == [(INFO.version, True), ("2.0.0", False)]
    code, out, err = wingcheck("models", "activate", INFO.name, "2.0.0")
    assert (code, "FAILED  accuracy" in out, "--overrule" in err) == (1, True, True)
    assert served(database) == [(INFO.version, True), ("2.0.0", False)]
    code, out, _ = wingcheck("models", "activate", INFO.name, "2.0.0", "--overrule", "the same network")
    assert (code, out) == (0, f"{INFO.name} 2.0.0 is in service.\n")
    assert served(database) == [(INFO.version, False), ("2.0.0", True)]
    assert wingcheck("models", "rollback", "--reason", "a mistake")[:2] == (
        0,
        f"{INFO.name} {INFO.version} is in service.\n",
    )
    code, out, _ = wingcheck("models", "history")
    assert [
        word for word in ("rolled_back", "a mistake", "overruled", "the same network", "installed") if word not in out
    ] == []


def test_a_version_can_be_imported_into_service_if_the_gate_lets_it_pass(wingcheck, database, tmp_path, monkeypatch):
    monkeypatch.setenv("WINGCHECK_GATE_MARGIN", "0.1")
    monkeypatch.setenv("WINGCHECK_GATE_MAX_MILLISECONDS", "60000")  # on a machine that is busy with tests
    get_settings.cache_clear()
    code, out, _ = wingcheck("models", "import", make_version(tmp_path, "2.0.0"), "--activate")
    assert (code, out) == (0, f"{INFO.name} 2.0.0 is registered.\n{INFO.name} 2.0.0 is in service.\n")
    assert served(database) == [(INFO.version, False), ("2.0.0", True)]
    assert wingcheck("models", "gate", INFO.name, INFO.version)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "import", "nowhere"], "nowhere has no model.json"),
        (["models", "activate", "nothing", "1.0"], "No model version nothing 1.0 is registered."),
        (["taxa", "policy", "Nemo nescitus"], "no species 'Nemo nescitus' is known here"),
        (["predict", "--model", "nowhere", "a.jpg"], "nowhere has no model.json"),
    ],
)
def test_what_can_not_be_done_is_one_plain_line(wingcheck, database, arguments, message):
    code, _, err = wingcheck(*arguments)
    assert code == 1
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_damaged_version_is_refused(wingcheck, database, tmp_path):
    folder = make_version(tmp_path, "2.0.0")
    (folder / "model.tflite").write_bytes(b"x")
    code, _, err = wingcheck("models", "import", folder)
    assert code == 1
    assert "its hash differs" in err
    assert served(database) == [(INFO.version, True)]


# --- taxa ------------------------------------------------------------------------------------------------------------


def policy(database):
    with database() as session:
        [found] = session.scalars(select(TaxonPolicy))
        return found.machine_acceptance, found.wanted_error, found.claim_reliability


def test_a_policy_is_shown_with_its_defaults(wingcheck, database):
    code, out, _ = wingcheck("taxa", "policy", TAXON)
    assert code == 0
    assert f"{TAXON}: machine acceptance off, wanted error as the model version says" in out


def test_a_policy_is_changed_step_by_step(wingcheck, database):
    wingcheck("taxa", "policy", TAXON, "--accept")
    assert policy(database) == (True, None, None)
    wingcheck("taxa", "policy", TAXON, "--wanted-error", "0.02", "--reliability", "0.9")
    assert policy(database) == (True, 0.02, 0.9)
    code, out, _ = wingcheck("taxa", "policy", TAXON, "--no-accept")
    assert (code, policy(database)) == (0, (False, 0.02, 0.9))
    assert "machine acceptance off, wanted error 0.02, claim reliability 0.9" in out


@pytest.mark.parametrize("option", [["--wanted-error", "0"], ["--wanted-error", "0.9"], ["--reliability", "1"]])
def test_a_policy_that_can_not_be_is_refused(wingcheck, database, option):
    assert wingcheck("taxa", "policy", TAXON, *option)[0] == 2


# --- predict ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.jpg").write_bytes(photo(1))
    return tmp_path / "good.jpg"


def test_predict_prints_a_line_per_photo(wingcheck, good):
    code, out, _ = wingcheck("predict", good, good)
    assert code == 0
    assert len([line for line in out.splitlines() if "good.jpg" in line]) == 2
    assert any(label.scientific_name in out for label in INFO.labels)


def test_predict_needs_neither_database_nor_server(wingcheck, good, tmp_path):
    wingcheck("predict", good)
    assert not (tmp_path / "data").exists()


def test_predict_answers_in_json(wingcheck, good):
    code, out, _ = wingcheck("predict", "--json", good)
    [found] = json.loads(out)
    assert code == 0
    assert found["filename"] == str(good)
    assert set(found["predictions"]) == {label.scientific_name for label in INFO.labels}
    assert sum(found["predictions"].values()) == pytest.approx(1, abs=1e-5)
    assert found["decision"] in {"confident", "uncertain", "out_of_scope"}
    assert 0 <= found["in_scope"] <= 1


def test_predict_says_the_same_as_the_server(wingcheck, good, lite):
    [here] = json.loads(wingcheck("predict", "--json", good)[1])
    [there] = lite.client.post("/predict", files={"file": ("good.jpg", good.read_bytes())}).json()["results"]
    assert here["predictions"] == {p["scientific_name"]: p["probability"] for p in there["predictions"]}
    assert (here["decision"], here["in_scope"]) == (there["decision"], there["in_scope"])


def test_predict_asks_the_model_that_is_named(wingcheck, good, tmp_path):
    folder = make_version(tmp_path, **NEVER_IN_SCOPE)
    [found] = json.loads(wingcheck("predict", "--json", "--model", folder, good)[1])
    assert found["decision"] == "out_of_scope"


def test_predict_prints_where_it_looked_and_what_it_looks_like(wingcheck, finder, tmp_path, monkeypatch):
    monkeypatch.setattr(shared.out, "_width", 200)
    (tmp_path / "two.jpg").write_bytes(meadow((0.2, 0.3), (0.75, 0.6)))
    (tmp_path / "none.jpg").write_bytes(meadow())
    folder = make_version(tmp_path, **NEVER_IN_SCOPE)
    code, out, _ = wingcheck("predict", "--model", folder, "two.jpg", "none.jpg")
    assert code == 0
    first, second, none = [line for line in out.splitlines() if "out_of_scope" in line]
    assert "found: " in first
    assert "like Aphantopus hyperantus" in first
    assert "0.750" in first
    assert "like Genus ignotus" in out
    assert "%" in second
    assert "the middle: no animal found" in none
    *rows, caption = out.splitlines()
    assert not any(label.scientific_name in "".join(rows) for label in INFO.labels)
    assert all(label.scientific_name in caption for label in INFO.labels)
    two, nothing = json.loads(wingcheck("predict", "--json", "two.jpg", "none.jpg")[1])
    assert (two["square_origin"], len(two["animals"]), two["looks_like"][0]["probability"]) == ("found", 1, 0.75)
    assert set(two["animals"][0]) == {"square", "predictions", "in_scope", "decision", "species", "probability"}
    assert (nothing["square"], nothing["square_origin"], nothing["searched"]) == (None, "middle", True)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("words.jpg", b"words", "Not a picture"),
        ("cut.jpg", photo(1)[:500], "damaged or cut short"),
        ("missing.jpg", None, "No such file"),
    ],
)
def test_a_photo_that_can_not_be_read_is_told_beside_those_that_can(wingcheck, good, tmp_path, name, data, message):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    code, out, err = wingcheck("predict", name, good)
    assert code == 1
    # The runtime may say first that it is there: once in a process, whichever test comes first.
    [told] = [line for line in err.splitlines() if line.startswith(f"{name}: ")]
    assert message in told
    assert "good.jpg" in out
    code, out, _ = wingcheck("predict", "--json", name, good)
    assert code == 1
    bad, fine = json.loads(out)
    assert message in bad["error"]["detail"]
    assert "predictions" in fine


def test_a_file_name_is_never_read_as_markup(wingcheck, tmp_path):
    (tmp_path / "[bold].jpg").write_bytes(photo(1))
    code, out, _ = wingcheck("predict", "[bold].jpg", "[red]a[/red].jpg")
    assert code == 1
    assert "[bold].jpg" in out


def test_an_error_is_never_read_as_markup(wingcheck, database):
    code, _, err = wingcheck("models", "activate", "[/bold]", "1")
    assert code == 1
    assert "[/bold]" in err


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], ["db"], ["models"], ["taxa"], ["predict"], ["run"], ["serve"], ["worker"]])
def test_every_command_explains_itself(wingcheck, command):
    code, out, _ = wingcheck(*command, "--help")
    assert code == 0
    assert "Usage:" in out
