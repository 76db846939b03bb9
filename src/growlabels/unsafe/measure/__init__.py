"""Measure what filtering changes: retrained arms, held-out losses, bias, model checks."""
