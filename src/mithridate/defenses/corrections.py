"""The path of sparse corrections of targets that DUTI follows."""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

from .base import Column

Square = Float[np.ndarray, "n n"]


class CorrectionPath(NamedTuple):
    """Solve `min ‖target - design u‖² + γ ‖u‖₁` for ever smaller γ, with `u = w δ`.

    The weights w are in u so that a row of weight k is k equal rows.

    Parameters
    ----------
    design : array, shape (r, n)
        What a unit of each u takes from what the model misses.
    target : array, shape (r,)
        What the model misses: at the trusted rows, and between the others and their targets.
    gram, cross : array, shapes (n, n) and (n,)
        `designᵀ design` and `designᵀ target`.
    weight : array, shape (n,)
        How many times each row counts.
    """

    design: Float[np.ndarray, "r n"]
    target: Float[np.ndarray, " r"]
    gram: Square
    cross: Column
    weight: Column

    @classmethod
    def of(
        cls,
        smoother: tuple[Float[np.ndarray, "m n"], Square],
        y: Column,
        trusted: Column,
        weight: Column,
        trust: float,
    ) -> "CorrectionPath":
        """State the problem of a linear smoother.

        Parameters
        ----------
        smoother : pair of arrays, shapes (m, n) and (n, n)
            What gives the predictions for the trusted rows, and for the others, from the targets.
        y, trusted : array, shapes (n,) and (m,)
            Targets of the rows, and of the trusted ones.
        weight : array, shape (n,)
            How many times each row counts.
        trust : float
            How many times the error on trusted rows counts.

        Returns
        -------
        CorrectionPath
            The problem.
        """
        at_trusted, at_rows = smoother
        change = at_rows - np.eye(len(y))
        share = np.sqrt(trust / len(trusted)), np.sqrt(weight / weight.sum())
        design = np.concatenate([share[0] * at_trusted, share[1][:, None] * change]) / weight
        target = np.concatenate([share[0] * (trusted - at_trusted @ y), -share[1] * (change @ y)])
        # One unit for all tables: the solver's tolerance is of the size of the target.
        return cls(design, target, design.T @ design, design.T @ target, weight)

    @property
    def largest(self) -> float:
        """The γ at and above which nothing is corrected, where it is more than rounding."""
        largest = float(np.abs(self.cross).max())
        size = np.sqrt(np.diag(self.gram).max() * (self.target @ self.target))
        return largest if largest > 1e-12 * size else 0.0

    def corrections(self, halvings: int, budget: float) -> list[Column]:
        """Give δ at γ₀/2, γ₀/4, …, until more than a share of the rows was corrected.

        Parameters
        ----------
        halvings : int
            Steps at most.
        budget : float
            The share, of the weight of all rows.

        Returns
        -------
        list of array, shape (n,)
            The corrections, one array a step.
        """
        u, steps, gamma = np.zeros(len(self.cross)), [], self.largest
        entered = np.zeros(len(u), dtype=bool)
        for _ in range(halvings if gamma > 0 else 1):
            gamma /= 2.0
            u = self.solve(gamma, u) if gamma > 0 else u
            steps.append(u / self.weight)
            entered |= u != 0
            if self.weight[entered].sum() > budget * self.weight.sum():
                break
        return steps

    def solve(self, gamma: float, start: Column) -> Column:
        """Find the minimizer at one γ.

        Parameters
        ----------
        gamma : float
            The γ.
        start : array, shape (n,)
            Where the solver begins.

        Returns
        -------
        array, shape (n,)
            The minimizer u.
        """
        with warnings.catch_warnings():
            # At a tiny γ the path crawls; by then the order of entry is settled.
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, path, _ = lasso_path(
                self.design,
                self.target,
                alphas=np.array([gamma / len(self.target)]),  # pyright: ignore
                precompute=self.gram,  # pyright: ignore
                Xy=self.cross,
                coef_init=start,
                max_iter=1000,
                tol=1e-6,
            )
        return path[:, 0]

    def pull(self, delta: Column) -> Column:
        """Say how hard each row would have to be held back from being corrected.

        Parameters
        ----------
        delta : array, shape (n,)
            The corrections.

        Returns
        -------
        array, shape (n,)
            In units of γ.
        """
        return np.abs(self.cross - self.gram @ (delta * self.weight))
