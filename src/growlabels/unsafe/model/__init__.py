"""Load, encode, adapt, fine-tune and sample from a causal language model."""
