"""Servers that recognise speech while one speaks: ours and others, under the same load."""
