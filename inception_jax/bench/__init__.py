"""How fast everything is, beside what a user would take instead: always as a ratio, in turn."""
