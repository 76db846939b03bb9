"""The engine for thousands of labels: a hashed label tree."""
