"""Connectors to the data providers, one module a provider, and what they share.

Belongs here: asking a provider (`http`), turning its answer into typed rows (`bcb_sgs`, `fred` ...) and deciding which
of those rows are new knowledge (`ingest`). Does not belong here: when and where it runs, or what is made of the rows.
"""
