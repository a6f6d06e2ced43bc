"""A config says everything about a run, and nothing that is misspelt."""

import json
from pathlib import Path

import pytest

from ml.config import ConfigError, SpeciesData, experiments, from_dict, load_config, to_dict


@pytest.mark.parametrize("name", experiments())
def test_every_experiment_loads_and_survives_json(name: str) -> None:
    config = load_config(name)

    assert config.name == name
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize("name", experiments())
def test_every_experiment_says_how_to_run_it_and_what_to_expect(name: str) -> None:
    import importlib

    text = importlib.import_module(f"ml.experiments.{name}").__doc__ or ""
    assert f"wingcheck train {name} --data" in text
    assert "Expect" in text


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(TypeError):
        SpeciesData(folder="pair", labels=("a", "b"), blocks=3)  # type: ignore[call-arg]
    value = to_dict(load_config("tiny"))
    with pytest.raises(ConfigError, match="learning_rte"):
        from_dict(value | {"optimisation": value["optimisation"] | {"learning_rte": 1}})
    with pytest.raises(ConfigError, match="colour"):
        from_dict(value | {"colour": "brown"})


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("seed", "one"),
        ("seed", True),
        ("species", 3),
        ("flip_average", 1),
        ("name", None),
        ("species", {"folder": "a"}),
    ],
)
def test_a_wrong_value_is_refused(key: str, wrong: object) -> None:
    with pytest.raises(ConfigError):
        from_dict(to_dict(load_config("tiny")) | {key: wrong})


def test_labels_and_shares_are_checked() -> None:
    value = to_dict(load_config("tiny"))
    for change in ({"labels": ["a"]}, {"labels": ["a", "a"]}, {"test": 0.9, "calibration": 0.2}):
        with pytest.raises(ConfigError):
            from_dict(value | {"species": value["species"] | change})


def test_unknown_experiments_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("CONFIG = 3\n")
    for name in ("nothing", "../etc/passwd", str(tmp_path / "none.py"), str(tmp_path / "empty.py")):
        with pytest.raises(ConfigError):
            load_config(name)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from ml.config import load_config\nCONFIG = load_config('tiny').with_changes(seed=5)\n")

    assert load_config(str(file)).seed == 5


def test_changes_from_the_command_line() -> None:
    config = load_config("tiny").with_changes(seed=9, epochs=2)

    assert (config.seed, config.optimisation.epochs, config.head) == (9, 2, "sigmoid")
    with pytest.raises(ConfigError):
        config.with_changes(speed=3)
    with pytest.raises(ConfigError):
        config.with_weights("imagenet")
    assert load_config("bundled_browns").with_weights(None).architecture_options["weights"] is None
