"""Diabetes with gross errors that were planted, for all that cleans it."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes

HOSTILE = "=cmd|' /C calc'!A0\n<img src=x>"
PLANTED = np.arange(7, 442, 29)  # 15 rows
GOAL = ["--target", "progression"]
RATED = [*GOAL, "--defense", "antidote"]  # the fastest; its rate is .01


def planted():
    """Diabetes with 15 gross errors of one ward, a gap, text and columns of many types."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    rng = np.random.default_rng(0)
    out = X.rename(columns={"s6": HOSTILE})
    out["ward"] = np.where(rng.random(442) < 0.2, "north", "south")
    out["code"] = [f"{i % 50:03d}" for i in range(442)]
    out["seen"] = pd.date_range("2024-01-01", periods=442)
    out["remark"] = ["=1+1" if i % 100 == 0 else f"n {i}" for i in range(442)]
    out["small"] = np.arange(442, dtype=np.int16) % 5
    out["progression"] = y
    out.loc[PLANTED, "progression"] = 900.0
    # A level of planted rows alone would explain them to the model.
    out.loc[np.r_[PLANTED, 1:442:9], "ward"] = "east"
    out.loc[5, "age"] = np.nan
    out.index = pd.Index(np.arange(442) * 2 + 1000, name="visit")
    return out
