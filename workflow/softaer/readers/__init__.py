"""What raters have written, in the forms that their tools write."""
