"""The scenarios, one function each; a file a subject. `@scenario` makes a function one: its name and the first line of
its doc are what the suite prints."""

import importlib
import pkgutil


class Scenario:
    def __init__(self, run, weight, on_demand):
        self.name, self.run, self.weight, self.on_demand = run.__name__, run, weight, on_demand
        self.sentence = (run.__doc__ or "").strip().splitlines()[0]

    def is_wanted(self, names):
        """By one of these names, if there are any. What runs on demand has to be called by how its name begins."""
        if self.on_demand:
            return any(self.name.startswith(name) for name in names)
        return not names or any(name in self.name for name in names)


_all = {}


def scenario(run=None, *, weight=1, on_demand=False):
    """`weight`: about how many tens of seconds it takes; the heavy ones start first. `on_demand`: not with the suite."""
    if run is None:
        return lambda run: scenario(run, weight=weight, on_demand=on_demand)
    if run.__name__ in _all:
        raise ValueError(f"two scenarios are named {run.__name__}")
    _all[run.__name__] = Scenario(run, weight, on_demand)
    return run


def collect():
    """All scenarios by name, in order of their files."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        importlib.import_module(f"{__name__}.{module.name}")
    return _all
