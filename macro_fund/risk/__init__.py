"""What the target book can lose.

Belongs here: VaR and expected shortfall (measures, var), stress scenarios (stress), use of limits (limits) and checks
that recompute them by another route (checks). Does not belong here: how positions are chosen (portfolio) or the fund's
actual holdings (pms).
"""
