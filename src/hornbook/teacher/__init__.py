"""Teachers: who judges code and who writes textbooks and exercises."""
