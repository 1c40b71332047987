"""The scenarios, one function each; a file a subject. `@scenario` makes a function one: its name and the first line of
its doc are what the suite prints."""

import importlib
import pkgutil


class Scenario:
    def __init__(self, run, weight):
        self.name, self.run, self.weight = run.__name__, run, weight
        self.sentence = (run.__doc__ or "").strip().splitlines()[0]


_all = {}


def scenario(run=None, *, weight=1):
    """`weight`: about how many tens of seconds it takes; the heavy ones start first."""
    if run is None:
        return lambda run: scenario(run, weight=weight)
    if run.__name__ in _all:
        raise ValueError(f"two scenarios are named {run.__name__}")
    _all[run.__name__] = Scenario(run, weight)
    return run


def collect():
    """All scenarios by name, in order of their files."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        importlib.import_module(f"{__name__}.{module.name}")
    return _all
