"""The table of figures: each is a row here and a function that reads and returns."""

from figures import animations, ceilings, collect, detectors, glimpses
from figures.figure import Figure
from figures.published import KEYS

MOVES = ("class", "scale", "moves", "positives", "random", "greedy", "exhaustive")
COUNTS = (
    *("flags", "scale", "who", "measure", "value", "of"),
    *("commit", "machine", "command"),
)
CURVES = ("curve", "source", "recall", "precision")
REGIONS = ("run", "source", "regions", "found")
CASES = ("image", "distance", "what", "row", "column")
RATES = ("study", "arm", "source", "seeds", "distance", "rate", "deviation")
LOGS = ("run", "source", "epoch", "value")
SEARCH = ("image", "step", "action", "ymin", "xmin", "ymax", "xmax")
TRAJECTORY = (
    *("image", "glimpse", "row", "column"),
    *("predicted row", "predicted column"),
)
TABLE = ("method", "source", *KEYS)

FIGURES = {
    "ceilings": Figure("", MOVES, ceilings.ceilings),
    "ceilings_table": Figure("", COUNTS, ceilings.ceilings_table),
    "detectors_fig5": Figure("Fig. 5", CURVES, detectors.baselines),
    "detectors_fig6": Figure("Fig. 6", CURVES, detectors.both_detectors),
    "detectors_fig7": Figure("Fig. 7", CURVES, detectors.by_epoch),
    "detectors_fig8": Figure("Fig. 8", REGIONS, detectors.regions_per_object),
    "glimpses_fig2": Figure("Fig. 2", CASES, glimpses.digits),
    "glimpses_fig3": Figure("Fig. 3", RATES, glimpses.objective),
    "glimpses_fig4": Figure("Fig. 4", RATES, glimpses.network),
    "glimpses_fig5": Figure("Fig. 5", RATES, glimpses.resolution),
    "glimpses_fig6": Figure("Fig. 6", LOGS, glimpses.learning_curve),
    "glimpses_fig7": Figure("Figs. 1, 7", CASES, glimpses.best),
    "glimpses_fig8": Figure("Fig. 8", CASES, glimpses.worst),
    "glimpses_table1": Figure("Table 1", TABLE, glimpses.table1),
    "search": Figure("", SEARCH, animations.search),
    "trajectory": Figure("", TRAJECTORY, animations.trajectory),
    "collect": Figure("", collect.Row._fields, collect.collect),
    "collect_means": Figure("", collect.SeedsRow._fields, collect.collect_means),
}
"""All figures by name: what each is called in its paper, columns of its CSV, maker."""


def draw(name: str, **settings: object) -> None:
    """Write a figure as ``python -m figures NAME`` does.

    Args:
        name: key in :data:`FIGURES`.
        **settings: its flags; defaults where left out.

    Raises:
        InputError: a setting or file cannot be used; then nothing is written.
    """
    figure = FIGURES[name]
    figure.write(name, figure.settings(**settings))
