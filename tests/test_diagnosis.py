"""What a training sees in its log: checks on made-up rows."""

import json
import math
import re

import pytest
from documented import DOCUMENT, explained
from hypothesis import given, settings
from hypothesis import strategies as st

from common import diagnosis
from common.diagnosis import Check, diagnose, new_findings, numbers
from common.epochs import EpochFiles
from common.run import training_findings
from common.settings import to_json
from glimpse_rnn.checkpoint import LOG_FIELDS as GLIMPSE_FIELDS
from glimpse_rnn.checkpoint import MORE_FIELDS as MORE_GLIMPSE_FIELDS
from glimpse_rnn.config import TrainSettings as GlimpseSettings
from glimpse_rnn.diagnosis import CHECKS as GLIMPSE_CHECKS
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.checkpoint import LOG_FIELDS, MORE_FIELDS, action_fields
from hierarchy.config import TrainSettings
from hierarchy.diagnosis import CHECKS

PAPER = to_json(TrainSettings())
FAST = to_json(TrainSettings.of_preset("fast"))
GLIMPSE = to_json(GlimpseSettings())

SOUND = {
    "steps": 800,
    "episodes": 100,
    "mean_reward": 0.3,
    "trigger_iou": 0.5,
    "epsilon": 0.5,
    "loss": 0.4,
    "steps_per_second": 5.0,
    "seconds": 160.0,
    "class_object": 1,
    "updates": 800,
    "memory": 1000,
    "gradient_norm": 3.0,
    "reward_deviation": 1.3,
    "q_spread_states": 0.5,
    "q_spread_actions": 0.4,
    "feature_spread": 0.9,
    "first_triggers": 0.1,
    **dict.fromkeys(action_fields("taken", PAPER_ACTIONS.names), 1 / 6),
    **dict.fromkeys(action_fields("greedy", PAPER_ACTIONS.names), 1 / 6),
}
"""An epoch in which nothing is wrong."""


def rows_of(*epochs):
    """Rows of a log, each sound but for what is given."""
    rows = [SOUND | {"epoch": number} | row for number, row in enumerate(epochs)]
    return numbers(rows)


def found(*epochs, with_settings=PAPER):
    """The findings of the last row, by name."""
    findings = diagnose(CHECKS, rows_of(*epochs), with_settings)
    assert all("\n" not in finding.words for finding in findings)
    return {finding.name: finding.words for finding in findings}


def found_in_glimpses(*epochs, **changes):
    rows = numbers({"epoch": number} | row for number, row in enumerate(epochs))
    findings = diagnose(GLIMPSE_CHECKS, rows, GLIMPSE | changes)
    return {finding.name: finding.words for finding in findings}


def test_nothing_is_found_where_nothing_is_wrong():
    assert found(*[{}] * 5) == {}
    assert diagnose(CHECKS, [], PAPER) == []
    assert diagnose(GLIMPSE_CHECKS, [], GLIMPSE) == []


UNLEARNT = {"loss": "", "updates": 0, "gradient_norm": ""}


def test_a_memory_that_is_not_full_is_told_with_the_flags_that_begin_earlier():
    row = UNLEARNT | {"steps": 206, "memory": 206}
    words = found(row, row | {"memory": 412})["nothing_learnt"]
    assert words == (
        "nothing learnt: the memory holds 412 of the 1000 experiences that learning"
        " waits for; --learning_starts 100 begins earlier, 5 epochs of this length fill"
        " it"
    )
    # Less than a batch: the batch has to be smaller too.
    words = found(UNLEARNT | {"steps": 40, "memory": 40})["nothing_learnt"]
    assert "--batch_size 8 --learning_starts 8 begin earlier, 26 epochs" in words


def test_a_memory_that_holds_next_to_nothing_is_told_to_need_more():
    row = UNLEARNT | {"steps": 5, "memory": 5}
    words = found(row)["nothing_learnt"]
    assert words.endswith(
        "; more images or more --epochs, or --preset fast, are needed, 201 epochs of"
        " this length fill it"
    )
    fast = found(row, with_settings=FAST)["nothing_learnt"]
    assert "; more images or more --epochs are needed, 13 epochs" in fast
    for told in (words, fast):
        assert "--batch_size" not in told and "--learning_starts" not in told


@pytest.mark.parametrize("held", [32, 33, 63, 64, 99, 100, 101, 500])
@pytest.mark.parametrize("batch_size", [1, 8, 100])
def test_the_flags_that_begin_earlier_are_ones_that_a_training_takes(held, batch_size):
    row = UNLEARNT | {"steps": held, "memory": held}
    words = found(row, with_settings=PAPER | {"batch_size": batch_size})
    flags = words["nothing_learnt"].partition("; ")[2].partition(" begin")[0].split()
    values = {
        flag.removeprefix("--"): int(value)
        for flag, value in zip(flags[::2], flags[1::2], strict=True)
    }
    taken = TrainSettings(**({"batch_size": batch_size} | values))
    taken.check()
    assert taken.learning_starts <= held


def test_a_memory_that_is_lost_on_the_way_is_told_with_its_epoch():
    words = found({}, {}, UNLEARNT | {"memory": 300})["nothing_learnt"]
    assert words.startswith("nothing learnt since epoch 2: the memory holds 300 of")


def test_a_log_of_an_earlier_version_tells_what_it_can():
    old = {name: SOUND[name] for name in LOG_FIELDS if name != "epoch"}
    rows = numbers([old | {"epoch": 0, "loss": "", "steps": 30}])
    (finding,) = diagnose(CHECKS, rows, PAPER)
    assert "holds 30 of the 1000" in finding.words
    assert diagnose(CHECKS, numbers([old | {"epoch": 0}]), PAPER) == []


def test_q_values_that_are_alike_are_told_with_the_first_epoch():
    alike = {"q_spread_states": 0.001}
    words = found({}, {}, alike, alike)["q_values_alike"]
    assert words.startswith("all Q-values alike since epoch 2, whatever is seen")
    assert "try --descriptor_scale 0.05 " in words
    assert "since" not in found(alike)["q_values_alike"]
    words = found(alike, with_settings=FAST)["q_values_alike"]
    assert "try --learning_rate 1e-05 " in words
    # Actions have no values either: steps are too short, not too long.
    words = found(alike | {"q_spread_actions": 0.001})["q_values_alike"]
    assert "try --learning_rate 1e-05 " in words and PAPER["learning_rate"] == 1e-6


def test_q_values_are_judged_by_the_rewards_and_after_some_updates():
    spread = {"q_spread_states": 0.01}
    assert "q_values_alike" in found(spread)
    # Rewards of another size make Q-values of another size.
    assert found(spread | {"reward_deviation": 0.1}) == {}
    # All rewards are equal: there is nothing to tell apart.
    assert found({"q_spread_states": 0, "reward_deviation": 0}) == {}
    assert found(spread | {"updates": 10}) == {}


def test_features_that_are_constant_explain_what_follows():
    row = {"feature_spread": 0, "q_spread_states": 0, "greedy_centre": 1}
    row["mean_reward"] = -1
    assert found(row).keys() == {"features_constant"}
    assert found(row | {"feature_spread": 0.9}).keys() == {"q_values_alike"}
    row["q_spread_states"] = 0.5
    assert found(row | {"feature_spread": 0.9}).keys() == {"one_action"}


def test_an_agent_that_triggers_at_once_is_told():
    words = found({"first_triggers": 0.97})["triggers_at_once"]
    assert words.startswith("the agent triggers at once in 97 % of its searches")
    assert "--counterfactual_rewards 1" in words
    words = found({"first_triggers": 0.97}, with_settings=FAST)["triggers_at_once"]
    assert "--counterfactual_rewards" not in words and "--learning_rate 1e-05" in words
    assert found({"first_triggers": 0.8}) == {}
    # With ε 1 the agent chose next to nothing.
    assert found({"first_triggers": 1, "epsilon": 1.0}) == {}
    assert found({"first_triggers": 1, "episodes": 5}) == {}


def test_one_action_is_told_where_it_does_badly():
    row = {"greedy_up_left": 0.96, "mean_reward": -0.8}
    words = found(row)["one_action"]
    assert words.startswith("one action in 96 % of the agent's choices, up left")
    assert "--reward graded" in words
    words = found(row, with_settings=FAST)["one_action"]
    assert "--reward" not in words
    # Where objects lie in the middle, the centre is right each time.
    assert found(row | {"mean_reward": 0.5}) == {}
    assert found(row | {"greedy_up_left": 0.9}) == {}
    assert found(row | {"epsilon": 1.0}) == {}


@pytest.mark.parametrize(
    ("losses", "grows"),
    [
        ([0.5, 0.2, 0.4, 0.7], True),
        ([0.5, 0.2, 0.4, 0.5], False),  # less than three times the smallest
        ([0.2, 0.9, 0.8], False),  # falls again
        ([0.2, 0.9], False),  # once is not growing
        (["", 0.2, 0.5, 0.9], True),
        ([0.2, 0.5, math.nan], True),
        ([math.inf], True),
    ],
)
def test_a_loss_that_grows_is_told_in_both_families(losses, grows):
    words = found(*({"loss": loss} for loss in losses)).get("loss_grows", "")
    assert bool(words) is grows
    assert grows is words.endswith("; try --learning_rate 1e-07")
    rows = ({"regression_loss": loss, "loss": -1} for loss in losses)
    assert ("loss_grows" in found_in_glimpses(*rows)) is grows


def test_glimpses_at_the_edge_are_told():
    words = found_in_glimpses({"edge_share": 0.1}, *[{"edge_share": 0.6}] * 2)
    assert words["glimpses_at_edge"].startswith(
        "glimpses at the edge in 60 % since epoch 1: try --location_offset 0.5"
    )
    words = found_in_glimpses({"edge_share": 0.9}, location_offset=0.5)
    assert "--location predicted" in words["glimpses_at_edge"]
    words = found_in_glimpses({"edge_share": 0.9}, location="predicted")
    assert "--learning_rate 0.0001" in words["glimpses_at_edge"]
    assert found_in_glimpses({"edge_share": 0.9}, location="random") == {}
    assert found_in_glimpses({"edge_share": 0.5}) == {}
    rows = [{"regression_loss": loss, "edge_share": 0.9} for loss in (1, 2, 4)]
    assert found_in_glimpses(*rows).keys() == {"loss_grows"}
    assert found_in_glimpses({"loss": 1}) == {}  # an earlier version's


def test_a_finding_is_new_in_the_epoch_that_it_begins_with():
    alike = {"q_spread_states": 0.001}
    rows = rows_of({}, alike, alike, {}, alike)
    told = [
        [finding.name for finding in new_findings(CHECKS, rows[:end], PAPER)]
        for end in range(1, 6)
    ]
    assert told == [[], ["q_values_alike"], [], [], ["q_values_alike"]]


def test_every_finding_is_explained_where_its_link_leads():
    names = explained("What a run says")
    assert names == {*CHECKS, *GLIMPSE_CHECKS}
    help_text = (DOCUMENT.parent / "troubleshooting.md").read_text("utf-8")
    headings = re.findall(r"^#+ (.*)$", help_text, re.M)
    anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
    for name in names:
        (link,) = re.findall(
            rf"^\| `{name}` .*\(troubleshooting\.md#(.*?)\) \|$",
            DOCUMENT.read_text("utf-8"),
            re.M,
        )
        assert link in anchors


def test_the_lines_that_troubleshooting_shows_are_the_ones_that_are_said():
    help_text = (DOCUMENT.parent / "troubleshooting.md").read_text("utf-8")
    quotes = re.findall(r"(?:^> .*\n)+", help_text, re.M)
    shown = [" ".join(quote.replace("> ", "").split()) for quote in quotes]
    row = UNLEARNT | {"steps": 206, "memory": 206}
    alike = {"q_spread_states": 0.0004}
    one = {"greedy_up_left": 0.96, "mean_reward": -0.8}
    losses = [{"loss": loss} for loss in (0.3, 0.21, 0.5, 0.9)]
    fast = PAPER | {"learning_rate": 1e-4}
    edge = [{"edge_share": 0.1}] * 4 + [{"edge_share": 0.82}]
    said = [
        *found(row, row | {"memory": 412}).values(),
        *found({"feature_spread": 0}).values(),
        *found(*losses, with_settings=fast).values(),
        *found({}, {}, alike, alike).values(),
        *found({"first_triggers": 0.97}).values(),
        *found(one).values(),
        *found_in_glimpses(*edge).values(),
    ]
    assert shown == said


CELLS = st.one_of(st.just(""), st.floats(width=32), st.integers(0, 10**6))


@pytest.mark.parametrize(
    ("checks", "fields", "with_settings"),
    [
        (CHECKS, (*LOG_FIELDS, *MORE_FIELDS, "greedy_a"), PAPER),
        (CHECKS, LOG_FIELDS, FAST),
        (GLIMPSE_CHECKS, (*GLIMPSE_FIELDS, *MORE_GLIMPSE_FIELDS), GLIMPSE),
    ],
)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_a_log_holds_findings_are_lines(checks, fields, with_settings, data):
    columns = {name: CELLS for name in fields}
    counts = ("epoch", "steps", "episodes", "memory", "updates")
    columns |= {name: st.integers(0, 10**6) for name in counts}
    columns["epsilon"] = st.floats(0, 1)
    rows = data.draw(st.lists(st.fixed_dictionaries(columns), max_size=6))
    for finding in diagnose(checks, numbers(rows), with_settings):
        assert finding.name in checks
        assert finding.words and "\n" not in finding.words


def test_a_cell_that_is_no_number_is_as_if_empty():
    assert numbers([{"epoch": "3", "loss": "?", "steps": ""}]) == [
        {"epoch": 3, "loss": None, "steps": None}
    ]


def test_stretches_reach_back_to_where_something_ceased_to_hold():
    rows = rows_of({"loss": 1}, {"loss": 3}, {"loss": 1}, {"loss": 1})
    last = diagnosis.stretch(rows, lambda row: row["loss"] == 1)
    assert [row["epoch"] for row in last] == [2, 3]
    assert diagnosis.since(rows, last) == " since epoch 2"
    assert diagnosis.since(rows, rows) == ""
    assert diagnosis.stretch(rows, lambda row: False) == []


def test_a_test_sees_what_its_weights_were_trained_by(tmp_path, capsys):
    """Up to their epoch; files of other models and programs say nothing."""
    checks = {"late": Check(lambda rows, _: f"epoch {rows[-1]['epoch']:.0f}")}
    files = EpochFiles(tmp_path, "model_big_cat", ["epoch"])

    def seen(name):
        findings = training_findings(tmp_path / f"{name}.weights.h5", files, checks)
        return [finding.words for finding in findings]

    assert seen("model_big_cat") == []  # no config.json
    config = {"settings": {}, "identity": {}, "end": 9}
    (tmp_path / "config.json").write_text(json.dumps({"model_big_cat": config}))
    assert seen("model_big_cat") == []  # no log
    (tmp_path / "log.csv").write_text("epoch\n0\n1\n2\n")
    assert seen("model_big_cat_epoch_1") == ["epoch 1"]
    for name in ("model_big_cat", "model_big_cat_epoch_2", "model_big_cat_best"):
        assert seen(name) == ["epoch 2"]
    for name in ("model_big", "model_big_cats_epoch_1", "other"):
        assert seen(name) == []
    (tmp_path / "log.csv").write_text("time\n0\n")
    assert seen("model_big_cat") == []
    assert "log.csv: has columns time" in capsys.readouterr().out
