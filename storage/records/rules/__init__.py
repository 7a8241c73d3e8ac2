"""The table of the rule groups that people make."""
