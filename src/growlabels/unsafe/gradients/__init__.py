"""Gradients per row, per pool and per token."""
