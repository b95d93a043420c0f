"""Text files of data sets, whoever wrote them."""

from pathlib import Path

from common.errors import file_error
from common.images import read_bytes


def text_of(path: Path) -> str:
    """Return a text file's content, UTF-8, or UTF-16 where it says so.

    Raises:
        InputError: there is no such file, or it is no text.
    """
    data = read_bytes(path)
    is_wide = data[:2] in (b"\xff\xfe", b"\xfe\xff") and len(data) % 2 == 0
    try:
        return data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise file_error(path, f"byte {error.start} is not UTF-8", "text") from None
