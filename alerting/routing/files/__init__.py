"""Reads `alertmanager.yml`: the sections as pydantic models, and their verdicts as amtool's."""
