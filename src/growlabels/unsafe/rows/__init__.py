"""Turn the row shapes of fine-tuning sets into examples and targets."""
