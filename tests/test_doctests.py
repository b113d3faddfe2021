"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

import pytest

import mithridate

MODULES = [m.name for m in pkgutil.walk_packages(mithridate.__path__, "mithridate.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
