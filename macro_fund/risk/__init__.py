"""What the target book can lose.

Belongs here: VaR and expected shortfall (measures, var), moves of scenarios (scenarios), what they cost (stress,
replay, correlation), how far away a loss is (reverse, hedge), margin (liquidity), use of limits (limits) and checks
that recompute them by another route (checks, scenario_checks, stress_checks). Does not belong here: how positions are
chosen (portfolio) or the fund's actual holdings (pms).
"""
