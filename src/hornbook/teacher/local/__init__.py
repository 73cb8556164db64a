"""Generation in this process with a Hugging Face model: many prompts at once, rows refilled as they finish."""
