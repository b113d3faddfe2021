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
    """Predicts the median of models trained on disjoint parts, and certifies how far it can move.

    Row i belongs to part `hash(xᵢ, yᵢ) mod parts`, and to no other; parts without rows have no
    vote. An inserted or deleted row changes the model of one part, so it changes at most one vote.
    With `a` votes at most `u` and `b` above it, the median stays at most `u` until `(a - b) / 2`
    rows have come or gone, whatever they are; likewise for a lower end. See `certify`.

    All rows are kept: the defense is the median. Whatever looks at other rows breaks the guarantee:
    a scaler before it in a `Pipeline` sees all rows, so put it inside `estimator`, as
    `CertifiedMedian(make_pipeline(StandardScaler(), Ridge()))`; and `estimator` must not be random.

    Parameters: `estimator`, any regressor (default `Ridge()`), fitted once a part; `parts`, the
    number of parts, better odd, and small enough that a part has several rows a column: more parts
    are harder to overrule, and each learns less; `key`, of the hash, 64 bytes or less: a secret one
    keeps an attacker from choosing the part that a row goes to (the guarantee holds all the same).
    After `fit`: `parts_` (n,), the part of each row, `scores_` `|y - median|` in units of y.

    >>> import numpy as np
    >>> X = np.arange(200.0)[:, None]
    >>> model = CertifiedMedian(parts=9).fit(X, 2 * X[:, 0])
    >>> model.predict([[50.0]]).round(), model.certify([[50.0]], 90.0, 110.0)
    (array([100.]), array([4]))

    Hammoudeh and Lowd, "Reducing certified regression to certified classification for general
    poisoning attacks" (SaTML 2023). The hash is keyed BLAKE2b of the eight-byte little-endian
    numbers of the row, so it is the same for any order of rows and on every machine.
    """

    keeps_clean: ClassVar[float] = 1.0
    rejects_gross: ClassVar[float] = 0.0
    """The least share of grossly wrong targets that is rejected: it keeps all rows."""

    scale_free: ClassVar[bool] = False
    """Other units are other numbers, which are hashed to other parts."""

    _per_row: ClassVar[tuple[str, ...]] = ("scores_", "parts_")

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
        """Rows that can be inserted or deleted with each prediction still in [lower, upper].

        -1 where the prediction is outside as it is; 0 where one more row might push it out. A
        changed row is a deleted and an inserted one. `lower` and `upper` are in units of y, one
        number or one for each row of X.

        `⌊(2k - T - 1) / 2⌋`, with T votes, and k the smaller of the number of votes `≤ upper` and
        of that `≥ lower`: as long as more than half of the votes lie on the right side of an end,
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

    def _how_sure(self, n: int) -> str:
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
