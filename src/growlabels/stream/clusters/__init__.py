"""Pairwise label counts and the partition of labels into clusters."""
