"""DeepBayesClean: the three sets of BayesClean, on the predictive variance of a deep ensemble."""

from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from ._sets import ThreeSets
from .base import Column, Mask, Rows
from .constraints import Constraints, Interval
from .ensemble import DistinctRows
from .unitbox import UnitBox
from .weights import median

# Parts that the rows are dealt into, and the weight penalty of the networks.
FIRST_ROUND = 4, 30.0  # few rows and a stiff network, which cannot memorize them
SECOND_ROUND = 2, 10.0  # on the nearer half: the penalty of a network that is to predict well


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
    one_thread: ClassVar[bool] = False
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
        table = DistinctRows.of(UnitBox.of(X, sample_weight)(X), y, sample_weight)
        everything = np.arange(len(table.y))
        z = table.scores(table.unseen(everything, *FIRST_ROUND, self.networks, random))
        near = np.flatnonzero(z <= median(z, table.weight))
        z = table.scores(table.unseen(near, *SECOND_ROUND, self.networks, random))
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        fires = self._by_constants(z[table.place], weight)
        return self._kept(weight, fires, by_constants=True)
