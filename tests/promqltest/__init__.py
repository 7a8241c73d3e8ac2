"""Runs scripts in the test language of the Prometheus project against our engine.

`python -m tests.promqltest DIRECTORY` prints what passed; see `runner`.
"""
