"""The tests."""

import pytest

import cpm  # noqa: F401  (so that MXNet finds what it needs, whichever test or helper imports it)

pytest.register_assert_rewrite("tests.helpers")  # so that their assertions say what they found
