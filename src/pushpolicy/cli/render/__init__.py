"""Results as text and JSON: pure functions from the model's types to lines or bytes."""
