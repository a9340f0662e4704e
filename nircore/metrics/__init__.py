"""What can be said about an image, with and without the truth."""
