"""Time: which days are business days, which mornings the fund decides on, and when a value became public.

Belongs here: calendars (`calendars`), sessions and their cut-off (`sessions`), publication rules (`publication`), wall
clocks (`zones`). Does not belong here: Dagster partitions (orchestration/) or day counts of instruments (instruments/).
"""
