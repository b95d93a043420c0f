"""How the process deals with large blocks of memory."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of glibc's mallopt


def tune_malloc() -> None:
    """Let freed blocks serve again instead of going back to the system.

    An update asks for some 200 MB of scratch and frees it, every time; having it
    mapped and zeroed anew takes a sixth of the update (measured on 2 cores). The
    process stays as large as it ever was. Other C libraries than glibc are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def peak_bytes() -> int:
    """Return how large this process was at most, in bytes; 0 where nobody knows."""
    try:
        import resource  # which Windows has not
    except ImportError:
        return 0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else 1024 * size
