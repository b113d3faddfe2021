"""Bounds in an audit: of the table's own judge, for every ratio, or the reason why not."""

import numpy as np
import pytest

import mithridate
from mithridate import schema
from mithridate.bench import Spec
from mithridate.bench.judges import judge
from mithridate.bench.limits import limits, question
from mithridate.bench.poisoning import batches
from mithridate.data import load
from mithridate.defenses import Ridge

from .tables import frame


def limited(given, **more):
    """The limits of a small table under a spec."""
    spec, table = Spec.of({"ratios": [0.1, 0.2], **given}), load(frame(60), "t")
    splits = [table.split(seed, 30) for seed in (0, 1)]
    cut = batches(spec, len(splits[0].train.y))
    model = judge(spec)[1]
    asked = question(spec, splits, table.target, cut, model=model)
    answers = [work(*those) for work, those in asked.calls]
    return splits, limits(asked, answers, splits, [0, 1], cut)


def test_every_split_and_ratio_has_a_limit_above_the_clean_error():
    splits, found = limited({})
    assert set(found.nmse) == {(seed, ratio) for seed in (0, 1) for ratio in (0.1, 0.2)}
    for seed, split in enumerate(splits):
        model = Ridge(1e-3).fit(split.train.X, split.train.y)
        small, large = (found.nmse[seed, ratio] for ratio in (0.1, 0.2))
        for i, part in enumerate((split.test, split.validation)):
            clean = np.mean((part.y - model.predict(part.X)) ** 2) / np.var(part.y)
            ends = small[i] or 0.0, large[i] or 0.0
            assert clean < ends[0] < ends[1]
    assert found.facts["safe"]["train"] == 30
    assert 0 <= found.facts["safe"]["rows"] <= 8


def test_rows_that_are_never_made_feasible_are_bounded_as_relaxed_ones():
    hard, free = limited({})[1], limited({"attacks": [{"use": "ascent", "feasible": "never"}]})[1]
    relaxed = limited({"threat": {"relaxed": True}})[1]
    for key, (test, _) in hard.nmse.items():
        assert free.nmse[key] == relaxed.nmse[key]
        assert (free.nmse[key][0] or 0.0) >= (test or np.inf) * (1 - 1e-3)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"victim": {"use": "linear"}}, ""),
        ({"judge": "sklearn.linear_model.Ridge"}, "another model is judged"),
        ({"victim": {"use": "ridge", "l2": 0.0}}, "without limit"),
        ({"threat": {"placed": "replaced"}, "ratios": [0.2, 0.3]}, "covers up to 4 of 30"),
    ],
)
def test_where_no_theorem_holds_the_reason_is_given(given, words):
    found = limited(given)[1]
    if not words:  # a trained linear model is judged as the ridge that it converges to
        assert found.nmse
        return
    assert not found.nmse
    assert words in found.facts.get("refused", found.facts.get("ends"))


def test_rows_that_replace_clean_ones_have_limits_up_to_a_few_rows():
    splits, found = limited({"threat": {"placed": "replaced"}, "ratios": [0.05, 0.2]})
    assert all(ends == (None, None) for (_, ratio), ends in found.nmse.items() if ratio == 0.2)
    for seed, split in enumerate(splits):
        model = Ridge(1e-3).fit(split.train.X, split.train.y)
        for end, part in zip(found.nmse[seed, 0.05], (split.test, split.validation), strict=True):
            clean = np.mean((part.y - model.predict(part.X)) ** 2) / np.var(part.y)
            assert clean < (end or 0.0) < np.inf
    assert "covers up to 4 of 30" in found.facts["ends"]
    assert found.facts["safe"]["replaced"]


@pytest.fixture(scope="module")
def audited():
    given = {"alphas": [1.0], "ratios": [0.1], "seeds": 1, "defenses": ["trim"]}
    return mithridate.audit(frame(60), target="t", **given)


def test_an_audit_says_at_most_and_no_attack_exceeds_it(audited):
    rows = [r for r in audited.table.to_dict("records") if r["ratio"] > 0]
    assert all(r["nmse_poisoned"] <= r["nmse_bound"] for r in rows)
    assert audited.limit == pytest.approx(rows[0]["nmse_bound"] / rows[0]["nmse_clean"])
    assert audited.headlines[0].startswith("With 10 % poison the error grows at least ")
    assert "safe" in schema.about(audited.results.table)["bound"]
    clean = [r for r in audited.table.to_dict("records") if r["ratio"] == 0]
    assert all(np.isnan(r["nmse_bound"]) for r in clean)


def test_a_gate_by_bound_passes_only_what_is_proved(audited, monkeypatch, tmp_path):
    from typer.testing import CliRunner

    import mithridate.auditing.audit as door
    from mithridate.cli.app import app

    monkeypatch.setattr(door, "audit", lambda *_, **__: audited)
    line = ["audit", "--out", str(tmp_path / "o"), "--by", "bound", "-q", "--max-damage"]
    above, below = audited.limit * 1.01, (audited.limit + audited.worst[0]) / 2
    assert CliRunner().invoke(app, [*line, str(above)]).exit_code == 0
    done = CliRunner().invoke(app, [*line, str(below)])
    assert done.exit_code == 2
    assert f"none exceeds {audited.limit:.2f} times the clean NMSE" in done.output
    plain = [word for word in [*line, str(below)] if word not in ("--by", "bound")]
    assert CliRunner().invoke(app, plain).exit_code == 0
    wrong = CliRunner().invoke(app, [*line[:4], "luck"])
    assert wrong.exit_code == 1
    assert "neither attack nor bound" in wrong.output
