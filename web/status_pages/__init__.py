"""Status pages: what they show, the public page with feeds and badges, and their editing."""
