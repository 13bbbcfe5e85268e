"""IR → C: `plan` (what is parsed), `condition` (C boolean text), `tests` (a test's C), `view`, `emit` (templates)."""
