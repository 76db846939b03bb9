"""The output layer with fixed class vectors and its cross-entropy."""
