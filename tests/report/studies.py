"""Results of studies made by formulas, so that every verdict is known beforehand."""

from collections.abc import Callable, Iterable
from typing import Any

from mithridate.schema import Row, to_table

ALPHAS, RATIOS, TABLES = (1.0, 0.6, 0.3, 0.1), (0.1, 0.2, 0.3, 0.4), ("a", "b")
FIVE = ("trim", "huber", "sever", "proda", "duti")
LABELS = {
    "trim": "TRIM",
    "sever": "SEVER",
    "duti": "DUTI",
    "ransac": "RANSAC",
    "bayesclean": "BayesClean",
    **{name: name.capitalize() for name in ("huber", "proda", "antidote")},
}
CLASSES: dict[str, Any] = {
    "defense": {name: {"label": label} for name, label in LABELS.items()},
    "attack": {"ascent": {"label": ""}, "flip": {"control": True}, "random": {"control": True}},
    "victim": {"ridge": {"label": "linear regression"}, "mlp": {"label": "deep network"}},
}
CLASSES["defense"]["huber"]["treatment"] = "gives less weight to"
ATTACK = {
    "attack": "ascent",
    "attack_options": '{"rate": 0.1, "starts": ["clones"]}',
    "normalizer": "incremental",
    "risk_name": "residual",
}


def grown(table: str, alpha: float | None, ratio: float, seed: int) -> float:
    """Error over the clean one: 5 at alpha 1 and ratio .4."""
    return 1 + 10 * (alpha or 0.0) * ratio + 0.01 * seed


def helps(defense: str, table: str, alpha: float, ratio: float, seed: int) -> float:
    """Gain: of the five below 0 from .3 on; of BayesClean always .3."""
    return (0.3 if defense == "bayesclean" else 0.25 - ratio) + 0.001 * seed


def cell(defense: str, gain: float, growth: float, **keys: Any) -> Row:
    """One judged cell with this gain and growth."""
    ratio = keys["ratio"]
    figures = {
        "nmse_clean": 0.2,
        "nmse_poisoned": 0.2 * growth,
        "nmse_defended": 0.2 * growth * (1 - gain),
        "gain": gain,
        "gain_oracle": 1 - 1 / growth,
        "fit_seconds": 0.01,
        "fpr": 0.1,
        "kept": 0.9,
    }
    if ratio:
        alpha = keys.get("alpha") or 1.0
        figures |= {"risk": 0.5 + alpha, "energy": alpha, "largest_ks": alpha, "at_border": alpha}
        figures |= {"error_clean": 1.0, "error_poison": 1.5 - 3 * ratio, "tpr": 0.5, "auc": 0.6}
    keys = {"adaptive": keys.get("against") == defense, **keys}
    return Row(
        **{"judge": keys["victim"], "version": "0.0.0", "defense": defense, **figures, **keys}
    )


def poisoned(
    *,
    experiment: str = "ridge",
    tables: Iterable[str] = TABLES,
    alphas: Iterable[float | None] = ALPHAS,
    ratios: Iterable[float] = RATIOS,
    seeds: int = 5,
    defenses: Iterable[str] = (*FIVE, "bayesclean"),
    growth: Callable[..., float] = grown,
    gain: Callable[..., float] = helps,
    **more: Any,
) -> list[Row]:
    """The rows of one attack on several tables, under all defenses, the undefended among them."""
    rows = []
    for table in tables:
        for alpha in alphas:
            for ratio in ratios:
                for seed in range(seeds):
                    keys = {**ATTACK, "victim": "ridge", "experiment": experiment, **more}
                    keys |= {"dataset": table, "alpha": alpha, "ratio": ratio, "seed": seed}
                    g = growth(table, alpha, ratio, seed)
                    rows += [cell("none", 0.0, g, **keys), cell("oracle", 1 - 1 / g, g, **keys)]
                    rows += [
                        cell(d, gain(d, table, alpha, ratio, seed), g, **keys) for d in defenses
                    ]
    return rows


def table(rows: Iterable[Row]):
    return to_table(rows, Row, {"classes": CLASSES})
