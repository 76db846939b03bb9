"""Numeric building blocks: compiled arithmetic, sparse rows, ADWIN."""
