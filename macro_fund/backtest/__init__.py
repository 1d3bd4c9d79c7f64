"""Backtest: simulation of strategies on known data, and the statistics that judge what came out.

Belongs here: what a strategy would have earned with what was known, and how far to believe it. Does not belong here:
signals (strategies/), sizes and targets (portfolio/), Dagster (orchestration/).
"""
