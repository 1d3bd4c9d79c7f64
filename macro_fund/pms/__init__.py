"""Portfolio management: from targets to proposals, a person's decision, paper execution, positions and P&L.

Belongs here: pure functions of frames, services over the ledger, and the command line that people decide with.
Does not belong here: what the target should be (`portfolio/`), SQL (`store/ledger.py`) or when anything runs.
"""
