"""Which images serve for training, and which for a test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InputError
from datasets.splits import choose, draw_held_out, share_of, split_in, split_of


@pytest.mark.parametrize(
    ("splits", "trainval", "test"),
    [
        (["test", "trainval"], ("trainval",), ("test",)),
        (["train", "val", "trainval", "test"], ("trainval",), ("test",)),
        (["test", "train", "val"], ("train", "val"), ("test",)),
        (["test", "train", "valid"], ("train", "valid"), ("test",)),
        (["train", "val"], ("train",), ("val",)),
        (["train", "test"], ("train",), ("test",)),
        (["Training", "Testing"], ("Training",), ("Testing",)),
    ],
)
def test_the_parts_that_serve(splits, trainval, test):
    for order in (splits, splits[::-1]):
        for asked, parts in (("trainval", trainval), ("test", test)):
            choice = choose(asked, order, "set")
            assert (choice.parts, choice.is_pool) == (parts, False)


@pytest.mark.parametrize("splits", [[], ["default"], ["train"], ["all pictures"]])
def test_what_has_no_test_of_its_own_is_a_pool(splits):
    for asked in ("trainval", "test"):
        choice = choose(asked, splits, "set")
        assert choice.is_pool and choice.parts == tuple(splits)


@pytest.mark.parametrize(
    ("asked", "splits"),
    [
        ("test", ["train", "val", "trainval"]),  # VOC 2012: val is trained on
        ("test", ["trainval"]),
        ("trainval", ["test"]),
        ("trainval", ["val"]),
        ("trainval", ["a", "b"]),
        ("minival", ["train", "test"]),
        ("train", []),
    ],
)
def test_where_nothing_serves_the_splits_are_listed(asked, splits):
    with pytest.raises(InputError, match=f"set: there is no set {asked}; ") as caught:
        choose(asked, splits, "set")
    assert all(split in str(caught.value) for split in splits)


def test_a_split_can_be_asked_for_by_name():
    assert choose("valid", ["train", "valid"], "set").parts == ("valid",)
    assert choose("val", ["train", "valid"], "set").parts == ("valid",)
    assert choose("mine", ["train", "mine"], "set").parts == ("mine",)
    assert choose("all", ["train", "mine"], "set").parts == ("train", "mine")
    assert choose("all", [], "set").parts == ()


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("Train", "train"),
        ("valid", "val"),
        ("validation", "val"),
        ("val2017", "val"),
        ("test_2019", "test"),
        ("trains", None),
        ("testing", "test"),
        ("contest", None),
    ],
)
def test_words_that_say_a_split(word, split):
    assert split_of(word) == split


def test_words_in_the_name_of_a_file():
    assert split_in("instances_train2017") == "train"
    assert split_in("person_keypoints_val2017") == "val"
    assert split_in("_annotations.coco") is None
    assert split_in("latest_training") == "train"


@given(st.sets(st.text(max_size=5), max_size=40), st.integers(0, 2**31 - 1))
def test_a_draw_divides_the_images_and_knows_no_order(names, seed):
    held_out = draw_held_out(names, seed)
    assert held_out == draw_held_out(sorted(names, reverse=True), seed)
    assert set(held_out) <= names
    expected = 0 if len(names) < 2 else max(round(0.2 * len(names)), 1)
    assert len(held_out) == expected
    ordered = list(names)
    train, test = (share_of(ordered, one, held_out) for one in ("trainval", "test"))
    assert sorted(train + test) == sorted(names)
    assert set(test) == set(held_out)


def test_another_seed_is_another_draw():
    names = [str(number) for number in range(50)]
    assert draw_held_out(names, 0) != draw_held_out(names, 1)
