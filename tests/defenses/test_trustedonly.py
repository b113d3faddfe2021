"""TrustedOnly is the model of the trusted rows, whatever the table holds."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from mithridate.attack.risks import Residual
from mithridate.attack.victims import Ridge as Victim
from mithridate.bench.adaptive import adapted
from mithridate.defenses import Ridge, TrustedOnly
from mithridate.errors import InputError


def table(seed=0, n=100, d=4):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    return X, X @ np.arange(1.0, d + 1) + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("estimator", [None, LinearRegression()])
def test_is_the_model_of_the_trusted_rows(estimator):
    (X, y), trusted = table(), table(1, n=30)
    alone = TrustedOnly(estimator).fit(X, y, trusted=trusted)
    plain = (estimator or Ridge()).fit(*trusted)
    np.testing.assert_array_equal(alone.predict(X), plain.predict(X))
    np.testing.assert_array_equal(alone.scores_, np.abs(y - plain.predict(X)))
    assert alone.inlier_mask_.all() and np.isnan(alone.threshold_)


def test_the_table_and_its_weights_change_nothing():
    (X, y), trusted = table(), table(1, n=30)
    one = TrustedOnly().fit(X, y, trusted=trusted)
    weight = np.random.default_rng(2).random(len(y))
    two = TrustedOnly().fit(X[::-1], 1e6 - y, weight, trusted=trusted)
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_says_that_it_rejects_nothing():
    (X, y), trusted = table(), table(1, n=30)
    said = TrustedOnly().fit(X, y, trusted=trusted).summary()
    assert "rejected none of 100 rows" in said
    assert "fitted on the trusted rows alone" in said


def test_no_attack_on_the_table_is_made_for_it():
    with pytest.raises(InputError, match="No attack against 'trustedonly' is known"):
        adapted("trustedonly", Victim(l2=0.5), Residual())
