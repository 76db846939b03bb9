"""Compiled kernels for Kerdock codebooks."""
