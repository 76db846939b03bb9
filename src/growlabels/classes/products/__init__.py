"""Products with the class vectors, as linear maps and as compiled kernels."""
