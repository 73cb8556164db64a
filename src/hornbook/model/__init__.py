"""The model: its architecture, files, generation, and the way to and from Hugging Face."""
