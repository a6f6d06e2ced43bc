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
        ("species", {"labels": ["a", "b"]}),
        ("species", {"folder": "a", "labels": ["a"]}),
        ("resize", "squeeze"),
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


def test_a_file_of_ones_own_without_python(tmp_path: Path) -> None:
    text = 'base = "tiny"\nseed = 5\n[optimisation]\nepochs = 3\n[augmentation]\nzoom = [0.7, 1.0]\n'
    (tmp_path / "mine.toml").write_text(text)
    config = load_config(str(tmp_path / "mine.toml"))

    assert (config.name, config.seed, config.optimisation.epochs) == ("mine", 5, 3)
    assert config.augmentation.zoom == (0.7, 1.0)
    assert config.optimisation.batch == load_config("tiny").optimisation.batch
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_a_file_may_change_another_file(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('base = "tiny"\nseed = 5\n')
    (tmp_path / "two.toml").write_text('base = "one.toml"\n[optimisation]\nepochs = 2\n')

    config = load_config(str(tmp_path / "two.toml"))

    assert (config.seed, config.optimisation.epochs) == (5, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('base = "tiny"\nseeed = 5\n', "did you mean seed"),
        ('base = "tiny"\n[optimisation]\nepoch = 3\n', "did you mean epochs"),
        ('base = "tiny"\nseed = "five"\n', "seed"),
        ('base = "tiny"\n[augmentation]\nzoom = [1.0]\n', "zoom"),
        ('base = "tinny"\n', "tinny"),
        ("seed = \n", "can't be read"),
        ("seed = 1\n", "missing"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=reason):
        load_config(str(tmp_path / "mine.toml"))
    with pytest.raises(ConfigError, match="no config file"):
        load_config(str(tmp_path / "none.toml"))


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('base = "tiny"\nseed = "five"\n[optimisation]\nepochs = 0\nepoch = 3\n')
    with pytest.raises(ConfigError) as caught:
        load_config(str(tmp_path / "mine.toml"))

    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "config.optimisation.epochs", "config.optimisation.epoch", "config.seed",
    ]  # fmt: skip


def test_any_value_from_the_command_line() -> None:
    config = load_config("tiny").with_values(
        ["optimisation.epochs=3", "optimisation.optimiser=sgd", "optimisation.ema=none", "augmentation.flip=false",
         "augmentation.zoom=[0.7, 1.0]", "architecture_options.dropout=0.1", "species.labels=['a', 'b', 'c']",
         "optimisation.class_weights={a = 2.0, b = 1.0}"]
    )  # fmt: skip

    assert (config.optimisation.epochs, config.optimisation.optimiser, config.optimisation.ema) == (3, "sgd", None)
    assert (config.augmentation.flip, config.augmentation.zoom) == (False, (0.7, 1.0))
    assert config.architecture_options == {"dropout": 0.1}
    assert config.species.labels == ("a", "b", "c")
    assert config.optimisation.class_weights == {"a": 2.0, "b": 1.0}


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("optimisation.epoch=3", "did you mean epochs"),
        ("optimization.epochs=3", "did you mean optimisation"),
        ("optimisation.epochs=three", "epochs"),
        ("optimisation.epochs", "KEY=VALUE"),
        ("seed.more=3", "holds no keys"),
        ("architecture_options.drop=0.1", "did you mean dropout"),
        ("architecture=artcle", "did you mean article"),
        ("optimisation.optimiser=addam", "did you mean adam"),
        ("optimisation.schedule=stepp", "did you mean step"),
        ("optimisation.mixed_precision=float8", "did you mean float16"),
        ("optimisation.class_weights=even", "balanced"),
        ("optimisation.class_weights={maniola = 2.0}", "did you mean maniola_jurtina"),
        ("optimisation.decay_every=0", "decay_every"),
        ("optimisation.label_smoothing=1.0", "label_smoothing"),
        ("optimisation.steps_per_epoch=0", "steps_per_epoch"),
        ("augmentation.fill=mirror", "fill"),
        ("augmentation.share=1.5", "share"),
        ("augmentation.zoom=[1.0, 0.5]", "zoom"),
        ("augmentation.crop=1.0", "crop"),
        ("colour=gray", "did you mean grey"),
        ("normalise=none", "normalise"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_nearest_name(assignment: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_config("tiny").with_values([assignment])


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
