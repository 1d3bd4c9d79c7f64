"""The thin Dagster skin: partitions, one module a stage, checks, jobs, schedules, sensors, resources.

Belongs here: what to compute when, and what the Dagster UI shows of it. Does not belong here: a formula.
"""
