"""Backends that the tests of one module share."""

from collections.abc import Iterator

import pytest

from tests.support.backends import Backend, backend


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The backend that a test names by its parameter."""
    with backend(request.param, tmp_path_factory.mktemp("backend")) as made:
        yield made
