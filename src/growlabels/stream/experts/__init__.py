"""The default engine: eight experts per label, one logistic stack, one label-set decoder."""
