"""Names of classes: PASCAL VOC's with their published numbers, and anybody's own."""

import reprlib
import unicodedata

from common.errors import InputError
from common.files import portable_name

VOC_CLASSES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse"
    " motorbike person pottedplant sheep sofa train tvmonitor"
).split()
"""Names of the 20 classes; the published numbers count from 1."""

ClassObject = int | str | None
"""How a class is asked for: see :func:`class_name`."""

_NUMBERS = {str(number): name for number, name in enumerate(VOC_CLASSES, 1)}
_AS_NAME = "name:"
"""Start of a name that is one though it reads as a number: ``name:7``."""


def same_name(text: str) -> str:
    """Return what all spellings of a class's name have in common.

    Capitals, the ways in which Unicode composes a letter, and how wide blanks are
    make no difference.
    """
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(text.split())


def class_name(class_object: ClassObject) -> str:
    """Return the name of a class, in the form that names are compared in.

    Args:
        class_object: a published number, 1 (aeroplane) to 20 (tvmonitor), as an int or
            in digits; or a name, VOC's or anybody's. ``name:7`` is a class called 7.
            None, where nobody asked for one, is the published program's, aeroplane.

    Raises:
        InputError: it is neither.
    """
    if class_object is None:
        return VOC_CLASSES[0]
    is_text = isinstance(class_object, str)
    name = same_name(str(class_object))
    if name.startswith(_AS_NAME):
        name = name.removeprefix(_AS_NAME).strip()
    else:
        name = _NUMBERS.get(name, name)
    if name and (is_text or name.isdecimal() or name in VOC_CLASSES):
        return name
    raise InputError(
        f"class_object: {reprlib.repr(class_object)} is no class; expected a name, or"
        f" a number of PASCAL VOC: {_numbered()}"
    )


def class_number(class_object: ClassObject) -> int:
    """Return the published number of a class, 1 (aeroplane) to 20 (tvmonitor).

    Args:
        class_object: as :func:`class_name` takes it.

    Raises:
        InputError: it is none of the 20 classes.
    """
    name = class_name(class_object)
    if name in VOC_CLASSES:
        return VOC_CLASSES.index(name) + 1
    raise InputError(
        f"class_object: {reprlib.repr(class_object)} is no class of PASCAL VOC;"
        f" expected one of {_numbered()}"
    )


def class_id(class_object: ClassObject) -> int | str:
    """Return a class as files name it: VOC's by its number, another by its name."""
    name = class_name(class_object)
    return class_number(name) if name in VOC_CLASSES else name


def model_stem(class_object: ClassObject) -> str:
    """Return the start of the names of a class's model files.

    VOC's classes are numbered from 0, as published: ``model0`` is aeroplane's. Others
    are named: ``model_raccoon``. What file names cannot hold is percent-encoded, and
    so is the ``_epoch_`` that separates the number of an epoch.
    """
    known = class_id(class_object)
    if isinstance(known, int):
        return f"model{known - 1}"
    return f"model_{portable_name(known)}".replace("_epoch_", "%5Fepoch_")


def _numbered() -> str:
    return ", ".join(f"{number} {name}" for number, name in _NUMBERS.items())
