"""macro_fund: a Dagster asset graph that runs a Brazil/US global-macro fund, point in time."""

from macro_fund import arithmetic

__version__ = "0.10.0"

# Before any module of the package loads a library that calculates: each reads its settings once.
arithmetic.settle()
