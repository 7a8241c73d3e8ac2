"""The catalog of the sample store: its sources and layouts, each with a number."""
