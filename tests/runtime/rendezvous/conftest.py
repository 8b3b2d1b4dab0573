"""A free port, and processes that are closed at the end."""

import socket
import time

import pytest


@pytest.fixture
def port():
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def to_close():
    """Processes to close at the end."""
    processes = []
    yield processes
    for process in processes:
        process.close()
    time.sleep(0.1)  # for their threads to end
