"""Revision 0006: what a proposal does to the book and why, as nullable columns of proposals.

Rows from before have nulls, of which their journal entries do not speak: journal.py takes a null that an entry does
not name for a column younger than the entry.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBERS = (
    "expected_pnl_brl",
    "expected_days",
    "var_before_brl",
    "var_after_brl",
    "var_after_all_brl",
    "component_var_brl",
    "worst_stress_before_brl",
    "worst_stress_after_brl",
    "worst_stress_after_all_brl",
    "margin_before_brl",
    "margin_after_brl",
    "margin_after_all_brl",
    "liquidity_days",
    "net_per_var",
)
_TEXTS = ("model", "worst_stress_case", "invalidation", "oldest_input", "missing", "narrative")


def upgrade() -> None:
    op.add_column("proposals", sa.Column("as_of", sa.DateTime(timezone=True)))
    op.add_column("proposals", sa.Column("data_date", sa.Date))
    for name in _NUMBERS:
        op.add_column("proposals", sa.Column(name, sa.Double))
    for name in _TEXTS:
        op.add_column("proposals", sa.Column(name, sa.Text))
    for name in ("rank", "data_age_days"):
        op.add_column("proposals", sa.Column(name, sa.Integer))
    for name in ("limits", "drivers"):
        op.add_column("proposals", sa.Column(name, sa.JSON(none_as_null=True)))


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
