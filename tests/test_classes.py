"""Names of classes, and the files that are called after them."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.epochs import EpochFiles
from common.errors import InputError
from common.files import portable_name
from common.run import stem_of
from datasets.classes import VOC_CLASSES, class_id, class_name, model_stem


@pytest.mark.parametrize(
    ("given_as", "name"),
    [
        ("Raccoon", "raccoon"),
        ("  Licence\n Plate ", "licence plate"),
        ("STRASSE", class_name("straße")),
        ("E\u0301cureuil", "écureuil"),
        ("ラクーン", "ラクーン"),
        ("21", "21"),
        (21, "21"),
        ("7", "car"),
        (7, "car"),
        ("name:7", "7"),
        ("Aeroplane", "aeroplane"),
    ],
)
def test_names_are_compared_without_capitals_blanks_and_accents_apart(given_as, name):
    assert class_name(given_as) == name


@pytest.mark.parametrize("given_as", ["", " \t", -1, 7.5, True, "name:"])
def test_what_is_no_name(given_as):
    with pytest.raises(InputError, match="is no class; expected a name") as caught:
        class_name(given_as)
    assert len(str(caught.value).splitlines()) == 1


def test_where_nobody_asks_for_one_it_is_the_published_programs():
    assert class_name(None) == "aeroplane" and model_stem(None) == "model0"


@given(st.text(min_size=1))
def test_a_name_stays_what_it_is(text):
    try:
        name = class_name(text)
    except InputError:
        assert not text.strip() or text.casefold().strip().startswith("name:")
        return
    if not name.startswith("name:") and name not in map(str, range(1, 21)):
        assert class_name(name) == name
    assert unicodedata.is_normalized("NFC", name) or class_name(name) == name


def test_files_of_vocs_classes_have_their_published_numbers():
    stems = [model_stem(name) for name in VOC_CLASSES]
    assert stems == [f"model{number}" for number in range(20)]
    assert model_stem(np.int64(1)) == model_stem("Aeroplane") == "model0"
    assert [class_id("tvmonitor"), class_id("Raccoon")] == [20, "raccoon"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("raccoon", "model_raccoon"),
        ("Licence plate", "model_licence plate"),
        ("c++", "model_c++"),
        ("a/b", "model_a%2Fb"),
        ("..", "model_.."),
        ("50%", "model_50%25"),
        ('<>:"/\\|?*', "model_%3C%3E%3A%22%2F%5C%7C%3F%2A"),
        ("rot\u200bkehlchen", "model_rot%E2%80%8Bkehlchen"),
        ("x_epoch_3", "model_x%5Fepoch_3"),
        ("_epoch_", "model_%5Fepoch_"),
    ],
)
def test_files_of_other_classes_have_their_names(name, stem):
    assert model_stem(name) == stem


NAMES = st.text(min_size=1, max_size=60).filter(lambda text: text.strip())


@given(NAMES, st.integers(0, 999))
def test_any_name_makes_a_file_that_tells_class_and_epoch(text, epoch):
    try:
        stem = model_stem(text)
    except InputError:
        return
    file = EpochFiles("models", stem, ("epoch",)).weights(epoch).name
    assert stem_of(file) == stem_of(f"{stem}.weights.h5") == stem
    assert file.isprintable() and not set(file) & set('<>:"/\\|?*')
    assert len(file.encode()) < 220


@given(st.text(max_size=300), st.text(max_size=300))
def test_other_texts_have_other_names(one, other):
    assert (portable_name(one) == portable_name(other)) == (one == other)


def test_epochs_are_found_whatever_the_class_is_called(tmp_path):
    for name in ("a[b]", "c++", "x", "x_epoch_3", "(.*)"):
        files = EpochFiles(tmp_path, model_stem(name), ("epoch",))
        for epoch in (0, 3):
            files.weights(epoch).touch()
        files.latest.touch()
    for name in ("a[b]", "c++", "x", "x_epoch_3", "(.*)"):
        files = EpochFiles(tmp_path, model_stem(name), ("epoch",))
        assert files.epochs() == [0, 3]
