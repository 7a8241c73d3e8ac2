"""Host checks: settings, queries, evaluation."""
