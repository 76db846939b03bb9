"""Use the head in other models: replace heads, dense and box heads, class-parallel training."""
