"""What a training of the glimpse regressor sees in its log: why it does not learn.

Pure functions of rows of ``log.csv``; ``docs/logs.md`` explains its columns.
"""

from collections.abc import Sequence

from common.diagnosis import (
    Check,
    Row,
    Settings,
    growth_of,
    lower_rate,
    since,
    stretch,
)

AT_EDGE = 0.6
"""Share of glimpses at the edge from which on the policy is said to be stuck there.
Glimpses anywhere in the image have 0.19; of a policy that looks for ever at one side's
edge, 0.8 of what is drawn around it is there."""


def glimpses_at_edge(rows: Sequence[Row], settings: Settings) -> str:
    """Most glimpses are taken at the edge of the image."""
    if settings["location"] == "random":
        return ""
    stuck = stretch(rows, lambda row: (row.get("edge_share") or 0) >= AT_EDGE)
    if not stuck:
        return ""
    tip = "--location predicted"
    if settings["location"] == "learned" and not settings["location_offset"]:
        tip = "--location_offset 0.5, which bounds each step,"
    elif settings["location"] == "predicted":
        tip = lower_rate(settings)
    share = 100 * (stuck[-1]["edge_share"] or 0)
    return (
        f"glimpses at the edge in {share:.0f} %{since(rows, stuck)}: try {tip} in a"
        " new run"
    )


def loss_grows(rows: Sequence[Row], settings: Settings) -> str:
    """The regression diverges; the policy's part of the loss has no sign."""
    words = growth_of(rows, "regression_loss")
    return words and f"{words}; try {lower_rate(settings)}"


CHECKS: dict[str, Check] = {
    "loss_grows": Check(loss_grows, frozenset({"glimpses_at_edge"})),
    "glimpses_at_edge": Check(glimpses_at_edge),
}
"""What a training looks for at the end of each epoch, causes first."""
