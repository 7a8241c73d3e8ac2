"""Go's text/template, as rule files and notification templates use it."""
