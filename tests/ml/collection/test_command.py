"""The commands as a person types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ml.cli import app
from ml.collection import request
from tests.ml.collection.conftest import rows
from tests.ml.collection.flickr_server import KEY, SECRET, Fault

ROOT = Path(__file__).parents[3]


class Impatient(request.Manners):
    """Quick enough for tests."""

    attempts: int = 2
    backoff: float = 0.01


@pytest.fixture
def wingcheck(flickr, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINGCHECK_FLICKR_KEY", KEY)
    monkeypatch.setenv("WINGCHECK_FLICKR_SECRET", SECRET)
    monkeypatch.setattr(request, "Manners", Impatient)

    def invoke(*words: str):
        return CliRunner().invoke(app, ["collect", *words], env={"COLUMNS": "200"})

    return invoke


@pytest.fixture
def collecting(wingcheck, flickr, folder):
    def go(*words: str):
        quick = ["--rate", "1000", "--api-url", flickr.api_url]
        return wingcheck("flickr", str(folder), "--size", "url_s", *quick, *words)

    return go


def test_collect_then_status_export_and_attribution(collecting, wingcheck, flickr, folder):
    flickr.add(101, 102, 103)
    flickr.add(104, data=b"broken")
    result = collecting("--keyword", "meadow brown=Maniola jurtina")
    assert result.exit_code == 0, result.output
    assert "3 photos kept, by 1 photographer: 3 CC BY 2.0." in result.output
    assert "not an image" in result.output
    status = wingcheck("status", str(folder), "--json")
    keyword = json.loads(status.output)["keywords"][0]
    assert (keyword["found"], keyword["kept"], keyword["skipped"]) == (4, 3, {"not an image": 1})
    assert "Maniola jurtina" in wingcheck("status", str(folder)).output
    assert wingcheck("export", str(folder)).exit_code == 0
    assert wingcheck("attribution", str(folder)).exit_code == 0
    for name in ("photos.csv", "labels.csv", "ATTRIBUTION.html", "ATTRIBUTION.md", "ATTRIBUTION.csv"):
        assert (folder / name).stat().st_size > 100


def test_a_dry_run_only_counts(collecting, flickr, folder):
    flickr.add(101, 102)
    result = collecting("--keyword", "meadow brown", "--dry-run", "--max", "1")
    assert result.exit_code == 0
    assert result.output.split()[-4:] == ["meadow", "brown", "2", "1"]
    assert not folder.exists()


def test_an_empty_result_is_said(collecting):
    result = collecting("--keyword", "unicorn")
    assert result.exit_code == 0
    assert "Flickr has no photo for 'unicorn' with these filters and licences." in result.output
    assert "Flickr has no photo" in collecting("--keyword", "unicorn", "--dry-run").output


def test_a_missing_key_is_one_line_and_exit_code_2(collecting, monkeypatch, flickr):
    monkeypatch.delenv("WINGCHECK_FLICKR_SECRET")
    result = collecting("--keyword", "meadow brown")
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "set WINGCHECK_FLICKR_SECRET (" in result.output
    assert flickr.moments == []


def test_an_expired_key_is_one_line_and_exit_code_2(collecting, flickr):
    flickr.refusal = (100, "Invalid API Key (Key has expired)")
    result = collecting("--keyword", "meadow brown")
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "Key has expired" in result.output
    assert KEY not in result.output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--size", "enormous"), "size: "),
        (("--licence", "gpl"), "licences: "),
        (("--max", "some"), "maximum: "),
        (("--bbox", "1,2,3"), "bbox.3: "),
        (("--taken-after", "summer"), "taken_after: "),
        (("--workers", "99"), "workers: "),
        (("--min-side", "many"), "--min-side"),
        (("--request", "nothing.toml"), "request: "),
    ],
)
def test_a_wrong_option_is_named_before_any_call(collecting, flickr, words, named):
    result = collecting("--keyword", "meadow brown", *words)
    assert result.exit_code == 2
    assert named in result.output
    assert flickr.moments == []


def test_a_busy_flickr_is_one_line_and_exit_code_1(collecting, flickr):
    flickr.endless_api_fault = Fault(503)
    result = collecting("--keyword", "meadow brown")
    assert result.exit_code == 1
    assert "Run the same command again later" in result.output.splitlines()[-1]


def test_a_request_file_is_enough(collecting, flickr, tmp_path):
    flickr.add(101, 102)
    (tmp_path / "browns.toml").write_text('maximum = 1\n[keywords]\n"meadow brown" = "Maniola jurtina"\n')
    result = collecting("--request", str(tmp_path / "browns.toml"))
    assert result.exit_code == 0, result.output
    assert "1 photo kept" in result.output


def test_what_an_owner_wants_removed_is_gone_and_stays_away(collecting, wingcheck, flickr, folder):
    flickr.add(101, 102, place=(52.1, 5.2, 16))
    flickr.add(103, 104, owner="99@N00")
    collecting("--keyword", "meadow brown=Maniola jurtina")
    result = wingcheck("remove", str(folder), "101", "99@N00")
    assert result.output.startswith("Removed: 101, 103, 104.")
    assert [file.name for file in (folder / "maniola_jurtina").iterdir()] == ["102.jpg"]
    assert (folder / "labels.csv").read_text().count("\n") == 2
    row = rows(folder)["101"]
    assert (row["title"], row["tags"], row["owner_name"], row["latitude"], row["sha256"]) == ("", "", "", None, None)
    collecting("--keyword", "meadow brown=Maniola jurtina")
    assert len(flickr.whole_images()) == 4


def test_removing_what_is_not_there_changes_nothing(collecting, wingcheck, flickr, folder):
    flickr.add(101)
    collecting("--keyword", "meadow brown=Maniola jurtina")
    result = wingcheck("remove", str(folder), "101", "999")
    assert result.exit_code == 2
    assert "999" in result.output
    assert rows(folder)["101"]["status"] == "kept"


@pytest.mark.parametrize("name", ["status", "export", "attribution"])
def test_a_folder_without_a_collection_is_refused(wingcheck, tmp_path, name):
    result = wingcheck(name, str(tmp_path))
    assert result.exit_code == 1
    assert "holds no collection" in result.output
    assert list(tmp_path.iterdir()) == []


def test_markup_in_names_is_text(collecting, flickr):
    flickr.add(101, tags="[red]meadow[/] brown")
    result = collecting("--keyword", "[red]meadow[/] brown=[b]Maniola")
    assert result.exit_code == 0, result.output
    assert "[red]meadow[/] brown" in result.output


def test_help_imports_neither_flickrapi_nor_requests_nor_tensorflow():
    code = (
        "import sys; from typer.testing import CliRunner; from ml.cli import app;"
        "assert CliRunner().invoke(app, ['collect', 'flickr', '--help']).exit_code == 0;"
        "print(*{'flickrapi', 'requests', 'lxml', 'tensorflow', 'numpy', 'pydantic_settings'} & sys.modules.keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
