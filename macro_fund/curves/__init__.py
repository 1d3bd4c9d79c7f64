"""Yield curves built from market quotes, and the checks that they must pass."""
