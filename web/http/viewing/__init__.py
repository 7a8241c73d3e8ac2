"""How a page looks for its reader: language, time zone, theme."""
