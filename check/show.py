"""What was found, on the screen: lines, tables and small plots of text."""

from collections.abc import Iterable, Sequence

from rich.bar import Bar
from rich.table import Table

from check.boxes import FAST_MOVES, MOVES, BoxFacts
from check.keypoints import KeypointFacts, Spread
from common.errors import counted
from common.progress import console
from figures.scenes import scale_name

SHADES = " ░▒▓█"
"""Of parts of the picture, by how many keypoints lie there."""

BAR_WIDTH = 40

MOST_LINES = 100
"""Of what is wrong on the screen: more would push everything else off it."""


def show_lines(title: str, lines: Iterable[str], empty: str = "") -> None:
    """Print lines under a title; without any, ``empty`` beside it, or nothing."""
    shown = list(lines)
    if shown:
        console.print(f"\n{title}")
        for line in shown:
            console.print(f"  {line}", markup=False)
    elif empty:
        console.print(f"\n{title} {empty}")


def show_problems(problems: Sequence[str]) -> None:
    """Print what is wrong, a line each; of very much the first part."""
    shown, more = list(problems[:MOST_LINES]), len(problems) - MOST_LINES
    if more > 0:
        shown.append(f"and {more} more, all of them in the file that --json names")
    show_lines("wrong:", shown, "nothing")


def show_boxes(facts: BoxFacts) -> None:
    """Print how many objects there are, their sizes, and what can be reached."""
    images = ", ".join(f"{count} {name}" for name, count in facts.images.items())
    objects = counted(facts.objects, "object")
    counts = ", ".join(f"{n} with {k}" for k, n in facts.per_image.items())
    console.print(f"\nimages with the class: {images}; {objects}")
    console.print(f"objects an image: {counts}")
    console.print(
        f"\nsides of the objects, in shares of the image's (median"
        f" {facts.median_side:.0%})"
    )
    edges = zip(facts.side_edges, facts.side_edges[1:], strict=False)
    show_bars([f"{low:.0%} to {high:.0%}" for low, high in edges], facts.side_counts)
    _show_reach(facts)


def show_bars(labels: Sequence[str], counts: Sequence[int]) -> None:
    """Print a bar for each count; a run of zeros at either end is left out."""
    filled = [place for place, count in enumerate(counts) if count]
    if not filled:
        return
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    table.add_column(width=BAR_WIDTH)
    table.add_column(justify="right")
    for place in range(filled[0], filled[-1] + 1):
        bar = Bar(max(counts), 0, counts[place], width=BAR_WIDTH)
        table.add_row(labels[place], bar, str(counts[place]))
    console.print(table)


def _show_reach(facts: BoxFacts) -> None:
    sampled = "" if facts.searched == facts.objects else f" of {facts.searched} sampled"
    table = Table(title=f"share of the objects{sampled} that searches can find")
    table.add_column("regions of")
    for moves in (FAST_MOVES, MOVES):
        for who in ("chance", "best moves"):
            table.add_column(f"{who},\n{moves} moves", justify="right")
    table.add_column("anywhere", justify="right")
    for one in facts.reach:
        cells = []
        for moves in (FAST_MOVES, MOVES):
            cells += [f"{one.chance[moves]:.0%}", f"{one.greedy[moves]:.0%}"]
        cells.append(f"{one.whole_tree[MOVES]:.0%}")
        table.add_row(scale_name(one.scale), *cells)
    console.print()
    console.print(table)


def show_keypoints(facts: KeypointFacts) -> None:
    """Print what pictures and keypoints are like."""
    images = ", ".join(f"{n} to {split} on" for split, n in facts.images.items())
    console.print(f"\nimages: {images}")
    if any(facts.invisible.values()):
        hidden = ", ".join(f"{n} in {split}" for split, n in facts.invisible.items())
        console.print(f"invisible keypoints, dropped: {hidden}")
    console.print(
        f"pictures: {_words(facts.widths)} wide, {_words(facts.heights)} high"
    )
    console.print(
        f"normaliser: {_words(facts.normalisers)}, in the middle"
        f" {facts.normalisers_of_height.median:.0%} of the picture's height"
    )
    rows, columns = facts.deviation
    console.print(
        f"\nwhere the keypoints lie (deviation {columns:.0%} of the width,"
        f" {rows:.0%} of the height)"
    )
    for row in shaded(facts.grid):
        console.print(f"  |{row}|")
    if facts.constant:
        rates = ", ".join(
            f"{rate:.0f} % within {d}" for d, rate in facts.constant.items()
        )
        console.print(f"the mean place of the training images finds {rates}")
    show_lines(
        "same pictures under several rows:",
        (", ".join(names) for names in facts.duplicates),
    )


def _words(spread: Spread) -> str:
    if spread.smallest == spread.largest:
        return f"{spread.median:g} pixels"
    return (
        f"{spread.smallest:g} to {spread.largest:g} pixels (median {spread.median:g})"
    )


def shaded(grid: Sequence[Sequence[int]]) -> list[str]:
    """Return a line of shades for each row of counts, two letters a count."""
    most = max(max(row) for row in grid) or 1
    darkest = len(SHADES) - 1
    return [
        "".join(2 * SHADES[-(-count * darkest // most)] for count in row)
        for row in grid
    ]
