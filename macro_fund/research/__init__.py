"""Research: backtests of strategies on a fund's home, each of them a trial in its ledger.

Belongs here: reading a home for a backtest, recording what was run, the commands. Does not belong here: simulation and
statistics (backtest/), pages (reports/), Dagster (orchestration/).
"""
