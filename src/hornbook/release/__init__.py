"""What a run hands over: the report and the exported model."""
