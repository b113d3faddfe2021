"""A study is read from TOML, and every error in it names its key."""

import tomllib

import pytest

from mithridate.bench.spec import DataSpec
from mithridate.bench.study import Study, mark, shipped, text_of
from mithridate.errors import InputError

TWO = """
title = "two"
seeds = 4
ratios = [0.1, 0.2]
data = ["diabetes", { source = "boston", rows = 200 }]
attacks = ["flip", { use = "ascent", alphas = [1, 0.3] }]
defenses = ["trim", { use = "bayesclean", c2 = 1.5 }]

[[experiments]]
name = "plain"

[[experiments]]
name = "network"
seeds = 2
data = ["diabetes"]
victims = ["mlp"]

[scales.small]
seeds = 1

[scales.small.data]
rows = 60

[scales.small.experiments.network]
victims = [{ use = "mlp", steps = 50 }]

[scales.tiny]
seeds = 1

[scales.tiny.experiments.network]
leave_out = true
"""
TABLES = {
    mark(DataSpec(source="diabetes")): ("diabetes", "y", "d1"),
    mark(DataSpec(source="boston")): ("boston", "medv", "b1"),
}


def test_experiments_share_what_they_do_not_set():
    plain, network = Study.parse(TWO).experiments
    assert (plain.seeds, network.seeds) == (4, 2)
    assert plain.ratios == network.ratios == [0.1, 0.2]
    assert [d.rows for d in plain.data] == [300, 200]
    assert [v.use for v in network.victims] == ["mlp"]


def test_a_scale_changes_every_experiment_and_single_ones():
    plain, network = Study.parse(TWO, "small").experiments
    assert (plain.seeds, network.seeds) == (1, 1)
    assert [d.rows for d in plain.data] == [60, 60]
    assert network.victims[0].options == {"steps": 50}
    assert [e.name for e in Study.parse(TWO, "tiny").experiments] == ["plain"]


def test_only_some_experiments():
    assert [e.name for e in Study.parse(TWO, only=["network"]).experiments] == ["network"]
    with pytest.raises(InputError, match="no experiment 'x' in the spec; it has plain, network"):
        Study.parse(TWO, only=["x"])


def test_a_part_is_one_table_attack_and_seed():
    jobs = list(Study.parse(TWO).jobs(TABLES))
    # (unpoisoned, flip, ascent) x seeds x tables
    assert len(jobs) == 3 * 4 * 2 + 3 * 2 * 1
    assert all(len(j.spec.attacks) <= 1 and j.spec.seeds == 1 for j in jobs)
    assert len({j.key for j in jobs}) == len(jobs)


def test_keys_follow_what_the_figures_depend_on():
    def keys(text, tables=TABLES):
        return {j.key for j in Study.parse(text).jobs(tables)}

    base = keys(TWO)
    assert keys(TWO) == base
    assert keys(TWO.replace('title = "two"', 'title = "three"')) == base
    more = keys(TWO.replace("seeds = 4", "seeds = 5"))
    assert base < more and len(more) == len(base) + 6
    assert not keys(TWO.replace("c2 = 1.5", "c2 = 2")) & base
    changed = {mark: (n, t, f + "!") for mark, (n, t, f) in TABLES.items()}
    assert not keys(TWO, changed) & base


def test_a_dumped_study_is_the_same_study():
    study = Study.parse(TWO, "small")
    again = Study.parse(study.dump())
    assert {j.key for j in again.jobs(TABLES)} == {j.key for j in study.jobs(TABLES)}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("seeds = ", "not valid TOML"),
        ("seeds = 3", "experiments.0.data"),
        ('data = ["diabetes"]\nsseds = 3', "experiments.0.sseds"),
        ('data = ["diabetes"]\nratios = [1.2]', "ratio 1.2 is outside"),
        ('data = [{ source = "diabetes", rowz = 3 }]', "experiments.0.data.0.rowz"),
        ('data = ["diabetes"]\nattacks = [{ use = "flip", alphas = [2] }]', "alpha 2 is outside"),
        ('data = ["diabetes"]\ndefenses = ["trim", "trim"]', "listed twice"),
        ('data = ["diabetes"]\nexperiments = 3', "'experiments'"),
        ('data = ["diabetes"]\n[[experiments]]\n[[experiments]]', "two experiments are named"),
    ],
)
def test_what_is_wrong_is_named(text, wanted):
    with pytest.raises(InputError) as caught:
        list(Study.parse(text).jobs(TABLES))
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_scale_that_is_not_there():
    with pytest.raises(InputError, match="no scale 'big'; it has small, tiny"):
        Study.parse(TWO, "big")
    with pytest.raises(InputError, match="no scale 'big'; it has none"):
        Study.parse('data = ["diabetes"]', "big")


def test_what_is_neither_file_nor_shipped():
    with pytest.raises(InputError, match="neither a file nor one of the shipped specs"):
        text_of("smok")
    with pytest.raises(InputError, match="cannot be read"):
        text_of("absent.toml")


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_study_is_sound_at_every_scale(name):
    text = text_of(name)
    scales = tomllib.loads(text).get("scales", {})
    assert shipped()[name]
    for scale in (None, *scales):
        study = Study.parse(text, scale)
        marks = {m for e in study.experiments for m in map(mark, e.data)}
        assert list(study.jobs(dict.fromkeys(marks, ("t", "y", "f"))))


def test_the_shipped_studies_are_those_that_are_wanted():
    wanted = {"smoke", "paper", "defenses", "normalizers", "poisonability", "adaptive"}
    assert set(shipped()) >= wanted
