"""Predicted against measured: the scores are what the design says, and what is shipped is what comes out."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import simcore
from simcore.__main__ import main
from simcore.terminal import validation_lines
from simcore.timings import EntryError
from simcore.validate import RESULT, score
from simcore.validate.cases import FAMILIES, RunSpec, left_out, read_studies
from simcore.validate.runs import Runs

ROOT = Path(__file__).resolve().parents[1]
CITED = {"a-paper": {"p.one", "p.two"}, "another": set()}


def case(study: str, measured: float, predicted: float, **more: Any) -> dict[str, Any]:
    e, e_null = abs(math.log(predicted / measured)), abs(math.log(measured))
    return {"study": study, "e": e, "e_null": e_null, "no_effect_predicted": None, **more}


def silent(study: str, right: bool) -> dict[str, Any]:
    return {"study": study, "e": None, "e_null": None, "no_effect_predicted": right}


# ---------------------------------------------------------------------------------------------------- scores


def test_a_case_whose_own_value_is_an_input_is_fitted() -> None:
    assert score.tier_of(False, ["p.one"], ["a-paper"], CITED) == "F"


def test_a_case_of_a_study_that_gave_another_input_is_seen() -> None:
    assert score.tier_of(False, ["p.nine"], ["a-paper"], CITED) == "S"


def test_a_case_of_a_study_that_gave_nothing_is_unseen() -> None:
    assert score.tier_of(False, ["x.one"], ["a-third"], CITED) == "X"
    assert score.tier_of(True, [], [], CITED) == "L"


def test_a_model_that_says_nothing_has_no_skill_and_a_perfect_one_has_all() -> None:
    nothing = score.totals([case("a", 2.0, 1.0), case("b", 0.3, 1.0)])
    perfect = score.totals([case("a", 2.0, 2.0), case("b", 0.3, 0.3)])
    assert (nothing["skill"], perfect["skill"]) == (0.0, 1.0)
    assert perfect["median_factor"] == perfect["p90_factor"] == 1.0


def test_a_study_with_many_cases_weighs_no_more_than_one_with_few() -> None:
    many = [case("large", 2.0, 2.0) for _ in range(50)]
    few = [case("small", 2.0, 4.0), case("third", 2.0, 4.0)]
    assert score.totals([*many, *few])["median_factor"] == 2.0


def test_the_error_does_not_care_which_way_it_goes() -> None:
    assert score.case_error([1.0], [2.0]) == score.case_error([1.0], [0.5])


def test_where_nothing_was_measured_only_yes_or_no_is_scored() -> None:
    totals = score.totals([silent("a", True), silent("a", False), silent("b", True)])
    assert totals["no_effect"] == {"n": 3, "right": 2}
    assert totals["median_factor"] is None


def test_a_pair_that_hardly_differs_has_no_order() -> None:
    rows = [("a", 100.0, 1.0), ("b", 104.0, 0.9), ("c", 200.0, 0.8)]
    compared, wrong = score.inversions(rows, noise=0.01)
    assert compared == 2
    assert wrong == [("a", "c"), ("b", "c")]


def test_noise_hides_an_order() -> None:
    rows = [("a", 100.0, 1.0), ("b", 150.0, 2.0)]
    assert score.inversions(rows, noise=0.01)[0] == 1
    assert score.inversions(rows, noise=0.3)[0] == 0


def test_intervals_are_the_same_every_time() -> None:
    cases = [case(name, 2.0, 2.0 + n / 10) for n, name in enumerate("aabbccdd")]
    assert score.totals(cases)["interval"] == score.totals(cases)["interval"]
    low, high = score.totals(cases)["interval"]
    assert low <= score.totals(cases)["median_factor"] <= high


# ----------------------------------------------------------------------------------------------------- cases


def test_every_case_says_in_both_languages_what_it_compares() -> None:
    for study in read_studies():
        assert set(study.note) == {"en", "zh-hans"}, study.id
        for one in (*study.cases, *study.largest):
            assert set(one.label) == {"en", "zh-hans"}, one.id
            assert one.why is None or set(one.why) == {"en", "zh-hans"}, one.id


def test_every_case_cites_its_evidence_and_a_source_that_is_listed() -> None:
    known = simcore.texts("en")["sources"]
    for study in read_studies():
        assert [key for key in study.sources if key not in known] == []
        published = [one for one in study.cases if one.composite is None]
        assert [one.id for one in published if not (one.evidence and one.anchor_evidence)] == []


def test_what_is_left_out_has_a_reason_in_both_languages() -> None:
    assert left_out()
    assert [row for row in left_out() if set(row["reason"]) != {"en", "zh-hans"} or not row["groups"]] == []


def test_no_group_is_both_a_case_and_left_out_unless_it_is_named_apart() -> None:
    used = {one for study in read_studies() for c in study.cases for one in (*c.evidence, c.anchor_evidence)}
    assert sorted(used & {group for row in left_out() for group in row["groups"]}) == []


def test_all_faults_of_all_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('study = "two"\ncolour = "red"\n')
    (tmp_path / "three.toml").write_text(
        'study = "three"\n[[cases]]\nid = "c"\nfamily = "taste"\nrun = "nowhere"\nmeasured = 1\n'
    )
    with pytest.raises(EntryError) as error:
        read_studies(tmp_path)
    text = "\n".join(error.value.faults)
    for told in ("unknown key 'colour'", "must be the file's name", "'taste'", "'nowhere'", "anchor"):
        assert told in text


def test_copies_are_as_many_as_asked_for_each_with_its_workload() -> None:
    spec = RunSpec("many", stack="docker-on-linux", copies={"of": "web", "n": 5})
    scenario = spec.build()
    homes = [workload.on for workload in scenario.workloads]
    assert homes == ["web", "web-2", "web-3", "web-4", "web-5"]
    assert {scenario.nodes[home].runtime for home in homes} == {"engine"}


def test_a_metric_that_nobody_knows_is_refused() -> None:
    runs = Runs(read_studies(), None, None)
    study = read_studies()[0]
    with pytest.raises(ValueError, match="unknown metric 'taste'"):
        runs.value(study.id, next(iter(study.runs)), "taste")


# -------------------------------------------------------------------------------------------- what is shipped


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """By the command, in a process of its own."""
    command = [sys.executable, "-m", "simcore", "validate", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_shipped_result_is_what_validate_says(made: dict[str, Any]) -> None:
    """After a change of the model: `make validation`, and read what it changes."""
    shipped = json.loads(RESULT.read_text(encoding="utf-8"))
    assert made == shipped


def test_every_case_of_every_file_is_in_the_result(made: dict[str, Any]) -> None:
    local = {one.id for study in read_studies() for one in study.cases}
    assert {one["id"] for one in made["cases"]} == local


def test_the_result_has_the_shape_of_the_contract(made: dict[str, Any]) -> None:
    wanted = {"id", "evidence_ids", "study", "family", "tier", "unit", "measured", "predicted", "e", "fitted"}
    for one in made["cases"]:
        assert wanted <= one.keys()
        assert one["family"] in FAMILIES
        assert one["fitted"] == (one["tier"] == "F")
        assert (one["e"] is None) == (one["no_effect_predicted"] is not None)
        if one["e"] is not None and not one["points"]:
            assert one["e"] == pytest.approx(abs(math.log(one["predicted"] / one["measured"])), abs=2e-4)
    assert {"cases", "families", "tiers", "orders", "skill"} <= made.keys()


def test_the_orders_count_up(made: dict[str, Any]) -> None:
    orders = made["orders"]
    assert orders["right"] + len(orders["inversions"]) == orders["n"]


def test_the_terminal_shows_each_case_and_each_score(made: dict[str, Any]) -> None:
    text = "\n".join(validation_lines(made))
    assert [one["id"] for one in made["cases"] if one["id"] not in text] == []
    for totals in (*made["families"].values(), *made["tiers"].values()):
        if totals["median_factor"] is not None:
            assert f"×{totals['median_factor']:.2f}" in text
    assert f"{made['orders']['right']} of {made['orders']['n']}" in text


def test_a_machine_that_was_not_measured_cannot_be_scored(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--machine", "laptop"]) == 2
    assert "was not measured" in capsys.readouterr().err
