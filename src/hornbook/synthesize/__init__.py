"""What the teacher writes: textbooks and exercises."""
