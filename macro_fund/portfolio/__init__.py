"""From signals to target contracts.

Belongs here: how signals are combined (aggregate), how a score becomes whole contracts (targets, sizing), what was
known about past shocks (history, covariance) and the checks on those tables. Does not belong here: what a signal says
(strategies), what a book can lose (risk), or what is traded (pms).
"""
