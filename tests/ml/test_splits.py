"""No test photo may have a sibling in training."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.datasets.folder import Photo
from ml.datasets.splits import bundle, split_outsiders, split_species

HERE = Path()


def photos(count: int, label: str = "a", groups: dict[int, str] | None = None) -> list[Photo]:
    return [
        Photo(HERE, f"{label}/{number}.jpg", label, sequence=number, group=(groups or {}).get(number))
        for number in range(1, count + 1)
    ]


def test_blocks_of_sequence_numbers_stay_together() -> None:
    assert [name.removesuffix(".jpg") for name in bundle(photos(7), block=3)] == ["a/1"] * 3 + ["a/4"] * 3 + ["a/7"]


def test_near_duplicates_tie_blocks_together_even_through_a_third() -> None:
    groups = {1: "g", 9: "g", 10: "h", 20: "h"}

    names = bundle(photos(20, groups=groups), block=2)

    assert names[0] == names[1] == names[8] == names[9] == names[18] == names[19]
    assert names[0] != names[4]


def test_photos_without_number_or_group_stand_alone() -> None:
    loose = [Photo(HERE, f"{index}.jpg", "a", kind="moth") for index in range(4)]

    assert len(set(bundle(loose, block=25))) == 4


@given(st.integers(0, 10_000), st.dictionaries(st.integers(1, 120), st.sampled_from("ghijk"), max_size=20))
def test_no_bundle_is_torn_apart(seed: int, groups: dict[int, str]) -> None:
    both = photos(120, "a", groups) + photos(120, "b")
    split = split_species(both, block=6, calibration=0.2, test=0.2, seed=seed)

    parts = defaultdict(set)
    for name, part in zip(split.bundles, split.parts, strict=True):
        parts[name].add(part)
    assert all(len(each) == 1 for each in parts.values())


def test_shares_are_about_what_was_asked_for_in_every_label() -> None:
    both = photos(400, "a") + photos(400, "b")
    split = split_species(both, block=10, calibration=0.15, test=0.25, seed=3)

    for label in "ab":
        counts = Counter(part for photo, part in zip(both, split.parts, strict=True) if photo.label == label)
        assert counts["test"] == pytest.approx(100, abs=10)
        assert counts["calibration"] == pytest.approx(60, abs=10)


def test_the_seed_settles_the_split() -> None:
    some = photos(100)

    def parts(seed: int) -> tuple[str, ...]:
        return split_species(some, block=5, calibration=0.2, test=0.2, seed=seed).parts

    assert parts(1) == parts(1)
    assert parts(1) != parts(2)


def outsiders() -> list[Photo]:
    return [Photo(HERE, f"{label}/{n}.jpg", f"label{label}", kind="moth") for label in range(40) for n in range(20)]


def test_some_labels_are_kept_wholly_for_the_test() -> None:
    split, unseen = split_outsiders(outsiders(), held_out=0.25, calibration=0.2, test=0.2, seed=1)

    hidden = {photo.label for photo, hide in zip(outsiders(), unseen, strict=True) if hide}
    assert 4 <= len(hidden) <= 16
    for photo, part in zip(outsiders(), split.parts, strict=True):
        assert photo.label not in hidden or part == "test"


def test_a_new_photo_moves_no_other() -> None:
    before, _ = split_outsiders(outsiders(), held_out=0.25, calibration=0.2, test=0.2, seed=1)
    after, _ = split_outsiders([*outsiders(), Photo(HERE, "new.jpg", "new", kind="moth")], held_out=0.25,
                               calibration=0.2, test=0.2, seed=1)  # fmt: skip

    assert after.parts[:-1] == before.parts
