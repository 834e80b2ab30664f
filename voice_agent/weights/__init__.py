"""Downloaded models: their names, where they lie, and how they come."""
