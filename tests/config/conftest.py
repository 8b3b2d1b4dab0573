"""The digits page, shared by the config's tests."""

import pytest

from inception_jax.cli import pages


@pytest.fixture(scope="module")
def page(request):
    return pages.load(str(request.config.rootpath / "configs" / "digits.py"))


@pytest.fixture
def config(page):
    return page.copy_and_resolve_references()
