"""One cluster for all tests of this folder; without SLURM they are skipped, or fail in CI."""

import os

import pytest

from tests.slurm.cluster import Cluster, missing


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running cluster of two nodes."""
    if why := missing():
        if os.environ.get("INCEPTION_JAX_REQUIRE_ALL"):
            pytest.fail(why)
        pytest.skip(why)
    with Cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster
