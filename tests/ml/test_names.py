"""What a version says of photos out of scope: which names, how sure, and when it stays silent."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml.config import ConfigError, NamesData, load_config
from ml.evaluation.firsthand import Opinions, choose_first_look
from ml.evaluation.scores import Scores
from ml.inference.names import NamesInfo, read_names
from ml.inference.versions import FirstLook
from ml.naming import calibrated, write_names

LABELS = ("Aphantopus hyperantus", "Maniola jurtina", "Lasiommata megera", "Poanes hobomok", "Lycaena phlaeas")


def info(**changes: object) -> NamesInfo:
    values: dict[str, object] = {
        "size": 32,
        "labels": LABELS,
        "spoken": np.array([True, False, True, False, True]),  # the version's own label, and one of another continent
        "vernacular_names": {LABELS[0]: {"en": "ringlet", "nl": "koevinkje"}},
        "slope": 1.0,
        "intercept": 0.0,
        "least": 0.5,
    }
    return NamesInfo(**(values | changes))


SAID = [
    # probabilities in the order of LABELS; the names that are said
    ([0.9, 0.0, 0.05, 0.0, 0.05], [LABELS[0], LABELS[2], LABELS[4]]),
    ([0.6, 0.0, 0.3, 0.06, 0.04], [LABELS[0], LABELS[2]]),  # a further name needs 0.05
    ([0.5, 0.0, 0.4, 0.1, 0.0], [LABELS[0], LABELS[2]]),
    ([0.49, 0.0, 0.41, 0.1, 0.0], []),  # too unsure
    ([0.2, 0.8, 0.0, 0.0, 0.0], []),  # most like the version's own label: not for this network to say
    ([0.3, 0.0, 0.0, 0.7, 0.0], []),  # most like one that is never said
]


@pytest.mark.parametrize(("probabilities", "names"), SAID)
def test_which_names_are_said(probabilities: list[float], names: list[str]) -> None:
    said = info().looks_like(np.array(probabilities))
    assert [name.scientific_name for name in said] == names
    assert [name.probability for name in said] == sorted((name.probability for name in said), reverse=True)


def test_a_name_comes_with_its_vernacular_names_and_calibrated_probability() -> None:
    first = info(slope=2.0, intercept=-1.0).looks_like(np.array([0.9, 0.0, 0.02, 0.04, 0.04]))[0]
    assert first.vernacular_names == {"en": "ringlet", "nl": "koevinkje"}
    assert first.probability == pytest.approx(1 / (1 + np.exp(-(2 * np.log(9) - 1))), abs=1e-4)


def test_names_that_are_right_half_as_often_as_they_say_are_believed_less() -> None:
    """Forty photos of a ringlet named 0.9 each, of which half show a wall."""
    probabilities = np.tile([0.9, 0.0, 0.1, 0.0, 0.0], (40, 1)) + np.random.default_rng(1).normal(0, 0.01, (40, 5))
    shown = ["aphantopus_hyperantus", "lasiommata_megera"] * 20
    part = calibrated({"slope": 1.0, "intercept": 0.0, "least": 0.5}, info(), probabilities, shown)
    told = info(slope=part["slope"], intercept=part["intercept"])
    assert told.calibrated(0.9) == pytest.approx(0.5, abs=0.05)


def test_the_files_of_the_names_say_which_are_said(tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    rows = [
        {"scientific_name": "Aphantopus hyperantus", "spoken": True, "vernacular_names": {"en": "ringlet"}},
        {"scientific_name": "Maniola jurtina", "spoken": True, "vernacular_names": {}},
        {"scientific_name": "Poanes hobomok", "spoken": False, "vernacular_names": {}},
    ]
    (tmp_path / "names" / "labels.json").write_text(json.dumps(rows), encoding="utf-8")
    read = read_names(tmp_path, {"size": 96, "slope": 1, "intercept": 0, "least": 0.4}, ("Maniola jurtina",))
    assert read.labels == ("Aphantopus hyperantus", "Maniola jurtina", "Poanes hobomok")
    assert read.spoken.tolist() == [True, False, False]
    assert (read.size, read.least) == (96, 0.4)


def test_without_its_files_there_are_no_names(tmp_path: Path) -> None:
    config = load_config("bundled_browns")
    with pytest.raises(ConfigError, match="weights that belong to its head"):
        write_names(config, tmp_path / "names", tmp_path, np.zeros((1, 32, 32, 3), np.float32))
    told = config.with_weights(str(tmp_path / "absent.weights.h5"))
    with pytest.raises(ConfigError, match=r"no file mobilenet_v2_inat_insect_head\.npz"):
        write_names(told, tmp_path / "names", tmp_path, np.zeros((1, 32, 32, 3), np.float32))
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    import dataclasses

    broken = dataclasses.replace(told, names=NamesData(head="broken.npz", said="insect_names.csv"))
    with pytest.raises(ConfigError, match=r"broken\.npz can't be read"):
        write_names(broken, tmp_path / "names", tmp_path, np.zeros((1, 32, 32, 3), np.float32))


def scores(top: list[float], right: list[bool], scope: list[float]) -> Scores:
    rows = [[p, 1 - p] if ok else [1 - p, p] for p, ok in zip(top, right, strict=True)]
    nothing = np.empty(len(top), object)
    return Scores(np.array(rows), np.array(scope), nothing, nothing)


def test_the_first_look_is_enough_where_it_is_wrong_no_more_often_than_all() -> None:
    """Six photos of label 0: at 0.9 the first look has a mistake that all looks together mend, at 0.95 it has none."""
    sure = [0.92, 0.96, 0.97, 0.99, 0.999, 0.6]
    first = scores(sure, [False, True, True, True, True, True], [0.9] * 6)
    everything = scores(sure, [True] * 6, [0.9] * 6)
    classes = np.zeros(6, int)
    chosen = choose_first_look(Opinions(None, everything, first, None), classes)
    assert chosen == {"in_scope": 0.9, "probability": 0.95, "out_of_scope": 0.02}
    always_wrong = scores(sure, [False] * 6, [0.9] * 6)
    assert choose_first_look(Opinions(None, everything, always_wrong, None), classes) is None
    assert choose_first_look(Opinions(None, everything, None, None), classes) is None


@pytest.mark.parametrize(
    ("lowest", "bound"), [(0.5, 0.02), (0.02, 0.02), (0.0199, 0.01), (0.001, 0.001), (0.0005, 0.0)]
)
def test_no_photo_of_the_labels_is_given_up_at_the_first_look(lowest: float, bound: float) -> None:
    """Photos of other subjects may have any score."""
    scope = [0.9, 0.9, lowest, 0.0]
    seen = scores([0.99] * 4, [True] * 4, scope)
    chosen = choose_first_look(Opinions(None, seen, seen, None), np.array([0, 0, 0, -1]))
    assert chosen is not None
    assert chosen["out_of_scope"] == bound


@pytest.mark.parametrize(
    ("in_scope", "probability", "enough"),
    [
        (0.9, 0.95, True),
        (0.89, 0.99, False),
        (0.99, 0.94, False),
        (0.02, 0.5, False),
        (0.0199, 0.5, True),
    ],
)
def test_when_the_first_look_is_enough(in_scope: float, probability: float, enough: bool) -> None:
    assert FirstLook(0.9, 0.95, 0.02).is_enough(in_scope, probability) is enough
    assert FirstLook(0.9, 0.95).is_enough(in_scope, probability) is (enough and in_scope > 0.5)
