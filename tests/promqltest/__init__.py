"""Runs scripts in the test language of the Prometheus project against the engine.

`python -m tests.promqltest DIRECTORY` prints the results; see `runner`.
"""
