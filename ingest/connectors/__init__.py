"""One module a format: each recognises its files by their content and reads them as records."""
