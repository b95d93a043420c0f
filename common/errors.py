"""The one error that a user, not a programmer, can put right."""

from pathlib import Path


class InputError(Exception):
    """A file, setting or argument is not what the program can work with.

    The message is one line that names the file (where there is one), the field and
    what was expected; command lines print it as it is, without a traceback.
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
