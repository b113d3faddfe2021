"""DeepBayesClean: the three sets of BayesClean, on the predictive variance of a deep ensemble."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.neural_network import MLPRegressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from ..passes.block import one_thread
from ..passes.rows import are_counts
from ._sets import ThreeSets
from .base import Column, Mask, Rows
from .constraints import Constraints, Interval
from .unitbox import UnitBox
from .weights import median

# Parts that the rows are dealt into, and the weight penalty of the networks.
FIRST_ROUND = 4, 30.0  # few rows and a stiff network, which cannot memorize them
SECOND_ROUND = 2, 10.0  # on the nearer half: the penalty of a network that is to predict well
MAX_ITER = 200  # iterations of L-BFGS


class DeepBayesClean(ThreeSets):
    """Reject rows far from the predictions of neural networks that were not trained on them.

    For models that bend where a line cannot. Of eight clean tables it rejected 9 to 59 % of the
    rows, and the error of a network grew on seven of them, by 5 to 71 %: use it where there is
    poison, or where another test says so. Forty small networks cost about half a second for 300
    rows.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted on the kept rows; None is `Ridge()`.
    c1 : float, default=0.67
        Rows up to here are accepted, in predictive standard deviations.
    c2 : float, default=1.0
        Rows beyond are rejected, in the same unit, `c1` or more.
    networks : int, default=20
        Number of networks in each of the two rounds, 4 or more.
    random_state : int, RandomState or None, default=0
        Decides how rows are dealt, and where networks start.

    Attributes
    ----------
    scores_ : ndarray of float, shape (n,)
        Distances `z = |y - μ(x)| / s(x)`, in predictive standard deviations.
    sets_ : ndarray of int, shape (n,)
        The set of each row: 1 accepted, 2 flagged, 3 rejected.
    cuts_ : tuple of float
        The two cuts c₁ and c₂.
    threshold_ : float
        The one of them that was used.

    Notes
    -----
    The rule is that of `BayesClean` with constants. Here μ is the median and v the variance of the
    predictions of those networks that did not see the row; `s² = v + σ²`, with σ² the mean of `(y -
    μ)² - v`, at least a tenth of that of `(y - μ)²`. Two rounds: networks trained on quarters of
    the rows, then on halves of the nearer half. A network has 16 tanh units and is trained by
    L-BFGS. Why so is described in docs/defenses.md. For all other attributes see `BaseDefense`.

    References
    ----------
    Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation
    using deep ensembles" (2017). The two rounds are this project's own.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-2, 2, 80)[:, None]
    >>> y = X[:, 0] ** 2 + 0.2 * np.sin(50 * X[:, 0])
    >>> y[[20, 60]] = 4.0
    >>> DeepBayesClean(networks=8).fit(X, y).inlier_mask_[[20, 60]]
    array([False, False])
    """

    label: ClassVar[str | None] = "DeepBayesClean"
    fits_like: ClassVar[str | None] = "bayesclean"
    constraints: ClassVar[Constraints] = {"networks": Interval(4, whole=True)}

    def __init__(
        self,
        estimator: Any = None,
        *,
        c1: float = 0.67,
        c2: float = 1.0,
        networks: int = 20,
        random_state: Any = 0,
    ):
        super().__init__(estimator, c1=c1, c2=c2)
        self.networks = networks
        self.random_state = random_state

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        random = check_random_state(self.random_state)
        table = _Distinct.of(UnitBox.of(X, sample_weight)(X), y, sample_weight)
        everything = np.arange(len(table.y))
        z = table.scores(table.unseen(everything, *FIRST_ROUND, self.networks, random))
        near = np.flatnonzero(z <= median(z, table.weight))
        z = table.scores(table.unseen(near, *SECOND_ROUND, self.networks, random))
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        fires = self._by_constants(z[table.place], weight)
        return self._kept(weight, fires, by_constants=True)


class _Distinct(NamedTuple):
    """The distinct rows of a table in an order of their own, and how often each counts."""

    X: Rows
    y: Column
    weight: Column
    place: Int[np.ndarray, " n"]  # of each row of the table

    @classmethod
    def of(cls, X: Rows, y: Column, weight: Column | None) -> "_Distinct":
        table = np.column_stack([y, X])
        rows, place = np.unique(table, axis=0, return_inverse=True)
        place = place.reshape(-1)
        return cls(rows[:, 1:], rows[:, 0], np.bincount(place, weights=weight), place)

    def unseen(
        self, pool: Int[np.ndarray, " k"], parts: int, penalty: float, networks: int, random: Any
    ) -> Float[np.ndarray, "networks n"]:
        """Predictions of networks, each trained on a part of the pool; NaN where it saw the row."""
        parts = max(1, min(parts, len(pool) // 2))
        found = np.full((networks, len(self.y)), np.nan)
        for i in range(networks):
            if i % parts == 0:
                dealt = random.permutation(len(pool)) % parts
            part = pool[dealt == i % parts]
            mean = self._predictions(part, penalty, int(random.randint(2**31 - 1)))
            # Of two or three rows nothing can be left out.
            found[i] = (
                mean if parts == 1 else np.where(np.isin(np.arange(len(mean)), part), np.nan, mean)
            )
        return found

    def _predictions(self, part: Int[np.ndarray, " k"], penalty: float, seed: int) -> Column:
        """What a network trained on the part says of all rows, in units of y."""
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

    def scores(self, found: Float[np.ndarray, "networks n"]) -> Column:
        """Distances `|y - μ| / s` from what networks predict that did not see the row."""
        residual, spread = np.abs(self.y - np.nanmedian(found, axis=0)), np.nanvar(found, axis=0)
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
