"""PocketSphinx: the recogniser that needs no download (its model is inside its wheel)."""
