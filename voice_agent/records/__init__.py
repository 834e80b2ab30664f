"""What is kept of a conversation: who said what and when, and how it sounded."""
