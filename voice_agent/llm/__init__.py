"""A language model's endpoints, what it writes, and what it is told: no framework in here."""
