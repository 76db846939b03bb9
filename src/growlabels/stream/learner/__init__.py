"""The public learner: IHOMER, its saved form, its hierarchy and its explanations."""
