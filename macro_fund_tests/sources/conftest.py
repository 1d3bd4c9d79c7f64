"""Fixtures of the source tests."""

from macro_fund_tests.realworld import realworld

__all__ = ["realworld"]
