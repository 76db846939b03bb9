"""Decide on rows: filter, review, choose targets."""
