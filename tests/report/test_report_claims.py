"""Verdicts on tables for which they are known by construction."""

import json

import pytest

from mithridate.bench.paper import study_pages
from mithridate.bench.paper.chapters import PLAIN, chapters
from mithridate.bench.paper.claims import FAILS, HOLDS, NOT_RUN, NOTHING, PART, TOO_FEW
from mithridate.bench.paper.defense import SHORT
from mithridate.bench.paper.readings import NETWORK, READINGS
from mithridate.bench.study import Study
from mithridate.report.frame import Frame

from .studies import ALPHAS, FIVE, grown, helps, poisoned, table


def claims(rows, experiment="ridge"):
    found = chapters(Frame(table(rows)))
    return {c.number: c for ch in found if ch.experiment == experiment for c in ch.claims}


@pytest.fixture(scope="module")
def plain():
    return claims(poisoned())


SHIPPED = Study.load("paper").experiments


def run_under(reading, **more):
    """Rows of one reading of the attack."""
    setting = {k: v for k, v in reading.setting.items() if k != "experiment"}
    return poisoned(experiment=reading.experiment, **{**setting, **more})


def test_the_attack_of_the_claims_is_that_of_the_shipped_study():
    keyed = {reading.experiment: reading.setting for reading in (*READINGS, *NETWORK)}
    for experiment in SHIPPED:
        setting = keyed.get(experiment.name, PLAIN)
        for attack in experiment.attacks:
            assert attack.use == setting["attack"]
            assert json.dumps(attack.options, sort_keys=True) == setting["attack_options"]
            if experiment.name in keyed:
                assert attack.risk == setting["risk_name"]
            if experiment.name != "normalizers":
                assert attack.normalizer == setting["normalizer"]


def test_experiments_have_the_names_of_the_shipped_study():
    rows = [row for r in READINGS for row in run_under(r, tables=["a"], ratios=[0.1], seeds=1)]
    found = [chapter.experiment for chapter in chapters(Frame(table(rows)))]
    assert sorted(found) == sorted(e.name for e in SHIPPED)


@pytest.mark.parametrize("number", ["1a", "1b", "2a", "2b", "2c", "3a", "3b", "3c"])
def test_claims_on_the_attack_hold(plain, number):
    assert plain[number].verdict == HOLDS


def test_the_figure_and_its_interval(plain):
    assert plain["1a"].figure == "5.0× at 40 %"
    assert plain["1a"].interval == "5.0×"
    assert "20 %" not in plain["1a"].figure


def test_growth_holds_in_part_and_says_where():
    def growth(name, alpha, ratio, seed):
        return 1 + (10 if name == "a" else 1) * alpha * ratio + 0.01 * seed

    found = claims(poisoned(growth=growth))["1a"]
    assert found.verdict == PART
    assert found.where == "shown in 1 of 2; contrary: b"


def test_growth_does_not_hold():
    found = claims(poisoned(growth=lambda t, a, r, s: 1.2 + 0.01 * s))
    assert found["1a"].verdict == FAILS
    assert found["2a"].verdict == FAILS
    assert "contrary: a, b" in found["1a"].where


def test_what_may_be_chance_is_open():
    def growth(name, alpha, ratio, seed):
        return (1.2, 3.5, 1.5, 2.6, 1.9)[seed] * ratio / 0.4

    found = claims(poisoned(growth=growth))["1a"]
    assert found.verdict == FAILS
    assert found.where == "shown in 0 of 2; open: a, b"


def test_two_seeds_are_too_few(plain):
    found = claims(poisoned(seeds=2))
    assert {c.verdict for n, c in found.items() if plain[n].verdict in (HOLDS, PART, FAILS)} == {
        TOO_FEW
    }
    assert found["1a"].interval == "–"
    assert found["1a"].where == "by the means alone in 2 of 2"


def test_one_table_with_few_seeds_is_too_few():
    rows = poisoned(tables=("a",)) + poisoned(tables=("b",), seeds=1)
    assert claims(rows)["1a"].verdict == TOO_FEW


def test_what_is_not_there_was_not_run():
    found = claims(poisoned(), "network")
    assert {c.verdict for c in found.values()} == {NOT_RUN}
    assert found["1a"].command == "mithridate bench paper --only network -o results/"


def test_another_attack_is_not_the_papers():
    found = claims(poisoned(attack_options="{}"))
    assert {c.verdict for c in found.values()} == {NOT_RUN}


def test_defenses_turn_where_they_were_made_to(plain):
    for number in ("4a", "4b", "4c", "4d", "4e", "4f"):
        assert plain[number].verdict == HOLDS
    assert plain["4b"].figure == "; ".join(f"alpha {a:g}: 30 %" for a in ALPHAS)
    assert plain["4b"].interval == "; ".join(["30 %"] * 4)


def test_a_defense_that_never_turns():
    found = claims(poisoned(gain=lambda d, t, a, r, s: 0.1 + 0.01 * s))["4b"]
    assert found.verdict == FAILS
    assert found.figure.startswith("alpha 1: never; ")


def test_a_defense_that_turns_for_some_alphas():
    found = claims(poisoned(gain=lambda d, t, a, r, s: a - 0.5 - r + 0.001 * s))["4b"]
    assert found.verdict == PART
    assert found.where == "shown in 3 of 4; contrary: alpha 1"


def test_a_negative_gain_that_recovers_is_no_turn():
    found = claims(poisoned(gain=lambda d, t, a, r, s: r - 0.15 + 0.001 * s))["4b"]
    assert found.verdict == FAILS


def test_earlier_under_stealth():
    found = claims(poisoned(gain=lambda d, t, a, r, s: 0.12 + 0.25 * a - r + 0.001 * s))["4g"]
    assert found.verdict == HOLDS
    found = claims(poisoned(gain=lambda d, t, a, r, s: 0.37 - 0.25 * a - r + 0.001 * s))["4g"]
    assert found.verdict == FAILS


def test_bayesclean_wins_and_loses_where_it_was_made_to(plain):
    assert [plain[n].verdict for n in ("5a", "5b", "5c", "5d", "5e")] == [HOLDS] * 5

    def gain(defense, name, alpha, ratio, seed):
        better = defense == "duti" and alpha == 0.1 and ratio == 0.4
        return 0.5 + 0.001 * seed if better else helps(defense, name, alpha, ratio, seed)

    found = claims(poisoned(gain=gain))["5c"]
    assert found.verdict == PART
    assert found.where == "shown in 7 of 8; contrary: alpha 0.1 (40 %)"
    assert found.figure == "88 % of tables, alphas and ratios"


def test_no_case_is_not_measured():
    found = claims(poisoned(gain=lambda d, t, a, r, s: 0.1))["5b"]
    assert (found.verdict, found.figure) == (NOTHING, "there is no such alpha and ratio")


def test_crossing(plain):
    # The poison's error is 1.5 - 3 ratio, that of the clean rows 1: they meet before .2.
    assert plain["10"].verdict == HOLDS
    never = poisoned(ratios=(0.1,))
    assert claims(never)["10"].verdict == FAILS


@pytest.mark.parametrize("distance,verdict", [(0.3, HOLDS), (-0.3, FAILS)])
def test_the_constant(distance, verdict):
    rows = []
    for c2 in (1.0, 2.0, 3.0):
        more = {"defense_options": json.dumps({"c2": c2}), "tpr": 0.5 - distance * c2 / 3}
        more |= {"fpr": 0.5 - distance * c2 / 3}
        made = poisoned(
            experiment="sensitivity", tables=["a"], ratios=[0.3], defenses=["bayesclean"], **more
        )
        rows += [r for r in made if r.defense == "bayesclean" or c2 == 1.0]
    found = claims(rows, "sensitivity")
    assert (found["6a"].verdict, found["6b"].verdict) == (verdict, verdict)
    assert found["6c"].verdict == HOLDS
    assert found["6a"].figure.endswith(", c2 1 minus 3")


def test_poison_aimed_at_the_variance():
    plain = poisoned(tpr=0.5)
    aimed = poisoned(
        experiment="predictive",
        risk_name="predictive",
        defenses=["bayesclean"],
        tpr=0.2,
        gain=lambda d, t, a, r, s: helps(d, t, a, r, s) + 0.1,
    )
    found = claims(plain + aimed, "predictive")
    assert (found["9a"].verdict, found["9b"].verdict) == (HOLDS, FAILS)
    assert found["9a"].figure.startswith("+0.30, ")
    assert claims(plain, "predictive")["9a"].verdict == NOT_RUN
    assert claims(aimed, "predictive")["9a"].verdict == NOTHING


def test_poison_aimed_at_the_variance_has_a_page_without_the_plain_attack():
    aimed = poisoned(experiment="predictive", risk_name="predictive", defenses=["bayesclean"])
    page = study_pages(table(aimed))["results.md"]
    figures = page.partition("Plain and aimed")[2].partition("\n## ")[0]
    lines = [line for line in figures.splitlines() if line.startswith("| BayesClean")]
    assert len(lines) == 1 and lines[0].startswith("| BayesClean | aimed |")
    assert "–" not in lines[0]


def test_normalizers():
    def collapsed(name, alpha, ratio, seed):
        return grown(name, 1.0 if alpha == 1 else 0.1, ratio, seed)

    rows = poisoned(experiment="normalizers", defenses=[])
    rows += poisoned(experiment="normalizers", defenses=[], normalizer="raw", growth=collapsed)
    found = claims(rows, "normalizers")
    assert found["8a1"].verdict == HOLDS
    assert found["8b1"].verdict == PART
    assert "contrary: alpha 0.6 to 0.3 (10 %, 20 %, 30 %, 40 %)" in found["8b1"].where
    assert found["8c1"].verdict == NOTHING


def test_the_page_has_every_verdict_and_its_command():
    page = study_pages(table(poisoned()))["results.md"]
    lines = [line for line in page.splitlines() if line.startswith("| 1a |")]
    assert len(lines) == 4
    assert "not run" in lines[0]
    assert "`mithridate bench paper --only after-difference -o results/`" in lines[0]
    assert "**holds**" in lines[1]
    assert "`mithridate bench paper --only network-after -o results/`" in lines[2]
    assert "not run" in lines[3]
    assert "`mithridate bench paper --only network -o results/`" in lines[3]
    assert "| DUTI | 30 % \\[30 %\\]" in page
    assert "0 of them failed" in " ".join(page.split())


def test_a_study_of_ones_own_has_no_claims():
    rows = poisoned(experiment="main")
    assert set(study_pages(table(rows))) == {"report.html", "leaderboard.md", "comparison.md"}


def test_open_questions_need_their_defenses():
    made = poisoned(defenses=["outliers"], auc=0.8)
    found = claims(made)
    assert found["7a1"].verdict == HOLDS
    assert found["7c1"].verdict == NOTHING


def test_the_network_is_asked_about_the_defenses_that_it_is_given():
    network, _ = (e for e in SHIPPED if e.name in {r.experiment for r in NETWORK})
    given = {defense.use for defense in network.defenses}
    asked = {f"4{letter}": name for letter, name in zip("bcdef", FIVE, strict=True)}
    left = {statement.number for statement in SHORT}
    assert {name for number, name in asked.items() if number in left} == given & set(FIVE)
