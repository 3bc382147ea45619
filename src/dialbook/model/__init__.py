"""What things are: values and their rules. No input or output, no JSON text, no SQL, no clock."""
