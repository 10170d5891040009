"""Stop the clock of unit tests as that of tests of the interfaces."""

from tests.api.conftest import _fixed_time  # noqa: F401 - a fixture
