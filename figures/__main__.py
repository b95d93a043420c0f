"""``python -m figures NAME --runs … --out FOLDER`` draws a figure; without NAME, lists.

``python -m figures NAME --help`` lists a figure's flags.
"""

import sys
from functools import partial

from common.command_line import run
from figures.table import FIGURES


def main(words: list[str]) -> None:
    """Draw the figure that the first word names, or list all of them."""
    if not words or words[0] in ("-h", "--help"):
        print("python -m figures NAME [--help] [--runs FILE …] [--out FOLDER]\n")
        for name, figure in FIGURES.items():
            print(f"{name:16} {figure.about}")
        return
    name, *flags = words
    if name not in FIGURES:
        sys.exit(f"error: there is no figure {name}; expected {', '.join(FIGURES)}")
    figure = FIGURES[name]
    about = {"prog": f"python -m figures {name}", "description": figure.about}
    run(partial(figure.write, name), figure.settings, flags, **about)


if __name__ == "__main__":
    main(sys.argv[1:])
