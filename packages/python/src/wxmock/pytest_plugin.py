"""The fixture ``wxmock``: one mock for the test session (each worker of pytest-xdist has its own), reset before each test."""

import shlex
from typing import Iterator

import pytest

from . import Mock, start


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("wxmock_args", "arguments of `wxmock serve`, for example: --preset worst-legal", default="")


@pytest.fixture(scope="session")
def wxmock_session(pytestconfig: pytest.Config) -> Iterator[Mock]:
    """The mock of the session, for fixtures of a wider scope (a backend that is started once); nothing resets it."""
    with start(*shlex.split(pytestconfig.getini("wxmock_args"))) as mock:
        yield mock


@pytest.fixture
def wxmock(wxmock_session: Mock) -> Mock:
    """The mock, as it was at the start."""
    wxmock_session.reset()
    return wxmock_session
