"""Things are found by the name that a person writes, their own among them."""

import pyarrow as pa
import pytest

import mithridate
from mithridate import defenses
from mithridate._lookup import build, choices, find
from mithridate.attack import attacks
from mithridate.attack.attacks import AbstractAttack, Ascent
from mithridate.defenses import BaseDefense, BayesClean, Trim
from mithridate.errors import InputError


def test_exported_classes_are_found_by_their_lower_case_name():
    assert find("trim", defenses, BaseDefense) is Trim
    assert find("TRIM", defenses, BaseDefense) is Trim
    assert build("ascent", {"steps": 7}, attacks, AbstractAttack) == Ascent(steps=7)


def test_abstract_classes_are_not_choices():
    assert "abstractattack" not in choices(attacks, AbstractAttack)
    assert "basedefense" not in choices(defenses, BaseDefense)


def test_a_third_partys_class_needs_no_fork():
    assert find("mithridate.defenses:BayesClean", defenses, BaseDefense) is BayesClean


@pytest.mark.parametrize(
    "name, word",
    [
        ("trimm", "Did you mean 'trim'"),
        ("nowhere.at_all:Mine", "cannot be imported"),
        ("mithridate.defenses:Nothing", "cannot be imported"),
        ("mithridate.defenses:Ridge", "not a subclass"),
        ("mithridate.defenses:BaseDefense", "is abstract; write its _find_inliers first"),
        (":Mine", "cannot be imported"),
    ],
)
def test_what_cannot_be_found_is_refused_in_a_sentence(name, word):
    with pytest.raises(InputError, match=word):
        find(name, defenses, BaseDefense)


def test_an_unknown_option_is_named():
    with pytest.raises(InputError, match=r"'c3'.*c1, c2"):
        build("bayesclean", {"c3": 1}, defenses, BaseDefense)


class Needy(Trim):
    def __init__(self, estimator=None, *, size, **more):
        super().__init__(estimator)
        self.size = size


def test_an_option_that_has_no_default_is_asked_for():
    path = f"{__name__}:Needy"
    with pytest.raises(InputError, match="cannot do without size"):
        build(path, {}, defenses, BaseDefense)
    with pytest.raises(InputError, match=r"no option 'more'; it has estimator, size\."):
        build(path, {"more": 1}, defenses, BaseDefense)
    assert build(path, {"size": 3}, defenses, BaseDefense).size == 3


class Forgetful(Trim):
    def __init__(self, estimator=None, size=3):
        self.size = size


class Changing(Trim):
    def __init__(self, estimator=None, size=3):
        super().__init__(estimator)
        self.size = [size]


@pytest.mark.parametrize(
    "name, word", [("Forgetful", "does not set (estimator|contam)"), ("Changing", "parameter size")]
)
def test_a_class_that_loses_its_parameters_is_named(name, word):
    with pytest.raises(InputError, match=rf"{name}\.__init__ must .* now .*{word}"):
        build(f"{__name__}:{name}", {}, defenses, BaseDefense)


def test_an_unknown_victim_is_told_the_regressors_too_and_poison_that_it_takes_none():
    frame = {"a": range(60), "b": range(60)}
    with pytest.raises(InputError, match=r"'hbg' among .* hgb, .* Did you mean 'hgb'\?"):
        mithridate.audit(pa.table(frame), target="b", victim="hbg")
    with pytest.raises(InputError, match=r"No attack goes through the model 'hgb', .* audit"):
        mithridate.poison(pa.table(frame), target="b", victim="hgb", ratio=0.1)
