"""The sample world: simulated macro and market paths, answered in the providers' own wire formats.

Belongs here: what makes a first run possible with no network and no keys, and what gives tests a planted truth.
Does not belong here: anything that reads an answer (`sources/`) or judges it. Nothing here is an observation of any
market; every answer carries the mark SAMPLE where its format has room for one.
"""
