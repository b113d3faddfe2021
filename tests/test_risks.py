"""Each risk against plain NumPy and scikit-learn, and against the detector that it stands for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from mithridate.attack import risks
from mithridate.attack.attacks import Ascent
from mithridate.attack.objective import Incremental, Problem
from mithridate.attack.sample import Sample
from mithridate.attack.threat import ThreatModel, edges
from mithridate.attack.victims import Ridge
from mithridate.bayes import BayesianRegression
from mithridate.data.load import load
from mithridate.defenses import Ridge as Model
from mithridate.errors import InputError
from mithridate.moments import Moments

from .conformance.worlds import exported, name, sample

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
RISKS = exported(risks, risks.AbstractRisk)
every_risk = pytest.mark.parametrize("risk", RISKS, ids=name)


@eqx.filter_jit
def compiled(risk, clean, poison, l2):
    return risk(risk.digest(clean, Ridge(l2), KEY), poison)


def of(risk, clean, poison, l2=1e-3):
    """The risk, by one program for each pair of shapes, whatever the penalty is."""
    return compiled(risk, clean, poison, jnp.asarray(l2))


@eqx.filter_jit
def believed(clean):
    return risks.Predictive().digest(clean, Ridge(), KEY)


@eqx.filter_jit
def with_slope(risk, clean, poison):
    """The risk and its gradient in the poison."""
    return jax.value_and_grad(lambda poison: of(risk, clean, poison))(poison)


def table(n, d, noise, seed=0, onehot=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-1, 1, d) + 5
    if onehot:
        X = np.concatenate([X, np.eye(4)[rng.integers(0, 4, n)], np.ones((n, 1))], axis=1)
    y = X @ rng.normal(size=X.shape[1]) / X.shape[1] + noise * rng.normal(size=n) + 3
    return X, y, rng.integers(1, 4, n).astype(float)


@pytest.mark.parametrize("noise", [1e-2, 1.0, 30.0])
@pytest.mark.parametrize(("n", "d", "onehot"), [(80, 1, False), (300, 20, True), (40, 90, False)])
def test_predictive_is_the_bayesian_regression_of_the_defense(n, d, noise, onehot):
    # A wide table without noise or with heavy rows is interpolated: what is left is rounding.
    X, y, w = table(n, d, noise if d < n else max(noise, 1.0), onehot=onehot)
    weight = w if d < n else np.ones(n)
    want = BayesianRegression.of(Moments.of(X, y, weight))
    clean = Sample(*map(jnp.asarray, (X, y, weight)))
    got, _ = believed(clean)
    np.testing.assert_allclose(1 / got.noise, want.noise_precision, rtol=1e-6)
    np.testing.assert_allclose(got.prior, want.prior_precision, rtol=1e-6)
    scale = np.abs(want.coef).max()
    np.testing.assert_allclose(got.coef, want.coef, rtol=1e-6, atol=1e-6 * scale)
    far = X[::-1] * 1.5, y + 2
    squares = got.squares(Sample(*map(jnp.asarray, far), jnp.asarray(w)))
    np.testing.assert_allclose(squares, want.zscores(*far) ** 2, rtol=1e-6)


def test_mahalanobis_is_the_distance_from_the_covariance():
    X, y, w = table(60, 4, 1.0)
    clean = Sample(jnp.asarray(X), jnp.asarray(y), jnp.asarray(w))
    z = np.column_stack([X, y])
    mean, C = np.average(z, axis=0, weights=w), np.cov(z.T, aweights=w, ddof=0)

    def squares(z):
        return np.einsum("ij,jk,ik->i", z - mean, np.linalg.inv(C), z - mean)

    poison = Sample(clean.X[:9] + 1, clean.y[:9], clean.w[:9])
    moved = np.column_stack([poison.X, poison.y])
    want = np.average(squares(moved), weights=w[:9]) / np.average(squares(z), weights=w)
    np.testing.assert_allclose(of(risks.Mahalanobis(ridge=0.0), clean, poison), want, rtol=1e-9)


def test_neighbor_is_what_scikit_learn_finds():
    X, y, _ = table(60, 4, 1.0)
    clean = Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(60))
    z = np.column_stack([X, y])
    index = NearestNeighbors(n_neighbors=4).fit(z / z.std(axis=0))

    def reach(z_new):
        return (index.kneighbors(z_new / z.std(axis=0))[0][:, 1:] ** 2).mean(axis=1)

    poison = Sample(clean.X[:9] + 1, clean.y[:9], clean.w[:9])
    want = reach(np.column_stack([poison.X, poison.y])).mean() / reach(z).mean()
    np.testing.assert_allclose(of(risks.Neighbor(k=3), clean, poison), want, rtol=1e-9)


@every_risk
def test_copies_of_all_clean_rows_look_like_them(risk):
    np.testing.assert_allclose(of(risk, sample(), sample(), 1e-12), 1, rtol=1e-9)


@pytest.mark.parametrize("risk", [risks.Mahalanobis(), risks.Neighbor()], ids=name)
def test_units_of_the_features_do_not_matter(risk):
    units = 10.0 ** jnp.arange(-4, 4)

    def scaled(s):
        return Sample(s.X * units[None, :] + 1, s.y, s.w)

    clean, poison = sample(), sample(9, seed=2)
    want = of(risk, clean, poison)
    np.testing.assert_allclose(of(risk, scaled(clean), scaled(poison)), want, rtol=1e-6)


@every_risk
def test_what_a_clean_row_stands_for_does_not_matter(risk):
    clean, poison = sample(), sample(9, seed=2)
    # A surrogate of the clean rows weighs as much as they do; only belief in numbers grows.
    heavy = clean.weighing(8.0 * clean.w)
    np.testing.assert_allclose(of(risk, heavy, poison), of(risk, clean, poison), rtol=0.2)


@every_risk
def test_batched_is_one_by_one(risk):
    worlds = [(sample(seed=s), sample(9, seed=s + 5)) for s in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *worlds)

    def look(world):
        return with_slope(risk, *world)

    alone = [look(world) for world in worlds]
    want = jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone)
    mapped, at_once = jax.lax.map(look, stacked), jax.jit(jax.vmap(look))(stacked)
    for got in (mapped, at_once):
        for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-9)


def hostile():
    x = np.linspace(0, 1, 30)
    yield "constant columns", np.ones((30, 2)), x
    yield "constant target", np.stack([x, x**2], axis=1), np.full(30, 0.3)
    yield "no noise", np.stack([x, x**2], axis=1), 2 * x - x**2
    yield "equal rows", np.ones((30, 2)), np.ones(30)
    yield "three rows", np.stack([x, x**2], axis=1)[:3], x[:3]


@every_risk
@pytest.mark.parametrize(("X", "y"), [pytest.param(X, y, id=what) for what, X, y in hostile()])
def test_hostile_tables_give_numbers(risk, X, y):
    clean = Sample(jnp.asarray(X), jnp.asarray(y), jnp.ones(len(y)))
    for poison in (clean, Sample(clean.X * 0.5, clean.y + 0.5, clean.w)):
        value, slope = with_slope(risk, clean, poison)
        assert value >= 0
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((value, slope)))


@every_risk
def test_float32_is_close(risk):
    want = of(risk, sample(), sample(9, seed=2))
    single = [
        jax.tree.map(lambda a: a.astype(jnp.float32), s) for s in (sample(), sample(9, seed=2))
    ]
    np.testing.assert_allclose(of(risk, *single), want, rtol=1e-2)


def by_hand():
    """Four rows whose mean, 1/2, is the clean model, and poison with targets 3/2 and 5/2."""
    X = jnp.zeros((4, 1))
    clean = Sample(X, jnp.array([1.0, 0.0, 0.0, 1.0]), jnp.ones(4))
    return clean, Sample(X[:2], jnp.array([1.5, 2.5]), jnp.ones(2))


def test_difference_is_the_loss_that_training_on_the_poison_takes_away():
    clean, poison = by_hand()
    # The poisoned model says (2 + 4)/6 = 1: losses 1, 4 become 1/4, 9/4, on average 5/4 less, and
    # the clean rows' own loss is 1/4.
    np.testing.assert_allclose(of(risks.Difference(), clean, poison), 1 + (5 / 4) / (1 / 4))


def test_difference_falls_below_1_where_the_poisoned_model_misses_the_poison_by_more():
    risk, (clean, poison) = risks.Difference(), by_hand()
    facts = risk.digest(clean, Ridge(), KEY)
    # A model that says 0 misses by 3/2 and 5/2: on average 17/4, and 5/2 under the clean one.
    worse = jnp.zeros(1), jnp.zeros(())
    np.testing.assert_allclose(risk.after_training(facts, poison, worse), 1 - (7 / 4) / (1 / 4))


def test_gap_is_the_squared_distance_from_the_mean_loss():
    X = jnp.zeros((4, 1))
    clean = Sample(X, jnp.array([3.0, -1.0, -1.0, -1.0]), jnp.ones(4))
    # The clean model says 0: losses 9, 1, 1, 1, mean 3, squared distances 36, 4, 4, 4, mean 12.
    poison = Sample(X[:2], jnp.array([0.0, 4.0]), jnp.ones(2))
    # Losses 0 and 16: squared distances 9 and 169, mean 89.
    np.testing.assert_allclose(of(risks.Gap(), clean, poison), 89 / 12)
    rows = Sample(X[:2], jnp.sqrt(jnp.array([3.0, 3.0])), jnp.ones(2))
    np.testing.assert_allclose(of(risks.Gap(), clean, rows), 0, atol=1e-12)


@every_risk
def test_a_risk_of_trained_models_is_the_same_with_the_training_given(risk):
    victim = Ridge()

    @jax.jit
    def both(clean, poison):
        facts = risk.digest(clean, victim, KEY)
        params = victim.fit(victim.digest(clean), poison, KEY)
        return risk.after_training(facts, poison, params), risk(facts, poison)

    np.testing.assert_allclose(*both(sample(), sample(9, seed=2)))


def test_weighted_gives_the_training_to_its_parts():
    (clean, poison), worse = by_hand(), (jnp.zeros(1), jnp.zeros(()))
    parts = risks.Difference(), risks.Residual()
    both = risks.Weighted(parts, (1.0, 3.0))
    each = [p.after_training(p.digest(clean, Ridge(), KEY), poison, worse) for p in parts]
    got = both.after_training(both.digest(clean, Ridge(), KEY), poison, worse)
    np.testing.assert_allclose(got, (each[0] + 3 * each[1]) / 4, rtol=1e-12)


def test_weighted_is_the_weighted_mean():
    parts, poison = (risks.Residual(), risks.Mahalanobis()), sample(9, seed=2)
    one, two = (of(part, sample(), poison) for part in parts)
    got = of(risks.Weighted(parts, (3.0, 1.0)), sample(), poison)
    np.testing.assert_allclose(got, (3 * one + two) / 4, rtol=1e-12)
    np.testing.assert_allclose(
        of(risks.Weighted(parts), sample(), poison), (one + two) / 2, rtol=1e-12
    )


@pytest.mark.parametrize("wrong", [{"risks": ()}, {"weights": (1.0,)}, {"weights": (1, 2, 3)}])
def test_weights_must_match_risks(wrong):
    with pytest.raises(InputError, match="weight for each"):
        risks.Weighted(**wrong)


def test_neighbors_are_needed():
    with pytest.raises(InputError, match="k = 0"):
        risks.Neighbor(k=0)


def residual(clean, X, y):
    return np.abs(y - Model().fit(*clean).predict(X))


def bayesian(clean, X, y):
    return BayesianRegression.of(Moments.of(*clean, np.ones(len(clean[1])))).zscores(X, y)


def mahalanobis(clean, X, y):
    return EmpiricalCovariance().fit(np.column_stack(clean)).mahalanobis(np.column_stack([X, y]))


def neighbor(clean, X, y, k=5):
    z = np.column_stack(clean)
    scale = np.where(z.std(axis=0) > 0, z.std(axis=0), 1)
    index = NearestNeighbors(n_neighbors=k).fit(z / scale)
    n = len(z)
    # Clean rows come first, and none is its own neighbor.
    new = index.kneighbors(np.column_stack([X, y])[n:] / scale)[0].mean(axis=1)
    return np.append(index.kneighbors()[0].mean(axis=1), new)


DETECTORS = [
    (risks.Residual(), residual),
    (risks.Predictive(), bayesian),
    (risks.Mahalanobis(), mahalanobis),
    (risks.Neighbor(), neighbor),
    (risks.Difference(), residual),
    (risks.Gap(), residual),
    (risks.Weighted(), residual),
    (risks.Weighted(), neighbor),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("risk", "detector"), DETECTORS, ids=[f"{name(r)}-{f.__name__}" for r, f in DETECTORS]
)
def test_an_attacker_who_fears_a_detector_hides_from_it(risk, detector):
    attack = Ascent()

    @jax.jit
    def poisons(clean, aimed, threat, key):
        problem = Problem.of(clean, aimed, Ridge(), threat, risk, Incremental(), key=key)
        loud, trace = attack(problem.reference(), key)
        return loud, attack(problem.at(jnp.asarray(0.1), trace.ends), key)[0]

    def auc(clean, poison):
        X = np.concatenate([clean.X, poison.X])
        y = np.concatenate([clean.y, poison.y])
        is_poison = np.arange(len(y)) >= len(clean.y)
        return roc_auc_score(is_poison, detector((clean.X, clean.y), X, y))

    for seed in range(3):
        split = load("diabetes").split(seed)
        clean, aimed = (
            Sample(jnp.asarray(part.X), jnp.asarray(part.y), jnp.ones(len(part.y)))
            for part in (split.train, split.validation)
        )
        cuts = edges(len(clean.y), [0.05, 0.1, 0.15, 0.2])
        threat = ThreatModel.around(clean, cuts, step=jnp.asarray(split.step))
        loud, quiet = poisons(clean, aimed, threat, jax.random.key(seed))
        clean, loud, quiet = (jax.tree.map(np.asarray, s) for s in (clean, loud, quiet))
        print(f"{name(risk)} {seed}: {auc(clean, loud):.3f} -> {auc(clean, quiet):.3f}")
        assert auc(clean, quiet) < auc(clean, loud)
