"""The one error that a user, not a programmer, can put right."""

from collections.abc import Sequence
from pathlib import Path

SKIP_HINT = "--skip_bad 1 goes on without"
"""The flag that goes on without what is wrong; ``it`` or ``them`` follows."""


class InputError(Exception):
    """A file, setting or argument is not what the program can work with.

    The message is one line that names the file (where there is one), the field and
    what was expected, or such lines below one that counts them; command lines print it
    as it is, without a traceback.
    """


class BadPicture(InputError):
    """A picture that cannot be used, where others could do without it."""


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
    return InputError(printable(" ".join(text.split())))


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number and what is counted: ``1 image``, ``2 images``, ``3 boxes``.

    Args:
        number: how many.
        one: what a single one is called.
        several: what more are called; with an s behind if left out.
    """
    return f"{number} {one if number == 1 else several or one + 's'}"


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal, whatever file it comes from."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


MOST_MISTAKES = 20
"""Mistakes of a kind that are listed one by one."""


def several_errors(where: Path | str, lines: Sequence[str], way_on: str) -> InputError:
    """Build the error for all that is wrong with a set, not only the first of it.

    Args:
        where: the set.
        lines: what is wrong, each a line of its own. A single one is the whole message.
        way_on: the flag that goes on without what is wrong, and what it does.
    """
    if len(lines) == 1:
        return InputError(f"{lines[0]}; {way_on} it")
    start = f"{where}: {len(lines)} files or objects cannot be used; {way_on} them:"
    return with_lines(start, lines)


def with_lines(start: str, lines: Sequence[str]) -> InputError:
    """Build the error that lists lines below its first, of very many some."""
    listed = [f"  {line}" for line in lines[:MOST_MISTAKES]]
    if len(lines) > MOST_MISTAKES:
        listed.append(f"  and {len(lines) - MOST_MISTAKES} more")
    return InputError("\n".join([start, *listed]))
