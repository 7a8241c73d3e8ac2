"""Sources and layouts of the sample store, by number."""
