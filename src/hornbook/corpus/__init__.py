"""Real code: collected, deduplicated, annotated, filtered, decontaminated."""
