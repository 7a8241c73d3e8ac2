"""The editor of rules: unit tests of the rules that a reader writes."""
