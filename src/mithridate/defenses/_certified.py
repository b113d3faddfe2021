"""CertifiedMedian: the median of many models, each trained on rows of its own."""

import hashlib
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from sklearn.utils.validation import check_is_fitted

from ..errors import InputError
from .base import BaseDefense, Column, Mask, Rows
from .constraints import Constraints, Interval, Secret


class CertifiedMedian(BaseDefense):
    """Predict the median of models trained on disjoint parts, and certify how far it can move.

    All rows are kept: the defense is the median. An inserted or deleted row changes the model of
    one part, and so at most one vote. Whatever looks at other rows breaks the guarantee: a scaler
    before it in a `Pipeline` sees all rows, so put it inside `estimator`, as in
    `CertifiedMedian(make_pipeline(StandardScaler(), Ridge()))`; and `estimator` must not be random.

    Parameters
    ----------
    estimator : regressor, optional
        The model to defend, fitted once for each part; None is `Ridge()`.
    parts : int, default=25
        Number of parts, better odd, and few enough that a part has several rows a column: more
        parts are harder to overrule, and each learns less.
    key : str or bytes, default=""
        Key of the hash, 64 bytes at most. A secret one keeps an attacker from choosing the part
        that a row belongs to; the guarantee holds without.

    Attributes
    ----------
    parts_ : ndarray of int, shape (n,)
        The part of each row.
    scores_ : ndarray of float, shape (n,)
        `|y - median|`, in units of y. There is no `threshold_`.

    Notes
    -----
    Row i belongs to part `hash(xᵢ, yᵢ) mod parts`, and to no other; parts without rows have no
    vote. With `a` votes at most `u` and `b` above it, the median stays at most `u` until `(a - b) /
    2` rows have come or gone, whatever they are; likewise for a lower end. The hash is keyed
    BLAKE2b of the eight-byte little-endian numbers of the row, so it is the same for any order of
    rows and on every machine. For all other attributes see `BaseDefense`.

    References
    ----------
    Hammoudeh and Lowd, "Reducing certified regression to certified classification for general
    poisoning attacks" (SaTML 2023).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(200.0)[:, None]
    >>> model = CertifiedMedian(parts=9).fit(X, 2 * X[:, 0])
    >>> model.predict([[50.0]]).round(), model.certify([[50.0]], 90.0, 110.0)
    (array([100.]), array([4]))
    """

    fits_like: ClassVar[str | None] = "huber"
    keeps_clean: ClassVar[float] = 1.0
    rejects_gross: ClassVar[float] = 0.0
    """The least share of grossly wrong targets that is rejected: it keeps all rows."""

    scale_free: ClassVar[bool] = False
    features_scale_free: ClassVar[bool] = False
    """Other units are other numbers, which are hashed to other parts."""

    per_row: ClassVar[tuple[str, ...]] = ("scores_", "parts_")

    constraints: ClassVar[Constraints] = {
        "parts": Interval(1, whole=True),
        "key": Secret(64),
    }

    parts_: Int[np.ndarray, " n"]

    def __init__(self, estimator: Any = None, *, parts: int = 25, key: str | bytes = ""):
        super().__init__(estimator)
        self.parts = parts
        self.key = key

    def certify(self, X: Any, lower: Any, upper: Any) -> Int[np.ndarray, " m"]:
        """Count the rows that can come or go with each prediction still in [lower, upper].

        Rows come by insertion and go by deletion; a changed row is one of each.

        Parameters
        ----------
        X : array-like or frame, shape (m, d)
            Features of the predictions.
        lower : float or array-like, shape (m,)
            Lower end, in units of y.
        upper : float or array-like, shape (m,)
            Upper end, in units of y.

        Returns
        -------
        ndarray of int, shape (m,)
            -1 where the prediction is outside as it is; 0 where one more row might push it out.

        Raises
        ------
        InputError
            If a lower end is above its upper end.

        Notes
        -----
        `⌊(2k - T - 1) / 2⌋`, with T votes, and k the smaller of the number of votes `≤ upper` and
        of those `≥ lower`: as long as more than half of the votes lie on the right side of an end,
        so does their median, and a changed row moves one vote across, adds one, or takes one.
        """
        votes = self._votes(X)
        lower, upper = (np.asarray(end, dtype=np.float64) for end in (lower, upper))
        if not (lower <= upper).all():
            raise InputError("certify needs lower <= upper, in units of y, for every row.")
        within = np.minimum((votes <= upper).sum(axis=0), (votes >= lower).sum(axis=0))
        median = np.median(votes, axis=0)
        inside = (median >= lower) & (median <= upper)
        # An even split has a median too, but not one that survives a change.
        return np.where(inside, np.maximum((2 * within - len(votes) - 1) // 2, 0), -1)

    def _find_inliers(self, X: Rows, y: Column, sample_weight: Column | None) -> Mask:
        self.parts_ = _parts(X, y, int(self.parts), self.key)
        models = [
            self._fit_estimator(X, y, sample_weight, self.parts_ == part)
            for part in np.unique(self.parts_)
        ]
        self.estimator_ = MedianOf(models)
        if len(models) < self.parts:
            self.message_ = (
                f"{self.parts - len(models)} of {self.parts} parts have no rows; give fewer parts."
            )
        self.scores_ = np.abs(y - self.estimator_.predict(X))
        return np.ones(len(y), dtype=bool)

    def _fit_kept(self, X: Rows, y: Column, sample_weight: Column | None, mask: Mask) -> Any:
        return self.estimator_

    def how_sure(self, n: int) -> str:
        return (
            f"It rejects no row, and predicts the median of {len(self.estimator_.models)} models, "
            "each of rows of its own; certify says how many rows cannot move a prediction far."
        )

    def _votes(self, X: Any) -> Float[np.ndarray, "parts m"]:
        check_is_fitted(self)
        return self.estimator_.votes(self._features(X))


class MedianOf:
    """The median of the predictions of fitted models."""

    def __init__(self, models: list[Any]):
        self.models = models

    def votes(self, X: Rows) -> Float[np.ndarray, "parts n"]:
        """The prediction of each model."""
        return np.stack([model.predict(X) for model in self.models])

    def predict(self, X: Rows) -> Column:
        """Their median, in units of y; of an even number, the mean of the middle two."""
        return np.median(self.votes(X), axis=0)


def _parts(X: Rows, y: Column, parts: int, key: bytes | str) -> Int[np.ndarray, " n"]:
    """The part of each row, from its own numbers alone."""
    secret = key.encode() if isinstance(key, str) else key
    # Adding 0 makes one zero of the two: they are equal numbers with different bytes.
    rows = np.ascontiguousarray(np.column_stack([X, y]) + 0.0, dtype="<f8")
    digests = (hashlib.blake2b(row, digest_size=8, key=secret).digest() for row in rows)
    return np.array([int.from_bytes(digest, "little") % parts for digest in digests])
