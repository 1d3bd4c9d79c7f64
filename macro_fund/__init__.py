"""macro_fund: a Dagster asset graph that runs a Brazil/US global-macro fund, point in time."""

__version__ = "0.7.0"
