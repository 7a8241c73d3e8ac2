"""The functions that templates can call: Go's, Prometheus's and Alertmanager's."""
