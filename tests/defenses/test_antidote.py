"""Antidote finds rows that conspire, and leaves alone those that merely lie far off."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import scipy.stats
from sklearn.linear_model import LinearRegression

from mithridate.bayes import BayesianRegression
from mithridate.data.load import load
from mithridate.defenses import Antidote, BayesClean, Ridge, Trim
from mithridate.defenses.chance import truncated_variance
from mithridate.defenses.fits import LONG, Fits, regression
from mithridate.defenses.search import CORE_SHARE, FAR_SIGMAS, SearchTable, spacing
from mithridate.errors import InputError
from mithridate.moments import Moments
from mithridate.passes import draws, memory
from mithridate.passes.block import Block, moments_of
from mithridate.passes.scores import leverage, residual


def table(seed=0, n=300, d=6, noise=0.1):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    return X, X @ rng.normal(size=d) + noise * rng.normal(size=n), rng


def poisoned(seed=0, share=0.3, n=300, d=6):
    """Copies of rows with the target at the end of its range that is farther off, shuffled."""
    X, y, rng = table(seed, n, d)
    p = round(share * n / (1 - share))
    rows = rng.choice(n, p, replace=p > n)
    ends = np.where(y[rows] > y.mean(), y.min(), y.max())
    order = rng.permutation(n + p)
    both = np.concatenate([X, X[rows]])[order], np.concatenate([y, ends])[order]
    return *both, (np.arange(n + p) >= n)[order], X, y


def block(X, y):
    return Block(0, np.vstack([X.T, y]), np.ones(len(y)))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.4])
@pytest.mark.parametrize("seed", [0, 1])
def test_recovers_what_the_clean_rows_give(seed, share):
    X, y, is_poison, X_clean, y_clean = poisoned(seed, share)
    antidote = Antidote().fit(X, y)
    error = [
        np.mean((model.predict(X_clean) - y_clean) ** 2)
        for model in (Ridge().fit(X, y), antidote, Ridge().fit(X_clean, y_clean))
    ]
    assert error[0] - error[1] > 0.9 * (error[0] - error[2])
    # A copy whose target was near that end already is no poison.
    assert (~antidote.inlier_mask_[is_poison]).mean() > 0.8
    assert antidote.inlier_mask_[~is_poison].mean() > 0.95


def cornered(seed, p, noise=0.3):
    """Rows in corners with the target at the end of its range that is farther off, shuffled."""
    X, y, rng = table(seed, noise=noise)
    corners = (rng.random((p, 6)) > 0.5).astype(float)
    wrong = np.where(Ridge().fit(X, y).predict(corners) > y.mean(), y.min(), y.max())
    order = rng.permutation(300 + p)
    both = np.concatenate([X, corners])[order], np.concatenate([y, wrong])[order]
    return *both, (np.arange(300 + p) >= 300)[order]


def censored(seed, share, p=0):
    """Targets of which a share is cut off below, and p copies of those rows at the top."""
    X, y, rng = table(seed)
    y = np.maximum(y, np.quantile(y, share))
    rows = rng.choice(np.flatnonzero(y == y.min()), p, replace=True)
    return (
        np.concatenate([X, X[rows]]),
        np.append(y, np.full(p, y.max())),
        np.arange(300 + p) >= 300,
    )


@pytest.mark.parametrize("seed", range(3))
def test_poison_that_deceives_trim_is_found(seed):
    """Rows in corners, as many as two for three, that one plane fits better than it fits ours."""
    X, y, is_poison = cornered(seed, 200)
    trim = Trim(contamination=0.4).fit(X, y)
    antidote = Antidote().fit(X, y)
    assert trim.inlier_mask_[is_poison].mean() > 0.3
    assert antidote.inlier_mask_[is_poison].mean() < 0.1


def test_a_conspiracy_goes_and_the_same_residuals_at_random_stay():
    """The size of the residuals is no evidence; that they pull one way is."""
    X, y, rng = table(1)
    far = rng.permutation(300)[:60]
    wrong = np.zeros(300)
    wrong[far] = np.where(X[far, 2] > 0.5, y.max(), y.min()) - y[far]
    assert Antidote().fit(X, y + wrong).n_rejected_ >= 48
    row_by_row = Antidote().fit(X, y + rng.permutation(wrong))
    assert not row_by_row.found_ and "far off" in row_by_row.message_
    assert BayesClean().fit(X, y + rng.permutation(wrong)).n_rejected_ > 48


def test_targets_at_the_ends_of_the_range_are_evidence():
    """The same pull, from targets at the ends and from targets as spread as the others."""
    X, y, rng = table(1)
    far = rng.permutation(300)[:60]
    ends, spread = y.copy(), y.copy()
    ends[far] = np.where(X[far, 2] > 0.5, y.max(), y.min())
    spread[far] = ends[far] * rng.uniform(0.75, 0.95, 60)
    found, other = Antidote().fit(X, ends), Antidote().fit(X, spread)
    assert 0.05 < found.effect_ < 0.25 and found.ends_ > 0.5 and found.conspiracy_
    assert 0.05 < other.effect_ < 0.25 and other.ends_ < 0.2 and not other.conspiracy_


@pytest.mark.parametrize(("noise", "acts"), [(0.05, True), (0.3, False)])
def test_a_shift_beyond_what_is_left_needs_fewer_targets_at_the_ends(noise, acts):
    """The same pull is a conspiracy beside little noise, and may be chance beside much."""
    X, y, rng = table(1, noise=noise)
    far = rng.permutation(300)[:30]
    y[far] = np.where(X[far, 2] > 0.5, y.max(), y.min())
    y[far[6:]] *= rng.uniform(0.75, 0.95, 24)
    antidote = Antidote().fit(X, y)
    assert 0.05 < antidote.effect_ < 0.1 and 0.1 < antidote.ends_ < 1 / 3
    assert antidote.conspiracy_ == acts


@pytest.mark.parametrize("kind", ["gaussian", "student", "skewed", "uneven", "bent"])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_clean_tables_however_long_their_tails(kind, seed):
    X, y, rng = table(seed, noise=0.0)
    noise = {
        "gaussian": rng.normal(size=300),
        "student": rng.standard_t(3, size=300),
        "skewed": rng.exponential(size=300),
        "uneven": rng.normal(size=300) * 3 * X[:, 0],
        "bent": 4 * X[:, 1] ** 2 + 0.5 * rng.normal(size=300),
    }[kind]
    antidote = Antidote().fit(X, y + 0.3 * noise)
    assert not antidote.found_ and antidote.inlier_mask_.all() and np.isnan(antidote.threshold_)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_found_in_diabetes(seed):
    train = load("diabetes").split(seed).train
    assert not Antidote().fit(train.X, train.y).found_


def test_poison_is_found_where_most_clean_targets_are_at_an_end():
    """The rows between the ends are few; those below the upper end are the clean ones."""
    X, y, is_poison = censored(0, 0.55, 129)
    table = SearchTable.of(block(X, y))
    middle, below = (table.search(start, CORE_SHARE) for start in table.starts()[:2])
    assert middle.rejected.sum() > 200 and middle.ends < 0 < below.ends
    antidote = Antidote().fit(X, y)
    assert antidote.conspiracy_ and not antidote.inlier_mask_[is_poison].any()
    assert antidote.inlier_mask_[~is_poison].mean() > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_targets_that_are_cut_off_are_no_conspiracy(seed):
    """More than half of the rows agree on a constant, and the others would have to go."""
    X, y, _ = censored(seed, 0.65)
    antidote = Antidote().fit(X, y)
    assert antidote.effect_ > 0.25 and antidote.ends_ < -0.5 and not antidote.found_


def test_what_is_left_is_searched_again():
    X, y, is_poison = cornered(3, 100)
    table = SearchTable.of(block(X, y))
    first = table.search(table.middle(), CORE_SHARE)
    antidote = Antidote().fit(X, y)
    assert first.rejected.sum() < antidote.n_rejected_
    assert (~antidote.inlier_mask_[is_poison]).all()
    assert antidote.inlier_mask_[~is_poison].mean() > 0.99


def test_a_lone_outlier_that_does_nothing_stays():
    X, y, _ = table()
    y[7] += 1.0
    antidote = Antidote().fit(X, y)
    assert antidote.scores_.argmax() == 7 and antidote.scores_[7] > FAR_SIGMAS
    assert not antidote.found_ and antidote.effect_ < 0.05


def test_trusted_rows_carry_it_past_one_half():
    X, y, is_poison, X_clean, y_clean = poisoned(3, 0.6, d=12)
    coef, rng = Ridge(0.0).fit(X_clean, y_clean), np.random.default_rng(8)
    fresh = rng.random((20, 12))
    trusted = fresh, coef.predict(fresh) + 0.1 * rng.normal(size=20)
    helped = Antidote().fit(X, y, trusted=trusted)
    errors = [
        np.mean((model.predict(X_clean) - y_clean) ** 2)
        for model in (helped, Ridge().fit(*trusted), Antidote().fit(X, y))
    ]
    assert errors[0] < errors[1] and errors[0] < 0.1 * errors[2]
    assert helped.inlier_mask_[is_poison].mean() < 0.1


def test_trusted_rows_change_nothing_where_nothing_is_wrong():
    X, y, _ = table(5)
    antidote = Antidote().fit(X[30:], y[30:], trusted=(X[:30], y[:30]))
    assert antidote.inlier_mask_.all()


def test_units_of_the_features_do_not_matter():
    X, y, *_ = poisoned()
    mask = Antidote().fit(X, y).inlier_mask_
    scaled = Antidote().fit(X * 10.0 ** np.arange(-3, 3) + 5.0, y).inlier_mask_
    np.testing.assert_array_equal(scaled, mask)


def test_effect_is_the_shift_of_the_regression():
    X, y, *_ = poisoned()
    antidote = Antidote().fit(X, y)
    assert antidote.threshold_ == FAR_SIGMAS and antidote.conspiracy_
    kept = antidote.inlier_mask_
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    before = BayesianRegression.of(Moments.of(Z, y, np.ones(len(y)))).predict(Z)
    after = BayesianRegression.of(Moments.of(Z, y, kept * 1.0)).predict(Z)
    expected = np.mean((before - after)[kept] ** 2) / y.var()
    assert antidote.effect_ == pytest.approx(expected, rel=0.02)


def test_truncated_variance_is_the_variance_of_a_truncated_gaussian():
    z = np.random.default_rng(0).normal(size=400_000)
    for c in (0.5, 1.0, 2.25):
        assert truncated_variance(c) == pytest.approx(z[np.abs(z) <= c].var(), rel=0.02)


def test_lattice_of_the_target():
    assert spacing(np.repeat([0.0, 0.25, 0.75], 5)) == 0.25
    assert spacing(np.random.default_rng(0).random(30)) == 0.0
    assert spacing(np.repeat([0.0, 0.3, 1.0, 2.1234], 5)) == 0.0
    assert spacing(np.zeros(10)) == 0.0


def test_starts_between_the_ends_unless_most_targets_are_there():
    X, y, *_ = poisoned()
    table = SearchTable.of(block(X, y))
    np.testing.assert_array_equal(table.block.y, np.sort(y))
    inside = (table.block.y > y.min()) & (table.block.y < y.max())
    np.testing.assert_array_equal(table.middle(), inside)
    assert SearchTable.of(block(X, np.sign(y - y.mean()))).middle().all()


def test_no_row_is_taken_back_for_lying_far_out():
    """The model knows little of a far row; that is no reason to let it in."""
    X, y, _ = table(2, n=240, d=40)
    X[0] = 5.0
    found = SearchTable.of(block(X, y))
    far = int(np.argmax(np.abs(found.block.Z[:-1]).sum(axis=0)))
    mask = np.arange(240) != far
    near = found._near(found.fits.of(mask), mask, 1.0)
    doubt = leverage(found.block, near.model)
    assert near.reach < 0.5 * doubt[far]
    excused = replace(near, reach=np.inf)
    off = 2.0 * np.sqrt((1.0 + doubt[far]) * near.variance)
    found.block.Z[-1, far] += off - residual(found.block, near.model)[far]
    assert excused(found.block)[far] and not near(found.block)[far]
    np.testing.assert_array_equal(near(found.block)[mask], excused(found.block)[mask])


def test_a_rate_judges_each_row_alone_where_none_conspire():
    X, y, _ = table(6, n=400)
    y[:4] += [3.0, -3.0, 3.0, -3.0]
    assert not Antidote().fit(X, y).found_
    antidote = Antidote(false_positive_rate=0.01).fit(X, y)
    row_by_row = BayesClean(false_positive_rate=0.01).fit(X, y)
    np.testing.assert_array_equal(antidote.inlier_mask_, row_by_row.inlier_mask_)
    assert not antidote.conspiracy_ and not antidote.inlier_mask_[:4].any()
    assert antidote.false_positive_rate_ == 0.01
    with pytest.raises(InputError, match=r"Antidote.*more than 0"):
        Antidote(false_positive_rate=0.7).fit(X, y)


@pytest.mark.parametrize("seed", range(3))
def test_with_a_rate_scattered_gross_errors_go(seed):
    X, y, rng = table(seed)
    moved = rng.permutation(300)[:30]
    y[moved] += 5.0 * rng.choice([-1.0, 1.0], 30)
    antidote = Antidote(false_positive_rate=0.01).fit(X, y)
    assert not antidote.inlier_mask_[moved].any()
    assert (~antidote.inlier_mask_).sum() < 45


def test_with_a_rate_a_gross_error_goes_whomever_it_pulled():
    X, y, is_poison, *_ = poisoned(2)
    clean = np.flatnonzero(~is_poison)
    shift = Antidote().fit(X, y).estimator_.predict(X) - Ridge().fit(X, y).predict(X)
    outlier_cut = clean[np.argmax(np.abs(shift[clean]))]
    y[outlier_cut] += 2 * np.sign(shift[outlier_cut])
    assert Antidote().fit(X, y).inlier_mask_[outlier_cut]
    assert not Antidote(false_positive_rate=0.01).fit(X, y).inlier_mask_[outlier_cut]


def test_with_a_rate_the_cut_is_that_of_a_median_with_the_rows_that_are_left():
    # A scale from a median is worth as many degrees of freedom as its efficiency says, which is
    # 2 (q phi)^2 = 0.36757 with q = 0.67449 and phi = 2 exp(-q^2 / 2) / sqrt(2 pi) = 0.63556; of
    # the rows of the model, one goes for each coefficient and one for the intercept.
    X, y, *_ = poisoned(2, n=60)
    antidote = Antidote(false_positive_rate=0.01).fit(X, y)
    distance = antidote.verdict_.score.distances[-1].kernel
    freedom = 0.36757 * (distance.core.weight - distance.core.effective - 1.0)
    assert antidote.conspiracy_ and 5.5 < distance.core.effective < 6.0
    cut = scipy.stats.t.isf(0.025 / len(y) / 2.0, freedom)
    assert distance.outlier_cut == pytest.approx(cut, rel=1e-4)


class Rows(LinearRegression):
    """Notes how many rows it is fitted on."""

    counts: ClassVar[list[int]] = []

    def fit(self, X, y, sample_weight=None):
        self.counts.append(len(y) if sample_weight is None else int((sample_weight > 0).sum()))
        return super().fit(X, y, sample_weight)


def test_a_far_row_that_pulled_nobody_is_in_the_model_that_trusted_rows_judge():
    X, y, is_poison, *_ = poisoned(2)
    clean = np.flatnonzero(~is_poison)
    shift = Antidote().fit(X, y).estimator_.predict(X) - Ridge().fit(X, y).predict(X)
    against = clean[np.argmax(np.abs(shift[clean]))]
    y[against] += 2 * np.sign(shift[against])  # its distance is exactly 3, and it stays
    known = clean[clean != against][:30]
    Rows.counts.clear()
    antidote = Antidote(Rows()).fit(X, y, trusted=(X[known], y[known]))
    assert antidote.scores_[against] == FAR_SIGMAS and antidote.inlier_mask_[against]
    assert Rows.counts[0] == Rows.counts[-1] == antidote.inlier_mask_.sum()


def test_no_more_than_four_searches_are_made(monkeypatch):
    once = SearchTable.searches

    def worthwhile(rows):
        first = np.arange(len(rows.block.y)) == 0
        for found in once(rows):
            yield found._replace(rejected=first, effect=0.3, ends=0.5)

    monkeypatch.setattr(SearchTable, "searches", worthwhile)
    assert len(Antidote().fit(*table()[:2]).verdict_.score.distances) == 4


def test_a_long_table_is_searched_in_part_and_judged_whole(monkeypatch):
    X, y, is_poison, *_ = poisoned(n=900, share=0.25)
    whole = Antidote().fit(X, y)
    monkeypatch.setattr(draws, "SAMPLE", 300)
    monkeypatch.setattr(memory, "BLOCK", 250)
    part = Antidote().fit(X, y)
    assert part.found_ and (part.inlier_mask_ == whole.inlier_mask_).mean() > 0.98
    # The last models are those of all 900 honest rows, of which the sample has about 225.
    assert part.verdict_.score.distances[0].kernel.core.weight == pytest.approx(900, rel=0.05)
    assert (~part.inlier_mask_[is_poison]).mean() > 0.8
    assert not Antidote().fit(X[~is_poison], y[~is_poison]).found_


@pytest.mark.parametrize("seed", range(5))
def test_no_weights_make_a_short_table_a_long_one(seed):
    """The weight of all rows is that of the sample to the last bit, which holds all of them."""
    X, y, *_ = poisoned(seed)
    table = memory.InMemory(X, y, np.random.default_rng(seed).random(len(y)))
    assert SearchTable.of(table.sample()).total == table.total


def test_ten_thousand_rows():
    X, y, *_ = poisoned(n=8000, d=30, share=0.2)
    assert Antidote().fit(X, y).n_rejected_ > 1500


def test_fits_are_at_most_sixty_on_average(monkeypatch):
    made, plain = [], BayesianRegression.of.__func__

    def counted(cls, *given, **how):
        made.append(1)
        return plain(cls, *given, **how)

    monkeypatch.setattr(BayesianRegression, "of", classmethod(counted))
    rejected = 0
    for seed, share in ((0, 0.1), (1, 0.2), (2, 0.3), (3, 0.4)):
        X, y, is_poison, *_ = poisoned(seed, share)
        rejected += (~Antidote().fit(X, y).inlier_mask_[is_poison]).sum()
    assert rejected and len(made) <= 4 * 60


def test_no_set_of_rows_is_fitted_twice_and_sums_follow_the_rows():
    X, y, rng = table(n=LONG, d=3)
    rows = block(X, y)
    fits, mask = Fits(rows), np.ones(LONG, dtype=bool)
    for step in range(20):
        mask = mask.copy()
        mask[rng.permutation(LONG)[: LONG // 2 if step % 7 == 3 else 40]] ^= True
        plain = regression(moments_of(rows.Z, rows.weight * mask))
        np.testing.assert_allclose(fits.of(mask).coef, plain.coef, rtol=1e-3)
        assert fits.of(mask.copy()) is fits.of(mask)
    assert fits.made == 20
