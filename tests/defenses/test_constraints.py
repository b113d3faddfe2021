"""What each parameter may be: the ends of its range belong to it or not, and who is refused."""

from math import inf, nan

import numpy as np
import pytest

from mithridate.defenses import (
    Antidote,
    BaseDefense,
    BayesClean,
    CertifiedMedian,
    DeepBayesClean,
    Duti,
    Huber,
    ITrim,
    KolmogorovSmirnov,
    LeastTrimmedSquares,
    Outliers,
    Proda,
    Sever,
    TheilSen,
    Torrent,
    Trim,
)
from mithridate.errors import InputError

WHOLE = "give a whole number, 1 or more."
RATE = (
    "give None or the share of clean rows that may be rejected, more than 0 and at most 0.5, such "
    "as 0.01."
)
CONTAMINATION = "contamination is poison / (clean + poison) rows, a number in [0, 1), such as 0.1."
CUTS = "both cuts are numbers of standard deviations, with 0 <= c1 <= c2."

# class, parameter, the ends of what is possible, what lies just beyond them, the sentence
CASES = [
    (Trim, "contamination", [0, 0.999, np.float32(0.5)], [-1e-9, 1, True, None], CONTAMINATION),
    (Sever, "contamination", [0], [1], CONTAMINATION),
    (Outliers, "contamination", [0], [1], CONTAMINATION),
    (Trim, "max_iter", [1, np.int64(3)], [0, 1.5, True, None], WHOLE),
    (Trim, "tol", [0, 1.0], [-1e-9, inf, nan], "give a finite number, 0 or more."),
    (Torrent, "max_iter", [1], [0], WHOLE),
    (ITrim, "max_contamination", [0], [1], "give poison / (clean + poison) rows, in [0, 1)."),
    (ITrim, "step", [1e-9], [0, 1], "give a share of the rows, between 0 and 1."),
    (ITrim, "elbow", [0], [-1e-9, inf], "give a finite number, 0 or more."),
    (Huber, "epsilon", [1], [0.999, inf], "give a finite number, 1 or more."),
    (Huber, "alpha", [None, 0], [-1e-9, inf], "give None or a finite number, 0 or more."),
    (Huber, "max_iter", [1], [0], WHOLE),
    (Antidote, "false_positive_rate", [None, 1e-9, 0.5], [0, 0.501], RATE),
    (BayesClean, "false_positive_rate", [None, 0.5], [0, 0.501], RATE),
    (TheilSen, "cut", [1e-9], [0, inf], "give a finite number above 0."),
    (TheilSen, "max_subpopulation", [None, 1], [0], f"give None or {WHOLE[5:]}"),
    (Proda, "subset", [1], [0], WHOLE),
    (Proda, "expected", [1], [0], WHOLE),
    (Duti, "kernel", ["linear", "rbf"], ["poly", 1], 'give "linear" or "rbf".'),
    (Duti, "halvings", [1], [0], WHOLE),
    (Duti, "width", [1e-9], [0, inf], "give a finite number above 0."),
    (Duti, "trust", [1e-9], [0, inf], "give a finite number above 0."),
    (Duti, "l2", [None, 1e-9], [0], "give None or a finite number above 0."),
    (Sever, "rounds", [1], [0], WHOLE),
    (KolmogorovSmirnov, "level", [1e-9, 0.999], [0, 1], "give a number in (0, 1)."),
    (LeastTrimmedSquares, "keep", [0.5, 0.999], [0.499, 1],
     "give a share of the rows, 0.5 or more and less than 1."),
    (LeastTrimmedSquares, "starts", [1], [0], WHOLE),
    (LeastTrimmedSquares, "cut", [1], [0.999, inf],
     "give a finite number of standard deviations, 1 or more."),
    (DeepBayesClean, "networks", [4], [3, 4.5], "give a whole number, 4 or more."),
    (CertifiedMedian, "parts", [1], [0], WHOLE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "possible", "wrong", "sentence"),
    CASES,
    ids=lambda v: getattr(v, "__name__", v),
)
def test_a_parameter_is_in_its_range_or_refused(kind, name, possible, wrong, sentence):
    for value in possible:
        kind(**{name: value}).check_parameters()
    for value in wrong:
        with pytest.raises(InputError) as caught:
            kind(**{name: value}).check_parameters()
        assert str(caught.value) == f"{kind.__name__}({name}={value!r}): {sentence}"


def test_two_cuts_are_checked_together():
    for c1, c2 in ((0.0, 0.0), (1.0, 1.0), (0.5, inf)):
        BayesClean(c1=c1, c2=c2).check_parameters()
    for c1, c2 in ((1.0, 0.999), (-1e-9, 1.0), (nan, 1.0), (0.5, None)):
        with pytest.raises(InputError) as caught:
            BayesClean(c1=c1, c2=c2).check_parameters()
        assert str(caught.value) == f"BayesClean(c1={c1!r}, c2={c2!r}): {CUTS}"


def test_a_secret_is_not_shown():
    CertifiedMedian(key="x" * 64).check_parameters()
    for wrong in ("x" * 65, b"x" * 65, "é" * 33, 3):
        with pytest.raises(InputError) as caught:
            CertifiedMedian(key=wrong).check_parameters()
        assert str(caught.value) == (
            "CertifiedMedian(key=...): give bytes or a string, 64 bytes or less."
        )


def test_constraints_of_parent_classes_count():
    class Half(Trim):
        constraints: dict = {}  # noqa: RUF012

    with pytest.raises(InputError, match=r"Half\(max_iter=0\)"):
        Half(max_iter=0).check_parameters()


def test_who_needs_contamination_must_have_it():
    class Forgetful(BaseDefense):
        needs_contamination = True

        def _find_inliers(self, X, y, sample_weight):
            return y > 0

    with pytest.raises(InputError, match=r"Forgetful\(contamination=None\)"):
        Forgetful().check_parameters()
