"""Studies: a recipe's graph with further nodes in the same run folder, so that whatever is there is used again."""
