"""Settings into command lines, and mistakes into one clear line."""

import io
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import tyro

from common.errors import InputError
from common.files import reason_of
from common.settings import preset_values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")


def run(
    main: Callable[[Settings], None],
    settings_class: type[Settings],
    arguments: list[str] | None = None,
    **about: str,
) -> None:
    """Parse the command line into settings, call ``main`` and leave the process.

    Flags are the fields' names, their help the docstrings beside them. Exit status:
    0 done, 1 an :class:`InputError` or an error of the system (printed as one line), 2
    a flag that does not parse, 130 interrupted with Ctrl-C, 143 terminated. Either way
    files that are half written are removed first.

    Args:
        main: what to do with the settings.
        settings_class: as :func:`parse` takes it.
        arguments: the words behind the program's name; ``sys.argv`` if left out.
        **about: what ``--help`` says: ``prog`` and ``description``, as tyro takes them.
    """
    _print_what_can_be_printed()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        settings = parse(settings_class, words, **about)
        with _ending_on_sigterm():
            main(settings)
    except InputError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(f"error: {where}{reason_of(error)}")
    except MemoryError as error:
        sys.exit(f"error: out of memory: {error}")
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)


def parse(
    settings_class: type[Settings], arguments: list[str], **about: str
) -> Settings:
    """Return the settings that a command line stands for.

    Where classes have ``PRESETS``, names and the values of fields under each, the flag
    ``--preset NAME`` sets them. Where the settings have ``remembered``, which reads
    what a model was trained with, that is taken instead. Further flags override both.

    Args:
        settings_class: a dataclass; its docstring is the program's description.
        arguments: the words behind the program's name.
        **about: what ``--help`` says, as :func:`run` takes it.
    """
    preset = preset_values(settings_class, _chosen_preset(arguments))
    settings = _parsed(settings_class, arguments, preset, **about)
    remembered = settings.remembered() if hasattr(settings, "remembered") else {}
    if remembered:
        defaults = remembered | preset
        settings = _parsed(settings_class, arguments, defaults, **about)
    return settings


def _parsed(
    settings_class: type[Settings],
    arguments: list[str],
    defaults: dict[str, Any],
    **about: Any,
) -> Settings:
    # Not an instance: one fills in fields by what others are before flags are read.
    default: Any = SimpleNamespace(**defaults) if defaults else None
    return tyro.cli(
        settings_class,
        args=arguments,
        default=default,
        config=(tyro.conf.OmitArgPrefixes,),
        use_underscores=True,
        **about,
    )


def _chosen_preset(arguments: list[str]) -> str:
    """Return the name of the preset that is asked for, empty if none is."""
    chosen = ""
    for word, following in zip(arguments, [*arguments, ""][1:], strict=True):
        flag, equals, value = word.partition("=")
        if flag == "--preset":
            chosen = value if equals else following  # the last one counts
    return chosen


def _print_what_can_be_printed() -> None:
    """Let a terminal that lacks a letter, of a path or of the help, show a ? for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM, which would end the process on the spot, leave through the blocks.

    Batch systems send it when a job's time is up.
    """
    status: list[int] = []

    def leave(number: int, _: object) -> None:
        print("terminated", file=sys.stderr)
        status.append(128 + number)
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except BaseException:
        # A library that is left in the middle may make another error of it.
        if status:
            raise SystemExit(status[0]) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _is_news(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def suppress_startup_output() -> Iterator[None]:
    """Keep what native libraries say while they load off the screen.

    TensorFlow's libraries write about GPUs they did not find before any log level
    holds. If the block fails, what they said is shown after all; where the user stops
    it, it is not. Nor does TensorFlow warn later on, of functions compiled for a
    handful of shapes: searches in a batch end one after the other.
    """
    logging.getLogger("tensorflow").addFilter(_is_news)
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except InputError:
            raise  # which says all there is to say
        except Exception:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
