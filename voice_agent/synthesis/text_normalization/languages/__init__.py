"""The languages' rules, one file each; `rules_for` finds them."""
