"""The tests."""

import pytest

pytest.register_assert_rewrite("tests.helpers")  # so that their assertions say what they found
