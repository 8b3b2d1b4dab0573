"""Config pages, and several hosts, for the tests of `doctor`."""

from inception_jax.cli import pages
from inception_jax.doctor import hosts
from tests.conftest import ROOT


def page(name: str = "digits", **values):
    """A config page with changed values: `data__dir` is data.dir."""
    config = pages.load(str(ROOT / f"configs/{name}.py"))
    for key, value in values.items():
        section, key = key.split("__")
        config[section][key] = value
    return config


class Others(hosts.Hosts):
    """Hosts whose first process sends the values of a test."""

    def __init__(self, values, **fields):
        super().__init__(**fields)
        self.values = values

    def exchange(self, name, value):
        return {**dict.fromkeys(range(self.count), value), 0: self.values.get(name, value)}
