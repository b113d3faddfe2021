"""Predictive variances of networks, each cut by the rule of BayesClean: what `deep.py` compares."""

import numpy as np
from scipy.special import ndtr
from sklearn.neural_network import MLPRegressor

from mithridate.bayes import BayesianRegression
from mithridate.moments import Moments

MEMBERS, FOLDS = 5, 5


def plain(Z, t, rows, seed):
    """Mean and variance at all rows of a network, of which the variance is 0."""
    return trained(Z, t, rows, seed).predict(Z), np.zeros(len(t))


def last_layer(Z, t, rows, seed):
    """Bayesian regression on the hidden units of a trained network."""
    network = trained(Z, t, rows, seed)
    H = np.tanh(Z @ network.coefs_[0] + network.intercepts_[0])
    model = BayesianRegression.of(Moments.of(H[rows], t[rows], np.ones(rows.sum())))
    return model.predict(H), model.variance(H)


def trained(Z, t, rows, seed):
    options = {"hidden_layer_sizes": (16,), "activation": "tanh", "solver": "lbfgs", "alpha": 10.0}
    return MLPRegressor(**options, max_iter=200, random_state=seed).fit(Z[rows], t[rows])


def dropout(Z, t, rows, seed, rate=0.1, width=64, steps=600, draws=50):
    """Monte Carlo dropout: 64 tanh units, Adam on all rows, 50 draws."""
    random, A, b = np.random.default_rng(seed), Z[rows], t[rows]
    shapes = (A.shape[1], width), (width,), (width,), (1,)
    P = [random.normal(size=s) * (s[0] ** -0.5) * (k in (0, 2)) for k, s in enumerate(shapes)]
    M, V = ([np.zeros(s) for s in shapes] for _ in range(2))
    for step in range(1, steps + 1):
        H, D = np.tanh(A @ P[0] + P[1]), (random.random((len(b), width)) > rate) / (1 - rate)
        e = ((H * D) @ P[2] + P[3] - b) * 2 / len(b)
        back = np.outer(e, P[2]) * D * (1 - H**2)
        grads = A.T @ back + 2e-3 * P[0], back.sum(0), (H * D).T @ e + 2e-3 * P[2], e.sum()
        for k, g in enumerate(grads):
            M[k], V[k] = 0.9 * M[k] + 0.1 * g, 0.999 * V[k] + 0.001 * g**2
            size = 0.005 * (1 + np.cos(np.pi * step / steps)) / (1 - 0.9**step)
            P[k] = P[k] - size * M[k] / (np.sqrt(V[k] / (1 - 0.999**step)) + 1e-8)
    H = np.tanh(Z @ P[0] + P[1])
    drawn = [(H * (random.random(H.shape) > rate) / (1 - rate)) @ P[2] + P[3] for _ in range(draws)]
    return np.mean(drawn, axis=0), np.var(drawn, axis=0)


def kept(X, y, model, crossed, members=MEMBERS):
    """The rows that BayesClean's rule keeps; `crossed`: by models that did not see them."""
    t, Z = (y - y.mean()) / y.std(), (X - X.mean(0)) / np.where(X.std(0) > 0, X.std(0), 1.0)
    mean, variance = np.zeros((2, members, len(y)))
    for k in range(members):
        fold = np.random.default_rng(100 + k).permutation(len(y)) % FOLDS
        for f in range(FOLDS if crossed else 1):
            asked = fold == f if crossed else np.ones(len(y), bool)
            predictions = model(Z, t, ~asked if crossed else asked, k)
            mean[k, asked], variance[k, asked] = (values[asked] for values in predictions)
    square, s2 = (t - mean.mean(0)) ** 2, mean.var(0) + variance.mean(0)
    if model is not last_layer:  # whose variance has the noise in it
        s2 = s2 + max(square.mean() - s2.mean(), 0.1 * square.mean())
    z = np.sqrt(square / s2)
    return z <= (0.67 if np.mean(z > 0.67) > 2 * ndtr(-0.67) else 1.0)
