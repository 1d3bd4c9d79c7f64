"""One module a ledger revision; a released revision never changes."""
