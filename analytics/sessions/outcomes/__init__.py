"""Pull requests, reviews and commits: from files, from webhooks and from GitHub's API."""
