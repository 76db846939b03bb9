"""Turn texts, arrays and data frames into tensors, and tensors into features."""
