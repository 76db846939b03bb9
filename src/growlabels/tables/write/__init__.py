"""Rows written to files."""
