"""What every defense is by default: a change of a default changes what users get."""

from mithridate import defenses
from mithridate.defenses import BaseDefense

DEFAULTS = {
    "Antidote": {"false_positive_rate": None},
    "BayesClean": {"c1": 0.67, "c2": 1.0, "false_positive_rate": None},
    "CertifiedMedian": {"key": "", "parts": 25},
    "DeepBayesClean": {"c1": 0.67, "c2": 1.0, "networks": 20, "random_state": 0},
    "Duti": {
        "contamination": 0.1,
        "halvings": 20,
        "kernel": "linear",
        "l2": None,
        "relabel": False,
        "trust": 1.0,
        "width": 1.0,
    },
    "Huber": {"alpha": None, "epsilon": 1.35, "max_iter": 1000},
    "ITrim": {"elbow": 0.001, "max_contamination": 0.14, "step": 0.02},
    "KolmogorovSmirnov": {"level": 0.05},
    "LeastTrimmedSquares": {"cut": 2.5, "keep": 0.5, "random_state": 0, "starts": 50},
    "Outliers": {"contamination": 0.1, "detector": None},
    "Proda": {"contamination": 0.1, "expected": 200, "random_state": 0, "subset": 20},
    "Ransac": {
        "max_trials": 100,
        "min_samples": None,
        "random_state": 0,
        "residual_threshold": None,
    },
    "Sever": {"contamination": 0.1, "rounds": 4},
    "TableErrors": {"only": None},
    "TargetErrors": {},
    "TheilSen": {"cut": 3.0, "max_subpopulation": None, "random_state": 0},
    "Torrent": {"contamination": 0.1, "fit_intercept": True, "max_iter": 100},
    "Trim": {"contamination": 0.1, "max_iter": 400, "tol": 1e-5},
    "TrustedOnly": {},
}
RATIO = {"Duti", "Outliers", "Proda", "Sever", "Torrent", "Trim"}


def shipped():
    classes = [getattr(defenses, name) for name in defenses.__all__]
    kinds = [c for c in classes if isinstance(c, type) and issubclass(c, BaseDefense)]
    return {c.__name__: c for c in kinds if c is not BaseDefense}


def test_every_default_is_the_one_that_is_promised():
    for name, expected in DEFAULTS.items():
        assert shipped()[name]().get_params(deep=False) == {"estimator": None, **expected}, name


def test_some_are_told_the_ratio():
    assert {name for name in DEFAULTS if shipped()[name].needs_contamination} == RATIO
