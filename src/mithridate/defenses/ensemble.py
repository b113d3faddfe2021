"""Networks that are trained on parts of a table and asked about the rest."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.neural_network import MLPRegressor
from sklearn.utils.validation import has_fit_parameter

from ..passes.block import one_thread
from ..passes.rows import are_counts
from .base import Column, Rows

MAX_ITER = 200  # iterations of L-BFGS


class DistinctRows(NamedTuple):
    """The distinct rows of a table in an order of their own, and how often each counts.

    Parameters
    ----------
    X, y : array, shapes (k, d) and (k,)
        Features and targets of the distinct rows.
    weight : array, shape (k,)
        How many times each counts.
    place : array of int, shape (n,)
        Which of them each row of the table is.
    """

    X: Rows
    y: Column
    weight: Column
    place: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, X: Rows, y: Column, weight: Column | None) -> "DistinctRows":
        """Gather equal rows.

        Parameters
        ----------
        X, y : array, shapes (n, d) and (n,)
            Features and targets.
        weight : array, shape (n,), optional
            How many times each row counts.

        Returns
        -------
        DistinctRows
            The rows that differ.
        """
        table = np.column_stack([y, X])
        rows, place = np.unique(table, axis=0, return_inverse=True)
        place = place.reshape(-1)
        return cls(rows[:, 1:], rows[:, 0], np.bincount(place, weights=weight), place)

    def unseen(
        self, pool: Int[np.ndarray, " k"], parts: int, penalty: float, networks: int, random: Any
    ) -> Float[np.ndarray, "networks n"]:
        """Train networks, each on a part of a pool, and ask them about all rows.

        Parameters
        ----------
        pool : array of int, shape (p,)
            Positions of the rows that are dealt into parts.
        parts : int
            Number of parts.
        penalty : float
            Penalty on the weights of a network.
        networks : int
            Number of networks.
        random : RandomState
            Deals the rows.

        Returns
        -------
        array, shape (networks, k)
            Predictions, in units of y; NaN where a network saw the row.
        """
        parts = max(1, min(parts, len(pool) // 2))
        predicted = np.full((networks, len(self.y)), np.nan)
        for i in range(networks):
            if i % parts == 0:
                dealt = random.permutation(len(pool)) % parts
            part = pool[dealt == i % parts]
            mean = self.trained(part, penalty, int(random.randint(2**31 - 1)))
            # Of two or three rows nothing can be left out.
            predicted[i] = (
                mean if parts == 1 else np.where(np.isin(np.arange(len(mean)), part), np.nan, mean)
            )
        return predicted

    def trained(self, part: Int[np.ndarray, " k"], penalty: float, seed: int) -> Column:
        """Train a network on a part, and ask it about all rows.

        Parameters
        ----------
        part : array of int, shape (m,)
            Positions of the rows that train it.
        penalty : float
            Penalty on its weights.
        seed : int
            Where its weights begin.

        Returns
        -------
        array, shape (k,)
            Predictions, in units of y.
        """
        network = MLPRegressor(
            hidden_layer_sizes=(16,),
            activation="tanh",
            solver="lbfgs",
            alpha=penalty,
            max_iter=MAX_ITER,
            random_state=seed,
        )
        w, given = self.weight[part], {}
        if are_counts(w):
            part = part.repeat(w.astype(int))
            w = np.ones(len(part))
        elif has_fit_parameter(network, "sample_weight"):
            # Of mean 1, since the penalty is weighed against their sum.
            given = {"sample_weight": w / w.mean()}
        Z, y = self.X[part], self.y[part]
        center, scale = _standard(Z, w)
        mean, sd = _standard(y, w)
        with one_thread():  # on busy processors two wait for each other, twenty times as long
            network.fit((Z - center) / scale, (y - mean) / sd, **given)
        return network.predict((self.X - center) / scale) * sd + mean

    def scores(self, predicted: Float[np.ndarray, "networks n"]) -> Column:
        """Say how far each target is from what networks predict that did not see it.

        Parameters
        ----------
        found : array, shape (networks, k)
            Their predictions; NaN where a network saw the row.

        Returns
        -------
        array, shape (k,)
            Distances `|y - μ| / s`, in predictive standard deviations.
        """
        residual, spread = (
            np.abs(self.y - np.nanmedian(predicted, axis=0)),
            np.nanvar(predicted, axis=0),
        )
        error = float(np.average(residual**2, weights=self.weight))
        noise = max(error - float(np.average(spread, weights=self.weight)), 0.1 * error)
        # Residuals of targets without noise are rounding.
        least = (1e-6 * np.abs(self.y).max()) ** 2 + 1e-100
        return residual / np.sqrt(spread + noise + least)


def _standard(values: np.ndarray, weight: Column) -> tuple[Any, Any]:
    """Mean and standard deviation, the latter 1 where values do not vary."""
    mean = np.average(values, axis=0, weights=weight)
    sd = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    return mean, np.where(sd > 1e-12 * (1.0 + np.abs(mean)), sd, 1.0)
