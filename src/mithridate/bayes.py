"""Bayesian linear regression from moments: evidence, posterior and predictive distribution."""

from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .errors import InputError
from .moments import Moments

_EPS = float(np.finfo(np.float64).eps)


class BayesianRegression(NamedTuple):
    """Linear regression with a Gaussian prior, whose two precisions are set by the evidence.

    `y = xb + c + noise`, with `b ~ N(0, I/λ)`, `noise ~ N(0, 1/β)` and a flat prior on `c`; λ and β
    maximize `p(y | X, λ, β)`. The posterior of `b` is `N(coef, Σ)`, `Σ = (β X̃ᵀX̃ + λ I)⁻¹`, with
    `X̃` the centered features; the predictive distribution at `x` is `N(predict(x), variance(x))`.
    Build one with `BayesianRegression.of`.

    Parameters
    ----------
    coef : ndarray, shape (d,)
        Posterior mean of the coefficients, in units of y/x.
    intercept : float
        The intercept, in units of y.
    noise_precision : float
        Precision β of the noise, in units of 1/y².
    prior_precision : float
        Precision λ of the prior, in units of x²/y².
    weight : float
        Total weight of the rows.
    center : ndarray, shape (d,)
        Mean of x.
    eigenvalues : ndarray, shape (d,)
        Eigenvalues of the centered Gram matrix X̃ᵀX̃, ascending.
    basis : ndarray, shape (d, d)
        Its eigenvectors, as columns.
    effective : float
        Number of coefficients that the data determine, γ.
    n_iter : int
        Updates of λ/β that were made.

    Notes
    -----
    With flat hyperpriors scikit-learn's `BayesianRidge` has the same fixed point; its `alpha_` is
    β.

    References
    ----------
    MacKay, "Bayesian interpolation" (1992).

    Bishop, "Pattern recognition and machine learning" (2006), section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0.0, 1.0, 101)
    >>> y = 2.0 * x + 0.1 * np.where(np.arange(101) % 2, 1.0, -1.0)
    >>> model = BayesianRegression.of(Moments.of(x[:, None], y, np.ones(101)))
    >>> print(f"{model.coef[0]:.2f} {model.noise_precision**-0.5:.2f}")
    2.00 0.10
    """

    coef: Float[np.ndarray, " d"]
    intercept: float
    noise_precision: float
    prior_precision: float
    weight: float
    center: Float[np.ndarray, " d"]
    eigenvalues: Float[np.ndarray, " d"]
    basis: Float[np.ndarray, "d d"]
    effective: float
    n_iter: int

    @classmethod
    def of(
        cls, moments: Moments, *, max_iter: int = 10_000, tol: float = 1e-10
    ) -> "BayesianRegression":
        """Regress the last entry of `z` on the others, from one eigendecomposition.

        Works for any number of rows and columns, and for singular Gram matrices.

        Parameters
        ----------
        moments : Moments
            Those of the rows `z = (x, y)`.
        max_iter : int, default=10000
            Updates of λ/β at most.
        tol : float, default=1e-10
            The updates stop when `log(λ/β)` moves by this or less.

        Returns
        -------
        BayesianRegression
            Its values are all finite: noise whose standard deviation is below about 1e-7 of that of
            y cannot be seen in moments, and is reported as that.

        Raises
        ------
        InputError
            If the total weight is 0.
        """
        weight = float(moments.weight)
        if not weight > 0:
            raise InputError("A regression needs rows: the total weight of these moments is 0.")
        mean, scatter = np.asarray(moments.mean), np.asarray(moments.scatter)
        eigenvalues, basis = np.linalg.eigh(scatter[:-1, :-1])
        eigenvalues = np.maximum(eigenvalues, 0.0)
        spectrum = _Eigenvalues.of(eigenvalues, basis.T @ scatter[:-1, -1], scatter[-1, -1], weight)
        ratio, n_iter = spectrum.penalty(max_iter, tol)
        fit = spectrum.at(ratio)
        # Below these lie the rounding of the moments, of the mean of y, and of zero itself.
        floor = 8 * _EPS * spectrum.total / weight + (1024 * _EPS * mean[-1]) ** 2 + 1e-100
        noise_precision = 1.0 / max(fit.sse / _freedom(weight, fit.effective), floor)
        coef = basis @ (spectrum.cross / (eigenvalues + ratio))
        return cls(
            coef=coef,
            intercept=float(mean[-1] - mean[:-1] @ coef),
            noise_precision=float(noise_precision),
            prior_precision=float(ratio * noise_precision),
            weight=weight,
            center=mean[:-1],
            eigenvalues=eigenvalues,
            basis=basis,
            effective=fit.effective,
            n_iter=n_iter,
        )

    @property
    def covariance(self) -> Float[np.ndarray, "d d"]:
        """Posterior covariance of the coefficients (d, d), in units of y²/x²: `(β X̃ᵀX̃ + λ I)⁻¹`."""
        precision = self.noise_precision * self.eigenvalues + self.prior_precision
        return (self.basis / precision) @ self.basis.T

    def predict(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Compute the predictive mean `xb + c`.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n,)
            Predictions, in units of y.
        """
        return X @ self.coef + self.intercept

    def leverage(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Compute the leverage `h(x) = 1/n + β (x - x̄)ᵀ Σ (x - x̄)`.

        It is the variance of the predictive mean over that of the noise. For a row in the fit, it
        is the change of its prediction when its target changes by 1.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n,)
            Leverages, without unit.
        """
        precision = self.noise_precision * self.eigenvalues + self.prior_precision
        doubt = ((X - self.center) @ self.basis) ** 2 @ (self.noise_precision / precision)
        return 1.0 / self.weight + doubt

    def variance(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Compute the predictive variance `s²(x) = 1/β + 1/(βn) + (x - x̄)ᵀ Σ (x - x̄)`.

        The term `1/(βn)` is the uncertainty of the intercept; scikit-learn's `BayesianRidge` leaves
        it out of the standard deviation that its `predict` returns.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n,)
            Variances, in units of y².
        """
        return (1.0 + self.leverage(X)) / self.noise_precision

    def zscores(
        self, X: Float[np.ndarray, "n d"], y: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Compute the distance of each target from its predictive mean, `|y - predict(x)| / s(x)`.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Features.
        y : ndarray, shape (n,)
            Targets.

        Returns
        -------
        ndarray, shape (n,)
            Distances, in predictive standard deviations.
        """
        return np.abs(y - self.predict(X)) / np.sqrt(self.variance(X))


class _AtRatio(NamedTuple):
    effective: float  # γ = Σ s / (s + r)
    norm: float  # ‖coef‖²
    sse: float  # sum of squared residuals


class _Eigenvalues(NamedTuple):
    """All that the evidence needs: the fit depends on λ and β through `r = λ/β` alone."""

    cross: Float[np.ndarray, " d"]  # X̃ᵀy in the eigenbasis
    s: Float[np.ndarray, " k"]  # eigenvalues above rounding
    u2: Float[np.ndarray, " k"]  # squared projections of y on their left singular vectors
    rest: float  # sum of squares of y outside the span of the features
    total: float  # sum of squares of y
    weight: float

    @classmethod
    def of(
        cls, eigenvalues: np.ndarray, cross: np.ndarray, total: float, weight: float
    ) -> "_Eigenvalues":
        # What an eigenvalue at the level of rounding would contribute is noise over noise.
        real = eigenvalues > eigenvalues.max(initial=0.0) * _EPS * len(eigenvalues)
        s, u2 = eigenvalues[real], cross[real] ** 2 / eigenvalues[real]
        rest = max(float(total) - float(u2.sum()), 0.0)
        return cls(np.where(real, cross, 0.0), s, u2, rest, float(total), weight)

    def at(self, ratio: float) -> _AtRatio:
        """The ridge fit with summed penalty `ratio`."""
        raised, total = self.s + ratio, np.add.reduce  # quicker than `sum`: this is asked often
        share = self.s / raised
        norm = float(total(self.u2 * share / raised))
        sse = self.rest + float(total(self.u2 * (1.0 - share) ** 2))
        return _AtRatio(float(total(share)), norm, sse)

    def penalty(self, max_iter: int, tol: float) -> tuple[float, int]:
        """The `r = λ/β` at which MacKay's updates stand still, and how many it took."""
        largest = float(self.s.max(initial=0.0)) or 1.0
        # Without a signal λ runs off to infinity, without noise to zero: stop where rounding does.
        lowest, highest = largest * _EPS**2, largest / _EPS
        # A start that knows no units: the prior alone would give y its variance.
        ratio = float(np.clip(self.s.sum() / self.weight, lowest, highest)) or 1.0
        for n_iter in range(1, max_iter + 1):
            fit = self.at(ratio)
            # λ = γ/‖b‖², β = (n - γ)/SSE; kept apart, either could overflow.
            noise = fit.sse / _freedom(self.weight, fit.effective)
            previous = ratio
            raw = fit.effective * noise / fit.norm if fit.norm > 0 else np.inf
            ratio = min(max(float(raw), lowest), highest)
            if abs(log(ratio / previous)) <= tol:
                return ratio, n_iter
        return ratio, max_iter


def _freedom(weight: float, effective: float) -> float:
    # Weights that sum to less than the rank of the features would make this negative.
    return max(weight - effective, weight * _EPS)
