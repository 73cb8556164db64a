"""From text to tokens: the tokenizer and the packed arrays."""
