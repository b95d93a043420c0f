"""The one error that a user, not a programmer, can put right."""

from collections.abc import Sequence
from pathlib import Path

MOST_LISTED = 20
"""Lines about bad files or rows that an error shows; of more it says how many."""


class InputError(Exception):
    """A file, setting or argument is not what the program can work with.

    The message is one line that names the file (where there is one), the field and
    what was expected, or a line for each of several mistakes; command lines print it as
    it is, without a traceback.
    """


def file_error(path: Path | str, what: str, expected: str = "") -> InputError:
    """Build the error for a file that cannot be used.

    Args:
        path: the file.
        what: what is wrong, with the name of the field.
        expected: what would have been right; left out where ``what`` says it.
    """
    text = f"{path}: {what}"
    if expected:
        text += f"; expected {expected}"
    return InputError(" ".join(text.split()))


def bad_items_error(path: Path | str, what: str, lines: Sequence[str]) -> InputError:
    """Build the error for all that is wrong with a data set.

    Args:
        path: of the set.
        what: its items are called, such as ``rows``.
        lines: one about each bad item, at least one, as :func:`file_error` words it.
    """
    if len(lines) == 1:
        return InputError(f"{lines[0]}; --skip_bad 1 leaves it out")
    text = f"{path}: {len(lines)} {what} are bad; --skip_bad 1 leaves them out"
    shown = [text, *lines[:MOST_LISTED]]
    if len(lines) > MOST_LISTED:
        shown.append(f"and {len(lines) - MOST_LISTED} more")
    return InputError("\n  ".join(shown))
